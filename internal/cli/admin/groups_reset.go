package admin

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newGroupsReset() *cobra.Command {
	var reset groupsReset
	cmd := &cobra.Command{
		Use:     "reset NAME [--topic TOPIC[:PARTITIONS]]... --to-...",
		Aliases: []string{"seek", "reset-offsets"},
		Short:   "Move the committed offsets of a group",
		Long: `Move the committed offsets of a group without members: where its consumers start
when they come back. Without --topic it moves all topics that the group has
committed; with it also those of which it has committed nothing yet, and the group
is made if there is none.

An offset outside of a partition's log becomes its start or end. The plan is shown
first; at a terminal you are asked, elsewhere it wants -y.

A time is 2026-01-31T18:00:00Z, '2026-01-31 18:00', 2026-01-31, 18:00 or how long
ago: 10m, 2h30m, 7d.`,
		Example: `  moldau groups reset billing --to-earliest --dry-run
  moldau groups reset billing --to-time 2h -y
  moldau groups reset billing -t orders:0,3 --to-offset 1000
  moldau groups reset billing --shift-by -100
  moldau groups reset billing-2 --to-group billing
  moldau groups reset billing --from-file plan.csv     # lines of topic,partition,offset`,
		Args:              cmdline.Args(1, 1),
		ValidArgsFunction: t.conn.CompleteGroups,
		PreRunE:           reset.readMode,
		RunE:              t.run(reset.run),
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&reset.topics, "topic", "t", nil, "`topic[:partitions]` to move, as orders or orders:0,3-5 (repeatable; default all that the group has committed)")
	flags.BoolVar(&reset.earliest, toEarliest, false, "to the first record")
	flags.BoolVar(&reset.latest, toLatest, false, "to the end, so that only new records are consumed")
	flags.Int64Var(&reset.offset, toOffset, 0, "to this `offset`")
	flags.StringVar(&reset.time, toTime, "", "to the first record at or after a `time`")
	flags.Int64Var(&reset.shift, shiftBy, 0, "by this `number` of offsets, back if it is negative")
	flags.StringVar(&reset.group, toGroup, "", "to what another `group` has committed")
	flags.StringVar(&reset.file, fromFile, "", "to what a `file` with lines of topic,partition,offset says; - reads standard input")
	flags.BoolVar(&reset.dryRun, "dry-run", false, "show the plan, and move nothing")
	cmdline.OneOf(cmd, resetModes...)
	_ = cmd.RegisterFlagCompletionFunc("topic", t.conn.CompleteTopics)
	_ = cmd.RegisterFlagCompletionFunc(toGroup, t.conn.CompleteGroups)
	reset.confirm = cmdline.NewConfirmation(t.env, cmd)
	return cmd
}

type groupsReset struct {
	confirm          *cmdline.Confirmation
	topics           []string
	earliest, latest bool
	offset           int64
	time             string
	shift            int64
	group            string
	file             string
	dryRun           bool

	mode string // The one of resetModes that was given.
}

// Ways to say where offsets go, by their flags.
const (
	toEarliest = "to-earliest"
	toLatest   = "to-latest"
	toOffset   = "to-offset"
	toTime     = "to-time"
	shiftBy    = "shift-by"
	toGroup    = "to-group"
	fromFile   = "from-file"
)

var resetModes = []string{toEarliest, toLatest, toOffset, toTime, shiftBy, toGroup, fromFile}

// readMode notes which flag was given, whatever its value: --shift-by 0 is not
// the absence of --shift-by.
func (r *groupsReset) readMode(cmd *cobra.Command, _ []string) error {
	for _, mode := range resetModes {
		if cmd.Flags().Changed(mode) {
			r.mode = mode
		}
	}
	switch {
	case r.mode == toEarliest && !r.earliest, r.mode == toLatest && !r.latest:
		return cmdline.Usagef("--%s=false says nothing about where to move the offsets", r.mode)
	case r.mode == toOffset && r.offset < 0:
		return cmdline.Usagef("--to-offset %d: an offset is not negative", r.offset)
	}
	return nil
}

// movedOffset is what becomes of a committed offset, in JSON.
type movedOffset struct {
	Group     string  `json:"group"`
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Before    *int64  `json:"committedOffsetBefore"`
	Offset    int64   `json:"committedOffset"`
	Lag       int64   `json:"lag"`
	Status    string  `json:"status"`
	Error     *string `json:"error,omitempty"`
}

func (r *groupsReset) run(ctx context.Context, s *session, args []string) error {
	name := args[0]
	if err := s.mayReset(ctx, name); err != nil {
		return err
	}
	fetched, err := s.committed(ctx, name)
	if err != nil {
		return err
	}
	rows, err := r.plan(ctx, s, name, fetched)
	if err != nil {
		return err
	}
	if r.dryRun {
		return s.out.Write(rows, func() error { return s.movedTable(rows).WriteDone() })
	}
	if s.env.InIsTerminal() && s.env.ErrIsTerminal() && !s.out.JSON() {
		if err := s.movedTable(rows).Write(); err != nil {
			return err
		}
	}
	if err := r.confirm.Ask(ctx, "Move %s of group %s?", cmdline.Count(len(rows), "committed offset"), name); err != nil {
		return err
	}
	failed, err := s.move(ctx, name, rows)
	if err != nil {
		return err
	}
	return s.finish(s.out.Write(rows, func() error { return s.movedTable(rows).WriteDone() }), failed)
}

// mayReset refuses to move the offsets of a group whose members would not know.
func (s *session) mayReset(ctx context.Context, name string) error {
	all, err := s.listGroups(ctx)
	if err != nil {
		return err
	}
	g := all[name]
	if g == nil {
		return nil // Committing offsets makes the group.
	}
	if err := s.patiently(ctx, func() error { return s.readMembers(ctx, []*group{g}) }); err != nil {
		return err
	}
	if len(g.Members) > 0 {
		return fmt.Errorf("move the offsets of group %q: %w", name, s.busy(g))
	}
	return nil
}

// busy is the error for a group that has members.
func (s *session) busy(g *group) error {
	return cmdline.WithHint(fmt.Errorf("it is %s with %s", g.State, cmdline.Count(len(g.Members), "member")),
		"stop its consumers first; 'moldau groups members %s' shows them and their hosts.\nA member that is gone without a word leaves when its session timeout has passed", g.Group)
}

// plan says where each partition's offset goes.
func (r *groupsReset) plan(ctx context.Context, s *session, name string, fetched kadm.OffsetResponses) ([]movedOffset, error) {
	given, err := r.given(ctx, s)
	if err != nil {
		return nil, err
	}
	wanted, err := r.wanted(ctx, s, name, fetched, given)
	if err != nil {
		return nil, err
	}
	topics := wanted.Topics()
	logs, err := s.readOffsets(ctx, topics)
	if err != nil {
		return nil, err
	}
	var at kadm.ListedOffsets
	if r.mode == toTime {
		instant, err := cmdline.ParseInstant(r.time, s.env.Now())
		if err != nil {
			return nil, cmdline.Usagef("--to-time: %w", err)
		}
		if at, err = s.admin.ListOffsetsAfterMilli(ctx, instant.UnixMilli(), topics...); partial(err) != nil {
			return nil, err
		}
	}
	rows := []movedOffset{}
	for _, topic := range wanted.Sorted() {
		for _, p := range topic.Partitions {
			start, end := offset(logs.starts, topic.Topic, p), offset(logs.ends, topic.Topic, p)
			if start < 0 || end < 0 {
				return nil, missingError{fmt.Sprintf("the log of %s-%d is not there, or has no leader: 'moldau topics describe %s' shows it", topic.Topic, p, topic.Topic)}
			}
			row := movedOffset{Group: name, Topic: topic.Topic, Partition: p, Status: "would be moved"}
			if o, ok := fetched.Lookup(topic.Topic, p); ok {
				row.Before = knownOrNil(o.At)
			}
			switch r.mode {
			case toEarliest:
				row.Offset = start
			case toLatest:
				row.Offset = end
			case toTime:
				if row.Offset = offset(at, topic.Topic, p); row.Offset < 0 {
					return nil, fmt.Errorf("the cluster does not tell the offset of %s-%d at %s", topic.Topic, p, r.time)
				}
			case toGroup, fromFile:
				row.Offset = given[topic.Topic][p]
			case shiftBy:
				if row.Before == nil {
					return nil, cmdline.Usagef("--shift-by: group %s has committed nothing for %s-%d", name, topic.Topic, p)
				}
				row.Offset = *row.Before + r.shift
			case toOffset:
				row.Offset = r.offset
			}
			row.Offset = min(max(row.Offset, start), end)
			row.Lag = end - row.Offset
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// given are the offsets that a file or another group says; nil if neither does.
func (r *groupsReset) given(ctx context.Context, s *session) (map[string]map[int32]int64, error) {
	switch {
	case r.mode == toGroup:
		fetched, err := s.committed(ctx, r.group)
		if err != nil {
			return nil, err
		}
		given := map[string]map[int32]int64{}
		fetched.Each(func(o kadm.OffsetResponse) { give(given, o.Topic, o.Partition, o.At) })
		if len(given) == 0 {
			return nil, missingError{fmt.Sprintf("group %q has committed nothing", r.group)}
		}
		return given, nil
	case r.mode == fromFile && r.file == "-":
		return readOffsetsFile("standard input", s.env.In)
	case r.mode == fromFile:
		text, err := os.ReadFile(r.file)
		if err != nil {
			return nil, cmdline.AsUsage(fmt.Errorf("--from-file: %w", err))
		}
		return readOffsetsFile(r.file, bytes.NewReader(text))
	default:
		return nil, nil
	}
}

func give(given map[string]map[int32]int64, topic string, partition int32, offset int64) {
	if given[topic] == nil {
		given[topic] = map[int32]int64{}
	}
	given[topic][partition] = offset
}

// readOffsetsFile reads lines of topic,partition,offset.
func readOffsetsFile(name string, r io.Reader) (map[string]map[int32]int64, error) {
	given := map[string]map[int32]int64{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, ",")
		if len(fields) != 3 {
			return nil, cmdline.Usagef("%s:%d: want topic,partition,offset", name, n)
		}
		partition, err := strconv.ParseInt(strings.TrimSpace(fields[1]), 10, 32)
		if err != nil || partition < 0 {
			return nil, cmdline.Usagef("%s:%d: %q is no partition", name, n, fields[1])
		}
		at, err := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		if err != nil || at < 0 {
			return nil, cmdline.Usagef("%s:%d: %q is no offset", name, n, fields[2])
		}
		give(given, strings.TrimSpace(fields[0]), int32(partition), at)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(given) == 0 {
		return nil, cmdline.Usagef("%s holds no offsets", name)
	}
	return given, nil
}

// wanted are the partitions to move: those named, else those given by a file or
// another group, else those committed.
func (r *groupsReset) wanted(ctx context.Context, s *session, name string, fetched kadm.OffsetResponses, given map[string]map[int32]int64) (kadm.TopicsSet, error) {
	named, err := topicPartitions(r.topics)
	if err != nil {
		return nil, err
	}
	details, err := s.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, err
	}
	for topic, partitions := range named {
		d, ok := details[topic]
		if !ok {
			return nil, missing("topic", topic, details.Names())
		}
		for _, p := range partitions {
			if _, ok := d.Partitions[p]; !ok {
				return nil, missingError{fmt.Sprintf("topic %q has no partition %d", topic, p)}
			}
		}
	}
	wanted := kadm.TopicsSet{}
	add := func(topic string, p int32) {
		if partitions, ok := named[topic]; len(named) == 0 || ok && (partitions == nil || slices.Contains(partitions, p)) {
			wanted.Add(topic, p)
		}
	}
	switch {
	case given != nil:
		for topic, partitions := range given {
			for p := range partitions {
				add(topic, p)
			}
		}
	case len(named) > 0:
		for topic := range named {
			for p := range details[topic].Partitions {
				add(topic, p)
			}
		}
	default:
		fetched.Each(func(o kadm.OffsetResponse) { add(o.Topic, o.Partition) })
	}
	if len(wanted) == 0 {
		return nil, cmdline.WithHint(missingError{fmt.Sprintf("group %q has committed nothing that could be moved", name)}, "name topics with -t")
	}
	return wanted, nil
}

// move commits the new offsets.
func (s *session) move(ctx context.Context, name string, rows []movedOffset) (failures, error) {
	offsets := kadm.Offsets{}
	for _, r := range rows {
		offsets.Add(kadm.Offset{Topic: r.Topic, Partition: r.Partition, At: r.Offset, LeaderEpoch: -1})
	}
	var responses kadm.OffsetResponses
	err := s.patiently(ctx, func() error {
		var err error
		responses, err = s.admin.CommitOffsets(ctx, name, offsets)
		if err != nil {
			return err
		}
		return onlyIf(coordinatorMoves, responses.Error())
	})
	if err != nil {
		return nil, fmt.Errorf("move the offsets of group %q: %w", name, err)
	}
	var failed failures
	for i := range rows {
		r := &rows[i]
		r.Status = "moved"
		if response, _ := responses.Lookup(r.Topic, r.Partition); response.Err != nil {
			err := cmdline.KafkaError(response.Err, "")
			r.Status, r.Error = statusFailed, errorText(err)
			failed.add(err, "move the offset of %s-%d", r.Topic, r.Partition)
		}
	}
	return failed, nil
}

func (s *session) movedTable(rows []movedOffset) *cmdline.Table {
	table := cmdline.NewTable(s.env, "~TOPIC", ">PARTITION", ">COMMITTED", ">NEW", ">LAG", "STATUS")
	for _, r := range rows {
		table.Row(r.Topic, r.Partition, number(r.Before), r.Offset, r.Lag, s.status(r.Status))
	}
	return table
}
