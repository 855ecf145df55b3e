package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// inboxBytes is what one read may bring beyond a size field: small requests
	// arrive with a single system call, several of them if they are pipelined. It
	// is the only buffer of an idle connection.
	inboxBytes = 2 << 10
	// initialTrust is half the memory a new connection gets for a frame of which
	// little has come yet. A client that announces 100 MiB and sends nothing
	// costs this much. After that a connection is trusted with twice of what it
	// has sent in one frame before.
	initialTrust = 4 << 10
)

// readPlain is read where there is no socket, or none that is read otherwise.
func (c *Conn) readPlain(b []byte) (int, error) {
	c.writeDeferred()
	return c.conn.Read(b)
}

// inbox is what has been read and not been looked at: bytes[start:end].
type inbox struct {
	bytes      [inboxBytes]byte
	start, end int
}

func (in *inbox) buffered() []byte { return in.bytes[in.start:in.end] }

// fill reads until at least n bytes are buffered.
func (c *Conn) fill(n int) error {
	in := &c.in
	if in.start == in.end {
		in.start, in.end = 0, 0
	} else if in.start+n > len(in.bytes) {
		in.end = copy(in.bytes[:], in.buffered())
		in.start = 0
	}
	for in.end-in.start < n {
		m, err := c.read(in.bytes[in.end:], nil)
		in.end += m
		if in.end-in.start >= n {
			break
		}
		if err != nil {
			if err == io.EOF && in.end > in.start { //nolint:errorlint // io.Reader returns it bare.
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		c.moved(time.Now())
	}
	return nil
}

// errNothing says that a connection that is watched by a poller has nothing to read
// now: what has been read so far is kept, and the next call goes on.
var errNothing = errors.New("nothing to read yet")

// incoming is a frame of which a part has come.
type incoming struct {
	frame *buffer // nil if there is none.
	// size is the frame's, held for how much of it there is room, which is counted,
	// and n how much has come.
	size, held, n int
}

// readRequest reads the next frame and its header.
func (c *Conn) readRequest() (*Request, error) {
	if c.incoming.frame == nil {
		if err := c.beginFrame(); err != nil {
			return nil, err
		}
	}
	if c.incoming.n < c.incoming.size {
		if err := c.readRest(); err != nil {
			return nil, err
		}
		c.arrival.end()
	}
	now := time.Now()
	c.moved(now)
	size, frame := c.incoming.size, c.incoming.frame
	c.largest = max(c.largest, size)
	body, err := c.header.Parse(frame.bytes[:size])
	if err != nil {
		return nil, err
	}
	r := c.server.newRequest()
	r.Conn, r.Header, r.Body, r.Size, r.ReceivedAt, r.frame = c, c.header, body, size, now, frame
	c.incoming = incoming{}
	return r, nil
}

// beginFrame reads the size of the next frame, and takes what has come with it.
func (c *Conn) beginFrame() error {
	if err := c.fill(4); err != nil {
		return err
	}
	size := int(int32(binary.BigEndian.Uint32(c.in.buffered())))
	if limit := c.server.maxRequestBytes(); size < 0 || size > limit {
		return &frameError{size: size, limit: limit, hint: hint(c.in.buffered())}
	}
	c.in.start += 4
	held := min(size, 2*c.largest)
	if !c.server.memory.begin(c, int64(held)) {
		return io.ErrUnexpectedEOF
	}
	b := c.server.buffers.get(held)
	n := copy(b.bytes[:held], c.in.buffered())
	c.in.start += n
	c.incoming = incoming{frame: b, size: size, held: held, n: n}
	if n < size {
		c.arrival.begin()
	}
	return nil
}

// readRest reads what is missing of a frame, into a buffer that grows with what
// really comes, as does what is counted of it.
func (c *Conn) readRest() error {
	f := &c.incoming
	for f.n < f.size {
		if f.n == f.held {
			more := min(f.size, 2*f.n) - f.held
			c.arrival.end()
			if !c.server.memory.grow(c, int64(more)) {
				return io.ErrUnexpectedEOF
			}
			f.held += more
			c.arrival.begin()
			if f.held > len(f.frame.bytes) {
				larger := c.server.buffers.get(f.held)
				copy(larger.bytes, f.frame.bytes[:f.n])
				c.server.buffers.put(f.frame)
				f.frame = larger
			}
		}
		var next []byte
		if f.held == f.size {
			next = c.in.bytes[:] // Empty since the frame's beginning was taken from it.
		}
		m, err := c.read(f.frame.bytes[f.n:f.held], next)
		if beyond := f.n + m - f.held; beyond > 0 {
			c.in.start, c.in.end = 0, beyond
			m -= beyond
		}
		f.n += m
		if err != nil && f.n < f.size {
			if err == io.EOF { //nolint:errorlint // io.Reader returns it bare.
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		c.arrival.add(m)
		c.moved(time.Now())
	}
	return nil
}

// dropFrame lets go of a frame that will never be whole.
func (c *Conn) dropFrame() {
	f := c.incoming
	if f.frame == nil {
		return
	}
	c.incoming = incoming{}
	c.arrival.end()
	c.server.buffers.put(f.frame)
	c.server.memory.release(c, int64(f.held))
}

// frameError is a size that no Kafka client sends.
type frameError struct {
	size, limit int
	hint        string
}

func (e *frameError) Error() string {
	if e.hint != "" {
		return e.hint
	}
	if e.size < 0 {
		return fmt.Sprintf("a request frame of negative size %d: the client does not speak Kafka's protocol, or the stream is broken", e.size)
	}
	return fmt.Sprintf("a request frame of %d bytes is larger than socket.request.max.bytes (%d): raise it, or look at what the client sends", e.size, e.limit)
}

// hint names the other protocol that a connection's bytes look like, with what
// to do about it, or is empty.
func hint(b []byte) string {
	if len(b) < 4 {
		return ""
	}
	switch string(b[:4]) {
	case "GET ", "POST", "HEAD", "PUT ", "DELE", "OPTI", "PATC", "CONN", "PRI ":
		return "an HTTP request came to a Kafka listener: point the HTTP client, health check or scraper at the HTTP port instead"
	case "SSH-":
		return "an SSH client came to a Kafka listener: check the port"
	case "PROX", "\r\n\r\n":
		return "a PROXY protocol header came to a Kafka listener: switch the PROXY protocol off in the load balancer"
	}
	if b[0] == 0x16 && b[1] == 3 {
		return "a TLS handshake came to a plaintext listener: set security.protocol=PLAINTEXT in the client, or connect to an SSL listener"
	}
	return ""
}
