package admin

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newClusterLogDirs() *cobra.Command {
	var show clusterLogDirs
	cmd := &cobra.Command{
		Use:     "log-dirs",
		Aliases: []string{"disks", "logdirs"},
		Short:   "Show the log directories of brokers with sizes and free space",
		Long: `Show the log directories of the brokers: how many partitions each holds and their
size, and how large the disk is and how much of it is free.

With --topic it shows the partitions of topics instead, each with its directory,
its size, and how far a replica is behind.`,
		Example: `  moldau cluster log-dirs
  moldau cluster log-dirs --broker 1,2
  moldau cluster log-dirs --topic orders`,
		Args: cmdline.Args(0, 0),
		RunE: t.run(show.run),
	}
	cmd.Flags().Int32SliceVar(&show.brokers, "broker", nil, "only brokers with these `ids`, with commas between")
	cmd.Flags().StringSliceVarP(&show.topics, "topic", "t", nil, "the partitions of these `topics`, with commas between")
	_ = cmd.RegisterFlagCompletionFunc("broker", t.conn.CompleteBrokers)
	_ = cmd.RegisterFlagCompletionFunc("topic", t.conn.CompleteTopics)
	return cmd
}

type clusterLogDirs struct {
	brokers []int32
	topics  []string
}

// logDir is a log directory in JSON.
type logDir struct {
	Broker      int32   `json:"broker"`
	Dir         string  `json:"dir"`
	Partitions  int     `json:"partitions"`
	SizeBytes   int64   `json:"sizeBytes"`
	TotalBytes  *int64  `json:"totalBytes"`
	UsableBytes *int64  `json:"usableBytes"`
	Cordoned    bool    `json:"cordoned"`
	Error       *string `json:"error"`
}

// logDirPartition is a replica in a log directory, in JSON.
type logDirPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Broker    int32  `json:"broker"`
	Dir       string `json:"dir"`
	SizeBytes int64  `json:"sizeBytes"`
	OffsetLag int64  `json:"offsetLag"`
	Future    bool   `json:"future"`
}

func (c *clusterLogDirs) run(ctx context.Context, s *session, _ []string) error {
	var set kadm.TopicsSet
	if len(c.topics) > 0 {
		_, failed, details, err := s.pickTopics(ctx, &selection{}, c.topics)
		if err != nil || len(failed) > 0 {
			return firstOf(err, failed)
		}
		set = only(details, c.topics).TopicsSet()
	}
	described, err := s.admin.DescribeAllLogDirs(ctx, set)
	var failed failures
	var shards *kadm.ShardErrors
	if errors.As(err, &shards) && !shards.AllFailed {
		for _, shard := range shards.Errs {
			failed.add(shard.Err, "log directories of broker %d", shard.Broker.NodeID)
		}
	} else if err != nil {
		return err
	}
	if len(c.topics) > 0 {
		return c.writePartitions(s, described, failed)
	}
	dirs := []logDir{}
	for _, d := range described.Sorted() {
		if len(c.brokers) > 0 && !slices.Contains(c.brokers, d.Broker) {
			continue
		}
		dir := logDir{
			Broker: d.Broker, Dir: d.Dir, Partitions: len(d.Topics.Sorted()), SizeBytes: d.Size(), Cordoned: d.IsCordoned,
			TotalBytes: knownOrNil(d.TotalBytes), UsableBytes: knownOrNil(d.UsableBytes),
		}
		if d.Err != nil {
			err := cmdline.KafkaError(d.Err, "")
			dir.Error = errorText(err)
			failed.add(err, "log directory %s of broker %d", d.Dir, d.Broker)
		}
		dirs = append(dirs, dir)
	}
	return s.finish(s.out.Write(dirs, func() error {
		table := cmdline.NewTable(s.env, ">BROKER", "~DIRECTORY", ">PARTITIONS", ">SIZE", ">TOTAL", ">FREE", "STATE")
		for _, d := range dirs {
			state := s.env.Good("ok")
			switch {
			case d.Error != nil:
				state = s.env.Bad("offline")
			case d.Cordoned:
				state = s.env.Warn("cordoned")
			}
			table.Row(d.Broker, d.Dir, d.Partitions, cmdline.Bytes(d.SizeBytes), knownSize(orUnknown(d.TotalBytes)), knownSize(orUnknown(d.UsableBytes)), state)
		}
		return table.Write()
	}), failed)
}

func (c *clusterLogDirs) writePartitions(s *session, described kadm.DescribedAllLogDirs, failed failures) error {
	rows := []logDirPartition{}
	for _, d := range described.Sorted() {
		if len(c.brokers) > 0 && !slices.Contains(c.brokers, d.Broker) {
			continue
		}
		for _, p := range d.Topics.Sorted() {
			rows = append(rows, logDirPartition{p.Topic, p.Partition, p.Broker, p.Dir, p.Size, p.OffsetLag, p.IsFuture})
		}
	}
	slices.SortStableFunc(rows, func(a, b logDirPartition) int { return comparePartitions(a.Topic, b.Topic, a.Partition, b.Partition) })
	return s.finish(s.out.Write(rows, func() error {
		table := cmdline.NewTable(s.env, "~TOPIC", ">PARTITION", ">BROKER", ">SIZE", ">LAG", "~DIRECTORY")
		for _, r := range rows {
			dir := r.Dir
			if r.Future {
				dir += " (moving there)"
			}
			table.Row(r.Topic, r.Partition, r.Broker, cmdline.Bytes(r.SizeBytes), r.OffsetLag, dir)
		}
		return table.Write()
	}), failed)
}
