package main

import (
	"context"
	"errors"
	"fmt"

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
	test(who, "group, cooperative", func(ctx context.Context, topic string) error {
		return franz(func(c *kgo.Client) error {
			if _, err := kadm.NewClient(c).CreateTopic(ctx, 4, 1, nil, topic); err != nil {
				return err
			}
			for i := range 400 {
				c.Produce(ctx, kgo.StringRecord(fmt.Sprint(i)), nil)
			}
			if err := errors.Join(c.Flush(ctx), franzRead(ctx, c, 400), c.CommitUncommittedOffsets(ctx)); err != nil {
				return err
			}
			offsets, err := kadm.NewClient(c).FetchOffsets(ctx, topic)
			if err != nil {
				return err
			}
			sum := int64(0)
			offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
			return equal("committed", sum, 400)
		}, kgo.DefaultProduceTopic(topic), kgo.ConsumeTopics(topic), kgo.ConsumerGroup(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	})
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
