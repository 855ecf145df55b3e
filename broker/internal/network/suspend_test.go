package network

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchFrame is frame as a Fetch request.
func fetchFrame(correlationID int32, body string) []byte {
	return frameOf(kmsg.Fetch, 4, correlationID, body)
}

// suspender suspends Fetch requests, and answers the others at once.
type suspender struct {
	suspended chan *Request
	hurried   chan struct{}
}

func newSuspender() *suspender {
	return &suspender{make(chan *Request, 1000), make(chan struct{}, 1000)}
}

func (s *suspender) Handle(_ context.Context, r *Request) {
	if r.Header.Key != int16(kmsg.Fetch) {
		answer(r, string(r.Body))
		return
	}
	r.Suspend(func() { s.hurried <- struct{}{} })
	s.suspended <- r
}

// What comes behind a suspended request waits for its answer, whenever it came.
func TestTheNextRequestWaitsForASuspendedOne(t *testing.T) {
	handler := newSuspender()
	overBoth(t, Options{Handler: handler}, func(t *testing.T, c *client) {
		for round := range int32(20) {
			go func() { // The network in memory holds nothing.
				_, _ = c.Write(append(produceFrame(4*round, "before"), fetchFrame(4*round+1, "poll")...))
				_, _ = c.Write(produceFrame(4*round+2, "next"))
				_, _ = c.Write(produceFrame(4*round+3, "last"))
			}()
			c.expect(4*round, "before")
			r := <-handler.suspended
			select {
			case <-handler.suspended:
				t.Fatal("handled before the answer")
			default:
			}
			answer(r, "polled")
			c.expect(4*round+1, "polled")
			c.expect(4*round+2, "next")
			c.expect(4*round+3, "last")
		}
	})
}

// Whoever answers may come at any moment.
func TestSuspendedRequestsAreAnsweredByStrangers(t *testing.T) {
	withProcessors(t, func(t *testing.T) {
		handler := newSuspender()
		observer := newCounters()
		_, address := start(t, Options{Handler: handler, Observer: observer})
		const clients, rounds = 8, 200
		go func() {
			for range clients * rounds {
				r := <-handler.suspended
				answer(r, string(r.Body))
			}
		}()
		ended := make(chan struct{}, clients)
		for range clients {
			c := dial(t, address)
			go func() {
				defer func() { ended <- struct{}{} }()
				for id := range int32(rounds) {
					if _, err := c.Write(fetchFrame(id, "poll")); err != nil {
						t.Error(err)
						return
					}
					c.expect(id, "poll")
				}
			}()
		}
		for range clients {
			<-ended
		}
		observer.await(&observer.done, clients*rounds)
	})
}

// A large answer to a client that does not read keeps nobody else waiting.
func TestLargeAnswersToSuspendedRequests(t *testing.T) {
	withProcessors(t, func(t *testing.T) {
		handler := newSuspender()
		_, address := start(t, Options{Handler: handler})
		large := strings.Repeat("x", 8<<20)
		slow, fast := dial(t, address), dial(t, address)
		if _, err := slow.Write(fetchFrame(1, "poll")); err != nil {
			t.Fatal(err)
		}
		answer(<-handler.suspended, large)
		for id := range int32(10) {
			if _, err := fast.Write(fetchFrame(id, "poll")); err != nil {
				t.Fatal(err)
			}
			answer(<-handler.suspended, "polled")
			fast.expect(id, "polled")
		}
		slow.expect(1, large)
		if _, err := slow.Write(fetchFrame(2, "poll")); err != nil {
			t.Fatal(err)
		}
		answer(<-handler.suspended, "polled")
		slow.expect(2, "polled")
	})
}

func TestSuspendedRequestsAreHurriedAtTheEnd(t *testing.T) {
	handler := newSuspender()
	s, address := start(t, Options{Handler: handler})
	c := dial(t, address)
	if _, err := c.Write(fetchFrame(1, "poll")); err != nil {
		t.Fatal(err)
	}
	r := <-handler.suspended
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(t.Context()) }()
	<-handler.hurried
	answer(r, "what there is")
	c.expect(1, "what there is")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	select {
	case <-handler.hurried:
		t.Fatal("hurried after the answer")
	default:
	}
}

// A request that is suspended when its connection has been closed is hurried, too.
func TestSuspendingTooLate(t *testing.T) {
	handler := newSuspender()
	observer := newCounters()
	began, release := make(chan struct{}), make(chan struct{})
	s, address := start(t, Options{Observer: observer, Handler: handlerFunc(func(ctx context.Context, r *Request) {
		close(began)
		<-release
		handler.Handle(ctx, r)
	})})
	c := dial(t, address)
	if _, err := c.Write(fetchFrame(1, "poll")); err != nil {
		t.Fatal(err)
	}
	<-began
	for _, conn := range s.openConns() {
		conn.close(ClosedIdle)
	}
	close(release)
	<-handler.hurried
	answer(<-handler.suspended, "nobody reads this")
	observer.await(&observer.closed, 1)
	observer.await(&observer.done, 1)
}

// A client that has gone waits for no answer; its memory is let go of when it comes.
func TestAnswersAfterTheEndAreDropped(t *testing.T) {
	handler := newSuspender()
	observer := newCounters()
	_, address := start(t, Options{Handler: handler, Observer: observer})
	c := dial(t, address)
	if _, err := c.Write(fetchFrame(1, "poll")); err != nil {
		t.Fatal(err)
	}
	r := <-handler.suspended
	_ = c.Close()
	if s := r.Conn.server; r.Conn.sock == nil {
		for _, conn := range s.openConns() {
			conn.close(ClosedByClient) // The sweeper would find it.
		}
	}
	<-handler.hurried
	observer.await(&observer.closed, 1)
	released := make(chan struct{})
	r.Respond(Response{Parts: []Part{{Bytes: []byte("x")}}, Done: func() { close(released) }})
	<-released
}
