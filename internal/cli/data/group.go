package data

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// commitTimeout bounds the commit and the farewell of a member that ends.
const commitTimeout = 10 * time.Second

// consumeGroup reads as a member of the group.
func (s *session) consumeGroup(ctx context.Context) (err error) {
	client, err := s.command.conn.Client(ctx, append(s.command.directOptions(s.want), s.groupOptions()...)...)
	if err != nil {
		return err
	}
	s.reader.client, s.reader.prober = client, s.prober(client)
	runErr := s.reader.run(ctx)
	// Whatever ended the reader, what was printed is committed.
	farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := client.CommitMarkedOffsets(farewell); err != nil {
		err = fmt.Errorf("commit offsets of group %s: %w", s.command.group, cmdline.KafkaError(err, ""))
		if runErr == nil || isEnd(ctx, runErr) {
			runErr = cmdline.WithHint(err, "the group will get some of these records again")
		}
	}
	// It ends the session at once rather than after its time-out.
	_ = client.LeaveGroupContext(farewell)
	client.CloseAllowingRebalance()
	return runErr
}

func (s *session) groupOptions() []kgo.Opt {
	topics := s.want.selector.names
	opts := []kgo.Opt{
		kgo.ConsumerGroup(s.command.group),
		kgo.ConsumeStartOffset(s.want.from.offsetFor()),
		// Only what take has marked is committed, once a second and at the end of
		// an assignment; a rebalance waits for what is being printed.
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(time.Second),
		kgo.BlockRebalanceOnPoll(),
		// New partitions are seen this soon.
		kgo.MetadataMaxAge(2 * watchEvery),
		kgo.OnPartitionsAssigned(s.assigned),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { s.unassigned(lost) }),
		kgo.OnPartitionsRevoked(func(ctx context.Context, client *kgo.Client, revoked map[string][]int32) {
			// An error means that another member gets some records again.
			if err := client.CommitMarkedOffsets(ctx); err != nil {
				s.note("commit before a rebalance: %v", err)
			}
			s.unassigned(revoked)
		}),
	}
	if s.want.selector.patterns != nil {
		topics = nil
		for _, pattern := range s.want.selector.patterns {
			topics = append(topics, pattern.String())
		}
		opts = append(opts, kgo.ConsumeRegex())
	}
	return append(opts, kgo.ConsumeTopics(topics...))
}

// assigned takes partitions that the group gives to this member. A reader with
// an end must know where each of them starts, so as to know of those that have
// nothing to read.
func (s *session) assigned(ctx context.Context, _ *kgo.Client, assigned map[string][]int32) {
	var starts map[partitionID]int64
	if s.want.bounded {
		starts = s.committed(ctx, assigned)
	}
	s.reader.mu.Lock()
	defer s.reader.mu.Unlock()
	s.reader.assigned = true
	if !s.want.bounded {
		return
	}
	for topic, partitions := range assigned {
		for _, p := range partitions {
			id := partitionID{topic, p}
			s.reader.cursors.add(id, starts[id], s.to[id])
		}
	}
}

// committed gives where partitions start: at what the group has committed, or
// else where the command line says. If the group does not say, it is 0, and the
// probe finds out what is there.
func (s *session) committed(ctx context.Context, assigned map[string][]int32) map[partitionID]int64 {
	starts := map[partitionID]int64{}
	offsets, err := s.admin.FetchOffsets(ctx, s.command.group)
	if err != nil {
		return starts
	}
	for topic, partitions := range assigned {
		for _, p := range partitions {
			id := partitionID{topic, p}
			starts[id] = s.from[id]
			if offset, ok := offsets.Lookup(topic, p); ok && offset.Err == nil && offset.At >= 0 {
				starts[id] = offset.At
			}
		}
	}
	return starts
}

func (s *session) unassigned(partitions map[string][]int32) {
	s.reader.mu.Lock()
	defer s.reader.mu.Unlock()
	for topic, numbers := range partitions {
		for _, p := range numbers {
			s.reader.cursors.remove(partitionID{topic, p})
		}
	}
}
