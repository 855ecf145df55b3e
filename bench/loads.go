package main

import (
	"context"
	"fmt"
	"strconv"
)

// Volumes and warm-ups of the loads. What is compared by cost has a fixed volume, so
// that the faster one does not pay for a fuller page cache.
const (
	produced   = "2GB"
	fetched    = "1GB" // What the topic holds.
	loadWarmup = "1s"
	// written is more than any load writes, with its warm-up.
	written = 4 << 30
	// keepFiles leaves the files of a deleted topic where they are for longer than the
	// benchmark takes: what they have in the page cache becomes free with them, in the
	// middle of another measurement.
	keepFiles = "file.delete.delay.ms=7200000"
)

// produce measures the cost of large batches.
func (s *suite) produce(ctx context.Context, b *broker, round int) error {
	for _, partitions := range []int{8, 64} {
		name := fmt.Sprintf("produce-%d", partitions)
		r, err := s.load(ctx, b, name, round, "produce", "-p", strconv.Itoa(partitions), "--bytes", produced, "--warmup", loadWarmup)
		if err != nil {
			return err
		}
		s.note(measurement{Metric: name, Broker: b.kind, Round: round, Value: r.Broker.CPUSecondsPerGB})
	}
	return nil
}

// fetchArgs are those of a load that reads the topic of all fetches; the first one
// makes and fills it.
func (s *suite) fetchArgs(consumers int) []string {
	return []string{"consume", "-t", "hot", "--keep", "--fill", fetched, "--config", "retention.ms=-1", "-c", strconv.Itoa(consumers)}
}

// fetch measures the cost of reading what is in the page cache.
func (s *suite) fetch(ctx context.Context, b *broker, round int) error {
	for _, consumers := range []int{1, 8, 100} {
		name := fmt.Sprintf("fetch-%d", consumers)
		r, err := s.load(ctx, b, name, round, append(s.fetchArgs(consumers), "-d", s.options.seconds.String(), "--warmup", loadWarmup)...)
		if err != nil {
			return err
		}
		s.note(measurement{Metric: name, Broker: b.kind, Round: round, Value: r.Broker.CPUSecondsPerGB})
	}
	return nil
}

// requests measures the cost of requests with one record.
func (s *suite) requests(ctx context.Context, b *broker, round int) error {
	for _, connections := range []int{1, 100, 1000} {
		name := fmt.Sprintf("requests-%d", connections)
		r, err := s.load(ctx, b, name, round, "requests", "-c", strconv.Itoa(connections), "-d", s.options.seconds.String(), "--warmup", loadWarmup)
		if err != nil {
			return err
		}
		s.note(measurement{Metric: name, Broker: b.kind, Round: round, Value: float64(r.Requests) / r.Broker.CPUSeconds})
		if connections == 1 {
			s.note(measurement{Metric: name + "-p50", Broker: b.kind, Round: round, Value: r.Latency.P50 * 1e3})
		}
	}
	return nil
}

// flush measures requests that are synced before they are acknowledged.
func (s *suite) flush(ctx context.Context, b *broker, round int) error {
	r, err := s.load(ctx, b, groupFlush, round, "requests", "-c", "64", "-p", "8", "--config", "flush.messages=1",
		"-d", s.options.seconds.String(), "--warmup", loadWarmup)
	if err != nil {
		return err
	}
	s.note(measurement{Metric: groupFlush, Broker: b.kind, Round: round, Value: r.RequestsPerSecond()})
	return nil
}

// endToEnd measures latency at a steady rate.
func (s *suite) endToEnd(ctx context.Context, b *broker, round int) error {
	for _, rate := range []int{10_000, 30_000} {
		name := fmt.Sprintf("e2e-%d", rate)
		r, err := s.load(ctx, b, name, round, "e2e", "--rate", strconv.Itoa(rate), "-d", (2 * s.options.seconds).String(), "--warmup", "2s",
			"--config", keepFiles)
		if err != nil {
			return err
		}
		s.note(measurement{Metric: name + "-p99", Broker: b.kind, Round: round, Value: r.Latency.P99})
		s.note(measurement{Metric: name + "-p99.9", Broker: b.kind, Round: round, Value: r.Latency.P999})
	}
	return nil
}
