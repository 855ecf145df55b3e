package admin

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newTopicsAddPartitions() *cobra.Command {
	var add topicsAddPartitions
	cmd := &cobra.Command{
		Use:   "add-partitions NAME... (--num N | --to N)",
		Short: "Add partitions to topics",
		Long: `Add partitions to topics. There is no way back: Kafka does not remove partitions.

Records stay where they are, but a key may belong to another partition from now
on, so that records of one key are in order only on either side of the change.`,
		Example: `  moldau topics add-partitions orders --num 2     # two more
  moldau topics add-partitions orders --to 12     # twelve altogether
  moldau topics add-partitions -r 'orders-.*' --to 12 --dry-run`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: t.conn.CompleteTopics,
		RunE:              t.run(add.run),
	}
	cmd.Flags().IntVarP(&add.num, "num", "n", 0, "how `many` partitions to add to each topic")
	cmd.Flags().IntVar(&add.to, "to", 0, "how `many` partitions each topic has afterwards")
	cmd.Flags().BoolVar(&add.dryRun, "dry-run", false, "let the cluster check it, and add nothing")
	cmdline.OneOf(cmd, "num", "to")
	add.addFlags(cmd, "topics")
	return cmd
}

type topicsAddPartitions struct {
	selection
	num, to int
	dryRun  bool
}

func (a *topicsAddPartitions) run(ctx context.Context, s *session, args []string) error {
	if a.num < 0 || a.to < 0 || a.num == 0 && a.to == 0 {
		return cmdline.Usagef("the number of partitions must be positive")
	}
	names, failed, details, err := s.pickTopics(ctx, &a.selection, args)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for _, name := range names {
		counts[name] = a.to
		if a.num > 0 {
			counts[name] = len(details[name].Partitions) + a.num
		}
	}
	refused, err := s.setPartitions(ctx, a.dryRun, names, counts)
	if err != nil {
		return err
	}
	topics := []changedTopic{}
	grown := map[string]int{}
	for _, name := range names {
		total := int32(counts[name])
		topic := changedTopic{Topic: name, Partitions: &total, Status: a.done()}
		if err := refused[name]; err != nil {
			topic.Status, topic.Error, topic.Partitions = statusFailed, errorText(err), nil
			failed.add(err, "add partitions to topic %q", name)
		} else {
			grown[name] = counts[name]
		}
		topics = append(topics, topic)
	}
	if !a.dryRun {
		if err := s.awaitLeaders(ctx, grown); err != nil {
			return err
		}
	}
	return s.finish(s.out.Write(topics, func() error {
		table := cmdline.NewTable(s.env, "~TOPIC", ">PARTITIONS", "STATUS")
		for _, t := range topics {
			table.Row(t.Topic, number(t.Partitions), s.status(t.Status))
		}
		return table.WriteDone()
	}), failed)
}

func (a *topicsAddPartitions) done() string {
	if a.dryRun {
		return "would be extended"
	}
	return "extended"
}

// setPartitions asks for numbers of partitions; what fails is told for each topic.
func (s *session) setPartitions(ctx context.Context, dryRun bool, names []string, counts map[string]int) (map[string]error, error) {
	refused := map[string]error{}
	if len(names) == 0 {
		return refused, nil
	}
	timeout, err := s.conn.RequestTimeout()
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.ValidateOnly, req.TimeoutMillis = dryRun, int32(timeout.Milliseconds())
	for _, name := range names {
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = name, int32(counts[name])
		req.Topics = append(req.Topics, topic)
	}
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return nil, err
	}
	for _, topic := range resp.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			refused[topic.Topic] = cmdline.KafkaError(err, pointee(topic.ErrorMessage))
		}
	}
	return refused, nil
}
