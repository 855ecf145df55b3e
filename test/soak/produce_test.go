package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/test/history"
)

// topicSpec is a topic of the load, with one producer for each codec.
type topicSpec struct {
	name       string
	partitions int32
	configs    map[string]*string
	codecs     []kgo.CompressionCodec
	// rate is in records per second for each producer, size in bytes.
	rate, size int
}

const (
	keptTopic    = "kept"    // Nothing is ever deleted from it.
	timedTopic   = "timed"   // Retention by time, and a roll every few seconds.
	sizedTopic   = "sized"   // Retention by size.
	trimmedTopic = "trimmed" // DeleteRecords.
	probeTopic   = "probe"   // A record at a time, whose latency is measured.

	timedRetention = 45 * time.Second
	sizedRetention = 4 << 20
)

var topics = []topicSpec{
	{name: keptTopic, partitions: 4, rate: 40, size: 150, codecs: []kgo.CompressionCodec{kgo.NoCompression(), kgo.ZstdCompression()}},
	{name: timedTopic, partitions: 4, rate: 160, size: 500, codecs: []kgo.CompressionCodec{kgo.Lz4Compression(), kgo.NoCompression(), kgo.SnappyCompression()}, configs: configs(
		"retention.ms", strconv.Itoa(int(timedRetention.Milliseconds())), "segment.ms", "10000")},
	{name: sizedTopic, partitions: 2, rate: 200, size: 1000, codecs: []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression()}, configs: configs(
		"retention.bytes", strconv.Itoa(sizedRetention), "segment.bytes", "1048576")},
	{name: trimmedTopic, partitions: 2, rate: 120, size: 300, codecs: []kgo.CompressionCodec{kgo.SnappyCompression()}, configs: configs("segment.ms", "15000")},
	{name: probeTopic, partitions: 1, configs: configs("retention.ms", "60000", "segment.ms", "20000")},
}

func configs(pairs ...string) map[string]*string {
	m := map[string]*string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = kadm.StringPtr(pairs[i+1])
	}
	return m
}

// forgetfulTopics are those whose records go.
func forgetfulTopics() []string { return []string{timedTopic, sizedTopic, trimmedTopic} }

// producers writes to a topic with one idempotent producer after the other.
func (s *soak) producers(ctx context.Context, topic topicSpec, index int, codec kgo.CompressionCodec) {
	for life := 0; ctx.Err() == nil; life++ {
		name := fmt.Sprintf("%s.%d.%d", topic.name, index, life)
		ends, cancel := context.WithTimeout(ctx, 20*time.Second+rand.N(100*time.Second))
		s.produce(ends, name, topic, codec)
		cancel()
	}
}

// produce writes at the topic's rate until ctx ends, and waits for the answers.
func (s *soak) produce(ctx context.Context, name string, topic topicSpec, codec kgo.CompressionCodec) {
	cl := s.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(100*time.Millisecond),
		kgo.MaxBufferedRecords(500))
	defer cl.Close()
	const step = 200 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	for ctx.Err() == nil {
		for range max(1, topic.rate*int(step)/int(time.Second)) {
			s.send(cl, name, topic)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	flush, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := cl.Flush(flush); err != nil {
		s.violation(fmt.Errorf("producer %s has no answers: %w", name, err))
	}
}

// send produces one record. A producer tries for ever, so that an answer which is
// an error means that something is wrong.
func (s *soak) send(cl *kgo.Client, producer string, topic topicSpec) {
	p := history.Partition{Topic: topic.name, Partition: rand.Int32N(topic.partitions)}
	a := s.ledger.Attempt(producer, p, topic.size/2+rand.IntN(topic.size))
	a.Record.Timestamp = time.Now()
	cl.Produce(context.Background(), a.Record, func(r *kgo.Record, err error) {
		if err != nil {
			s.ledger.Failed(a)
			s.did.failed.Add(1)
			s.violation(fmt.Errorf("produce to %v: %w", p, err))
			return
		}
		s.did.produced.Add(1)
		s.deletions.written(p, r.Timestamp, r.Offset)
		if err := s.ledger.Acked(a, r.Offset); err != nil {
			s.violation(err)
		}
	})
}

// probe produces one record after the other, reads each, and measures.
func (s *soak) probe(ctx context.Context) {
	cl := s.client(kgo.DefaultProduceTopic(probeTopic), kgo.ProducerLinger(0), kgo.AllowIdempotentProduceCancellation(), kgo.ConsumePartitions(
		map[string]map[int32]kgo.Offset{probeTopic: {0: kgo.NewOffset().AtEnd()}}))
	defer cl.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) { s.latencies.endToEnd.add(time.Since(sentAt(r))) })
		}
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		began := time.Now()
		r := kgo.StringRecord(strconv.FormatInt(began.UnixNano(), 10))
		switch err := cl.ProduceSync(ctx, r).FirstErr(); {
		case err == nil:
			s.latencies.produce.add(time.Since(began))
		case ctx.Err() == nil && !errors.Is(err, context.Canceled):
			s.violation(fmt.Errorf("the probe's produce: %w", err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	<-done
}

func sentAt(r *kgo.Record) time.Time {
	nanos, err := strconv.ParseInt(string(r.Value), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}

// verify reads every partition from its start and compares each record, until ctx
// ends.
func (s *soak) verify(ctx context.Context) {
	partitions := map[string]map[int32]kgo.Offset{}
	for _, topic := range topics {
		if topic.name == probeTopic {
			continue
		}
		partitions[topic.name] = map[int32]kgo.Offset{}
		for p := range topic.partitions {
			partitions[topic.name][p] = kgo.NewOffset().At(0)
		}
	}
	cl := s.client(kgo.ConsumePartitions(partitions), kgo.FetchMinBytes(64<<10), kgo.FetchMaxWait(400*time.Millisecond))
	defer cl.Close()
	reader := s.ledger.Reader()
	for ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			p := history.Partition{Topic: r.Topic, Partition: r.Partition}
			if next := reader.Next(p); r.Offset > next {
				if err := reader.Jump(p, r.Offset, s.deletions.allowed(p)); err != nil {
					s.violation(err)
				}
			}
			if err := reader.Read(r); err != nil {
				s.violation(err)
			}
			s.did.read.Add(1)
			s.deletions.verified(p, r.Offset+1)
		})
	}
}
