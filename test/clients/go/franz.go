package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func franzCases() {
	const who = "franz-go"
	for i, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		test(who, "produce "+[]string{"none", "gzip", "snappy", "lz4", "zstd"}[i], func(ctx context.Context, topic string) error {
			return franz(func(c *kgo.Client) error {
				var records []*kgo.Record
				for i := range 500 {
					records = append(records, kgo.StringRecord(fmt.Sprint(i)))
				}
				if err := c.ProduceSync(ctx, records...).FirstErr(); err != nil {
					return err
				}
				return franzRead(ctx, c, 500)
			}, kgo.DefaultProduceTopic(topic), kgo.ConsumeTopics(topic), kgo.ProducerBatchCompression(codec), kgo.AllowAutoTopicCreation())
		})
	}
	test(who, "group, cooperative", franzCooperative)
	test(who, "8 MB record", func(ctx context.Context, topic string) error {
		return franz(func(c *kgo.Client) error {
			limit := fmt.Sprint(bigLimit)
			if _, err := kadm.NewClient(c).CreateTopic(ctx, 1, 1, map[string]*string{"max.message.bytes": &limit}, topic); err != nil {
				return err
			}
			value := big()
			if err := c.ProduceSync(ctx, kgo.SliceRecord(value), kgo.StringRecord("small")).FirstErr(); err != nil {
				return err
			}
			var got []*kgo.Record
			for len(got) < 2 {
				fetches := c.PollFetches(ctx)
				if err := fetches.Err(); err != nil {
					return err
				}
				got = append(got, fetches.Records()...)
			}
			return errors.Join(equal("the value is the same", bytes.Equal(got[0].Value, value), true), equal("the next", string(got[1].Value), "small"))
		}, kgo.DefaultProduceTopic(topic), kgo.ConsumeTopics(topic), kgo.ProducerBatchMaxBytes(bigLimit))
	})
	test(who, "group of two", franzGroup)
	if os.Getenv("MOLDAU_RESTART") != "" {
		test(who, "restart in the middle of producing and consuming", franzRestart)
	}
	test(who, "admin", func(ctx context.Context, topic string) error {
		return franz(func(c *kgo.Client) error {
			a := kadm.NewClient(c)
			_, err := a.CreateTopic(ctx, 2, 1, nil, topic)
			_, err2 := a.UpdatePartitions(ctx, 3, topic)
			_, err3 := a.DescribeTopicConfigs(ctx, topic)
			_, err4 := a.ListEndOffsets(ctx, topic)
			_, err5 := a.DescribeAllLogDirs(ctx, nil)
			_, err6 := a.BrokerMetadata(ctx)
			_, err7 := a.DeleteTopics(ctx, topic)
			return errors.Join(err, err2, err3, err4, err5, err6, err7)
		})
	})
	test(who, "refused: transactions", func(ctx context.Context, topic string) error {
		return franz(func(c *kgo.Client) error {
			err := c.BeginTransaction()
			if err == nil {
				err = c.ProduceSync(ctx, kgo.StringRecord("v")).FirstErr()
			}
			if err == nil || ctx.Err() != nil {
				return fmt.Errorf("not refused: %w", err)
			}
			note(err)
			return nil
		}, kgo.DefaultProduceTopic(topic), kgo.TransactionalID(topic), kgo.AllowAutoTopicCreation())
	})
}

// franzMember is a member of a group, until it is closed.
type franzMember struct {
	*kgo.Client
	mu    sync.Mutex
	owned int
	seen  map[string]bool
	ended chan struct{}
}

func newFranzMember(ctx context.Context, topic string) (*franzMember, error) {
	m := &franzMember{seen: map[string]bool{}, ended: make(chan struct{})}
	own := func(sign int) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.owned += sign * len(partitions[topic])
		}
	}
	var err error
	m.Client, err = kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics(topic), kgo.ConsumerGroup(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.OnPartitionsAssigned(own(1)), kgo.OnPartitionsRevoked(own(-1)), kgo.OnPartitionsLost(own(-1)))
	if err != nil {
		return nil, err
	}
	go func() {
		defer close(m.ended)
		for {
			fetches := m.PollFetches(ctx)
			if fetches.IsClientClosed() || ctx.Err() != nil {
				return
			}
			m.mu.Lock()
			fetches.EachRecord(func(r *kgo.Record) { m.seen[string(r.Value)] = true })
			m.mu.Unlock()
		}
	}()
	return m, nil
}

func (m *franzMember) owns(n int) func() bool {
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.owned == n
	}
}

func (m *franzMember) saw(n int) func() bool {
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.seen) == n
	}
}

func (m *franzMember) close() {
	m.Close()
	<-m.ended
}

func franzGroup(ctx context.Context, topic string) error {
	return franz(func(c *kgo.Client) error {
		if _, err := kadm.NewClient(c).CreateTopic(ctx, 4, 1, nil, topic); err != nil {
			return err
		}
		for i := range 400 {
			c.Produce(ctx, kgo.StringRecord(fmt.Sprint(i)), nil)
		}
		if err := c.Flush(ctx); err != nil {
			return err
		}
		a, err := newFranzMember(ctx, topic)
		if err != nil {
			return err
		}
		defer a.close()
		if err := errors.Join(eventually(ctx, "one owns all", a.owns(4)), eventually(ctx, "it reads all", a.saw(400))); err != nil {
			return err
		}
		b, err := newFranzMember(ctx, topic)
		if err != nil {
			return err
		}
		err = eventually(ctx, "two share", func() bool { return a.owns(2)() && b.owns(2)() })
		b.close()
		return errors.Join(err, eventually(ctx, "one owns all again", a.owns(4)))
	}, kgo.DefaultProduceTopic(topic))
}

// franzRestart restarts the node under an idempotent producer and a group.
func franzRestart(ctx context.Context, topic string) error {
	const n = 5000
	return franz(func(c *kgo.Client) error {
		if _, err := kadm.NewClient(c).CreateTopic(ctx, 1, 1, nil, topic); err != nil {
			return err
		}
		m, err := newFranzMember(ctx, topic)
		if err != nil {
			return err
		}
		defer m.close()
		restarted := make(chan error, 1)
		for i := range n {
			if i == n/4 {
				if err := eventually(ctx, "the group reads", func() bool { return !m.saw(0)() }); err != nil {
					return err
				}
				go func() { restarted <- restart(ctx) }()
			}
			if i > n/4 && i%25 == 0 {
				time.Sleep(5 * time.Millisecond) // Spreads the sends over the restart.
			}
			c.Produce(ctx, kgo.StringRecord(fmt.Sprint(i)), nil)
		}
		if err := errors.Join(c.Flush(ctx), <-restarted, eventually(ctx, "all is read", m.saw(n))); err != nil {
			return err
		}
		ends, err := kadm.NewClient(c).ListEndOffsets(ctx, topic)
		if err != nil {
			return err
		}
		end, _ := ends.Lookup(topic, 0)
		return equal("records in the log, each once", end.Offset, int64(n))
	}, kgo.DefaultProduceTopic(topic))
}

func franz(f func(*kgo.Client) error, opts ...kgo.Opt) error {
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(bootstrap))...)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

func franzRead(ctx context.Context, c *kgo.Client, n int) error {
	seen := map[string]bool{}
	for len(seen) < n {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("after %d of %d records: %w", len(seen), n, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
	}
	return nil
}
