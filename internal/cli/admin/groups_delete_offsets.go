package admin

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newGroupsDeleteOffsets() *cobra.Command {
	var remove groupsDeleteOffsets
	cmd := &cobra.Command{
		Use:   "delete-offsets NAME --topic TOPIC[:PARTITIONS]...",
		Short: "Remove what a group has committed for topics",
		Long: `Remove the committed offsets of a group for topics that no member consumes, for
example those that it has stopped to consume and whose lag is in the way.

At a terminal it asks first; elsewhere it wants -y.`,
		Example: `  moldau groups delete-offsets billing --topic old-orders
  moldau groups delete-offsets billing -t orders:0,1 -y`,
		Args:              cmdline.Args(1, 1),
		ValidArgsFunction: t.conn.CompleteGroups,
		RunE:              t.run(remove.run),
	}
	cmd.Flags().StringArrayVarP(&remove.topics, "topic", "t", nil, "`topic[:partitions]` to forget, as orders or orders:0,3-5 (repeatable)")
	cmd.Flags().BoolVar(&remove.dryRun, "dry-run", false, "show what would be removed, and remove nothing")
	// The flags were added above, so that these cannot fail.
	_ = cmd.MarkFlagRequired("topic")
	_ = cmd.RegisterFlagCompletionFunc("topic", t.conn.CompleteTopics)
	remove.confirm = cmdline.NewConfirmation(t.env, cmd)
	return cmd
}

type groupsDeleteOffsets struct {
	confirm *cmdline.Confirmation
	topics  []string
	dryRun  bool
}

// deletedOffset is what became of a committed offset, in JSON.
type deletedOffset struct {
	Group     string  `json:"group"`
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Offset    int64   `json:"committedOffset"`
	Status    string  `json:"status"`
	Error     *string `json:"error,omitempty"`
}

func (d *groupsDeleteOffsets) run(ctx context.Context, s *session, args []string) error {
	wanted, err := topicPartitions(d.topics)
	if err != nil {
		return err
	}
	groups, failed, err := s.pickGroups(ctx, &selection{}, args)
	if err != nil || len(failed) > 0 {
		return firstOf(err, failed)
	}
	name := groups[0].Group
	fetched, err := s.committed(ctx, name)
	if err != nil {
		return err
	}
	rows := []deletedOffset{}
	set := kadm.TopicsSet{}
	for _, o := range fetched.Sorted() {
		if partitions, ok := wanted[o.Topic]; ok && (partitions == nil || slices.Contains(partitions, o.Partition)) {
			rows = append(rows, deletedOffset{Group: name, Topic: o.Topic, Partition: o.Partition, Offset: o.At, Status: "would be removed"})
			set.Add(o.Topic, o.Partition)
		}
	}
	if len(rows) == 0 {
		return cmdline.WithHint(missingError{"group " + name + " has committed nothing for " + strings.Join(d.topics, ", ")},
			"'moldau groups describe %s' shows what it has committed", name)
	}
	if !d.dryRun {
		if err := d.confirm.Ask(ctx, "Remove %s of group %s?", cmdline.Count(len(rows), "committed offset"), name); err != nil {
			return err
		}
		var responses kadm.DeleteOffsetsResponses
		err := s.patiently(ctx, func() error {
			var err error
			responses, err = s.admin.DeleteOffsets(ctx, name, set)
			return err
		})
		if err != nil {
			return err
		}
		for i := range rows {
			r := &rows[i]
			r.Status = "removed"
			if err, _ := responses.Lookup(r.Topic, r.Partition); err != nil {
				err = cmdline.KafkaError(err, "")
				r.Status, r.Error = statusFailed, errorText(err)
				failed.add(err, "remove the offset of %s-%d", r.Topic, r.Partition)
			}
		}
	}
	return s.finish(s.out.Write(rows, func() error {
		table := cmdline.NewTable(s.env, "~TOPIC", ">PARTITION", ">COMMITTED", "STATUS")
		for _, r := range rows {
			table.Row(r.Topic, r.Partition, r.Offset, s.status(r.Status))
		}
		return table.WriteDone()
	}), failed)
}

// firstOf is the error of a command for a single thing.
func firstOf(err error, failed failures) error {
	if err == nil && len(failed) > 0 {
		return failed[0]
	}
	return err
}
