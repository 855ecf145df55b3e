package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

func saramaConfig(v sarama.KafkaVersion) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = v
	c.Producer.Return.Successes = true
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	return c
}

func saramaCases() {
	const who = "sarama"
	for _, codec := range []sarama.CompressionCodec{
		sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
	} {
		test(who, "produce "+codec.String(), func(ctx context.Context, topic string) error {
			c := saramaConfig(sarama.DefaultVersion)
			c.Producer.Compression = codec
			return errors.Join(saramaProduce(c, topic, 500), saramaRead(ctx, c, topic, 500))
		})
	}
	for _, v := range []sarama.KafkaVersion{sarama.V2_1_0_0, sarama.V3_0_0_0, sarama.MaxVersion} {
		test(who, "as "+v.String(), func(ctx context.Context, topic string) error {
			c := saramaConfig(v)
			return errors.Join(saramaProduce(c, topic, 100), saramaRead(ctx, c, topic, 100), saramaAdmin(c, topic+"-admin"))
		})
	}
	for _, acks := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal, sarama.WaitForAll} {
		test(who, fmt.Sprintf("acks=%d", acks), func(ctx context.Context, topic string) error {
			c := saramaConfig(sarama.DefaultVersion)
			c.Producer.RequiredAcks = acks
			return errors.Join(saramaProduce(c, topic, 100), saramaRead(ctx, c, topic, 100))
		})
	}
	test(who, "idempotent producer", func(ctx context.Context, topic string) error {
		c := saramaConfig(sarama.DefaultVersion)
		c.Producer.Idempotent, c.Producer.RequiredAcks, c.Net.MaxOpenRequests = true, sarama.WaitForAll, 1
		return errors.Join(saramaProduce(c, topic, 2000), saramaRead(ctx, c, topic, 2000))
	})
	test(who, "8 MB record", saramaBig)
	test(who, "admin", func(_ context.Context, topic string) error {
		return saramaAdmin(saramaConfig(sarama.DefaultVersion), topic)
	})
	for _, strategy := range []sarama.BalanceStrategy{
		sarama.NewBalanceStrategyRange(), sarama.NewBalanceStrategyRoundRobin(), sarama.NewBalanceStrategySticky(),
	} {
		test(who, "group "+strategy.Name(), func(ctx context.Context, topic string) error { return saramaGroup(ctx, topic, strategy) })
	}
	test(who, "refused: transactions", func(_ context.Context, topic string) error {
		c := saramaConfig(sarama.DefaultVersion)
		c.Producer.Transaction.ID = topic
		c.Producer.Idempotent, c.Producer.RequiredAcks, c.Net.MaxOpenRequests = true, sarama.WaitForAll, 1
		p, err := sarama.NewSyncProducer([]string{bootstrap}, c)
		if err == nil {
			_ = p.Close()
			return errors.New("the producer was made")
		}
		note(err)
		return nil
	})
	if os.Getenv("MOLDAU_RESTART") != "" {
		test(who, "restart in the middle of producing and consuming", func(ctx context.Context, topic string) error {
			c := saramaConfig(sarama.DefaultVersion)
			c.Producer.Idempotent, c.Producer.RequiredAcks, c.Net.MaxOpenRequests = true, sarama.WaitForAll, 1
			c.Producer.Retry.Max, c.Producer.Retry.Backoff = 500, 100*time.Millisecond
			c.Metadata.Retry.Max = 500 // While nobody answers, it is this bound that counts.
			restarted := make(chan error, 1)
			p, err := sarama.NewSyncProducer([]string{bootstrap}, c)
			if err != nil {
				return err
			}
			member, group, err := saramaJoin(ctx, c, topic)
			if err != nil {
				return err
			}
			for i := range 1000 {
				if i == 300 {
					if err := eventually(ctx, "the group reads", func() bool { return member.count() > 0 }); err != nil {
						return err
					}
					go func() { restarted <- restart(ctx) }()
				}
				if i > 300 && i < 500 {
					time.Sleep(2 * time.Millisecond) // Spreads the sends over the restart.
				}
				if _, offset, err := p.SendMessage(saramaRecord(topic, i)); err != nil || offset != int64(i) {
					return fmt.Errorf("record %d: offset %d, %w", i, offset, err)
				}
			}
			read := eventually(ctx, "all is read", func() bool { return member.count() == 1000 })
			return errors.Join(read, <-restarted, p.Close(), group.Close(), saramaRead(ctx, c, topic, 1000))
		})
	}
}

func saramaRecord(topic string, i int) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{
		Topic: topic, Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder(fmt.Sprint(i)),
		Headers: []sarama.RecordHeader{{Key: []byte("h"), Value: []byte("v")}},
	}
}

func saramaProduce(c *sarama.Config, topic string, n int) error {
	p, err := sarama.NewSyncProducer([]string{bootstrap}, c)
	if err != nil {
		return err
	}
	var records []*sarama.ProducerMessage
	for i := range n {
		records = append(records, saramaRecord(topic, i))
	}
	return errors.Join(p.SendMessages(records), p.Close())
}

func saramaRead(ctx context.Context, c *sarama.Config, topic string, n int) error {
	consumer, err := sarama.NewConsumer([]string{bootstrap}, c)
	if err != nil {
		return err
	}
	defer func() { _ = consumer.Close() }()
	p, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }()
	for i := range n {
		select {
		case m := <-p.Messages():
			if m.Offset != int64(i) || string(m.Value) != fmt.Sprint(i) || len(m.Headers) != 1 {
				return fmt.Errorf("record %d: %+v", i, m)
			}
		case <-ctx.Done():
			return fmt.Errorf("read only %d records of %d", i, n)
		}
	}
	return nil
}

// saramaAdmin does what an administrator does, with the versions of the APIs
// that the configured release knows.
func saramaAdmin(c *sarama.Config, topic string) (err error) {
	a, err := sarama.NewClusterAdmin([]string{bootstrap}, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	must := func(what string, e error) {
		if e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", what, e))
		}
	}
	must("create", a.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1}, false))
	must("partitions", a.CreatePartitions(topic, 3, nil, false))
	if c.Version.IsAtLeast(sarama.V2_3_0_0) {
		must("configs", saramaAlter(a, topic))
	}
	described, e := a.DescribeTopics([]string{topic})
	must("describe", e)
	if e == nil && len(described[0].Partitions) != 3 {
		must("describe", fmt.Errorf("%+v", described[0]))
	}
	_, e = a.ListTopics()
	must("list", e)
	_, _, e = a.DescribeCluster()
	must("cluster", e)
	_, e = a.DescribeLogDirs([]int32{1})
	must("log dirs", e)
	_, e = a.ListConsumerGroups()
	must("groups", e)
	must("delete records", a.DeleteRecords(topic, map[int32]int64{0: 0}))
	must("delete", a.DeleteTopic(topic))
	return err
}

func saramaAlter(a sarama.ClusterAdmin, topic string) error {
	value := "7000"
	if err := a.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value},
	}, false); err != nil {
		return err
	}
	entries, err := a.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
	if err != nil || len(entries) != 1 || entries[0].Value != value {
		return fmt.Errorf("%+v: %w", entries, err)
	}
	return nil
}

// saramaMember is a member of a group.
type saramaMember struct {
	owned atomic.Int32
	mu    sync.Mutex
	seen  map[string]bool
}

func (m *saramaMember) Setup(s sarama.ConsumerGroupSession) error {
	n := 0
	for _, partitions := range s.Claims() {
		n += len(partitions)
	}
	m.owned.Store(int32(n))
	return nil
}

func (m *saramaMember) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *saramaMember) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case r, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			m.mu.Lock()
			m.seen[string(r.Value)] = true
			m.mu.Unlock()
			s.MarkMessage(r, "")
		case <-s.Context().Done():
			return nil
		}
	}
}

func (m *saramaMember) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.seen)
}

// saramaJoin lets a member join a group, until it is closed.
func saramaJoin(ctx context.Context, c *sarama.Config, topic string) (*saramaMember, sarama.ConsumerGroup, error) {
	member := &saramaMember{seen: map[string]bool{}}
	group, err := sarama.NewConsumerGroup([]string{bootstrap}, topic, c)
	if err != nil {
		return nil, nil, err
	}
	go func() {
		for ctx.Err() == nil {
			// While the node is away it fails, and goes on afterwards.
			if err := group.Consume(ctx, []string{topic}, member); errors.Is(err, sarama.ErrClosedConsumerGroup) {
				return
			}
		}
	}()
	return member, group, nil
}

// saramaBig sends and reads a record for which limits have to be raised.
func saramaBig(ctx context.Context, topic string) error {
	c := saramaConfig(sarama.DefaultVersion)
	c.Producer.MaxMessageBytes, c.Consumer.Fetch.Default = bigLimit, bigLimit
	a, err := sarama.NewClusterAdmin([]string{bootstrap}, c)
	if err != nil {
		return err
	}
	limit := fmt.Sprint(bigLimit)
	detail := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{"max.message.bytes": &limit}}
	if err := errors.Join(a.CreateTopic(topic, detail, false), a.Close()); err != nil {
		return err
	}
	p, err := sarama.NewSyncProducer([]string{bootstrap}, c)
	if err != nil {
		return err
	}
	value := big()
	if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.ByteEncoder(value)}); err != nil {
		return errors.Join(err, p.Close())
	}
	if err := p.Close(); err != nil {
		return err
	}
	consumer, err := sarama.NewConsumer([]string{bootstrap}, c)
	if err != nil {
		return err
	}
	defer func() { _ = consumer.Close() }()
	records, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	defer func() { _ = records.Close() }()
	select {
	case m := <-records.Messages():
		return equal("the value is the same", bytes.Equal(m.Value, value), true)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func saramaGroup(ctx context.Context, topic string, strategy sarama.BalanceStrategy) error {
	c := saramaConfig(sarama.DefaultVersion)
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	a, err := sarama.NewClusterAdmin([]string{bootstrap}, c)
	if err != nil {
		return err
	}
	if err := errors.Join(a.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 4, ReplicationFactor: 1}, false), a.Close()); err != nil {
		return err
	}
	c.Producer.Partitioner = sarama.NewRoundRobinPartitioner
	if err := saramaProduce(c, topic, 400); err != nil {
		return err
	}
	var members [2]*saramaMember
	var groups [2]sarama.ConsumerGroup
	for i := range members {
		if members[i], groups[i], err = saramaJoin(ctx, c, topic); err != nil {
			return err
		}
	}
	if err := eventually(ctx, "two share", func() bool { return members[0].owned.Load() == 2 && members[1].owned.Load() == 2 }); err != nil {
		return err
	}
	if err := eventually(ctx, "all is read", func() bool { return members[0].count()+members[1].count() >= 400 }); err != nil {
		return err
	}
	if err := groups[1].Close(); err != nil {
		return err
	}
	if err := eventually(ctx, "the other takes over", func() bool { return members[0].owned.Load() == 4 }); err != nil {
		return err
	}
	return groups[0].Close()
}
