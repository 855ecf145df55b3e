package admin

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func newTopics(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "topics",
		Aliases: []string{"topic", "t"},
		Short:   "Create, list, describe, change and delete topics",
		Long: `Create, list, describe, change and delete the topics of a Kafka cluster.

A command takes several topics; if some of them fail it does the others, tells
each failure, and exits with 1.`,
		Example: `  moldau topics create orders payments -p 6
  moldau topics list
  moldau topics describe orders
  moldau topics alter orders -c retention.ms=604800000
  moldau topics delete -r 'test-.*' --dry-run`,
	}
	t := newNoun(env, cmd)
	cmd.AddCommand(
		t.newTopicsList(), t.newTopicsCreate(), t.newTopicsDescribe(), t.newTopicsAlter(), t.newTopicsAddPartitions(),
		t.newTopicsDelete(), t.newTopicsDeleteRecords(), t.newTopicsOffsets(),
	)
	return cmd
}

// topicSet asks for the topics that arguments mean. Internal topics are not
// matched by regular expressions, only named.
func (s *session) pickTopics(ctx context.Context, sel *selection, args []string) ([]string, failures, kadm.TopicDetails, error) {
	details, err := s.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	names, failed, err := sel.pick(args, topicNames(details, !sel.regex), "topic")
	return names, failed, details, err
}

// logs are the offsets and sizes of partitions, as far as they can be known.
type logs struct {
	starts, ends kadm.ListedOffsets
	// sizes are those of the leaders' replicas; nil where brokers do not tell.
	sizes map[string]map[int32]int64
}

// readLogs asks for the offsets and sizes of topics' partitions.
func (s *session) readLogs(ctx context.Context, details kadm.TopicDetails) (*logs, error) {
	names := details.Names()
	if len(names) == 0 {
		return &logs{}, nil
	}
	starts, err := s.admin.ListStartOffsets(ctx, names...)
	if err := partial(err); err != nil {
		return nil, err
	}
	ends, err := s.admin.ListEndOffsets(ctx, names...)
	if err := partial(err); err != nil {
		return nil, err
	}
	return &logs{starts: starts, ends: ends, sizes: s.readSizes(ctx, details)}, nil
}

// readSizes asks for sizes. They are an extra: a broker may be too old, down, or
// not allow it, and then they are left out.
func (s *session) readSizes(ctx context.Context, details kadm.TopicDetails) map[string]map[int32]int64 {
	described, err := s.admin.DescribeAllLogDirs(ctx, details.TopicsSet())
	if partial(err) != nil {
		return nil
	}
	sizes := map[string]map[int32]int64{}
	described.Each(func(dir kadm.DescribedLogDir) {
		dir.Topics.Each(func(p kadm.DescribedLogDirPartition) {
			if p.IsFuture || details[p.Topic].Partitions[p.Partition].Leader != p.Broker {
				return
			}
			if sizes[p.Topic] == nil {
				sizes[p.Topic] = map[int32]int64{}
			}
			sizes[p.Topic][p.Partition] = p.Size
		})
	})
	return sizes
}

// partial is the error of a request to many brokers of which none answered; if
// some did, what they said is worth showing.
func partial(err error) error {
	var shards *kadm.ShardErrors
	if errors.As(err, &shards) && !shards.AllFailed {
		return nil
	}
	return err
}

// offset gives the offset of a partition, -1 if it is not known.
func offset(listed kadm.ListedOffsets, topic string, partition int32) int64 {
	l, ok := listed.Lookup(topic, partition)
	if !ok || l.Err != nil {
		return -1
	}
	return l.Offset
}

// size gives the size of a partition, -1 if it is not known.
func (l *logs) size(topic string, partition int32) int64 {
	if n, ok := l.sizes[topic][partition]; ok {
		return n
	}
	return -1
}

// records gives how many offsets a partition has, -1 if it is not known. A
// compacted topic has fewer records, and a transactional one some that are marks.
func (l *logs) records(topic string, partition int32) int64 {
	start, end := offset(l.starts, topic, partition), offset(l.ends, topic, partition)
	if start < 0 || end < 0 {
		return -1
	}
	return end - start
}

// sum adds up over the partitions of a topic, -1 if one is not known.
func sum(d kadm.TopicDetail, of func(topic string, partition int32) int64) int64 {
	total := int64(0)
	for _, p := range d.Partitions {
		n := of(d.Topic, p.Partition)
		if n < 0 {
			return -1
		}
		total += n
	}
	return total
}

// known writes a number that may be unknown.
func known(n int64) string {
	if n < 0 {
		return ""
	}
	return cmdline.Number(n)
}

// knownSize writes a size that may be unknown.
func knownSize(n int64) string {
	if n < 0 {
		return ""
	}
	return cmdline.Bytes(n)
}

// health says what is wrong with a topic's partitions.
type health struct {
	Offline         int `json:"offline"`
	UnderReplicated int `json:"underReplicated"`
}

func healthOf(d kadm.TopicDetail) health {
	var h health
	for _, p := range d.Partitions {
		switch {
		case offline(p):
			h.Offline++
		case underReplicated(p):
			h.UnderReplicated++
		}
	}
	return h
}

func offline(p kadm.PartitionDetail) bool { return p.Leader < 0 }

// underReplicated is for partitions that are not offline.
func underReplicated(p kadm.PartitionDetail) bool { return len(p.ISR) < len(p.Replicas) }

func (h health) ok() bool { return h == health{} }

// paint writes the health for a table.
func (h health) paint(env *cmdline.Env) string {
	switch {
	case h.ok():
		return env.Good("ok")
	case h.Offline == 0:
		return env.Warn(cmdline.Count(h.UnderReplicated, "partition") + " under-replicated")
	case h.UnderReplicated == 0:
		return env.Bad(cmdline.Count(h.Offline, "partition") + " offline")
	default:
		return env.Bad(cmdline.Count(h.Offline, "partition")+" offline") + ", " + env.Warn(cmdline.Number(int64(h.UnderReplicated))+" under-replicated")
	}
}
