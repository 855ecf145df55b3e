package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/test/history"
)

// answerTimeout bounds one administrative request. One that fails, because the
// broker is away, may have had its effect or not.
const answerTimeout = 20 * time.Second

// churnTopics creates topics, uses them and deletes them. Names come back, with
// another topic behind them.
func (s *soak) churnTopics(ctx context.Context) {
	for n := 0; wait(ctx, 4*time.Second); n++ {
		name := fmt.Sprintf("churn-%d", n%7)
		if err := s.topicLife(ctx, name, n); err != nil {
			s.did.adminFailed.Add(1)
			s.deleteTopic(ctx, name) // For the next one of that name.
		}
		s.ledger.Forget(name)
	}
}

// topicLife lets a topic live. An error means that a request failed.
func (s *soak) topicLife(ctx context.Context, name string, n int) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	cl := s.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.AllowIdempotentProduceCancellation())
	defer cl.Close()
	adm := kadm.NewClient(cl)
	created, err := adm.CreateTopic(ctx, 1+rand.Int32N(4), 1, configs("retention.ms", strconv.Itoa(100_000+n)), name)
	if err != nil {
		return err
	}
	s.did.topicsCreated.Add(1)
	partitions := created.NumPartitions
	if rand.IntN(2) == 0 {
		grown, err := adm.CreatePartitions(ctx, 1, name)
		if err != nil || grown.Error() != nil {
			return errors.Join(err, grown.Error())
		}
		partitions++
	}
	offsets := map[int32]kgo.Offset{}
	for i := range 20 {
		p := history.Partition{Topic: name, Partition: int32(i) % partitions}
		offsets[p.Partition] = kgo.NewOffset().At(0)
		a := s.ledger.Attempt(fmt.Sprintf("churn.%d", n), p, 200)
		if err := cl.ProduceSync(ctx, a.Record).FirstErr(); err != nil {
			return err
		}
		if err := s.ledger.Acked(a, a.Record.Offset); err != nil {
			s.violation(err)
		}
	}
	if err := s.readBack(ctx, name, offsets); err != nil {
		return err
	}
	deleted, err := adm.DeleteTopics(ctx, name)
	if err != nil || deleted.Error() != nil {
		return errors.Join(err, deleted.Error())
	}
	s.did.topicsDeleted.Add(1)
	listed, err := adm.ListTopics(ctx)
	if err == nil && listed.Has(name) {
		s.violation(fmt.Errorf("topic %s is deleted, and listed", name))
	}
	return err
}

func (s *soak) deleteTopic(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	cl := s.client()
	defer cl.Close()
	_, _ = kadm.NewClient(cl).DeleteTopics(ctx, name) // It may not be there.
}

// readBack reads the 20 records of a topic.
func (s *soak) readBack(ctx context.Context, topic string, offsets map[int32]kgo.Offset) error {
	cl := s.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))
	defer cl.Close()
	reader := s.ledger.Reader()
	for reader.Records < 20 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if err := reader.Read(r); err != nil {
				s.violation(err)
			}
		})
	}
	for partition := range offsets {
		if err := reader.AtEnd(history.Partition{Topic: topic, Partition: partition}); err != nil {
			s.violation(err)
		}
	}
	return nil
}

// change is a configuration and the values it takes in turn.
type change struct {
	topic  string // Empty for the brokers' default.
	key    string
	values []string
}

// changes weaken nothing that is checked.
var changes = []change{
	{timedTopic, "segment.ms", []string{"10000", "7000", "13000"}},
	{timedTopic, "compression.type", []string{"producer", "zstd", "lz4"}},
	{timedTopic, "retention.ms", []string{"45000", "50000"}},
	{sizedTopic, "segment.bytes", []string{"1048576", "2097152"}},
	{sizedTopic, "index.interval.bytes", []string{"4096", "512"}},
	{keptTopic, "segment.ms", []string{"60000", "20000"}},
	{keptTopic, "message.timestamp.type", []string{"CreateTime", "LogAppendTime"}},
	{trimmedTopic, "flush.messages", []string{"9223372036854775807", "1"}},
	{"", "message.max.bytes", []string{"1048588", "2000000"}},
	{"", "log.roll.jitter.ms", []string{"0", "3000"}},
	{"", "log.index.interval.bytes", []string{"4096", "2048"}},
}

// changeConfigs changes configurations and asks whether they are what was said.
func (s *soak) changeConfigs(ctx context.Context) {
	cl := s.client()
	defer cl.Close()
	adm := kadm.NewClient(cl)
	told := map[int]string{} // What holds, by the index of changes.
	for n := 0; wait(ctx, 5*time.Second); n++ {
		i := rand.IntN(len(changes))
		value := changes[i].values[n%len(changes[i].values)]
		delete(told, i)
		ask, cancel := context.WithTimeout(ctx, answerTimeout)
		if err := changes[i].set(ask, adm, value); err == nil {
			told[i] = value
			s.did.configsChanged.Add(1)
		} else {
			s.did.adminFailed.Add(1)
		}
		for i, want := range told {
			if got, err := changes[i].get(ask, adm); err == nil && got != want {
				s.violation(fmt.Errorf("%s of topic %q is %q, and was set to %q", changes[i].key, changes[i].topic, got, want))
			}
		}
		cancel()
	}
}

func (c change) set(ctx context.Context, adm *kadm.Client, value string) error {
	alter := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: c.key, Value: &value}}
	var responses kadm.AlterConfigsResponses
	var err error
	if c.topic == "" {
		responses, err = adm.AlterBrokerConfigs(ctx, alter)
	} else {
		responses, err = adm.AlterTopicConfigs(ctx, alter, c.topic)
	}
	if err != nil {
		return err
	}
	for _, r := range responses {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

func (c change) get(ctx context.Context, adm *kadm.Client) (string, error) {
	var resources kadm.ResourceConfigs
	var err error
	if c.topic == "" {
		resources, err = adm.DescribeBrokerConfigs(ctx)
	} else {
		resources, err = adm.DescribeTopicConfigs(ctx, c.topic)
	}
	if err != nil {
		return "", err
	}
	for _, r := range resources {
		for _, entry := range r.Configs {
			if entry.Key == c.key {
				return entry.MaybeValue(), r.Err
			}
		}
	}
	return "", errors.New("no such configuration")
}

// deleteRecords deletes records up to where they were read, or somewhat further.
func (s *soak) deleteRecords(ctx context.Context) {
	cl := s.client()
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for wait(ctx, 8*time.Second) {
		ask, cancel := context.WithTimeout(ctx, answerTimeout)
		s.deleteOnce(ask, adm)
		cancel()
	}
}

func (s *soak) deleteOnce(ctx context.Context, adm *kadm.Client) {
	p := history.Partition{Topic: trimmedTopic, Partition: rand.Int32N(2)}
	ends, err := adm.ListEndOffsets(ctx, trimmedTopic)
	end, ok := ends.Lookup(p.Topic, p.Partition)
	if err != nil || !ok || end.Err != nil || end.Offset == 0 {
		return
	}
	before := rand.Int64N(end.Offset) + 1
	s.deletions.trim(p, before)
	offsets := kadm.Offsets{}
	offsets.AddOffset(p.Topic, p.Partition, before, -1)
	responses, err := adm.DeleteRecords(ctx, offsets)
	if err != nil {
		s.did.adminFailed.Add(1)
		return
	}
	r, ok := responses.Lookup(p.Topic, p.Partition)
	switch {
	case ok && errors.Is(r.Err, kerr.OffsetOutOfRange):
		// It was below the start already.
	case !ok || r.Err != nil:
		s.did.adminFailed.Add(1)
	case r.LowWatermark < before:
		s.violation(fmt.Errorf("%v: records before %d are deleted, and the log starts at %d", p, before, r.LowWatermark))
	default:
		s.did.recordsDeleted.Add(1)
	}
}

// watchLogs compares what partitions begin and end with, and how large they are.
func (s *soak) watchLogs(ctx context.Context) {
	cl := s.client()
	defer cl.Close()
	w := &logWatch{soak: s, adm: kadm.NewClient(cl), starts: map[history.Partition]start{}}
	for wait(ctx, 4*time.Second) {
		ask, cancel := context.WithTimeout(ctx, answerTimeout)
		w.look(ask)
		cancel()
	}
}

// logWatch remembers where partitions began.
type logWatch struct {
	*soak
	adm    *kadm.Client
	starts map[history.Partition]start
}

type start struct {
	offset     int64
	generation int
}

func (w *logWatch) look(ctx context.Context) {
	ends := w.ledger.Partitions()
	_, generation, _ := w.node.current()
	starts, err := w.adm.ListStartOffsets(ctx, names()...)
	if err != nil {
		return
	}
	starts.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			w.checkStart(history.Partition{Topic: o.Topic, Partition: o.Partition}, start{o.Offset, generation})
		}
	})
	listed, err := w.adm.ListEndOffsets(ctx, names()...)
	if err != nil {
		return
	}
	listed.Each(func(o kadm.ListedOffset) {
		p := history.Partition{Topic: o.Topic, Partition: o.Partition}
		if o.Err == nil && o.Offset < ends[p] {
			w.violation(fmt.Errorf("%v ends at %d, and offset %d was acknowledged", p, o.Offset, ends[p]-1))
		}
	})
	w.checkSizes(ctx)
}

// checkStart wants logs to begin where nothing is deleted too early, and never to
// grow at the front. A kill may bring back what DeleteRecords has deleted since the
// last checkpoint, as with Apache Kafka.
func (w *logWatch) checkStart(p history.Partition, now start) {
	if allowed := w.deletions.allowed(p); now.offset > allowed && p.Topic != probeTopic {
		w.violation(fmt.Errorf("%v starts at %d, and nothing at or above %d may be deleted yet", p, now.offset, allowed))
	}
	before := w.starts[p]
	if now.offset < before.offset && (p.Topic != trimmedTopic || now.generation == before.generation) {
		w.violation(fmt.Errorf("%v starts at %d, and has started at %d", p, now.offset, before.offset))
	}
	w.starts[p] = now
}

// checkSizes wants retention by size to leave as much as it has to.
func (w *logWatch) checkSizes(ctx context.Context) {
	dirs, err := w.adm.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return
	}
	dirs.Each(func(dir kadm.DescribedLogDir) {
		dir.Topics.Each(func(d kadm.DescribedLogDirPartition) {
			p := history.Partition{Topic: d.Topic, Partition: d.Partition}
			if p.Topic == sizedTopic && w.starts[p].offset > 0 && d.Size < sizedRetention {
				w.violation(fmt.Errorf("%v has %d bytes, and retention.bytes=%d must be left", p, d.Size, sizedRetention))
			}
		})
	})
}

func names() []string {
	var all []string
	for _, t := range topics {
		all = append(all, t.name)
	}
	return all
}

// restarts stops and kills the broker: for the first part of the run every few
// minutes, then not for a long stretch, and again at the end.
func (s *soak) restarts(ctx context.Context) {
	for i, at := range restartTimes(*duration) {
		select {
		case <-time.After(time.Until(s.began.Add(at))):
		case <-ctx.Done():
			return
		}
		clean := i%2 == 0
		if clean {
			s.did.stops.Add(1)
		} else {
			s.did.kills.Add(1)
		}
		if err := s.node.restart(clean, true); err != nil {
			s.violation(err)
			return
		}
	}
}

// restartTimes gives when the broker is restarted. Between stretchBegin and
// stretchEnd it is not.
func restartTimes(run time.Duration) []time.Duration {
	const apart = 30 // Restarts are a 30th of the run apart.
	var times []time.Duration
	for i := 1; i < apart; i++ {
		at := run * time.Duration(i) / apart
		if at <= stretchBegin(run) || at >= stretchEnd(run) {
			times = append(times, at)
		}
	}
	return times
}

// stretchBegin is shortly after the last restart before the long stretch.
func stretchBegin(run time.Duration) time.Duration { return run * 34 / 100 }

func stretchEnd(run time.Duration) time.Duration { return run * 85 / 100 }
