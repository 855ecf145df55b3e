package network

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// A client that goes while its request is worked on, as one that is killed in
// JoinGroup does, must not keep a connection and a goroutine for as long as the
// request may take. The request's context ends with it.
func TestAClientThatHangsUpEndsItsRequest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells of a hang-up without reading")
	}
	limits := DefaultLimits()
	limits.ConnectionsMaxIdle = 100 * time.Millisecond
	began, ended := make(chan struct{}, 2), make(chan struct{}, 2)
	observer := newCounters()
	s, address := start(t, Options{Limits: limits, Observer: observer, Handler: handlerFunc(func(ctx context.Context, r *Request) {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		answer(r, "")
	})})
	gone, stays := dial(t, address), dial(t, address)
	gone.send(1, "")
	gone.send(2, "") // What is still to be read hides nothing.
	stays.send(3, "")
	<-began
	<-began
	_ = gone.Close()
	<-ended
	observer.await(&observer.closed, 1)
	if n := s.Connections(); n != 1 {
		t.Errorf("%d connections are open, want that of the client that waits", n)
	}
}

// A client that does not read its response must not hold up the end for longer
// than a moment: an orchestrator would kill the node in the middle of it.
func TestShutdownDoesNotWaitForClientsThatDoNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		s := serveOn(t, Options{Handler: handlerFunc(echo)}, l)
		stuck, slow := &client{t, l.dial()}, &client{t, l.dial()}
		defer stuck.Close()
		defer slow.Close()
		body := string(make([]byte, 10*stageMax))
		stuck.send(1, body)
		slow.send(2, body)
		received := make(chan bool)
		go func() {
			buf := make([]byte, stageMax/2)
			total := 0
			for total < len(body) {
				time.Sleep(500 * time.Millisecond)
				n, err := slow.Read(buf)
				if total += n; err != nil {
					break
				}
			}
			received <- total >= len(body)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		begin := time.Now()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(ctx) }()
		if !<-received {
			t.Error("a client that reads slowly did not get its response")
		}
		_ = slow.Close()
		if err := <-done; err != nil || time.Since(begin) > 30*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}
