package moldautest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/moldautest"
)

// A broker with a topic, for any client: this one is franz-go. t is the test's
// *testing.T.
func ExampleStart() {
	b := moldautest.Start(t, moldautest.WithTopic("orders", 3))

	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.ConsumeTopics("orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("one beer")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for _, record := range cl.PollFetches(t.Context()).Records() {
		fmt.Printf("%s\n", record.Value)
	}
	// Output: one beer
}

// Settings of the broker and of topics are Kafka's.
func ExampleWithConfig() {
	b := moldautest.Start(t,
		moldautest.WithConfig("auto.create.topics.enable=false", "message.max.bytes=1000"),
		moldautest.WithTopic("sensors", 1, "retention.ms=60000"))

	cl := b.Client(kgo.DefaultProduceTopic("sensors"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := cl.ProduceSync(t.Context(), &kgo.Record{Key: []byte("attic"), Value: make([]byte, 2000)}).FirstErr()
	fmt.Println(errors.Is(err, kerr.MessageTooLarge))
	// Output: true
}

// The first two attempts to produce fail: the client has to try again.
func ExampleBroker_Inject() {
	b := moldautest.Start(t, moldautest.WithTopic("orders", 1))
	fault := b.Inject(moldautest.Fault{Error: kerr.NotEnoughReplicas, Times: 2}, kmsg.Produce)

	cl := b.Client(kgo.DefaultProduceTopic("orders"))
	err := cl.ProduceSync(t.Context(), kgo.StringRecord("one beer")).FirstErr()
	fmt.Println(err, "after", fault.Hits(), "failures")
	// Output: <nil> after 2 failures
}

// The broker writes the record and is not heard: an idempotent producer sends it
// again, and it is there once.
func ExampleBroker_Inject_dropResponse() {
	b := moldautest.Start(t, moldautest.WithTopic("orders", 1))
	b.Inject(moldautest.Fault{DropResponse: true, Times: 1}, kmsg.Produce)

	cl := b.Client(kgo.DefaultProduceTopic("orders"), kgo.ConsumeTopics("orders"))
	for _, order := range []string{"one beer", "the bill"} {
		if err := cl.ProduceSync(t.Context(), kgo.StringRecord(order)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for orders := 0; orders < 2; {
		for _, record := range cl.PollFetches(t.Context()).Records() {
			fmt.Printf("%d: %s\n", record.Offset, record.Value)
			orders++
		}
	}
	// Output:
	// 0: one beer
	// 1: the bill
}

// The machine loses its power. What the topic had synced is there afterwards.
func ExampleBroker_PowerFailure() {
	b := moldautest.Start(t, moldautest.WithTopic("payments", 1, "flush.messages=1"))
	cl := b.Client(kgo.DefaultProduceTopic("payments"), kgo.ConsumeTopics("payments"))
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("100 crowns")).FirstErr(); err != nil {
		t.Fatal(err)
	}

	b.PowerFailure()
	b.Start()

	for _, record := range cl.PollFetches(t.Context()).Records() {
		fmt.Printf("%s\n", record.Value)
	}
	// Output: 100 crowns
}

// In a bubble of testing/synctest a day passes in milliseconds: what the topic
// keeps for an hour is gone the next morning.
func ExampleWithVirtualNetwork() {
	_ = func(t *testing.T) { // A test of yours.
		synctest.Test(t, func(t *testing.T) {
			b := moldautest.Start(t, moldautest.WithVirtualNetwork(),
				moldautest.WithTopic("codes", 1, "retention.ms=3600000"))
			cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.Dialer(b.DialContext), kgo.ConsumeTopics("codes"))
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			cl.ProduceSync(t.Context(), &kgo.Record{Topic: "codes", Value: []byte("1234")})

			time.Sleep(24 * time.Hour)

			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if records := cl.PollFetches(ctx).Records(); len(records) > 0 {
				t.Errorf("%s is still there", records[0].Value)
			}
		})
	}
}
