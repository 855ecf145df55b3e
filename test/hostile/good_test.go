package hostile

import (
	"context"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

const goodTopic = "good"

// patience is how long a client that behaves waits for one record to come back.
const patience = 30 * time.Second

// latencies are those of round trips of one record, in microseconds.
type latencies struct {
	h *hdrhistogram.Histogram
}

func (l *latencies) percentile(p float64) time.Duration {
	return time.Duration(l.h.ValueAtPercentile(p)) * time.Microsecond
}

// measure lets a client that behaves produce a record a time and read it back.
func (s *siege) measure(d time.Duration, l *latencies) {
	s.t.Helper()
	l.h = hdrhistogram.New(1, int64(time.Hour/time.Microsecond), 3)
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.process.Addr()), kgo.DefaultProduceTopic(goodTopic), kgo.ProducerLinger(0), kgo.ConsumePartitions(
		map[string]map[int32]kgo.Offset{goodTopic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		s.t.Fatal(err)
	}
	defer cl.Close()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	if err := roundTrip(cl, strconv.FormatInt(sequence.Add(1), 10)); err != nil {
		s.t.Fatalf("the client that behaves: its first record: %v\n%s", err, s.process.Output())
	}
	for began := time.Now(); time.Since(began) < d; <-tick.C {
		value := strconv.FormatInt(sequence.Add(1), 10)
		sent := time.Now()
		if err := roundTrip(cl, value); err != nil {
			s.t.Fatalf("the client that behaves: record %s, %v after it began: %v\n%s", value, time.Since(began), err, s.process.Output())
		}
		_ = l.h.RecordValue(time.Since(sent).Microseconds()) // An hour is longer than patience.
	}
}

// roundTrip produces a record and reads until it comes.
func roundTrip(cl *kgo.Client, value string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := cl.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr(); err != nil {
		return err
	}
	for {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if string(r.Value) == value {
				return nil
			}
		}
	}
}
