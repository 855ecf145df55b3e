package network

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// A handler that is called by the leader, and waits for longer than it should, holds
// up nobody but its own connection.
func TestWhoKeepsTheLeadLosesIt(t *testing.T) {
	withProcessors(t, func(t *testing.T) {
		release := make(chan struct{})
		began := make(chan struct{}, 1)
		s, address := start(t, Options{Handler: handlerFunc(func(_ context.Context, r *Request) {
			if string(r.Body) == "wait" {
				began <- struct{}{}
				<-release
			}
			answer(r, string(r.Body))
		})})
		for id := range int32(3) {
			stuck := dial(t, address)
			if id > 0 { // The watch rests: it has to go on again.
				for !s.pollers.resting.Load() {
					runtime.Gosched()
				}
			}
			if _, err := stuck.Write(produceFrame(id, "wait")); err != nil {
				t.Fatal(err)
			}
			<-began
			for range 2 * runtime.GOMAXPROCS(0) { // On every poller.
				c := dial(t, address)
				if _, err := c.Write(produceFrame(9, "go")); err != nil {
					t.Fatal(err)
				}
				c.expect(9, "go")
				_ = c.Close()
			}
			release <- struct{}{}
			stuck.expect(id, "wait")
			_ = stuck.Close()
		}
	})
}

// A frame may come in any pieces, on several connections at the same time.
func TestFramesInPieces(t *testing.T) {
	withProcessors(t, func(t *testing.T) {
		_, address := start(t, Options{Handler: handlerFunc(echo)})
		var clients sync.WaitGroup
		for n := range 4 {
			c := dial(t, address)
			clients.Go(func() {
				body := bytes.Repeat([]byte{byte('a' + n)}, 3*inboxBytes+n)
				message := append(frame(1, body), frame(2, body[:10])...)
				for len(message) > 0 {
					piece := min(len(message), 97+n)
					if _, err := c.Write(message[:piece]); err != nil {
						t.Error(err)
						return
					}
					message = message[piece:]
					runtime.Gosched()
				}
				c.expect(1, string(body))
				c.expect(2, string(body[:10]))
			})
		}
		clients.Wait()
	})
}

// A request with the end of the stream behind it is answered, and the connection ends,
// although no event tells of the end any more.
func TestTheEndOfTheStreamIsFound(t *testing.T) {
	withProcessors(t, func(t *testing.T) {
		observer := newCounters()
		_, address := start(t, Options{Handler: handlerFunc(echo), Observer: observer})
		for n := 1; n <= 20; n++ {
			c := dial(t, address)
			if _, err := c.Write(frame(1, []byte("last"))); err != nil {
				t.Fatal(err)
			}
			if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(c)
			if err != nil || !bytes.HasSuffix(b, []byte("last")) {
				t.Fatalf("%q, %v", b, err)
			}
			observer.await(&observer.closed, n)
		}
	})
}

// An idle connection has no goroutine, nor has one whose request is suspended.
func TestIdleConnectionsHaveNoGoroutine(t *testing.T) {
	handler := newSuspender()
	_, address := start(t, Options{Handler: handler})
	const connections = 200
	begin := runtime.NumGoroutine()
	for range connections {
		c := dial(t, address)
		c.send(1, "x")
		c.expect(1, "x")
		if _, err := c.Write(fetchFrame(2, "poll")); err != nil {
			t.Fatal(err)
		}
	}
	for range connections {
		r := <-handler.suspended
		defer answer(r, "polled")
	}
	if n := runtime.NumGoroutine() - begin; n > connections/2 {
		t.Errorf("%d goroutines for %d connections", n, connections)
	}
}

// What many requests at the same time have left of goroutines ends when it is quiet.
func TestFollowersEnd(t *testing.T) {
	release := make(chan struct{})
	var handling sync.WaitGroup
	handling.Add(40)
	s, address := start(t, Options{Handler: handlerFunc(func(_ context.Context, r *Request) {
		if string(r.Body) == "wait" {
			handling.Done()
			<-release
		}
		answer(r, "")
	})})
	begin := runtime.NumGoroutine()
	clients := make([]*client, 40)
	for i := range clients {
		clients[i] = dial(t, address)
		clients[i].send(1, "wait")
	}
	handling.Wait()
	close(release)
	for _, c := range clients {
		c.expect(1, "")
	}
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > begin+10; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left of %d requests, there were %d before", runtime.NumGoroutine(), len(clients), begin)
		}
		clients[0].send(2, "") // The watch rests after it.
		clients[0].expect(2, "")
		for !s.pollers.resting.Load() {
			runtime.Gosched()
		}
	}
}

// Two of Go's processors are not for pollers: one is for everybody else, and one to stay
// idle, without which the scheduler looks every 20 µs for those who wait in the kernel.
func TestPollersLeaveTwoProcessors(t *testing.T) {
	for processors, want := range map[int]int{1: 1, 2: 1, 3: 1, 6: 4} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			s, address := start(t, Options{Handler: handlerFunc(echo)})
			c := dial(t, address)
			c.send(1, "")
			c.expect(1, "")
			s.pollers.mu.Lock()
			defer s.pollers.mu.Unlock()
			if got := len(s.pollers.all); got != want {
				t.Errorf("%d pollers with %d processors, want %d", got, processors, want)
			}
		}()
	}
}

// A client that sends without end gets no more than its turn.
func TestOneClientDoesNotKeepTheOthersOut(t *testing.T) {
	withProcessors(t, func(t *testing.T) {
		_, address := start(t, Options{Handler: handlerFunc(echo)})
		var busy []*client
		var senders sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			c := dial(t, address)
			busy = append(busy, c)
			senders.Go(func() {
				burst := bytes.Repeat(produceFrame(1, "more"), 100)
				for {
					if _, err := c.Write(burst); err != nil {
						return
					}
				}
			})
			senders.Go(func() { _, _ = io.Copy(io.Discard, c) })
		}
		for id := range int32(50) {
			c := dial(t, address)
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			if _, err := c.Write(produceFrame(id, "one")); err != nil {
				t.Fatal(err)
			}
			c.expect(id, "one")
		}
		for _, c := range busy {
			_ = c.Close()
		}
		senders.Wait()
	})
}

// A client that does not read, until its connection is closed, keeps neither the
// leader nor a follower for good.
func TestWritersThatWaitEndWithTheConnection(t *testing.T) {
	withProcessors(t, func(t *testing.T) {
		observer := newCounters()
		s, address := start(t, Options{Handler: handlerFunc(func(_ context.Context, r *Request) {
			r.Respond(Response{Parts: []Part{{Bytes: make([]byte, 16<<20)}}})
		}), Observer: observer})
		stuck := dial(t, address)
		if _, err := stuck.Write(produceFrame(1, "much")); err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(stuck, make([]byte, 4)) // It has begun.
		for _, c := range s.openConns() {
			c.close(ClosedIdle)
		}
		observer.await(&observer.closed, 1)
	})
}

func TestSocketIsClosedOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs := dial(t, l.Addr().String())
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s, err := detach(conn.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	if !s.use() {
		t.Fatal("not usable")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	theirs.expectClosed() // Whoever still uses it.
	if s.use() || !errors.Is(s.Close(), net.ErrClosed) {
		t.Error("usable after Close")
	}
	if _, err := s.receive(make([]byte, 1), nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("receive: %v", err)
	}
	if _, err := s.Write([]byte{1}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	s.done()
	if n := s.users.Load(); n != closedBit {
		t.Errorf("%d users are left", n)
	}
}
