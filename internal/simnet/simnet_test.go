package simnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connected gives both ends of a connection between the hosts a and b.
func connected(t *testing.T, n *Network) (dialed, accepted *Conn) {
	t.Helper()
	l, err := n.Host("b").Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	d, err := n.Host("a").DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return d.(*Conn), a.(*Conn)
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func send(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v, want %q", got, err, want)
	}
}

func TestAddresses(t *testing.T) {
	n := New()
	a, b := n.Host("a"), n.Host("b")
	l, err := b.Listen(t.Context(), "tcp", "b:9092")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if got := l.Addr().String(); got != "10.0.0.2:9092" {
		t.Errorf("listens on %s", got)
	}
	for _, c := range []struct {
		from    *Host
		address string
		local   string
	}{
		{a, "b:9092", "10.0.0.1"},
		{a, "10.0.0.2:9092", "10.0.0.1"},
		{b, "b:9092", "10.0.0.2"},
		{b, "localhost:9092", "127.0.0.1"},
		{b, "127.0.0.1:9092", "127.0.0.1"},
		{b, ":9092", "127.0.0.1"},
	} {
		conn, err := c.from.DialContext(t.Context(), "tcp", c.address)
		if err != nil {
			t.Errorf("%s from %s: %v", c.address, c.from.Name(), err)
			continue
		}
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.LocalAddr().(*net.TCPAddr).IP.String(); got != c.local {
			t.Errorf("%s from %s: comes from %s", c.address, c.from.Name(), got)
		}
		if conn.LocalAddr().String() != peer.RemoteAddr().String() || conn.RemoteAddr().String() != peer.LocalAddr().String() {
			t.Errorf("the ends disagree: %v-%v and %v-%v", conn.LocalAddr(), conn.RemoteAddr(), peer.LocalAddr(), peer.RemoteAddr())
		}
		_, _ = conn.Close(), peer.Close()
	}
	for address, want := range map[string]error{
		"a:9092": syscall.ECONNREFUSED, "localhost:9092": syscall.ECONNREFUSED, "b:1": syscall.ECONNREFUSED,
	} {
		_, err := a.DialContext(t.Context(), "tcp", address)
		wantErr(t, address, err, want)
	}
	var unknown *net.DNSError
	if _, err := a.DialContext(t.Context(), "tcp", "c:9092"); !errors.As(err, &unknown) || !unknown.IsNotFound {
		t.Errorf("an unknown host: %v", err)
	}
	for _, address := range []string{"b", "b:x", "b:70000"} {
		if _, err := a.DialContext(t.Context(), "tcp", address); err == nil {
			t.Errorf("%s is an address", address)
		}
	}
	if _, err := a.DialContext(t.Context(), "udp", "b:9092"); err == nil {
		t.Error("there is UDP")
	}
	_, err = b.Listen(t.Context(), "tcp", ":9092")
	wantErr(t, "a port in use", err, syscall.EADDRINUSE)
	_, err = a.Listen(t.Context(), "tcp", "b:9093")
	wantErr(t, "another host's address", err, syscall.EADDRNOTAVAIL)
	if len(n.conns) > 0 {
		t.Errorf("%d connections are remembered", len(n.conns))
	}
}

func TestClosedListenerRefusesAndResets(t *testing.T) {
	n := New()
	l, err := n.Host("b").Listen(t.Context(), "tcp", ":1")
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := n.Host("a").DialContext(t.Context(), "tcp", "b:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = waiting.Read(make([]byte, 1))
	wantErr(t, "read where nobody has accepted", err, syscall.ECONNRESET)
	_, err = l.Accept()
	wantErr(t, "accept", err, net.ErrClosed)
	_, err = n.Host("a").DialContext(t.Context(), "tcp", "b:1")
	wantErr(t, "dial", err, syscall.ECONNREFUSED)
	wantErr(t, "close again", l.Close(), net.ErrClosed)
	again, err := n.Host("b").Listen(t.Context(), "tcp", ":1")
	if err != nil {
		t.Fatalf("the port is not free again: %v", err)
	}
	_, _ = again.Close(), waiting.Close()
}

func TestFullBacklogLetsDialersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		l, err := n.Host("b").Listen(t.Context(), "tcp", ":1")
		if err != nil {
			t.Fatal(err)
		}
		for range backlog {
			if _, err := n.Host("a").DialContext(t.Context(), "tcp", "b:1"); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = n.Host("a").DialContext(ctx, "tcp", "b:1")
		wantErr(t, "dial", err, context.DeadlineExceeded)
		_ = l.Close()
	})
}

// TestEndsLikeTCP closes one end in every way and looks at the other.
func TestEndsLikeTCP(t *testing.T) {
	one := make([]byte, 1)
	t.Run("close after sending", func(t *testing.T) {
		d, a := connected(t, New())
		send(t, d, "bye")
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		wantRead(t, a, "bye")
		if n, err := a.Read(one); n != 0 || err != io.EOF { //nolint:errorlint // io.Reader gives it bare.
			t.Errorf("then %d, %v, want io.EOF", n, err)
		}
		_, err := a.Write(one)
		wantErr(t, "write", err, syscall.EPIPE)
		for what, err := range map[string]error{"close again": d.Close(), "deadline": d.SetDeadline(time.Now()), "close write": d.CloseWrite()} {
			wantErr(t, what, err, net.ErrClosed)
		}
		_, err = d.Read(one)
		wantErr(t, "own read", err, net.ErrClosed)
		_, err = d.Write(one)
		wantErr(t, "own write", err, net.ErrClosed)
	})
	t.Run("close with bytes unread", func(t *testing.T) {
		d, a := connected(t, New())
		send(t, a, "unread")
		send(t, d, "lost")
		_ = d.Close()
		_, err := a.Read(one)
		wantErr(t, "read", err, syscall.ECONNRESET)
		_, err = a.Write(one)
		wantErr(t, "write", err, syscall.ECONNRESET)
	})
	t.Run("reset", func(t *testing.T) {
		d, a := connected(t, New())
		send(t, d, "lost")
		d.Reset()
		_, err := a.Read(one)
		wantErr(t, "read", err, syscall.ECONNRESET)
		_, err = d.Read(one)
		wantErr(t, "own read", err, net.ErrClosed)
	})
	t.Run("half close", func(t *testing.T) {
		d, a := connected(t, New())
		send(t, d, "question")
		if err := d.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(a); err != nil || string(got) != "question" {
			t.Fatalf("%q, %v", got, err)
		}
		send(t, a, "answer")
		wantRead(t, d, "answer")
		_, err := d.Write(one)
		wantErr(t, "write after CloseWrite", err, syscall.EPIPE)
	})
	t.Run("close ends those who wait", func(t *testing.T) {
		d, _ := connected(t, New())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := d.Read(one)
			wantErr(t, "read", err, net.ErrClosed)
		})
		wg.Go(func() {
			_, err := d.Write(make([]byte, streamMax+1))
			wantErr(t, "write", err, net.ErrClosed)
		})
		time.Sleep(time.Millisecond)
		_ = d.Close()
		wg.Wait()
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, a := connected(t, New())
		one := make([]byte, 1)
		began := time.Now()
		_ = d.SetReadDeadline(began.Add(time.Hour))
		_, err := d.Read(one)
		wantErr(t, "read", err, os.ErrDeadlineExceeded)
		var netErr net.Error
		if !errors.As(err, &netErr) || !netErr.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
		if took := time.Since(began); took != time.Hour {
			t.Errorf("waited %v", took)
		}
		_ = d.SetWriteDeadline(time.Now().Add(time.Minute))
		n, err := d.Write(make([]byte, streamMax+5))
		wantErr(t, "write", err, os.ErrDeadlineExceeded)
		if n != streamMax {
			t.Errorf("%d bytes were sent", n)
		}
		_ = d.SetDeadline(time.Time{})
		send(t, a, "x")
		wantRead(t, d, "x")
		// A deadline that is set in the past wakes who waits already.
		go func() {
			time.Sleep(time.Minute)
			_ = d.SetReadDeadline(time.Unix(1, 0))
		}()
		_, err = d.Read(one)
		wantErr(t, "read", err, os.ErrDeadlineExceeded)
		_, _ = d.Close(), a.Close()
	})
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		n.SetLatency(10 * time.Millisecond)
		began := time.Now()
		d, a := connected(t, n)
		check := func(what string, want time.Duration) {
			t.Helper()
			if got := time.Since(began); got != want {
				t.Errorf("%s after %v, want %v", what, got, want)
			}
			began = time.Now()
		}
		check("connected", 20*time.Millisecond)
		send(t, d, "ping")
		wantRead(t, a, "ping")
		check("arrived", 10*time.Millisecond)
		// Lower latency does not let later bytes overtake.
		send(t, d, "first ")
		n.SetLatency(0)
		send(t, d, "second")
		wantRead(t, a, "first second")
		check("both arrived", 10*time.Millisecond)
		n.SetLatency(time.Second)
		_ = d.Close()
		if _, err := a.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // io.Reader gives it bare.
			t.Error(err)
		}
		check("closed", time.Second)
		_ = a.Close()
	})
}

func TestCutHostsHearNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		d, a := connected(t, n)
		n.Cut(n.Host("b"), n.Host("a"))
		send(t, d, "late")
		_ = a.SetReadDeadline(time.Now().Add(time.Minute))
		_, err := a.Read(make([]byte, 1))
		wantErr(t, "read while cut off", err, os.ErrDeadlineExceeded)
		_ = a.SetReadDeadline(time.Time{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = n.Host("a").DialContext(ctx, "tcp", a.LocalAddr().String())
		wantErr(t, "dial while cut off", err, context.DeadlineExceeded)
		go func() {
			time.Sleep(time.Hour)
			n.Heal(n.Host("a"), n.Host("b"))
		}()
		began := time.Now()
		wantRead(t, a, "late")
		if took := time.Since(began); took != time.Hour {
			t.Errorf("arrived after %v", took)
		}
		// The end that died while it was cut off is found out afterwards.
		n.Cut(n.Host("a"), n.Host("b"))
		d.Reset()
		send(t, a, "to nobody")
		n.Heal(n.Host("a"), n.Host("b"))
		_, err = a.Read(make([]byte, 1))
		wantErr(t, "read", err, syscall.ECONNRESET)
		_ = a.Close()
	})
}

// TestBytesArriveInOrderOnce sends much more than fits, in pieces of all sizes,
// both ways at once, with a latency that changes.
func TestBytesArriveInOrderOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		d, a := connected(t, n)
		const total = 3 << 20
		var wg sync.WaitGroup
		for i, pipe := range [][2]*Conn{{d, a}, {a, d}} {
			from, to := pipe[0], pipe[1]
			data := make([]byte, total)
			random := rand.New(rand.NewPCG(1, uint64(i))) //nolint:gosec // No secret.
			for j := range data {
				data[j] = byte(random.Uint32())
			}
			wg.Go(func() {
				for rest := data; len(rest) > 0; {
					size := min(len(rest), 1+random.IntN(100_000))
					if _, err := from.Write(rest[:size]); err != nil {
						t.Error(err)
						return
					}
					rest = rest[size:]
					if random.IntN(5) == 0 {
						n.SetLatency(time.Duration(random.IntN(3)) * time.Millisecond)
					}
				}
				_ = from.CloseWrite()
			})
			wg.Go(func() {
				if got, err := io.ReadAll(to); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%d bytes of %d, %v", len(got), total, err)
				}
			})
		}
		wg.Wait()
		_, _ = d.Close(), a.Close()
		if len(n.conns) > 0 {
			t.Errorf("%d connections are remembered", len(n.conns))
		}
	})
}
