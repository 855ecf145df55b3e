package network

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceFrame is frame as a Produce request.
func produceFrame(correlationID int32, body string) []byte {
	return frameOf(kmsg.Produce, 3, correlationID, body)
}

// frameOf is frame as a request of another API.
func frameOf(key kmsg.Key, version uint16, correlationID int32, body string) []byte {
	b := frame(correlationID, []byte(body))
	binary.BigEndian.PutUint16(b[4:], uint16(key))
	binary.BigEndian.PutUint16(b[6:], version)
	return b
}

// sendTimes notes when responses began to be sent.
type sendTimes struct {
	*counters
	began chan time.Time
}

func (s *sendTimes) RequestDone(c *Conn, t RequestTimes) {
	s.began <- t.SendStarted
	s.counters.RequestDone(c, t)
}

// overBoth runs a test over a network in memory and over loopback, which are read in
// different ways.
func overBoth(t *testing.T, o Options, test func(t *testing.T, c *client)) {
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newMemListener()
			serveOn(t, o, l)
			c := &client{t, l.dial()}
			defer c.Close()
			test(t, c)
		})
	})
	t.Run("loopback", func(t *testing.T) {
		_, address := start(t, o)
		test(t, dial(t, address))
	})
}

func TestAnswersToPipelinedProducesAreWrittenTogether(t *testing.T) {
	times := &sendTimes{newCounters(), make(chan time.Time, 100)}
	_, address := start(t, Options{Handler: handlerFunc(echo), Observer: times})
	c := dial(t, address)
	var burst []byte
	for i := range int32(maxDeferred + 1) {
		burst = append(burst, produceFrame(i, "x")...)
	}
	if _, err := c.Write(burst); err != nil {
		t.Fatal(err)
	}
	for i := range int32(maxDeferred + 1) {
		c.expect(i, "x")
	}
	first := <-times.began
	for range maxDeferred {
		if next := <-times.began; !next.Equal(first) {
			t.Errorf("written %v later", next.Sub(first))
		}
	}
}

// A frame that is larger than what is read beyond the one before it.
func TestLargePipelinedProduces(t *testing.T) {
	overBoth(t, Options{Handler: handlerFunc(echo)}, func(t *testing.T, c *client) {
		body := strings.Repeat("x", 100<<10)
		var burst []byte
		const requests = 20
		for i := range int32(requests) {
			burst = append(burst, produceFrame(i, body[:len(body)-int(i)])...)
		}
		sent := make(chan error, 1)
		go func() {
			_, err := c.Write(burst)
			sent <- err
		}()
		for i := range int32(requests) {
			c.expect(i, body[:len(body)-int(i)])
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	})
}

// An answer does not wait for the rest of a request that may never come.
func TestDeferredAnswersAreWrittenBeforeTheReaderWaits(t *testing.T) {
	overBoth(t, Options{Handler: handlerFunc(echo)}, func(t *testing.T, c *client) {
		for _, size := range []int{10, 100 << 10} {
			next := produceFrame(2, strings.Repeat("y", size))
			sent := make(chan error, 1)
			go func() { // The network in memory holds nothing: who writes waits for the reader.
				_, err := c.Write(append(produceFrame(1, "x"), next[:len(next)-1]...))
				sent <- err
			}()
			c.expect(1, "x")
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write(next[len(next)-1:]); err != nil {
				t.Fatal(err)
			}
			c.expect(2, strings.Repeat("y", size))
		}
	})
}

// Nor does it wait for a request whose handler waits.
func TestDeferredAnswersAreWrittenBeforeAHandlerWaits(t *testing.T) {
	release := make(chan struct{})
	handler := handlerFunc(func(_ context.Context, r *Request) {
		if r.Header.Key != int16(kmsg.Produce) {
			<-release
		}
		answer(r, string(r.Body))
	})
	_, address := start(t, Options{Handler: handler})
	c := dial(t, address)
	if _, err := c.Write(append(produceFrame(1, "x"), frame(2, []byte("y"))...)); err != nil {
		t.Fatal(err)
	}
	c.expect(1, "x")
	close(release)
	c.expect(2, "y")
}

// Nor does it hold the memory that the next request waits for.
func TestDeferredAnswersGiveTheirMemoryBack(t *testing.T) {
	limits := DefaultLimits()
	limits.QueuedMaxRequestBytes = 1000
	overBoth(t, Options{Handler: handlerFunc(echo), Limits: limits}, func(t *testing.T, c *client) {
		body := strings.Repeat("x", 1900)
		burst := produceFrame(0, body)
		for i := range int32(9) {
			burst = append(burst, produceFrame(i+1, body)...)
		}
		go func() { _, _ = c.Write(burst) }()
		for i := range int32(10) {
			c.expect(i, body)
		}
	})
}
