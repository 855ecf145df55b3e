package network

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestIdleConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		limits := DefaultLimits()
		limits.ConnectionsMaxIdle = time.Minute
		s := serveOn(t, Options{Limits: limits, Handler: handlerFunc(func(ctx context.Context, r *Request) {
			if string(r.Body) == "long" {
				time.Sleep(10 * time.Minute)
			}
			echo(ctx, r)
		})}, l)
		clients := make(map[string]*client)
		for _, name := range []string{"silent", "half a frame", "does not read", "waits", "active"} {
			clients[name] = &client{t, l.dial()}
		}
		_, _ = clients["half a frame"].Write(frame(1, make([]byte, 100))[:50])
		clients["does not read"].send(1, "a")
		clients["waits"].send(1, "long")
		for range 120 {
			clients["active"].send(1, "x")
			clients["active"].expect(1, "x")
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := s.Connections(); n != 2 {
			t.Errorf("%d connections are open, want the active one and the one that waits", n)
		}
		clients["waits"].expect(1, "long")

		// A lower limit counts at once.
		time.Sleep(5 * time.Second)
		limits.ConnectionsMaxIdle = time.Second
		s.UpdateLimits(limits)
		synctest.Wait()
		if n := s.Connections(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
		for _, c := range clients {
			_ = c.Close()
		}
	})
}

// A goroutine that completes a parked request must not meet the client's socket.
func TestSlowReaderDoesNotHoldTheCompleter(t *testing.T) {
	p := &parking{make(chan *Request, 10)}
	l, err := Listen(t.Context(), "127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, Options{Handler: p}, l)
	c := dial(t, l.Addr().String())
	c.send(1, "")
	c.send(2, "")
	big := string(make([]byte, 32<<20)) // More than the socket buffers take.
	for range 2 {
		answer(<-p.requests, big) // Would hang here.
	}
	c.expect(1, big)
}

func TestFrameSizes(t *testing.T) {
	limits := DefaultLimits()
	limits.MaxRequestBytes = 1000
	var log syncBuffer
	_, address := start(t, Options{Handler: handlerFunc(echo), Limits: limits, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	largest := string(make([]byte, 1000-14))
	c := dial(t, address)
	c.send(1, largest)
	c.expect(1, largest)
	tests := []struct{ send, logged string }{
		{string(frame(2, make([]byte, 1000-13))), "larger than socket.request.max.bytes (1000)"},
		{"\xff\xff\xff\xff", "negative size -1"},
		{"\x00\x00\x00\x00", "only 0 bytes"},
		{"\x00\x00\x00\x0a\x7f\x7f\x00\x00\x00\x00\x00\x01\xff\xff", "unknown API key 32639"},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP request came to a Kafka listener"},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS handshake came to a plaintext listener"},
		{"SSH-2.0-OpenSSH_9.9\r\n", "SSH client"},
		{"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n", "PROXY protocol"},
	}
	for _, test := range tests {
		log.reset()
		c := dial(t, address)
		if _, err := c.Write([]byte(test.send)); err != nil {
			t.Fatal(err)
		}
		c.expectClosed()
		if line := log.String(); !strings.Contains(line, test.logged) || strings.Count(line, "\n") != 1 {
			t.Errorf("%.20q logged %q, want one line with %q", test.send, line, test.logged)
		}
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *syncBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Reset()
}

// A size without bytes must not cost its memory.
func TestAnnouncedFramesCostNothing(t *testing.T) {
	observer := newCounters()
	s, address := start(t, Options{Handler: handlerFunc(echo), Observer: observer})
	c := dial(t, address)
	_, _ = c.Write(append(binary.BigEndian.AppendUint32(nil, 100<<20), 1, 2, 3))
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	c.expectClosed()
	observer.await(&observer.closed, 1)
	class, _ := bufferClass(2 * initialTrust)
	for i := range s.buffers {
		if b := s.buffers[i].Get(); b != nil && i > class {
			t.Errorf("a buffer of %d bytes was allocated", len(b.(*buffer).bytes))
		}
	}
}

func TestMaxConnectionsHoldsTheAcceptor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		limits := DefaultLimits()
		limits.Listeners = map[string]ListenerLimits{"PLAINTEXT": {MaxConnections: 2}}
		s := serveOn(t, Options{Handler: handlerFunc(echo), Limits: limits}, l)
		a, b := &client{t, l.dial()}, &client{t, l.dial()}
		defer b.Close()
		third := &client{t, l.dial()}
		defer third.Close()
		go func() { _, _ = third.Write(frame(3, nil)) }()
		synctest.Wait()
		if n := s.Connections(); n != 2 {
			t.Fatalf("%d connections", n)
		}
		_ = a.Close()
		third.expect(3, "")

		waiting := &client{t, l.dial()}
		defer waiting.Close()
		limits.Listeners = nil
		limits.MaxConnections = 3
		s.UpdateLimits(limits)
		waiting.send(4, "")
		waiting.expect(4, "")
	})
}

func TestMaxConnectionsPerIP(t *testing.T) {
	limits := DefaultLimits()
	limits.MaxConnectionsPerIP = 0
	limits.MaxConnectionsPerIPOverrides = map[netip.Addr]int{netip.MustParseAddr("127.0.0.1"): 2}
	observer := newCounters()
	_, address := start(t, Options{Handler: handlerFunc(echo), Limits: limits, Observer: observer})
	a, b := dial(t, address), dial(t, address)
	for _, c := range []*client{a, b} {
		c.send(1, "")
		c.expect(1, "")
	}
	dial(t, address).expectClosed()
	_ = a.Close()
	observer.await(&observer.closed, 1)
	again := dial(t, address)
	again.send(2, "")
	again.expect(2, "")
	observer.mu.Lock()
	defer observer.mu.Unlock()
	if observer.refused != 1 || observer.opened != 3 {
		t.Errorf("refused %d, opened %d", observer.refused, observer.opened)
	}
}

func TestCreationRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		limits := DefaultLimits()
		limits.MaxConnectionCreationRate = 10
		serveOn(t, Options{Handler: handlerFunc(echo), Limits: limits}, l)
		begin := time.Now()
		for range 30 { // A burst of 10, then one each tenth of a second.
			c := &client{t, l.dial()}
			c.send(1, "")
			c.expect(1, "")
			_ = c.Close()
		}
		if d := time.Since(begin).Round(10 * time.Millisecond); d != 2*time.Second {
			t.Errorf("30 connections took %v", d)
		}
	})
}

// The inter-broker listener is let in at max.connections, in place of the
// connection of another listener that has been idle longest.
func TestInterBrokerListenerIsProtected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clients, brokers := newMemListener(), newMemListener()
		limits := DefaultLimits()
		limits.MaxConnections = 2
		limits.InterBrokerListener = "REPLICATION"
		s := serveOn(t, Options{Handler: handlerFunc(echo), Limits: limits}, clients)
		served := make(chan error)
		go func() { served <- s.Serve(brokers, "REPLICATION") }()
		synctest.Wait()
		a, b := &client{t, clients.dial()}, &client{t, clients.dial()}
		time.Sleep(time.Second)
		a.send(1, "")
		a.expect(1, "")
		broker := &client{t, brokers.dial()}
		broker.send(2, "")
		broker.expect(2, "")
		b.expectClosed()
		a.send(3, "")
		a.expect(3, "")
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Error(err)
		}
	})
}

func TestConn(t *testing.T) {
	conns := make(chan *Conn, 1)
	_, address := start(t, Options{Handler: handlerFunc(func(ctx context.Context, r *Request) {
		conns <- r.Conn
		echo(ctx, r)
	})})
	c := dial(t, address)
	c.send(1, "")
	c.expect(1, "")
	conn := <-conns
	if conn.ClientHost != "/127.0.0.1" || conn.Listener != "PLAINTEXT" || conn.Principal() != "User:ANONYMOUS" || conn.Software() != (ClientSoftware{}) {
		t.Errorf("%+v", conn)
	}
	if want := address + "-" + c.LocalAddr().String() + "-1"; conn.ID != want {
		t.Errorf("id %q, want %q", conn.ID, want)
	}
	conn.SetSoftware("librdkafka", "2.11")
	conn.SetPrincipal("User:alice")
	if conn.Software().Name != "librdkafka" || conn.Principal() != "User:alice" {
		t.Error("not stored")
	}
}

func TestClientHostIsJavas(t *testing.T) {
	for ip, want := range map[string]string{"10.0.0.1": "10.0.0.1", "::1": "0:0:0:0:0:0:0:1", "fe80::a:0:1": "fe80:0:0:0:0:a:0:1"} {
		if got := javaAddress(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s is %s, want %s", ip, got, want)
		}
	}
}

func TestServingAllocatesNothing(t *testing.T) {
	_, address := start(t, Options{Handler: &fixed{parts: []Part{{Bytes: make([]byte, 40)}}}, Observer: newCounters()})
	c := dial(t, address)
	request, response := frame(1, make([]byte, 180)), make([]byte, 48)
	n := testing.AllocsPerRun(200, func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, response); err != nil {
			t.Fatal(err)
		}
	})
	if n >= 1 && !raceEnabled {
		t.Errorf("%v allocations per request", n)
	}
}

func TestBufferClasses(t *testing.T) {
	last := -1
	for n := 1; n <= maxPooledBytes; n += 1 + n/50 {
		class, size := bufferClass(n)
		if size < n || n > minBufferBytes && size > n+n/4+1 {
			t.Fatalf("%d bytes get a buffer of %d", n, size)
		}
		if class < last || class > last+1 || class >= bufferClasses {
			t.Fatalf("%d bytes are of class %d after %d", n, class, last)
		}
		last = class
	}
	if class, size := bufferClass(maxPooledBytes); class != bufferClasses-1 || size != maxPooledBytes {
		t.Errorf("the last class is %d of %d, with %d bytes", class, bufferClasses, size)
	}
}

func FuzzStream(f *testing.F) {
	f.Add(frame(1, []byte("hello")))
	f.Add(append(frame(1, nil), frame(2, make([]byte, 3000))...))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{0, 0, 0, 1, 2})
	limits := DefaultLimits()
	limits.MaxRequestBytes = 1 << 20
	f.Fuzz(func(t *testing.T, stream []byte) {
		l := newMemListener()
		s := New(Options{Handler: handlerFunc(echo), Limits: limits, Logger: slog.New(slog.DiscardHandler)})
		var run sync.WaitGroup
		run.Go(func() { _ = s.Serve(l, "PLAINTEXT") })
		c := l.dial()
		run.Go(func() { _, _ = io.Copy(io.Discard, c) })
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = c.Write(stream)
		_ = c.Close()
		if err := s.Shutdown(context.Background()); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		run.Wait()
		if used, _ := s.memory.usage(); used != 0 {
			t.Errorf("%d bytes of frames are still counted", used)
		}
	})
}
