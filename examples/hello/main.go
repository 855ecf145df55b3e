// Command hello writes three records to a topic and reads them back.
//
//	go run ./examples/hello [host:port]
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	addr := "localhost:9092"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	if err := run(context.Background(), addr, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string, out io.Writer) error {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(addr),
		kgo.AllowAutoTopicCreation(), // The broker's auto.create.topics.enable permits it.
		kgo.DefaultProduceTopic("greetings"),
		kgo.ConsumeTopics("greetings"), // Without a group: from the beginning, remembering nothing.
	)
	if err != nil {
		return err
	}
	defer cl.Close()

	// Records with the same key go to the same partition, and stay in order there.
	for _, greeting := range []string{"Dobrý den", "Grüß Gott", "Hello"} {
		record := &kgo.Record{Key: []byte("greeter"), Value: []byte(greeting)}
		// ProduceSync waits for the acknowledgement; programs in a hurry use Produce.
		if err := cl.ProduceSync(ctx, record).FirstErr(); err != nil {
			return fmt.Errorf("produce: %w", err)
		}
	}
	for read := 0; read < 3; {
		fetches := cl.PollFetches(ctx) // Waits until there is something.
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume: %w", err)
		}
		for _, record := range fetches.Records() {
			fmt.Fprintf(out, "offset %d: %s\n", record.Offset, record.Value)
			read++
		}
	}
	return nil
}
