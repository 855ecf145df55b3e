package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newTopicsDeleteRecords() *cobra.Command {
	var remove topicsDeleteRecords
	cmd := &cobra.Command{
		Use:   "delete-records NAME... (--before-offset N | --before TIME | --all)",
		Short: "Delete the oldest records of topics",
		Long: `Delete the oldest records of topics, up to an offset, to a time, or all of them:
the partitions start later then. There is no way back.

At a terminal it shows what would be lost and asks; elsewhere it wants -y.

A time is 2026-01-31T18:00:00Z, '2026-01-31 18:00', 2026-01-31, 18:00 or how long
ago: 10m, 2h30m, 7d.`,
		Example: `  moldau topics delete-records orders --before 7d
  moldau topics delete-records orders -p 0,3-5 --before-offset 1000
  moldau topics delete-records orders --all --dry-run`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: t.conn.CompleteTopics,
		RunE:              t.run(remove.run),
	}
	flags := cmd.Flags()
	flags.Int64Var(&remove.offset, "before-offset", 0, "the first `offset` that is kept; -1 keeps none")
	flags.StringVar(&remove.time, "before", "", "the `time` from which records are kept")
	flags.BoolVar(&remove.all, "all", false, "keep no record")
	remove.partitions = cmdline.NewPartitions(cmd)
	flags.BoolVar(&remove.dryRun, "dry-run", false, "show what would be deleted, and delete nothing")
	cmdline.OneOf(cmd, "before-offset", "before", "all")
	remove.addFlags(cmd, "topics")
	remove.confirm = cmdline.NewConfirmation(t.env, cmd)
	return cmd
}

type topicsDeleteRecords struct {
	selection
	confirm    *cmdline.Confirmation
	offset     int64
	time       string
	all        bool
	partitions *cmdline.Partitions
	dryRun     bool
}

// deletedRecords is what became of a partition, in JSON.
type deletedRecords struct {
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Before    int64   `json:"startOffsetBefore"`
	After     int64   `json:"startOffset"`
	Records   int64   `json:"recordsDeleted"`
	Status    string  `json:"status"`
	Error     *string `json:"error,omitempty"`
}

func (d *topicsDeleteRecords) run(ctx context.Context, s *session, args []string) error {
	if d.offset < -1 {
		return cmdline.Usagef("--before-offset %d: want an offset, or -1 to keep no record", d.offset)
	}
	names, failed, details, err := s.pickTopics(ctx, &d.selection, args)
	if err != nil {
		return err
	}
	rows := []deletedRecords{}
	if len(names) > 0 {
		if rows, err = d.plan(ctx, s, only(details, names), &failed); err != nil {
			return err
		}
	}
	if !d.dryRun && len(rows) > 0 {
		total := int64(0)
		for _, r := range rows {
			total += r.Records
		}
		if err := d.confirm.Ask(ctx, "Delete %s of %s?", cmdline.Count(total, "record"), strings.Join(names, ", ")); err != nil {
			return err
		}
		if err := d.do(ctx, s, rows, &failed); err != nil {
			return err
		}
	}
	return s.finish(s.out.Write(rows, func() error {
		table := cmdline.NewTable(s.env, "~TOPIC", ">PARTITION", ">START", ">NEW-START", ">RECORDS", "STATUS")
		for _, r := range rows {
			table.Row(r.Topic, r.Partition, r.Before, r.After, r.Records, s.status(r.Status))
		}
		return table.WriteDone()
	}), failed)
}

// plan says where each partition is to start.
func (d *topicsDeleteRecords) plan(ctx context.Context, s *session, details kadm.TopicDetails, failed *failures) ([]deletedRecords, error) {
	logs, err := s.readOffsets(ctx, details.Names())
	if err != nil {
		return nil, err
	}
	targets := logs.ends
	if d.time != "" {
		at, err := cmdline.ParseInstant(d.time, s.env.Now())
		if err != nil {
			return nil, cmdline.Usagef("--before: %w", err)
		}
		if targets, err = s.admin.ListOffsetsAfterMilli(ctx, at.UnixMilli(), details.Names()...); partial(err) != nil {
			return nil, err
		}
	}
	rows := []deletedRecords{}
	for _, topic := range details.Sorted() {
		for _, p := range *d.partitions {
			if _, ok := topic.Partitions[p]; !ok {
				failed.add(missingError{"it has no partition " + strconv.Itoa(int(p))}, "topic %q", topic.Topic)
			}
		}
		for _, p := range topic.Partitions.Sorted() {
			if len(*d.partitions) > 0 && !slices.Contains(*d.partitions, p.Partition) {
				continue
			}
			start, end := offset(logs.starts, topic.Topic, p.Partition), offset(logs.ends, topic.Topic, p.Partition)
			target := offset(targets, topic.Topic, p.Partition)
			if d.time == "" && !d.all && d.offset >= 0 {
				target = d.offset
			}
			row := deletedRecords{Topic: topic.Topic, Partition: p.Partition, Before: start, After: max(target, start), Status: "would be deleted"}
			row.Records = min(row.After, end) - start
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// do deletes as planned. A partition that starts there already is left alone.
func (d *topicsDeleteRecords) do(ctx context.Context, s *session, rows []deletedRecords, failed *failures) error {
	offsets := kadm.Offsets{}
	for _, r := range rows {
		if r.After > r.Before {
			offsets.AddOffset(r.Topic, r.Partition, r.After, -1)
		}
	}
	responses := kadm.DeleteRecordsResponses{}
	if len(offsets) > 0 {
		var err error
		if responses, err = s.admin.DeleteRecords(ctx, offsets); partial(err) != nil {
			return err
		}
	}
	for i := range rows {
		r := &rows[i]
		response, asked := responses.Lookup(r.Topic, r.Partition)
		switch {
		case !asked:
			r.Status = "nothing to delete"
		case response.Err != nil:
			err := cmdline.KafkaError(response.Err, "")
			r.Status, r.Error, r.After, r.Records = statusFailed, errorText(err), r.Before, 0
			failed.add(err, "delete records of %s-%d", r.Topic, r.Partition)
		default:
			r.Status, r.After, r.Records = "deleted", response.LowWatermark, response.LowWatermark-r.Before
		}
	}
	return nil
}
