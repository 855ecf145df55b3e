package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/bench"
	"moldau.dev/moldau/internal/record"
)

// Bounds on starts and stops.
const (
	startTimeout = 3 * time.Minute
	stopTimeout  = 3 * time.Minute
	// retryPause is what a client here waits before it asks again.
	retryPause = time.Millisecond
)

// start measures from exec to the first acknowledged record, into a topic that the
// node had before; the folder was formatted before, too.
func (s *suite) start(ctx context.Context) error {
	var brokers []*broker
	defer func() { _ = remove(brokers) }() // An error before is the one to tell.
	for _, kind := range s.kinds() {
		b, err := s.installation.newBroker(ctx, kind)
		if err != nil {
			return err
		}
		brokers = append(brokers, b)
		if err := b.start(anywhere); err != nil {
			return err
		}
		if err := b.await(ctx); err != nil {
			return err
		}
		if err := createTopic(ctx, b, "first", 1); err != nil {
			return err
		}
		if err := s.stopWithin(ctx, b); err != nil {
			return err
		}
	}
	for round := range s.options.rounds {
		for _, b := range order(round, brokers) {
			if err := settle(); err != nil {
				return err
			}
			begin := time.Now()
			if err := b.start(anywhere); err != nil {
				return err
			}
			if err := firstAck(ctx, b); err != nil {
				return err
			}
			s.note(measurement{Metric: groupStart, Broker: b.kind, Round: round, Value: time.Since(begin).Seconds() * 1e3})
			if err := b.await(ctx); err != nil {
				return err
			}
			if err := s.stopWithin(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *suite) stopWithin(ctx context.Context, b *broker) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	return b.stop(ctx)
}

// createTopic creates a topic with the broker's defaults and waits for its leaders.
func createTopic(ctx context.Context, b *broker, topic string, partitions int32) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, partitions, 1, nil, topic); err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	for {
		offsets, err := admin.ListEndOffsets(ctx, topic)
		if err == nil && offsets.Error() == nil {
			return nil
		}
		if err := wait(ctx, awaitPause); err != nil {
			return err
		}
	}
}

// firstAck produces one record as soon as the broker takes it.
func firstAck(ctx context.Context, b *broker) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := tryFirst(ctx, b)
		if err == nil {
			return nil
		}
		select {
		case <-b.exited:
			return fmt.Errorf("%s has ended\n%s", b.kind, b.output())
		case <-ctx.Done():
			return fmt.Errorf("%s acknowledges nothing: %w\n%s", b.kind, err, b.output())
		case <-time.After(retryPause):
		}
	}
}

// tryFirst connects and produces until the connection fails.
func tryFirst(ctx context.Context, b *broker) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := bench.Dial(ctx, b.addr)
	if err != nil {
		return err
	}
	req, resp := kmsg.NewPtrProduceRequest(), kmsg.NewPtrProduceResponse()
	const named = 12 // The last version that names topics: ids are not known yet.
	req.SetVersion(min(conn.Version(req), named))
	req.Acks, req.TimeoutMillis = -1, 10_000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "first"
	topic.Partitions = append(topic.Partitions, onePartition(0))
	req.Topics = append(req.Topics, topic)
	for ctx.Err() == nil {
		if err := conn.Do(req, resp); err != nil {
			return err
		}
		err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
		if err == nil {
			return nil
		}
		if !kerr.IsRetriable(err) {
			return err
		}
		if err := wait(ctx, retryPause); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// onePartition is a batch of one record of 100 bytes for a partition.
func onePartition(partition int32) kmsg.ProduceRequestTopicPartition {
	builder := record.NewBuilder(record.NewOptions(0))
	builder.Append(time.Now().UnixMilli(), nil, make([]byte, 100))
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, builder.Build()
	return p
}

// Idle nodes are left alone before their CPU counts, and for how long it counts.
const (
	idleCalm   = 15 * time.Second
	idleSample = 15 * time.Second
	idleRounds = 3
)

// idle measures nodes that have just started and have nothing to do. Both are idle
// at the same time: nothing that either does is measured by the clock.
func (s *suite) idle(ctx context.Context) error {
	for round := range min(s.options.rounds, idleRounds) {
		if err := s.idleRound(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) idleRound(ctx context.Context, round int) (err error) {
	var brokers []*broker
	defer func() { err = errors.Join(err, remove(brokers)) }()
	for _, kind := range s.kinds() {
		b, err := s.installation.newBroker(ctx, kind)
		if err != nil {
			return err
		}
		brokers = append(brokers, b)
		if err := b.start(anywhere); err != nil {
			return err
		}
		if err := b.await(ctx); err != nil {
			return err
		}
	}
	if err := wait(ctx, idleCalm); err != nil {
		return err
	}
	before := make([]bench.Process, len(brokers))
	for i, b := range brokers {
		if before[i], err = bench.ReadProcess(b.pid()); err != nil {
			return err
		}
	}
	if err := wait(ctx, idleSample); err != nil {
		return err
	}
	for i, b := range brokers {
		after, err := bench.ReadProcess(b.pid())
		if err != nil {
			return err
		}
		s.note(measurement{Metric: "idle-rss", Broker: b.kind, Round: round, Value: float64(after.RSS) / (1 << 20)})
		share := (after.CPUSeconds - before[i].CPUSeconds) / idleSample.Seconds()
		s.note(measurement{Metric: "idle-cpu", Broker: b.kind, Round: round, Value: share * 100})
	}
	return nil
}
