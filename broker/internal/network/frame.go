package network

import (
	"encoding/binary"
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

// readRequest reads the next frame and its header.
func (c *Conn) readRequest() (*Request, error) {
	if err := c.fill(4); err != nil {
		return nil, err
	}
	size := int(int32(binary.BigEndian.Uint32(c.in.buffered())))
	if limit := c.server.maxRequestBytes(); size < 0 || size > limit {
		return nil, &frameError{size: size, limit: limit, hint: hint(c.in.buffered())}
	}
	c.in.start += 4
	frame, err := c.readFrame(size)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	c.moved(now)
	c.largest = max(c.largest, size)
	body, err := c.header.Parse(frame.bytes[:size])
	if err != nil {
		c.server.buffers.put(frame)
		c.server.memory.release(c, int64(size))
		return nil, err
	}
	r := c.server.newRequest()
	r.Conn, r.Header, r.Body, r.Size, r.ReceivedAt, r.frame = c, c.header, body, size, now, frame
	return r, nil
}

// readFrame reads size bytes into a buffer that grows with what really comes, as
// does what is counted of it.
func (c *Conn) readFrame(size int) (*buffer, error) {
	held := min(size, 2*c.largest)
	if !c.server.memory.begin(c, int64(held)) {
		return nil, io.ErrUnexpectedEOF
	}
	b := c.server.buffers.get(held)
	n := copy(b.bytes[:held], c.in.buffered())
	c.in.start += n
	if n == size {
		return b, nil
	}
	b, held, err := c.readRest(b, n, held, size)
	c.arrival.end()
	if err != nil {
		c.server.buffers.put(b)
		c.server.memory.release(c, int64(held))
		return nil, err
	}
	return b, nil
}

// readRest reads a frame of which n bytes are there, and room for held. It
// returns the buffer that it has become, and how much of it is counted.
func (c *Conn) readRest(b *buffer, n, held, size int) (*buffer, int, error) {
	c.arrival.begin()
	for n < size {
		if n == held {
			more := min(size, 2*n) - held
			c.arrival.end()
			if !c.server.memory.grow(c, int64(more)) {
				return b, held, io.ErrUnexpectedEOF
			}
			held += more
			c.arrival.begin()
			if held > len(b.bytes) {
				larger := c.server.buffers.get(held)
				copy(larger.bytes, b.bytes[:n])
				c.server.buffers.put(b)
				b = larger
			}
		}
		var next []byte
		if held == size {
			next = c.in.bytes[:] // Empty since the frame's beginning was taken from it.
		}
		m, err := c.read(b.bytes[n:held], next)
		if beyond := n + m - held; beyond > 0 {
			c.in.start, c.in.end = 0, beyond
			m -= beyond
		}
		n += m
		if err != nil && n < size {
			if err == io.EOF { //nolint:errorlint // io.Reader returns it bare.
				err = io.ErrUnexpectedEOF
			}
			return b, held, err
		}
		c.arrival.add(m)
		c.moved(time.Now())
	}
	return b, held, nil
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
