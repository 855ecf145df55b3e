package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

func kafkaGoCases() {
	const who = "kafka-go"
	client := &kafka.Client{Addr: kafka.TCP(bootstrap), Timeout: 20 * time.Second}
	for _, codec := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		test(who, "produce "+codec.String(), func(ctx context.Context, topic string) error {
			w := &kafka.Writer{
				Addr: kafka.TCP(bootstrap), Topic: topic, Compression: codec, BatchTimeout: 10 * time.Millisecond, AllowAutoTopicCreation: true,
				RequiredAcks: kafka.RequireAll,
			}
			return errors.Join(kafkaGoProduce(ctx, w, 500), kafkaGoRead(ctx, kafka.ReaderConfig{Topic: topic}, 500))
		})
	}
	for _, acks := range []kafka.RequiredAcks{kafka.RequireNone, kafka.RequireOne} {
		test(who, fmt.Sprintf("acks=%d", acks), func(ctx context.Context, topic string) error {
			if err := kafkaGoCreate(ctx, client, topic, 1); err != nil {
				return err
			}
			w := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: topic, BatchTimeout: 10 * time.Millisecond, RequiredAcks: acks}
			return errors.Join(kafkaGoProduce(ctx, w, 100), kafkaGoRead(ctx, kafka.ReaderConfig{Topic: topic}, 100))
		})
	}
	test(who, "group", func(ctx context.Context, topic string) error {
		if err := kafkaGoCreate(ctx, client, topic, 1); err != nil {
			return err
		}
		w := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: topic, BatchTimeout: 10 * time.Millisecond}
		err := kafkaGoProduce(ctx, w, 300)
		// The second reader goes on where the first has committed.
		group := kafka.ReaderConfig{Topic: topic, GroupID: topic, StartOffset: kafka.FirstOffset}
		return errors.Join(err, kafkaGoRead(ctx, group, 100), kafkaGoReadFrom(ctx, group, 100, 200))
	})
	test(who, "group of two", func(ctx context.Context, topic string) error { return kafkaGoGroup(ctx, client, topic) })
	test(who, "8 MB record", func(ctx context.Context, topic string) error {
		if err := kafkaGoCreate(ctx, client, topic, 1, kafka.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: fmt.Sprint(bigLimit)}); err != nil {
			return err
		}
		value := big()
		w := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: topic, BatchBytes: bigLimit, BatchTimeout: 10 * time.Millisecond}
		if err := errors.Join(w.WriteMessages(ctx, kafka.Message{Value: value}), w.WriteMessages(ctx, kafka.Message{Value: []byte("small")}), w.Close()); err != nil {
			return err
		}
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic, MaxBytes: bigLimit})
		first, err := r.ReadMessage(ctx)
		second, err2 := r.ReadMessage(ctx)
		return errors.Join(err, err2, r.Close(),
			equal("the value is the same", bytes.Equal(first.Value, value), true), equal("the next", string(second.Value), "small"))
	})
	test(who, "deprecated Conn", func(ctx context.Context, topic string) error {
		if err := kafkaGoCreate(ctx, client, topic, 1); err != nil {
			return err
		}
		c, err := kafka.DialLeader(ctx, "tcp", bootstrap, topic, 0)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		if _, err := c.WriteMessages(kafka.Message{Value: []byte("1")}, kafka.Message{Value: []byte("2")}); err != nil {
			return err
		}
		first, last, err := c.ReadOffsets()
		if err != nil || first != 0 || last != 2 {
			return fmt.Errorf("offsets %d %d: %w", first, last, err)
		}
		m, err := c.ReadMessage(1 << 20)
		if err != nil {
			return err
		}
		return equal("value", string(m.Value), "1")
	})
	test(who, "admin", func(ctx context.Context, topic string) error { return kafkaGoAdmin(ctx, client, topic) })
	if os.Getenv("MOLDAU_RESTART") != "" {
		test(who, "restart in the middle of producing, then a group", func(ctx context.Context, topic string) error {
			return kafkaGoRestart(ctx, client, topic)
		})
	}
}

// kafkaGoGroup has two readers share the partitions, and one take over. A reader
// does not tell what it owns; the group does.
func kafkaGoGroup(ctx context.Context, client *kafka.Client, topic string) error {
	if err := kafkaGoCreate(ctx, client, topic, 4); err != nil {
		return err
	}
	w := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: topic, BatchTimeout: 10 * time.Millisecond, Balancer: &kafka.RoundRobin{}}
	if err := kafkaGoProduce(ctx, w, 400); err != nil {
		return err
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	newReader := func() *kafka.Reader {
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic, GroupID: topic, StartOffset: kafka.FirstOffset, MaxWait: 200 * time.Millisecond})
		go func() {
			for {
				m, err := r.ReadMessage(ctx)
				if err != nil {
					return
				}
				mu.Lock()
				seen[string(m.Value)] = true
				mu.Unlock()
			}
		}()
		return r
	}
	// shares is how many partitions the members have, the smallest share first.
	shares := func() string {
		d, err := client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{topic}})
		if err != nil || d.Groups[0].GroupState != "Stable" {
			return ""
		}
		var counts []int
		for _, m := range d.Groups[0].Members {
			n := 0
			for _, t := range m.MemberAssignments.Topics {
				n += len(t.Partitions)
			}
			counts = append(counts, n)
		}
		slices.Sort(counts)
		return fmt.Sprint(counts)
	}
	a := newReader()
	err := eventually(ctx, "one owns all", func() bool { return shares() == "[4]" })
	b := newReader()
	err = errors.Join(err, eventually(ctx, "two share", func() bool { return shares() == "[2 2]" }))
	err = errors.Join(err, eventually(ctx, "all is read", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) == 400
	}))
	err = errors.Join(err, b.Close(), eventually(ctx, "one owns all again", func() bool { return shares() == "[4]" }))
	return errors.Join(err, a.Close())
}

// kafkaGoRestart writes over a restart of the node. The client is not idempotent:
// every record must be there, some may be there twice.
func kafkaGoRestart(ctx context.Context, client *kafka.Client, topic string) error {
	const n = 300
	if err := kafkaGoCreate(ctx, client, topic, 1); err != nil {
		return err
	}
	w := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: topic, BatchTimeout: time.Millisecond, MaxAttempts: 500, WriteBackoffMax: 100 * time.Millisecond, RequiredAcks: kafka.RequireAll}
	restarted := make(chan error, 1)
	for i := range n {
		if i == n/3 {
			go func() { restarted <- restart(ctx) }()
		}
		if err := w.WriteMessages(ctx, kafka.Message{Key: []byte("k"), Value: fmt.Append(nil, i)}); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
	}
	if err := errors.Join(<-restarted, w.Close()); err != nil {
		return err
	}
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic, GroupID: topic, StartOffset: kafka.FirstOffset, MaxWait: 200 * time.Millisecond})
	seen := map[string]bool{}
	for len(seen) < n {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			return errors.Join(fmt.Errorf("%d of %d records: %w", len(seen), n, err), r.Close())
		}
		seen[string(m.Value)] = true
	}
	return r.Close()
}

func kafkaGoCreate(ctx context.Context, c *kafka.Client, topic string, partitions int, configs ...kafka.ConfigEntry) error {
	config := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}
	resp, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}})
	if err != nil {
		return err
	}
	return resp.Errors[topic]
}

func kafkaGoProduce(ctx context.Context, w *kafka.Writer, n int) error {
	var records []kafka.Message
	for i := range n {
		records = append(records, kafka.Message{Key: []byte("k"), Value: fmt.Append(nil, i), Headers: []kafka.Header{{Key: "h"}}})
	}
	var err error
	for range 50 { // It does not wait for a topic that is being created.
		if err = w.WriteMessages(ctx, records...); !errors.Is(err, kafka.UnknownTopicOrPartition) && !errors.Is(err, kafka.LeaderNotAvailable) {
			break
		}
	}
	return errors.Join(err, w.Close())
}

func kafkaGoRead(ctx context.Context, c kafka.ReaderConfig, n int) error {
	return kafkaGoReadFrom(ctx, c, 0, n)
}

func kafkaGoReadFrom(ctx context.Context, c kafka.ReaderConfig, from, n int) error {
	c.Brokers, c.MaxWait = []string{bootstrap}, 200*time.Millisecond
	r := kafka.NewReader(c)
	for i := range n {
		m, err := r.ReadMessage(ctx) // Commits, in a group.
		if err != nil || m.Offset != int64(from+i) || string(m.Value) != fmt.Sprint(from+i) {
			return errors.Join(fmt.Errorf("record %d: %d %q: %w", from+i, m.Offset, m.Value, err), r.Close())
		}
	}
	return r.Close()
}

func kafkaGoAdmin(ctx context.Context, c *kafka.Client, topic string) error {
	if err := kafkaGoCreate(ctx, c, topic, 2); err != nil {
		return err
	}
	partitions, err := c.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: 3}}})
	if err != nil || partitions.Errors[topic] != nil {
		return fmt.Errorf("create partitions: %+v: %w", partitions, err)
	}
	fresh := &kafka.Client{Addr: c.Addr, Transport: &kafka.Transport{}} // A transport answers from what it knows for some seconds.
	m, err := fresh.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil || len(m.Topics[0].Partitions) != 3 {
		return fmt.Errorf("metadata: %+v: %w", m, err)
	}
	d, err := c.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
	}}})
	if err != nil || len(d.Resources[0].ConfigEntries) < 20 {
		return fmt.Errorf("configs: %+v: %w", d, err)
	}
	o, err := c.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.LastOffsetOf(0)}}})
	if err != nil || o.Topics[topic][0].Error != nil {
		return fmt.Errorf("offsets: %+v: %w", o, err)
	}
	if _, err := c.ListGroups(ctx, &kafka.ListGroupsRequest{}); err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	deleted, err := c.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil {
		return err
	}
	return deleted.Errors[topic]
}
