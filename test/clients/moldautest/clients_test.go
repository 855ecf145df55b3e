// Package moldautest_test uses moldautest with a client other than franz-go. It is a
// module of its own, so that nobody else has to fetch them.
package moldautest_test

import (
	"testing"
	"time"

	"github.com/IBM/sarama"

	"moldau.dev/moldau/moldautest"
)

func TestSarama(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("orders", 1))
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer([]string{b.Addr()}, config)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: "orders", Value: sarama.StringEncoder("one beer")}); err != nil {
		t.Fatal(err)
	}
	consumer, err := sarama.NewConsumer([]string{b.Addr()}, config)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	orders, err := consumer.ConsumePartition("orders", 0, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer orders.Close()
	select {
	case m := <-orders.Messages():
		if string(m.Value) != "one beer" {
			t.Errorf("the order is %s", m.Value)
		}
	case <-time.After(30 * time.Second):
		t.Error("there is no order")
	}
}
