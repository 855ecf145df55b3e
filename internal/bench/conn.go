package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// readBuffer is the buffer of a connection that reads small answers.
const readBuffer = 16 << 10

// maxAnswer bounds the answers that are read into memory: a fetch of an end-to-end
// run is the largest.
const maxAnswer = 128 << 20

// Conn is a raw connection to a broker. One goroutine writes, one reads; Do does both.
type Conn struct {
	net.Conn
	r *bufio.Reader
	// buf holds the last answer, out the last request that send has sent.
	buf, out []byte
	// versions holds the highest version of each API that the broker speaks.
	versions map[int16]int16
}

// Dial connects to a broker over plain TCP, as the loads do. The connection ends
// with ctx, whatever waits for it.
func Dial(ctx context.Context, addr string) (*Conn, error) {
	c, err := dial(ctx, (&net.Dialer{}).DialContext, addr, readBuffer)
	if err != nil {
		return nil, err
	}
	c.closeWith(ctx)
	return c, nil
}

// dial connects to a broker and asks for its versions. ctx ends only that; the
// connection is the caller's to close.
func dial(ctx context.Context, d dialer, addr string, buffer int) (*Conn, error) {
	socket, err := d(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	conn := &Conn{Conn: socket, r: bufio.NewReaderSize(socket, buffer), versions: map[int16]int16{}}
	defer conn.closeWith(ctx)()
	// Version 0 is what every broker answers.
	req, resp := kmsg.NewPtrApiVersionsRequest(), kmsg.NewPtrApiVersionsResponse()
	if err := conn.Do(req, resp); err != nil {
		_ = socket.Close()
		return nil, fmt.Errorf("ask %s for its API versions: %w", addr, err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, fmt.Errorf("ask %s for its API versions: %w", addr, err)
	}
	for _, k := range resp.ApiKeys {
		conn.versions[k.ApiKey] = k.MaxVersion
	}
	return conn, nil
}

// closeWith closes the connection when ctx ends, so that nothing waits for it any
// longer. The function it returns calls that off.
func (c *Conn) closeWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.Conn.Close() })
}

// Version is the highest version of a request that both sides speak.
func (c *Conn) Version(req kmsg.Request) int16 {
	return min(req.MaxVersion(), c.versions[req.Key()])
}

// Do sends one request, whose version is set, and reads its answer.
func (c *Conn) Do(req kmsg.Request, resp kmsg.Response) error {
	if err := c.send(req); err != nil {
		return err
	}
	body, err := c.answer()
	if err != nil {
		return err
	}
	resp.SetVersion(req.GetVersion())
	return resp.ReadFrom(body[responseHeaderSize(req):])
}

// send sends one request, whose version is set.
func (c *Conn) send(req kmsg.Request) error {
	c.out = appendFrame(c.out[:0], req)
	_, err := c.Write(c.out)
	return err
}

// answer reads the next answer, which is valid until the next call: its header,
// then its body.
func (c *Conn) answer() ([]byte, error) {
	size, err := c.answerSize()
	if err != nil {
		return nil, err
	}
	if size > maxAnswer {
		return nil, fmt.Errorf("an answer of %d bytes", size)
	}
	if cap(c.buf) < size {
		c.buf = make([]byte, size)
	}
	c.buf = c.buf[:size]
	_, err = io.ReadFull(c.r, c.buf)
	return c.buf, err
}

// answerSize reads the size before an answer.
func (c *Conn) answerSize() (int, error) {
	b, err := c.r.Peek(4)
	if err != nil {
		return 0, err
	}
	size := int(binary.BigEndian.Uint32(b))
	_, err = c.r.Discard(4)
	return size, err
}

// formatter encodes the headers of requests.
var formatter = kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID))

// frameOf encodes a request with its header and size.
func frameOf(req kmsg.Request) []byte { return appendFrame(nil, req) }

// appendFrame appends what frameOf returns. The correlation id is always the same:
// answers come in the order of the requests.
func appendFrame(b []byte, req kmsg.Request) []byte { return formatter.AppendRequest(b, req, 1) }

// responseHeaderSize is the size of the header before a response's body.
func responseHeaderSize(req kmsg.Request) int {
	if req.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		return 4 + 1
	}
	return 4
}

// dial connects to a broker of the cluster, as the client does.
func (c *Cluster) dial(ctx context.Context, addr string, buffer int) (*Conn, error) {
	conn, err := dial(ctx, c.dialer, addr, buffer)
	if err != nil {
		return nil, err
	}
	defer conn.closeWith(ctx)()
	if err := conn.authenticate(ctx, c.mechanisms, addr); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("authenticate with %s: %w", addr, err)
	}
	return conn, nil
}

// connect opens n connections, spread over the leaders of a topic. hangUp closes
// them; what was opened before an error is closed.
func (c *Cluster) connect(ctx context.Context, t *topic, n, buffer int) (conns []*Conn, hangUp func(), err error) {
	hangUp = func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
	for i := range n {
		conn, err := c.dial(ctx, t.leaders[i%len(t.leaders)].addr, buffer)
		if err != nil {
			hangUp()
			return nil, nil, err
		}
		conns = append(conns, conn)
	}
	return conns, hangUp, nil
}

// drainTimeout bounds how long the answers to what was sent may take after the end.
const drainTimeout = 30 * time.Second
