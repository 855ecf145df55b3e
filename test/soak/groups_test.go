package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/test/history"
)

// groupSpec is a group of the load.
type groupSpec struct {
	name     string
	topics   []string
	steady   int // Members that stay.
	restless int // Members that come and go.
	static   bool
	balancer kgo.GroupBalancer
}

var groups = []groupSpec{
	{name: "steady", topics: []string{keptTopic, timedTopic}, steady: 2, balancer: kgo.CooperativeStickyBalancer()},
	{name: "restless", topics: []string{keptTopic}, steady: 1, restless: 3, balancer: kgo.CooperativeStickyBalancer()},
	{name: "eager", topics: []string{keptTopic, timedTopic}, restless: 2, balancer: kgo.RangeBalancer()},
	{name: "static", topics: []string{keptTopic}, restless: 3, static: true, balancer: kgo.StickyBalancer()},
}

// group runs the members of a group until ctx ends.
func (s *soak) group(ctx context.Context, g groupSpec) {
	var members sync.WaitGroup
	for i := range g.steady + g.restless {
		members.Go(func() {
			for ctx.Err() == nil {
				life := time.Hour
				if i >= g.steady {
					life = 5*time.Second + rand.N(25*time.Second)
				}
				s.member(ctx, g, i, life)
				wait(ctx, 4*time.Second) // Longer than a static member's session, at times.
			}
		})
	}
	members.Wait()
}

// member reads and commits as one member for a while. Dynamic members leave then;
// static ones vanish, and their session ends, or they come back in time.
func (s *soak) member(ctx context.Context, g groupSpec, index int, life time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	opts := []kgo.Opt{
		kgo.ConsumerGroup(g.name), kgo.ConsumeTopics(g.topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.Balancers(g.balancer), kgo.BlockRebalanceOnPoll(), kgo.SessionTimeout(4 * time.Second), kgo.HeartbeatInterval(time.Second), kgo.RebalanceTimeout(10 * time.Second),
		kgo.FetchMinBytes(16 << 10), kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { s.did.assignments.Add(1) }),
	}
	if g.static {
		opts = append(opts, kgo.InstanceID(fmt.Sprintf("%s-%d", g.name, index)))
	}
	cl := s.client(opts...)
	defer cl.CloseAllowingRebalance()
	s.did.members.Add(1)
	for ctx.Err() == nil {
		poll, cancel := context.WithTimeout(ctx, 2*time.Second)
		cl.PollFetches(poll).EachRecord(func(r *kgo.Record) {
			p := history.Partition{Topic: r.Topic, Partition: r.Partition}
			if err := s.deliveries.Delivered(history.GroupPartition{Group: g.name, Partition: p}, r.Offset, s.deletions.allowed(p)); err != nil {
				s.violation(err)
			}
		})
		cancel()
		s.commit(g.name, cl)
		cl.AllowRebalance()
	}
}

// commit commits what was polled. It may fail: the group may rebalance, the
// broker be away.
func (s *soak) commit(group string, cl *kgo.Client) {
	offsets := cl.UncommittedOffsets()
	if len(offsets) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for topic, partitions := range offsets {
		for partition, o := range partitions {
			s.commits.Attempt(history.GroupPartition{Group: group, Partition: history.Partition{Topic: topic, Partition: partition}}, o.Offset)
		}
	}
	cl.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if kerr.ErrorForCode(p.ErrorCode) == nil {
					s.did.commits.Add(1)
					s.commits.Acked(history.GroupPartition{Group: group, Partition: history.Partition{Topic: t.Topic, Partition: p.Partition}}, offsets[t.Topic][p.Partition].Offset)
				}
			}
		}
	})
}

// watchGroups asks for committed offsets again and again: they never go back.
func (s *soak) watchGroups(ctx context.Context) {
	cl := s.client()
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for wait(ctx, 3*time.Second) {
		for _, g := range groups {
			before := s.commits.Snapshot()
			ask, cancel := context.WithTimeout(ctx, 10*time.Second)
			responses, err := adm.FetchOffsets(ask, g.name)
			cancel()
			if err != nil {
				continue // The broker is away, or loads the group.
			}
			s.checkCommitted(g.name, responses, before)
		}
	}
}

func (s *soak) checkCommitted(group string, responses kadm.OffsetResponses, before map[history.GroupPartition]int64) {
	for gp := range before {
		if gp.Group != group {
			continue
		}
		o, ok := responses.Lookup(gp.Topic, gp.Partition.Partition)
		switch {
		case !ok:
			o.At = -1
		case o.Err != nil:
			continue
		}
		if err := s.commits.Check(gp, o.At, before); err != nil {
			s.violation(err)
		}
	}
}
