package admin

import (
	"context"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newTopicsDelete() *cobra.Command {
	var remove topicsDelete
	cmd := &cobra.Command{
		Use:     "delete NAME...",
		Aliases: []string{"rm", "remove"},
		Short:   "Delete topics with all their records",
		Long: `Delete topics with all their records. There is no way back.

At a terminal it shows what would be lost and asks; elsewhere it wants -y.`,
		Example: `  moldau topics delete orders
  moldau topics delete -r 'test-.*' --dry-run
  moldau topics delete -r 'test-.*' -y`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: t.conn.CompleteTopics,
		RunE:              t.run(remove.run),
	}
	cmd.Flags().BoolVar(&remove.dryRun, "dry-run", false, "show what would be deleted, and delete nothing")
	cmd.Flags().BoolVar(&remove.ifExists, "if-exists", false, "a topic that does not exist is no failure")
	remove.addFlags(cmd, "topics")
	remove.confirm = cmdline.NewConfirmation(t.env, cmd)
	return cmd
}

type topicsDelete struct {
	selection
	confirm          *cmdline.Confirmation
	dryRun, ifExists bool
}

// deletedTopic is what became of a topic, in JSON.
type deletedTopic struct {
	Topic      string  `json:"topic"`
	Partitions int     `json:"partitions"`
	Records    *int64  `json:"records"`
	SizeBytes  *int64  `json:"sizeBytes"`
	Status     string  `json:"status"`
	Error      *string `json:"error,omitempty"`
}

func (d *topicsDelete) run(ctx context.Context, s *session, args []string) error {
	names, failed, details, err := s.pickTopics(ctx, &d.selection, args)
	if err != nil {
		return err
	}
	if d.ifExists {
		failed = nil
	}
	details = only(details, names)
	logs, err := s.readLogs(ctx, details)
	if err != nil {
		return err
	}
	topics := []deletedTopic{}
	for _, name := range names {
		topics = append(topics, deletedTopic{
			Topic: name, Partitions: len(details[name].Partitions), Status: "would be deleted",
			Records: knownOrNil(sum(details[name], logs.records)), SizeBytes: knownOrNil(sum(details[name], logs.size)),
		})
	}
	if !d.dryRun && len(topics) > 0 {
		if err := d.ask(ctx, s, topics); err != nil {
			return err
		}
		if err := s.deleteTopics(ctx, names, topics, &failed); err != nil {
			return err
		}
	}
	return s.finish(s.out.Write(topics, func() error { return s.deletedTable(topics).WriteDone() }), failed)
}

// ask shows what would be lost, and asks.
func (d *topicsDelete) ask(ctx context.Context, s *session, topics []deletedTopic) error {
	question := "Delete " + cmdline.Count(len(topics), "topic") + " with all records?"
	if len(topics) == 1 {
		question = "Delete topic " + topics[0].Topic + " with " + cmdline.Count(max(0, orUnknown(topics[0].Records)), "record") + "?"
	} else if s.env.ErrIsTerminal() {
		for _, t := range topics {
			s.env.Notef("  %s  %s", t.Topic, cmdline.Count(max(0, orUnknown(t.Records)), "record"))
		}
	}
	return d.confirm.Ask(ctx, "%s", question)
}

func (s *session) deleteTopics(ctx context.Context, names []string, topics []deletedTopic, failed *failures) error {
	responses, err := s.admin.DeleteTopics(ctx, names...)
	if err != nil {
		return err
	}
	var gone []string
	for i := range topics {
		topics[i].Status = "deleted"
		if r := responses[topics[i].Topic]; r.Err != nil {
			err := cmdline.KafkaError(r.Err, r.ErrMessage)
			topics[i].Status, topics[i].Error = statusFailed, errorText(err)
			failed.add(err, "delete topic %q", topics[i].Topic)
		} else {
			gone = append(gone, topics[i].Topic)
		}
	}
	return s.awaitGone(ctx, gone)
}

func (s *session) deletedTable(topics []deletedTopic) *cmdline.Table {
	table := cmdline.NewTable(s.env, "~TOPIC", ">PARTITIONS", ">RECORDS", ">SIZE", "STATUS")
	for _, t := range topics {
		table.Row(t.Topic, t.Partitions, known(orUnknown(t.Records)), knownSize(orUnknown(t.SizeBytes)), s.status(t.Status))
	}
	return table
}
