package network

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// parking parks every request and hands it to the test.
type parking struct{ requests chan *Request }

func (p *parking) Handle(_ context.Context, r *Request) {
	r.Park()
	p.requests <- r
}

func answer(r *Request, body string) {
	r.Respond(Response{Parts: []Part{{Bytes: []byte(body)}}})
}

func TestParkedResponsesLeaveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &parking{make(chan *Request)}
		l := newMemListener()
		serveOn(t, Options{Handler: p}, l)
		c := &client{t, l.dial()}
		defer c.Close()
		var parked []*Request
		for i := range int32(5) {
			c.send(i, "x")
			parked = append(parked, <-p.requests)
		}
		for _, i := range []int{3, 1, 4, 2} {
			answer(parked[i], string(rune('a'+i)))
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Hour / 60))
		if b, err := c.tryReceive(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("received %q, %v before the first request is answered", b, err)
		}
		_ = c.SetReadDeadline(time.Time{})
		answer(parked[0], "a")
		for i := range int32(5) {
			c.expect(i, string(rune('a'+i)))
		}
	})
}

// Unparked, parked and silent requests in every mixture, answered by several
// goroutines in any order.
func TestOrderUnderRaces(t *testing.T) {
	var answering sync.WaitGroup
	handler := handlerFunc(func(_ context.Context, r *Request) {
		body := string(r.Body)
		kind := rand.IntN(5)
		if body == "last" {
			kind %= 4
		}
		switch kind {
		case 0:
			answer(r, body)
		case 1:
			r.Park()
			r.Release()
			answering.Go(func() { answer(r, body) })
		case 2: // Another goroutine, the connection waits.
			answering.Go(func() { answer(r, body) })
		case 3:
			r.Park()
			answer(r, body)
		case 4:
			r.RespondNothing()
		}
	})
	_, address := start(t, Options{Handler: handler, Observer: newCounters()})
	var clients sync.WaitGroup
	for range 4 {
		c := dial(t, address)
		const requests = 500
		clients.Go(func() {
			for i := range int32(requests) {
				c.send(i, strings.Repeat("x", rand.IntN(100)))
			}
			c.send(requests, "last")
		})
		clients.Go(func() {
			last := int32(-1)
			for last < requests {
				b, err := c.tryReceive()
				if err != nil {
					t.Error(err)
					return
				}
				id := int32(b[3]) | int32(b[2])<<8
				if id <= last {
					t.Errorf("response %d after %d", id, last)
				}
				last = id
			}
		})
	}
	clients.Wait()
	answering.Wait()
}

func TestInFlightIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &parking{make(chan *Request, 2*maxInFlight)}
		l := newMemListener()
		serveOn(t, Options{Handler: p}, l)
		c := &client{t, l.dial()}
		defer c.Close()
		var sent atomic.Int64
		go func() {
			for i := range int32(maxInFlight + 10) {
				if _, err := c.Write(frame(i, nil)); err != nil {
					return
				}
				sent.Add(1)
			}
		}()
		synctest.Wait()
		if n := len(p.requests); n != maxInFlight {
			t.Fatalf("%d requests are in flight, the bound is %d", n, maxInFlight)
		}
		for i := range int32(maxInFlight + 10) {
			answer(<-p.requests, "")
			c.expect(i, "")
		}
	})
}

func TestQueuedMaxRequestBytesHoldsConnectionsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &parking{make(chan *Request, 10)}
		l := newMemListener()
		limits := DefaultLimits()
		limits.QueuedMaxRequestBytes = 1000
		s := serveOn(t, Options{Handler: p, Limits: limits}, l)
		a, b := &client{t, l.dial()}, &client{t, l.dial()}
		defer a.Close()
		a.send(1, string(make([]byte, 5000))) // Larger than the bound, but nothing else is there.
		synctest.Wait()
		go func() { _, _ = b.Write(frame(2, make([]byte, 5000))) }()
		synctest.Wait()
		if len(p.requests) != 1 {
			t.Fatalf("%d requests were read", len(p.requests))
		}
		r := <-p.requests
		r.Release()
		synctest.Wait()
		if len(p.requests) != 1 {
			t.Fatal("the released memory was not given to the next")
		}
		answer(r, "")
		a.expect(1, "")
		answer(<-p.requests, "")
		b.expect(2, "")

		// A connection that waits for memory does not keep the server from stopping.
		a.send(3, string(make([]byte, 5000)))
		go func() { _, _ = b.Write(frame(4, make([]byte, 5000))) }()
		synctest.Wait()
		_ = b.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		answer(<-p.requests, "")
		if used, _ := s.memory.usage(); used != 0 {
			t.Errorf("%d bytes are still counted", used)
		}
	})
}

func TestThrottleMutesAfterTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		serveOn(t, Options{Handler: handlerFunc(func(_ context.Context, r *Request) {
			r.Respond(Response{Parts: []Part{{Bytes: []byte("y")}}, Throttle: time.Second})
		})}, l)
		c := &client{t, l.dial()}
		defer c.Close()
		begin := time.Now()
		c.send(1, "")
		c.expect(1, "y")
		if time.Since(begin) != 0 {
			t.Error("the response itself was held back")
		}
		c.send(2, "")
		c.expect(2, "y")
		if d := time.Since(begin); d != time.Second {
			t.Errorf("the second request was served after %v", d)
		}
	})
}

func TestHandlerClose(t *testing.T) {
	_, address := start(t, Options{Handler: handlerFunc(func(_ context.Context, r *Request) { r.Close(errors.New("no")) })})
	c := dial(t, address)
	c.send(1, "")
	c.expectClosed()
}

func TestDoneAndReleaseAreCalledOnce(t *testing.T) {
	p := &parking{make(chan *Request, 10)}
	observer := newCounters()
	_, address := start(t, Options{Handler: p, Observer: observer})
	c := dial(t, address)
	var released, done atomic.Int64
	respond := func(r *Request) {
		r.Respond(Response{
			Parts: []Part{{Bytes: []byte("a"), Release: func() { released.Add(1) }}, {Bytes: []byte("b"), Release: func() { released.Add(1) }}},
			Done:  func() { done.Add(1) },
		})
	}
	c.send(1, "")
	respond(<-p.requests)
	c.expect(1, "ab")
	c.send(2, "")
	c.send(3, "")
	second, third := <-p.requests, <-p.requests
	_ = c.Close()
	observer.await(&observer.closed, 1)
	respond(third) // Nobody is there to read it.
	respond(second)
	observer.await(&observer.done, 3)
	if released.Load() != 6 || done.Load() != 3 {
		t.Errorf("released %d parts of 6, done %d times of 3", released.Load(), done.Load())
	}
}

func segmentFile(t testing.TB, size int) (*os.File, []byte) {
	t.Helper()
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i * 7 / 3)
	}
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, content
}

func filePartsHandler(f *os.File, size int64) Handler {
	return handlerFunc(func(_ context.Context, r *Request) {
		r.Respond(Response{Parts: []Part{
			{Bytes: []byte("<")},
			{File: f, Position: 100, Size: size},
			{Bytes: []byte("|")},
			{File: f, Position: 0, Size: 10},
			{Bytes: make([]byte, 100_000)},
			{Bytes: []byte(">")},
		}})
	})
}

func TestFileRanges(t *testing.T) {
	f, content := segmentFile(t, 3<<20)
	for _, size := range []int64{0, 1, 1000, sendfileMin - 1, sendfileMin, stageMax + 1, 2 << 20} {
		want := "<" + string(content[100:100+size]) + "|" + string(content[:10]) + string(make([]byte, 100_000)) + ">"
		_, address := start(t, Options{Handler: filePartsHandler(f, size)})
		c := dial(t, address)
		c.send(1, "")
		c.send(2, "")
		c.expect(1, want)
		c.expect(2, want)

		l := newMemListener() // No socket: no sendfile.
		serveOn(t, Options{Handler: filePartsHandler(f, size)}, l)
		m := &client{t, l.dial()}
		m.send(3, "")
		m.expect(3, want)
		_ = m.Close()
	}
}

func TestShortFileClosesTheConnection(t *testing.T) {
	f, _ := segmentFile(t, 1<<20)
	for _, size := range []int64{2 << 20, 1<<20 - 50} {
		var log syncBuffer
		_, address := start(t, Options{Handler: filePartsHandler(f, size), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		c := dial(t, address)
		c.send(1, "")
		if b, err := c.tryReceive(); err == nil {
			t.Errorf("a file too short by %d gave a response of %d bytes", size+100-1<<20, len(b))
		}
		if !strings.Contains(log.String(), "unexpected EOF") {
			t.Errorf("logged %q", log.String())
		}
	}
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	p := &parking{make(chan *Request, 10)}
	s, address := start(t, Options{Handler: p})
	idle, busy := dial(t, address), dial(t, address)
	busy.send(1, "")
	r := <-p.requests
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	idle.expectClosed()
	select {
	case <-done:
		t.Fatal("shut down with a request in flight")
	default:
	}
	answer(r, "late")
	busy.expect(1, "late")
	busy.expectClosed()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A client that has sent more than is still read gets the answers to what was read:
// to close a socket with unread bytes resets the connection, and the system drops
// what it has not delivered yet.
func TestShutdownDeliversAnswersBeforeRequestsThatAreNotRead(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	body := strings.Repeat("x", 128<<10)
	counters := newCounters()
	s, address := start(t, Options{Observer: counters, Limits: Limits{SendBufferBytes: 1 << 20}, Handler: handlerFunc(func(_ context.Context, r *Request) {
		close(entered)
		<-release
		answer(r, body)
	})})
	c := dial(t, address)
	// What the client does not take at once stays with the server's system.
	if err := c.Conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	c.send(1, "read")
	<-entered
	c.send(2, strings.Repeat("y", 64<<10))
	s.stopAccepting() // The beginning of Shutdown: nothing is read any more.
	close(release)
	counters.await(&counters.done, 1)
	c.expect(1, body)
	c.expectClosed()
}

// Consumers always have a long poll open: it must not hold up the end.
func TestShutdownEndsLongPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		s := serveOn(t, Options{Handler: handlerFunc(func(ctx context.Context, r *Request) {
			<-ctx.Done()
			answer(r, "empty")
		})}, l)
		c := &client{t, l.dial()}
		c.send(1, "")
		done := make(chan error)
		begin := time.Now()
		go func() { done <- s.Shutdown(t.Context()) }()
		c.expect(1, "empty")
		c.expectClosed()
		if err := <-done; err != nil || time.Since(begin) > time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestShutdownGivesUpAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &parking{make(chan *Request, 1)}
		l := newMemListener()
		s := serveOn(t, Options{Handler: p}, l)
		c := &client{t, l.dial()}
		c.send(1, "")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		c.expectClosed()
		answer(<-p.requests, "too late")
	})
}
