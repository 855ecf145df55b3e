package moldautest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/moldautest"
)

// produce writes records with these values to partition 0, and waits for their
// acknowledgement.
func produce(t *testing.T, b *moldautest.Broker, topic string, values ...string) {
	t.Helper()
	cl := b.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer cl.Close()
	for _, value := range values {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatalf("produce %s: %v", value, err)
		}
	}
}

// poll reads that many records.
func poll(t *testing.T, cl *kgo.Client, count int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var values []string
	for len(values) < count {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %v: %v", values, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

// wantRecords reads a topic from its start.
func wantRecords(t *testing.T, b *moldautest.Broker, topic string, want ...string) {
	t.Helper()
	cl := b.Client(kgo.ConsumeTopics(topic))
	defer cl.Close()
	if got := poll(t, cl, len(want)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s has %v, want %v", topic, got, want)
	}
}
