package admin

import (
	"context"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newTopicsList() *cobra.Command {
	var list topicsList
	cmd := &cobra.Command{
		Use:     "list [PATTERN]...",
		Aliases: []string{"ls"},
		Short:   "List topics with partitions, records and size",
		Long: `List the topics of the cluster, all of them or those whose whole names match one
of the regular expressions.

RECORDS counts offsets: a compacted topic holds fewer records. SIZE is that of one
replica. HEALTH names partitions without a leader (offline) and those of which
not all replicas are in sync.`,
		Example: `  moldau topics list
  moldau topics list 'orders-.*' -o json
  moldau topics list --unhealthy
  moldau topics list -q | xargs moldau topics describe`,
		ValidArgsFunction: t.conn.CompleteTopics,
		RunE:              t.run(list.run),
	}
	cmd.Flags().BoolVarP(&list.internal, "internal", "i", false, "with internal topics, such as __consumer_offsets")
	cmd.Flags().BoolVarP(&list.quiet, "quiet", "q", false, "names only, one a line")
	cmd.Flags().BoolVar(&list.unhealthy, "unhealthy", false, "only topics with a partition that is offline or under-replicated")
	return cmd
}

type topicsList struct{ internal, quiet, unhealthy bool }

// listedTopic is a topic in JSON. A null says that it is not known.
type listedTopic struct {
	Topic      string `json:"topic"`
	TopicID    string `json:"topicId"`
	Internal   bool   `json:"internal"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	Records    *int64 `json:"records"`
	SizeBytes  *int64 `json:"sizeBytes"`
	Health     health `json:"health"`
}

func (l *topicsList) run(ctx context.Context, s *session, args []string) error {
	details, err := s.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	names := topicNames(details, l.internal)
	if len(args) > 0 {
		if names, _, err = (&selection{regex: true}).pick(args, names, "topic"); err != nil {
			return err
		}
	}
	for topic, d := range details {
		if l.unhealthy && healthOf(d).ok() {
			delete(details, topic)
		}
	}
	details = only(details, names)
	if l.quiet {
		for _, d := range details.Sorted() {
			if err := s.env.Printf("%s", d.Topic); err != nil {
				return err
			}
		}
		return nil
	}
	logs, err := s.readLogs(ctx, details)
	if err != nil {
		return err
	}
	topics := []listedTopic{}
	for _, d := range details.Sorted() {
		topics = append(topics, listedTopic{
			Topic: d.Topic, TopicID: uuid(d.ID), Internal: d.IsInternal, Partitions: len(d.Partitions), Replicas: d.Partitions.NumReplicas(),
			Records: knownOrNil(sum(d, logs.records)), SizeBytes: knownOrNil(sum(d, logs.size)), Health: healthOf(d),
		})
	}
	return s.out.Write(topics, func() error {
		table := cmdline.NewTable(s.env, "~TOPIC", ">PARTITIONS", ">REPLICAS", ">RECORDS", ">SIZE", "HEALTH")
		for _, topic := range topics {
			table.Row(topic.Topic, topic.Partitions, topic.Replicas, known(orUnknown(topic.Records)), knownSize(orUnknown(topic.SizeBytes)), topic.Health.paint(s.env))
		}
		return table.Write()
	})
}
