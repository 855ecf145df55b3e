package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/moldautest"
)

// stopAt ends the program as soon as it prints that.
type stopAt struct {
	what string
	stop context.CancelFunc
	all  strings.Builder
}

func (s *stopAt) Write(p []byte) (int, error) {
	s.all.Write(p)
	if strings.Contains(string(p), s.what) {
		s.stop()
	}
	return len(p), nil
}

// TestEveryPaymentCountsOnce pays while responses to the producer get lost and the
// broker is killed, and starts the ledger again for every payment.
func TestEveryPaymentCountsOnce(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("payments", 1, "flush.messages=1"))
	file := filepath.Join(t.TempDir(), "ledger.json")
	runUntil := func(what string) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := &stopAt{what: what, stop: cancel}
		if err := run(ctx, b.Addr(), file, s); ctx.Err() == nil {
			t.Fatalf("%v, after %s", err, &s.all)
		}
	}
	b.Inject(moldautest.Fault{DropResponse: true, Skip: 1, Times: 2}, kmsg.Produce)
	// The producer is idempotent by default: what it sends again is written once.
	cl := b.Client(kgo.DefaultProduceTopic("payments"))
	for i, want := range []string{"1 payments: map[anna:10]", "2 payments: map[anna:20]", "3 payments: map[anna:30]", "4 payments: map[anna:40]"} {
		if err := cl.ProduceSync(t.Context(), kgo.StringRecord(`{"account":"anna","amount":10}`)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			b.PowerFailure()
			b.Start()
		}
		runUntil(want)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("nonsense")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), b.Addr(), file, io.Discard); err == nil || !strings.Contains(err.Error(), "payment at offset 4") {
		t.Errorf("nonsense is a payment: %v", err)
	}
}
