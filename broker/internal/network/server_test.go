package network

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handlerFunc is a Handler.
type handlerFunc func(ctx context.Context, r *Request)

func (f handlerFunc) Handle(ctx context.Context, r *Request) { f(ctx, r) }

// echo answers with the request's body, copied.
func echo(_ context.Context, r *Request) {
	r.Respond(Response{Parts: []Part{{Bytes: bytes.Clone(r.Body)}}})
}

// memListener is a net.Listener over net.Pipe.
type memListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemListener() *memListener {
	return &memListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (l *memListener) dial() net.Conn {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours
}

// start serves on loopback until the test ends.
func start(t testing.TB, o Options) (*Server, string) {
	t.Helper()
	l, err := Listen(context.Background(), "127.0.0.1:0", 50)
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, o, l)
	return s, l.Addr().String()
}

func serveOn(t testing.TB, o Options, l net.Listener) *Server {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Limits.MaxRequestBytes == 0 {
		o.Limits = DefaultLimits()
	}
	s := New(o)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, "PLAINTEXT") }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return s
}

// withProcessors runs a test where Go has that many processors, and so that the
// pollers are nested in Go's own (1) or not.
func withProcessors(t *testing.T, f func(t *testing.T)) {
	for name, n := range map[string]int{"one processor": 1, "two": 2, "four": 4} {
		t.Run(name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
			f(t)
		})
	}
}

// client speaks frames.
type client struct {
	t testing.TB
	net.Conn
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{t, c}
}

// frame is a Heartbeat v0 request (not flexible) with any body.
func frame(correlationID int32, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+2+4+len(body)))
	b = binary.BigEndian.AppendUint16(b, 12)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(correlationID))
	b = append(b, 0, 4, 't', 'e', 's', 't')
	return append(b, body...)
}

func (c *client) send(correlationID int32, body string) {
	c.t.Helper()
	if _, err := c.Write(frame(correlationID, []byte(body))); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads a response.
func (c *client) receive() (correlationID int32, body []byte) {
	c.t.Helper()
	b, err := c.tryReceive()
	if err != nil {
		c.t.Fatal(err)
	}
	return int32(binary.BigEndian.Uint32(b)), b[4:]
}

func (c *client) tryReceive() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}

func (c *client) expect(correlationID int32, body string) {
	c.t.Helper()
	id, b := c.receive()
	if id != correlationID || string(b) != body {
		c.t.Fatalf("received response %d %.100q, want %d %.100q", id, b, correlationID, body)
	}
}

// expectClosed reads until the server closes.
func (c *client) expectClosed() {
	c.t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		c.t.Fatalf("the connection is open, read %d bytes", n)
	}
}

func TestEcho(t *testing.T) {
	_, address := start(t, Options{Handler: handlerFunc(echo)})
	c := dial(t, address)
	for i, body := range []string{"", "a", string(make([]byte, 5000)), string(make([]byte, 3<<20)), "z"} {
		c.send(int32(i), body)
		c.expect(int32(i), body)
	}
}

func TestMessageResponse(t *testing.T) {
	_, address := start(t, Options{Handler: handlerFunc(func(_ context.Context, r *Request) {
		resp := kmsg.NewPtrHeartbeatResponse()
		resp.ErrorCode = 27
		r.Respond(Response{Message: resp})
	})})
	c := dial(t, address)
	c.send(7, "")
	c.expect(7, "\x00\x1b")
}

// counters is an Observer.
type counters struct {
	mu                            sync.Mutex
	cond                          *sync.Cond
	opened, closed, refused, done int
}

func newCounters() *counters {
	c := &counters{}
	c.cond = sync.NewCond(&c.mu)
	return c
}

func (c *counters) count(n *int) {
	c.mu.Lock()
	*n++
	c.mu.Unlock()
	c.cond.Broadcast()
}

// await waits until one of the counters is at n.
func (c *counters) await(counter *int, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for *counter < n {
		c.cond.Wait()
	}
}

func (c *counters) ConnectionOpened(*Conn)                { c.count(&c.opened) }
func (c *counters) ConnectionClosed(*Conn, CloseReason)   { c.count(&c.closed) }
func (c *counters) ConnectionRefused(string)              { c.count(&c.refused) }
func (c *counters) AcceptorBlocked(string, time.Duration) {}

func (c *counters) RequestDone(_ *Conn, t RequestTimes) {
	if t.Received.IsZero() || t.Handled.Before(t.Received) || t.Responded.Before(t.Handled) || t.Sent.Before(t.SendStarted) {
		panic("the stages of a request are out of order")
	}
	c.count(&c.done)
}
