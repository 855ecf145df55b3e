package admin

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newTopicsOffsets() *cobra.Command {
	var offsets topicsOffsets
	cmd := &cobra.Command{
		Use:   "offsets NAME...",
		Short: "Show where partitions start and end, and the offset at a time",
		Long: `Show the first offset of each partition (START), the one that its next record
gets (END), and how many there are between.

--at adds the offset of the first record at or after a time, and that record's
timestamp; where there is none, the end. --max-timestamp adds the record with the
largest timestamp.

A time is 2026-01-31T18:00:00Z, '2026-01-31 18:00', 2026-01-31, 18:00 or how long
ago: 10m, 2h30m, 7d.`,
		Example: `  moldau topics offsets orders
  moldau topics offsets orders --at 10m
  moldau topics offsets orders --at 2026-01-31T18:00:00Z --max-timestamp -o json`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: t.conn.CompleteTopics,
		RunE:              t.run(offsets.run),
	}
	cmd.Flags().StringVar(&offsets.at, "at", "", "a `time` of which to show the offset")
	cmd.Flags().BoolVar(&offsets.maxTimestamp, "max-timestamp", false, "show the record with the largest timestamp")
	offsets.addFlags(cmd, "topics")
	return cmd
}

type topicsOffsets struct {
	selection
	at           string
	maxTimestamp bool
}

// partitionOffsets are the offsets of a partition in JSON.
type partitionOffsets struct {
	Topic       string  `json:"topic"`
	Partition   int32   `json:"partition"`
	StartOffset *int64  `json:"startOffset"`
	EndOffset   *int64  `json:"endOffset"`
	Records     *int64  `json:"records"`
	At          *found  `json:"at,omitempty"`
	Max         *found  `json:"maxTimestamp,omitempty"`
	Error       *string `json:"error,omitempty"`
}

// found is a record that was looked for. The timestamp is null where the offset
// is the end of the log, because there is no such record.
type found struct {
	Offset    *int64  `json:"offset"`
	Timestamp *string `json:"timestamp"`
}

func (o *topicsOffsets) run(ctx context.Context, s *session, args []string) error {
	var at time.Time
	if o.at != "" {
		var err error
		if at, err = cmdline.ParseInstant(o.at, s.env.Now()); err != nil {
			return cmdline.Usagef("--at: %w", err)
		}
	}
	names, failed, details, err := s.pickTopics(ctx, &o.selection, args)
	if err != nil {
		return err
	}
	details = only(details, names)
	logs := &logs{}
	var atTime, atMax kadm.ListedOffsets
	if len(names) > 0 {
		logs, err = s.readOffsets(ctx, names)
		if err == nil && o.at != "" {
			atTime, err = s.admin.ListOffsetsAfterMilli(ctx, at.UnixMilli(), names...)
			err = partial(err)
		}
		if err == nil && o.maxTimestamp {
			atMax, err = s.admin.ListMaxTimestampOffsets(ctx, names...)
			err = partial(err)
		}
		if err != nil {
			return err
		}
	}
	rows := []partitionOffsets{}
	for _, d := range details.Sorted() {
		for _, p := range d.Partitions.Sorted() {
			row := partitionOffsets{
				Topic: d.Topic, Partition: p.Partition, Records: knownOrNil(logs.records(d.Topic, p.Partition)),
				StartOffset: knownOrNil(offset(logs.starts, d.Topic, p.Partition)), EndOffset: knownOrNil(offset(logs.ends, d.Topic, p.Partition)),
				At: findIn(atTime, d.Topic, p.Partition), Max: findIn(atMax, d.Topic, p.Partition),
			}
			if l, ok := logs.ends.Lookup(d.Topic, p.Partition); ok && l.Err != nil {
				err := cmdline.KafkaError(l.Err, "")
				row.Error = errorText(err)
				failed.add(err, "offsets of %s-%d", d.Topic, p.Partition)
			}
			rows = append(rows, row)
		}
	}
	return s.finish(s.out.Write(rows, func() error { return o.table(s, rows).WriteDone() }), failed)
}

// readOffsets asks for the ends of topics' partitions.
func (s *session) readOffsets(ctx context.Context, names []string) (*logs, error) {
	starts, err := s.admin.ListStartOffsets(ctx, names...)
	if err := partial(err); err != nil {
		return nil, err
	}
	ends, err := s.admin.ListEndOffsets(ctx, names...)
	return &logs{starts: starts, ends: ends}, partial(err)
}

func findIn(listed kadm.ListedOffsets, topic string, partition int32) *found {
	l, ok := listed.Lookup(topic, partition)
	if !ok || l.Err != nil {
		return nil
	}
	return &found{knownOrNil(l.Offset), textOrNil(cmdline.Timestamp(l.Timestamp))}
}

func (o *topicsOffsets) table(s *session, rows []partitionOffsets) *cmdline.Table {
	columns := []string{"~TOPIC", ">PARTITION", ">START", ">END", ">RECORDS"}
	if o.at != "" {
		columns = append(columns, ">AT", "TIMESTAMP")
	}
	if o.maxTimestamp {
		columns = append(columns, ">MAX", "MAX-TIMESTAMP")
	}
	table := cmdline.NewTable(s.env, columns...)
	for _, r := range rows {
		cells := []any{r.Topic, r.Partition, number(r.StartOffset), number(r.EndOffset), number(r.Records)}
		if o.at != "" {
			cells = append(cells, r.At.cells()...)
		}
		if o.maxTimestamp {
			cells = append(cells, r.Max.cells()...)
		}
		table.Row(cells...)
	}
	return table
}

func (f *found) cells() []any {
	if f == nil {
		return []any{"", ""}
	}
	return []any{number(f.Offset), pointee(f.Timestamp)}
}
