// Command group consumes a topic as a member of a consumer group. Start it several
// times: the members share the partitions, and when one of them ends, the others
// take over where it was.
//
//	go run ./examples/group [host:port]
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	addr := "localhost:9092"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, kgo.SeedBrokers(addr)); err != nil {
		log.Fatal(err)
	}
}

// run consumes until ctx ends.
func run(ctx context.Context, out io.Writer, opts ...kgo.Opt) error {
	cl, err := kgo.NewClient(append(opts,
		kgo.ConsumerGroup("billing"),
		kgo.ConsumeTopics("orders"),
		// Where a group that has no offset yet begins.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// Offsets are committed only for records that were processed, and partitions
		// are given away only between two polls.
		kgo.AutoCommitMarks(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, gained map[string][]int32) {
			fmt.Fprintf(out, "gained %s\n", list(gained))
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, cl *kgo.Client, lost map[string][]int32) {
			if err := cl.CommitMarkedOffsets(ctx); err != nil { // The next owner goes on from here.
				fmt.Fprintf(out, "commit: %v\n", err)
			}
			fmt.Fprintf(out, "gave up %s\n", list(lost))
		}),
	)...)
	if err != nil {
		return err
	}
	defer cl.CloseAllowingRebalance() // Leaves the group: the others need not wait for the session timeout.

	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			fmt.Fprintln(out, err) // The client tries again by itself, for instance while the broker is down.
		}
		for _, record := range fetches.Records() {
			fmt.Fprintf(out, "partition %d, offset %d: %s\n", record.Partition, record.Offset, record.Value)
			cl.MarkCommitRecords(record)
		}
		cl.AllowRebalance()
	}
}

func list(partitions map[string][]int32) string {
	var all []string
	for topic, ids := range partitions {
		for _, id := range ids {
			all = append(all, fmt.Sprintf("%s-%d", topic, id))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
