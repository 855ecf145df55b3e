// Command eventsourcing keeps no state but a log: what is in the shelf of a brewery
// follows from all that was ever put in or taken out. It reads the topic from its
// start, decides, and appends what it has decided.
//
//	go run ./examples/eventsourcing host:port put|take number
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const topic = "shelf" // One partition: one order of events. It is kept for ever (retention.ms=-1).

// event is what has happened; it never changes afterwards.
type event struct {
	Put   int `json:"put,omitempty"`
	Taken int `json:"taken,omitempty"`
}

// shelf is the state, which only events change.
type shelf struct{ bottles int }

func (s *shelf) apply(e event) { s.bottles += e.Put - e.Taken }

// replay gives the state at the end that the log has now.
func replay(ctx context.Context, cl *kgo.Client) (*shelf, error) {
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	end, _ := ends.Lookup(topic, 0)
	s := &shelf{}
	for next := int64(0); next < end.Offset; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		for _, record := range fetches.Records() {
			var e event
			if err := json.Unmarshal(record.Value, &e); err != nil {
				return nil, fmt.Errorf("event at offset %d: %w", record.Offset, err)
			}
			s.apply(e)
			next = record.Offset + 1
		}
	}
	return s, nil
}

// run carries out one command.
func run(ctx context.Context, addr, command string, n int, out io.Writer) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return err
	}
	defer cl.Close()
	s, err := replay(ctx, cl)
	if err != nil {
		return err
	}
	e := event{Put: n}
	if command == "take" {
		e = event{Taken: n}
	}
	if e.Taken > s.bottles {
		return fmt.Errorf("there are only %d bottles", s.bottles)
	}
	value, _ := json.Marshal(e) // It has nothing that could fail.
	if err := cl.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
		return err
	}
	s.apply(e)
	fmt.Fprintf(out, "%d bottles\n", s.bottles)
	return nil
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: eventsourcing host:port put|take number")
	}
	n, err := strconv.Atoi(os.Args[3])
	if err == nil {
		err = run(context.Background(), os.Args[1], os.Args[2], n, os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}
