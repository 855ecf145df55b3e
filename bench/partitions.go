package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"moldau.dev/moldau/internal/bench"
)

// What the group has, and how its clients ask.
const (
	manyTopics     = 1000
	topicsEach     = 10  // Partitions of each.
	createEach     = 100 // Topics of one CreateTopics, and of one ListOffsets.
	manyProducers  = 8
	manyRetryPause = 20 * time.Millisecond
	// manyTimeout bounds a restart; Apache Kafka takes more than a minute.
	manyTimeout = 5 * time.Minute
)

// partitions measures a node with ten thousand partitions.
func (s *suite) partitions(ctx context.Context) error { return s.onNewNodes(ctx, s.partitionsOf) }

// onNewNodes measures in rounds, each on a new node. Apache Kafka takes some minutes for
// one, and gets fewer. All folders stay until the last round is over, or one has
// failed: what a round deletes, the next would pay for (dropCaches says how).
func (s *suite) onNewNodes(ctx context.Context, measure func(ctx context.Context, b *broker, round int) error) (err error) {
	var brokers []*broker
	defer func() { err = errors.Join(err, remove(brokers)) }()
	for round := range max(s.options.rounds, s.options.kafkaSlow) {
		for _, kind := range order(round, s.kinds()) {
			rounds := s.options.rounds
			if kind == kafka {
				rounds = s.options.kafkaSlow
			}
			if round >= rounds {
				continue
			}
			s.tell("partitions, round %d of %d: %s", round+1, rounds, kind)
			b, err := s.installation.newBroker(ctx, kind)
			if err == nil {
				brokers = append(brokers, b)
				err = errors.Join(measure(ctx, b, round), b.kill())
			}
			if err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
	}
	return nil
}

func (s *suite) partitionsOf(ctx context.Context, b *broker, round int) error {
	s.forgetDeleted(groupPartitions)
	if err := settle(); err != nil {
		return err
	}
	if err := b.start(anywhere); err != nil {
		return err
	}
	if err := b.await(ctx); err != nil {
		return err
	}
	// timed measures one step and tells whether it came to its end in time.
	timed := func(metric string, work func() error) (bool, error) {
		begin := time.Now()
		err := work()
		expired := errors.Is(err, context.DeadlineExceeded)
		if err != nil && !expired {
			return false, fmt.Errorf("%s: %w", metric, err)
		}
		s.note(measurement{Metric: metric, Broker: b.kind, Round: round, Value: time.Since(begin).Seconds(), AtLeast: expired})
		return !expired, ctx.Err()
	}
	restart := func() error {
		if err := b.start(anywhere); err != nil {
			return err
		}
		return allAnswer(ctx, b)
	}
	done, err := timed("partitions-create", func() error { return fillMany(ctx, b) })
	if err != nil || !done {
		return err // Without them there is nothing to restart.
	}
	used, err := bench.ReadProcess(b.pid())
	if err != nil {
		return err
	}
	s.note(measurement{Metric: "partitions-rss", Broker: b.kind, Round: round, Value: float64(used.RSS) / (1 << 20)})
	stopped, err := timed("partitions-stop", func() error { return s.stopWithin(ctx, b) })
	if err != nil {
		return err
	}
	if stopped { // Otherwise it was killed.
		if _, err := timed("partitions-restart", restart); err != nil {
			return err
		}
		if err := b.kill(); err != nil {
			return err
		}
	}
	_, err = timed("partitions-killed", restart)
	return err
}

// fillMany creates the topics and puts one record into each of their partitions.
func fillMany(ctx context.Context, b *broker) error {
	ctx, cancel := context.WithTimeout(ctx, manyTimeout)
	defer cancel()
	conn, err := bench.Dial(ctx, b.addr)
	if err != nil {
		return err
	}
	var topics []kmsg.ProduceRequestTopic
	for first := 0; first < manyTopics; first += createEach {
		created, err := createMany(conn, first)
		if err != nil {
			return late(ctx, err)
		}
		topics = append(topics, created...)
	}
	group, working := errgroup.WithContext(ctx)
	for i := range manyProducers {
		group.Go(func() error {
			conn, err := bench.Dial(working, b.addr)
			if err != nil {
				return err
			}
			for k := i; k < len(topics); k += manyProducers {
				if err := produceOnce(working, conn, topics[k]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return late(ctx, group.Wait())
}

// late adds to the error of a connection that it was closed because time was up.
func late(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, ctx.Err())
}

func manyName(i int) string { return fmt.Sprintf("many-%04d", i) }

// createMany creates some of the topics, and gives for each a record for every
// partition.
func createMany(conn *bench.Conn, first int) ([]kmsg.ProduceRequestTopic, error) {
	req, resp := kmsg.NewPtrCreateTopicsRequest(), kmsg.NewPtrCreateTopicsResponse()
	req.SetVersion(conn.Version(req))
	req.TimeoutMillis = int32(manyTimeout.Milliseconds())
	for i := range createEach {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = manyName(first+i), topicsEach, 1
		req.Topics = append(req.Topics, t)
	}
	if err := conn.Do(req, resp); err != nil {
		return nil, err
	}
	var topics []kmsg.ProduceRequestTopic
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, fmt.Errorf("create %s: %w", t.Topic, err)
		}
		produce := kmsg.NewProduceRequestTopic()
		produce.Topic, produce.TopicID = t.Topic, t.TopicID
		for partition := range int32(topicsEach) {
			produce.Partitions = append(produce.Partitions, onePartition(partition))
		}
		topics = append(topics, produce)
	}
	return topics, nil
}

// produceOnce writes to every partition of a topic, and again to those that the
// broker did not know yet.
func produceOnce(ctx context.Context, conn *bench.Conn, t kmsg.ProduceRequestTopic) error {
	req, resp := kmsg.NewPtrProduceRequest(), kmsg.NewPtrProduceResponse()
	req.SetVersion(conn.Version(req))
	req.Acks, req.TimeoutMillis = -1, 60_000
	for pending := t.Partitions; len(pending) > 0; {
		t.Partitions = pending
		req.Topics = append(req.Topics[:0], t)
		if err := conn.Do(req, resp); err != nil {
			return err
		}
		pending = nil
		for _, p := range resp.Topics[0].Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			switch {
			case err == nil:
			case kerr.IsRetriable(err):
				pending = append(pending, onePartition(p.Partition))
			default:
				return fmt.Errorf("produce to %s-%d: %w", t.Topic, p.Partition, err)
			}
		}
		if len(pending) > 0 {
			if err := wait(ctx, manyRetryPause); err != nil {
				return err
			}
		}
	}
	return nil
}

// allAnswer waits until every partition tells that it ends after its record.
func allAnswer(ctx context.Context, b *broker) error {
	ctx, cancel := context.WithTimeout(ctx, manyTimeout)
	defer cancel()
	var last error
	for first := 0; first < manyTopics; {
		select {
		case <-b.exited:
			return fmt.Errorf("%s has ended\n%s", b.kind, b.output())
		default:
		}
		first, last = answerFrom(ctx, b, first)
		if last == nil {
			continue
		}
		if err := wait(ctx, manyRetryPause); err != nil {
			return fmt.Errorf("not every partition answers: %w", errors.Join(err, last))
		}
	}
	return nil
}

// answerFrom asks on one connection, from that topic on, and tells how far it came.
func answerFrom(ctx context.Context, b *broker, first int) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := bench.Dial(ctx, b.addr)
	if err != nil {
		return first, err
	}
	for first < manyTopics {
		if err := answers(conn, first); err != nil {
			return first, err
		}
		first += createEach
	}
	return first, nil
}

// answers asks for the end of every partition of some of the topics.
func answers(conn *bench.Conn, first int) error {
	req, resp := kmsg.NewPtrListOffsetsRequest(), kmsg.NewPtrListOffsetsResponse()
	req.SetVersion(conn.Version(req))
	req.ReplicaID = -1
	for i := range createEach {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = manyName(first + i)
		for partition := range int32(topicsEach) {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp = partition, -1
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	if err := conn.Do(req, resp); err != nil {
		return err
	}
	answered := 0
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("%s-%d: %w", t.Topic, p.Partition, err)
			}
			if p.Offset != 1 {
				return fmt.Errorf("%s-%d ends at %d, not 1", t.Topic, p.Partition, p.Offset)
			}
			answered++
		}
	}
	if answered != createEach*topicsEach {
		return fmt.Errorf("%d of %d partitions answered", answered, createEach*topicsEach)
	}
	return nil
}
