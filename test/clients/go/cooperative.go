package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// record is where a record lies in its topic.
type record struct {
	partition int32
	offset    int64
}

// consumed is what all members of a group have read.
type consumed struct {
	mu    sync.Mutex // Guards the fields below.
	times map[record]int
	next  map[int32]int64
	wrong error // The first record that did not follow the one before it.
}

func (c *consumed) add(r *kgo.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times[record{r.Partition, r.Offset}]++
	if want := c.next[r.Partition]; r.Offset != want && c.wrong == nil {
		c.wrong = fmt.Errorf("offset %d of partition %d was read, where the group had read up to %d", r.Offset, r.Partition, want)
	}
	c.next[r.Partition] = r.Offset + 1
}

func (c *consumed) records() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.times)
}

// once tells whether each of n records was read, and none twice.
func (c *consumed) once(n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r, times := range c.times {
		if times > 1 {
			return fmt.Errorf("offset %d of partition %d was read %d times", r.offset, r.partition, times)
		}
	}
	return errors.Join(equal("records read", len(c.times), n), c.wrong)
}

// committer is a cooperative member that commits what it has read before it reads on,
// and before it gives a partition away.
type committer struct {
	*kgo.Client
	mu      sync.Mutex // Guards the fields below.
	owned   map[int32]bool
	revoked []int32
	lost    []int32
	err     error

	stop  context.CancelFunc
	ended chan struct{}
}

func newCommitter(ctx context.Context, topic string, all *consumed) (*committer, error) {
	m := &committer{owned: map[int32]bool{}, ended: make(chan struct{})}
	take := func(from *[]int32) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, p := range partitions[topic] {
				delete(m.owned, p)
				*from = append(*from, p)
			}
		}
	}
	var err error
	m.Client, err = kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics(topic), kgo.ConsumerGroup(topic), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, p := range partitions[topic] {
				m.owned[p] = true
			}
		}), kgo.OnPartitionsRevoked(take(&m.revoked)), kgo.OnPartitionsLost(take(&m.lost)))
	if err != nil {
		return nil, err
	}
	polling, stop := context.WithCancel(ctx)
	m.stop = stop
	go func() {
		defer close(m.ended)
		for polling.Err() == nil && m.error() == nil {
			m.PollFetches(polling).EachRecord(all.add)
			if err := m.commit(ctx); err != nil {
				m.mu.Lock()
				m.err = err
				m.mu.Unlock()
			}
			m.AllowRebalance()
		}
	}()
	return m, nil
}

// commit commits what was read. A cooperative member reads on while its group
// rebalances: then it is told to try again, maybe in the next generation.
func (m *committer) commit(ctx context.Context) error {
	for {
		err := m.CommitUncommittedOffsets(ctx)
		if !errors.Is(err, kerr.RebalanceInProgress) && !errors.Is(err, kerr.IllegalGeneration) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (m *committer) error() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// owns gives the partitions, sorted.
func (m *committer) owns() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.owned))
}

// gaveUp fails unless the member was asked for exactly these partitions, each once.
func (m *committer) gaveUp(want []int32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return errors.Join(equal("revoked", fmt.Sprint(slices.Sorted(slices.Values(m.revoked))), fmt.Sprint(want)), equal("lost", fmt.Sprint(m.lost), "[]"))
}

// leave ends the reading, and then the membership.
func (m *committer) leave() error {
	m.stop()
	<-m.ended
	m.CloseAllowingRebalance()
	return m.error()
}

// franzCooperative has a second member join and leave a group while records come. What
// stays with the first member is not taken from it even for a moment, and the group
// reads every record once.
func franzCooperative(ctx context.Context, topic string) error {
	const partitions = 4
	return franz(func(c *kgo.Client) error {
		admin := kadm.NewClient(c)
		if _, err := admin.CreateTopic(ctx, partitions, 1, nil, topic); err != nil {
			return err
		}
		all := &consumed{times: map[record]int{}, next: map[int32]int64{}}
		stop := make(chan struct{})
		type outcome struct {
			sent int
			err  error
		}
		produced := make(chan outcome, 1)
		go func() {
			var o outcome
			for {
				select {
				case <-stop:
					o.err = errors.Join(o.err, c.Flush(ctx))
					produced <- o
					return
				case <-time.After(time.Millisecond): // The rate.
					r := kgo.StringRecord("v")
					r.Partition = int32(o.sent % partitions)
					o.sent++
					o.err = errors.Join(o.err, c.ProduceSync(ctx, r).FirstErr())
				}
			}
		}()
		rebalances := func() error {
			a, err := newCommitter(ctx, topic, all)
			if err != nil {
				return err
			}
			err = joinAndLeave(ctx, topic, all, a)
			close(stop)
			o := <-produced
			err = errors.Join(err, o.err)
			if err == nil {
				err = eventually(ctx, "all is read", func() bool { return all.records() >= o.sent })
			}
			if err = errors.Join(err, a.leave()); err != nil {
				return err
			}
			// What is read twice may come late: nobody reads any more when it is counted.
			return all.once(o.sent)
		}
		if err := rebalances(); err != nil {
			return err
		}
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err != nil {
			return err
		}
		offsets, err := admin.FetchOffsets(ctx, topic)
		if err != nil {
			return err
		}
		for p := range int32(partitions) {
			end, _ := ends.Lookup(topic, p)
			committed, _ := offsets.Lookup(topic, p)
			if err := equal(fmt.Sprintf("committed of partition %d", p), committed.At, end.Offset); err != nil {
				return err
			}
		}
		return nil
	}, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
}

// joinAndLeave has a second member come to a and go.
func joinAndLeave(ctx context.Context, topic string, all *consumed, a *committer) error {
	if err := eventually(ctx, "one owns all", func() bool { return len(a.owns()) == 4 }); err != nil {
		return err
	}
	b, err := newCommitter(ctx, topic, all)
	if err != nil {
		return err
	}
	before := all.records()
	err = errors.Join(
		eventually(ctx, "two share", func() bool { return len(a.owns()) == 2 && len(b.owns()) == 2 }),
		eventually(ctx, "they read on", func() bool { return all.records() > before+100 }))
	moved := b.owns()
	if err == nil {
		err = errors.Join(a.gaveUp(moved), b.gaveUp([]int32{}), equal("owned by both", len(moved)+len(a.owns()), 4))
	}
	err = errors.Join(err, b.leave())
	if err != nil {
		return err
	}
	err = eventually(ctx, "one owns all again", func() bool { return len(a.owns()) == 4 })
	return errors.Join(err, a.gaveUp(moved))
}
