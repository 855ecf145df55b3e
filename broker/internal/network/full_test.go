package network

import (
	"context"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxFollowers is maxIdleFollowers, which there is only on Linux.
const maxFollowers = 64

// larger is more than a socket's buffers hold, on either side.
const larger = 16 << 20

// A client that does not read its answer has no goroutine, on Linux, and its next
// request waits. It gets all of it when it reads.
func TestClientsThatDoNotRead(t *testing.T) {
	withProcessors(t, func(t *testing.T) {
		body := strings.Repeat("0123456789abcdef", 1<<16)
		large := []Part{{Bytes: []byte(body)}}
		handled := make(chan string, 1000)
		_, address := start(t, Options{Handler: handlerFunc(func(_ context.Context, r *Request) {
			handled <- string(r.Body)
			if r.Header.Key == int16(kmsg.Fetch) {
				r.Respond(Response{Parts: large})
				return
			}
			answer(r, string(r.Body))
		})})
		const clients = 2 * maxFollowers // Those stay for a while.
		begin := runtime.NumGoroutine()
		var slow []*client
		for range clients {
			c := dial(t, address)
			if err := c.Conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write(append(fetchFrame(1, "large"), produceFrame(2, "next")...)); err != nil {
				t.Fatal(err)
			}
			slow = append(slow, c)
		}
		for range clients {
			if got := <-handled; got != "large" {
				t.Fatalf("%q was handled before the answer to the one before it was sent", got)
			}
		}
		other := dial(t, address)
		for id := range int32(10) {
			if _, err := other.Write(produceFrame(id, "other")); err != nil {
				t.Fatal(err)
			}
			if got := <-handled; got != "other" {
				t.Fatalf("%q was handled before the answer to the one before it was sent", got)
			}
			other.expect(id, "other")
		}
		if n := runtime.NumGoroutine() - begin; n > maxFollowers+10 && runtime.GOOS == "linux" {
			t.Errorf("%d goroutines for %d clients that do not read", n, clients)
		}
		var reading sync.WaitGroup
		for _, c := range slow {
			reading.Go(func() {
				c.expect(1, body)
				c.expect(2, "next")
			})
		}
		reading.Wait()
	})
}

// Whatever ends a connection whose client does not read, its answer is let go of.
func TestTheEndOfClientsThatDoNotRead(t *testing.T) {
	for name, end := range map[string]func(s *Server, c *client){
		"the client goes": func(_ *Server, c *client) { _ = c.Close() },
		"the server closes it": func(s *Server, _ *client) {
			for _, conn := range s.openConns() {
				conn.close(ClosedIdle)
			}
		},
		"the server stops": func(s *Server, _ *client) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			_ = s.Shutdown(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withProcessors(t, func(t *testing.T) {
				observer := newCounters()
				released, handled := make(chan struct{}), make(chan struct{})
				s, address := start(t, Options{Observer: observer, Handler: handlerFunc(func(_ context.Context, r *Request) {
					r.Respond(Response{Parts: []Part{{Bytes: make([]byte, larger)}}, Done: func() { close(released) }})
					close(handled)
				})})
				c := dial(t, address)
				if _, err := c.Write(fetchFrame(1, "large")); err != nil {
					t.Fatal(err)
				}
				<-handled
				end(s, c)
				<-released
				observer.await(&observer.closed, 1)
				observer.await(&observer.done, 1)
			})
		})
	}
}

// A stop lets a client that reads slowly read to the end.
func TestDrainingDeliversLargeAnswers(t *testing.T) {
	withProcessors(t, func(t *testing.T) {
		body := strings.Repeat("x", larger)
		handled := make(chan struct{})
		s, address := start(t, Options{Handler: handlerFunc(func(_ context.Context, r *Request) {
			answer(r, body)
			close(handled)
		})})
		c := dial(t, address)
		if _, err := c.Write(fetchFrame(1, "large")); err != nil {
			t.Fatal(err)
		}
		<-handled
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(t.Context()) }()
		c.expect(1, body)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
	})
}
