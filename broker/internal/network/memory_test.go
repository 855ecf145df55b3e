package network

import (
	"encoding/binary"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// memoryServer serves with a bound of 1 MiB for all frames, and as much for each.
func memoryServer(t *testing.T) (*Server, *memListener) {
	t.Helper()
	l := newMemListener()
	limits := DefaultLimits()
	limits.QueuedMaxRequestBytes, limits.MaxRequestBytes = 1<<20, 1<<20
	return serveOn(t, Options{Handler: handlerFunc(echo), Limits: limits, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}, l), l
}

// begun opens a connection that announces a frame of 1 MiB and sends n bytes of it.
func begun(t *testing.T, l *memListener, n int) *client {
	t.Helper()
	c := &client{t, l.dial()}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		_, _ = c.Write(append(binary.BigEndian.AppendUint32(nil, 1<<20), frame(1, make([]byte, n))[4:]...))
	}()
	return c
}

func TestAnnouncedFramesKeepNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := memoryServer(t)
		for range 20 {
			begun(t, l, 10)
		}
		synctest.Wait()
		began := time.Now()
		good := &client{t, l.dial()}
		defer good.Close()
		good.send(1, "x")
		good.expect(1, "x")
		if waited := time.Since(began); waited > 0 {
			t.Errorf("a client waited %v for those who announce and do not send", waited)
		}
		synctest.Wait()
		if used := s.Stats().RequestBytes; used > 20*2*initialTrust {
			t.Errorf("%d bytes are counted for frames that have not come", used)
		}
	})
}

func TestFramesThatStallGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := memoryServer(t)
		var stalled []*client
		for range 4 { // Together they want twice the bound, and all stop on the way.
			stalled = append(stalled, begun(t, l, 600<<10))
		}
		synctest.Wait()
		if used := s.Stats().RequestBytes; used < 1<<20 || used > 3<<20 {
			t.Fatalf("%d bytes are counted", used)
		}
		began := time.Now()
		good := &client{t, l.dial()}
		defer good.Close()
		good.send(1, "x")
		good.expect(1, "x")
		if waited := time.Since(began); waited > 0 {
			t.Errorf("a small request waited %v for those who stall", waited)
		}
		good.send(2, string(make([]byte, 500<<10)))
		if id, body := good.receive(); id != 2 || len(body) != 500<<10 {
			t.Errorf("response %d of %d bytes", id, len(body))
		}
		if waited := time.Since(began); waited > 8*stallGrace { // Each that stalls is found out when it is its turn.
			t.Errorf("a large request waited %v for those who stall", waited)
		}
		for _, c := range stalled {
			_ = c.Close()
		}
		synctest.Wait()
		if used := s.Stats().RequestBytes; used != 0 {
			t.Errorf("%d bytes are still counted", used)
		}
	})
}

// Frames that together are larger than the bound, and all there in part, must
// not wait for each other.
func TestFramesInPartDoNotLockEachOtherOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := memoryServer(t)
		body := string(make([]byte, 1<<20-100))
		var clients []*client
		var busy sync.WaitGroup
		for range 8 {
			c := &client{t, l.dial()}
			defer c.Close()
			clients = append(clients, c)
			whole := frame(7, []byte(body))
			busy.Go(func() {
				for len(whole) > 0 { // Slowly enough that all are on their way, fast enough not to stall.
					n := min(len(whole), 100<<10)
					if _, err := c.Write(whole[:n]); err != nil {
						return
					}
					whole = whole[n:]
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		peak := int64(0)
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(10 * time.Millisecond):
					peak = max(peak, s.Stats().RequestBytes)
				}
			}
		}()
		for _, c := range clients {
			busy.Go(func() {
				if id, got := c.receive(); id != 7 || len(got) != len(body) {
					t.Errorf("response %d of %d bytes", id, len(got))
				}
			})
		}
		busy.Wait()
		close(done)
		synctest.Wait()
		if peak > 3<<20 {
			t.Errorf("%d bytes were counted at once, the bound is 1 MiB and two frames", peak)
		}
		if used := s.Stats().RequestBytes; used != 0 {
			t.Errorf("%d bytes are still counted", used)
		}
	})
}

func TestThoseWhoDoNotReadGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := memoryServer(t)
		for range 4 { // The responses are as large as the requests.
			c := &client{t, l.dial()}
			defer c.Close()
			go func() { _, _ = c.Write(frame(1, make([]byte, 1<<20-100))) }()
		}
		synctest.Wait()
		began := time.Now()
		good := &client{t, l.dial()}
		defer good.Close()
		good.send(1, "x")
		good.expect(1, "x")
		if waited := time.Since(began); waited > 5*stallGrace {
			t.Errorf("a client waited %v for those who do not read", waited)
		}
	})
}
