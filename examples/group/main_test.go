package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/moldautest"
)

// output is what a member prints, for a test that waits for it.
type output struct {
	mu   sync.Mutex // Guards text.
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// waitFor waits a bubble's hour at most.
func waitFor(t *testing.T, o *output, what string) {
	t.Helper()
	for deadline := time.Now().Add(time.Hour); !strings.Contains(o.String(), what); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %q, it says %q", what, o)
		}
	}
}

// TestMembersShareAndTakeOver starts one member after the other, and ends the first.
// In a bubble of testing/synctest nobody waits for heartbeats.
func TestMembersShareAndTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := moldautest.Start(t, moldautest.WithVirtualNetwork(), moldautest.WithTopic("orders", 2))
		cl := b.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
		produce := func(order string) {
			for p := range int32(2) {
				record := &kgo.Record{Topic: "orders", Partition: p, Value: fmt.Appendf(nil, "%s %d", order, p)}
				if err := cl.ProduceSync(t.Context(), record).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
		}
		start := func(o *output) (stop func()) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				if err := run(ctx, o, kgo.SeedBrokers(b.Addr()), kgo.Dialer(b.DialContext)); err != nil {
					t.Error(err)
				}
			}()
			return func() { cancel(); <-done }
		}
		var first, second output
		stopFirst := start(&first)
		waitFor(t, &first, "gained orders-0 orders-1")
		produce("beer")
		waitFor(t, &first, "offset 0: beer 0")
		waitFor(t, &first, "offset 0: beer 1")
		stopSecond := start(&second)
		waitFor(t, &first, "gave up orders-") // One of two, cooperatively.
		waitFor(t, &second, "gained orders-")
		stopFirst()
		produce("bill")
		waitFor(t, &second, "offset 1: bill 0")
		waitFor(t, &second, "offset 1: bill 1")
		if strings.Contains(second.String(), "beer") {
			t.Errorf("the second member consumes again what the first has committed: %s", &second)
		}
		stopSecond()
	})
}
