package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// Forms of produce's result.
const (
	// formatSummary is one line on standard error.
	formatSummary cmdline.Format = "summary"
	// formatOffsets is topic-partition@offset of each record.
	formatOffsets cmdline.Format = "offsets"
)

// defaultDeliveryTimeout is Kafka's delivery.timeout.ms.
const defaultDeliveryTimeout = 2 * time.Minute

// produceCommand is the command line of produce.
type produceCommand struct {
	env    *cmdline.Env
	conn   *cmdline.Connection
	output *cmdline.Output

	files          []string
	format         inputFormat
	delimiter      string
	keySeparator   string
	key            string
	keyAs, valueAs encoding
	headers        []string
	partition      int32
	timestamp      string
	null           string
	tombstone      bool
	compression    string
	acks           string
	create         bool
	repartition    bool
	quiet          bool

	deliveryTimeout time.Duration
	linger          time.Duration
	notIdempotent   bool

	flags interface{ Changed(string) bool }
}

func newProduce(env *cmdline.Env) *cobra.Command {
	c := &produceCommand{
		env: env, format: inputLines, keyAs: encodingText, valueAs: encodingText,
		deliveryTimeout: defaultDeliveryTimeout, linger: -1,
	}
	cmd := &cobra.Command{
		Use:   "produce [TOPIC] [VALUE...]",
		Short: "Write records to a topic",
		Long: `Write records to a topic: the values given as arguments, or else what files (-f)
or standard input hold.

Input formats (-i):
  lines   a record a line; -d sets another delimiter, '\0' for what find -print0
          and the like write, and -K splits keys from values
  json    JSON documents, as 'moldau consume -o json' writes them, or an array:
          {"key": "a", "value": "b", "headers": {"h": "1"}, "partition": 0,
           "timestamp": "2026-01-31T18:00:00Z", "topic": "t"}
          Only value is needed, and null for a tombstone. An object or an array
          as a key or a value is written as its JSON text; keyBase64 and
          valueBase64 hold binary. Without TOPIC each record names its own.
  whole   all of each file is one record

Records go to partitions as Kafka's own producer sends them: by the hash of the
key, or else in batches to the partitions in turns. The first record that is
refused ends the command; what came before it is written. When interrupted, the
command writes what it has read.`,
		Example: `  moldau produce events hello world               # two records
  moldau produce users -k alice '{"age": 7}'      # one with a key
  moldau produce users -k alice --tombstone       # a null value, which deletes the key
  moldau produce events -K : -f lines.txt         # key:value, from a file
  tail -f app.log | moldau produce logs -z zstd   # a stream, compressed
  moldau produce images -k cat -i whole -f cat.png
  moldau consume a -o json --to end | moldau produce b -i json   # copy a topic`,
		Args: cmdline.Args(0, cmdline.Many),
		RunE: c.run,
	}
	c.conn = cmdline.NewConnection(env, cmd, c.properties()...)
	c.output = cmdline.NewOutput(env, cmd, formatSummary, formatOffsets, cmdline.FormatJSON)
	flags := cmd.Flags()
	c.flags = flags
	flags.StringArrayVarP(&c.files, "file", "f", nil, "read records from a `file`, - for standard input (repeatable)")
	flags.VarP(&c.format, "input", "i", "`format` of the input: lines, json or whole")
	flags.StringVarP(&c.delimiter, "delimiter", "d", `\n`, "the `text` that ends a record of lines (default \\n)")
	flags.StringVarP(&c.keySeparator, "key-separator", "K", "", "the `text` between key and value")
	flags.StringVarP(&c.key, "key", "k", "", "the key of all records")
	flags.Var(&c.keyAs, "key-as", "`encoding` that keys are given in: "+encodingNames())
	flags.Var(&c.valueAs, "value-as", "`encoding` that values are given in, as for --key-as")
	flags.StringArrayVarP(&c.headers, "header", "H", nil, "a header of all records, as `name=value` (repeatable)")
	flags.Int32VarP(&c.partition, "partition", "p", anyPartition, "the `partition` of all records (default by key)")
	cmdline.HideDefault(flags, "partition", "delimiter")
	flags.StringVar(&c.timestamp, "timestamp", "", "the `time` of all records: 2026-01-31T18:00:00Z, 10m (ago) or @ and milliseconds since 1970 (default now)")
	flags.StringVar(&c.null, "null", "", "the `text` of a key or value that stands for null")
	flags.BoolVar(&c.tombstone, "tombstone", false, "write null values; the input, if there is any, is keys")
	flags.StringVarP(&c.compression, "compression", "z", "none", "`codec`: none, gzip, snappy, lz4 or zstd, and a level as in zstd:9")
	flags.StringVar(&c.acks, "acks", "all", "`who` acknowledges: all in-sync replicas, 1 for the leader, 0 for nobody")
	flags.BoolVar(&c.create, "create", false, "create a topic that is not there, with the brokers' defaults")
	flags.BoolVar(&c.repartition, "repartition", false, "ignore the partitions of JSON records")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "no summary and no progress")
	// The flags were added above, so that these registrations cannot fail.
	_ = cmd.RegisterFlagCompletionFunc("input", cobra.FixedCompletions([]string{"lines", "json", "whole"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("compression", cobra.FixedCompletions([]string{"none", "gzip", "snappy", "lz4", "zstd"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("acks", cobra.FixedCompletions([]string{"all", "1", "0"}, cobra.ShellCompDirectiveNoFileComp))
	completeEncodings(cmd, "key-as", "value-as")
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.conn.CompleteTopics(cmd, args, toComplete)
	}
	return cmd
}

func completeEncodings(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(strings.Split(encodingNames(), ", "), cobra.ShellCompDirectiveNoFileComp))
	}
}

// properties are the producer's that are worth a change and have no flag.
func (c *produceCommand) properties() []cmdline.Property {
	duration := func(to *time.Duration, least int64) func(string) ([]kgo.Opt, error) {
		return func(value string) ([]kgo.Opt, error) {
			ms, err := strconv.ParseInt(value, 10, 32)
			if err != nil || ms < least {
				return nil, fmt.Errorf("want milliseconds, at least %d", least)
			}
			*to = time.Duration(ms) * time.Millisecond
			return nil, nil
		}
	}
	return []cmdline.Property{
		{Name: "delivery.timeout.ms", Doc: "how long a record may wait for its acknowledgement (default 120000)", Options: duration(&c.deliveryTimeout, 1000)},
		{Name: "linger.ms", Doc: "how long to wait for more records to fill a batch (default 10)", Options: duration(&c.linger, 0)},
		{Name: "enable.idempotence", Doc: "false lets a retry write a record twice (default true, with acks=all)", Options: func(value string) ([]kgo.Opt, error) {
			on, err := strconv.ParseBool(value)
			c.notIdempotent = !on
			return nil, err
		}},
	}
}

func (c *produceCommand) run(cmd *cobra.Command, args []string) error {
	if c.format == inputJSON && len(args) > 0 && strings.ContainsAny(args[0][:min(1, len(args[0]))], "{[") {
		// A document, and no topic, whose name has no braces.
		args = append([]string{""}, args...)
	}
	stamp, err := c.stamp(args)
	if err != nil {
		return err
	}
	template, err := c.template()
	if err != nil {
		return err
	}
	in, err := c.input(template, args)
	if err != nil {
		return err
	}
	out := io.Discard
	if c.output.Format() != formatSummary {
		out = c.env.Out
	}
	s := newSender(c.env, stamp, newAckWriter(out, c.output.Format()))
	s.create = c.create
	opts, err := c.options()
	if err != nil {
		return err
	}
	client, err := c.conn.Client(cmd.Context(), append(opts, s.options()...)...)
	if err != nil {
		return err
	}
	defer client.Close()
	writing, giveUp := context.WithCancelCause(context.WithoutCancel(cmd.Context()))
	s.connect(writing, client)
	watched := make(chan struct{})
	go func() { defer close(watched); s.watch(writing, c.deliveryTimeout, giveUp) }()
	err = c.pump(cmd.Context(), s, in)
	giveUp(nil)
	<-watched
	return c.conn.Explain(err)
}

// stamp reads what the flags say about every record.
func (c *produceCommand) stamp(args []string) (stamp, error) {
	s := stamp{partition: c.partition, repartition: c.repartition}
	switch {
	case len(args) > 0 && (args[0] != "" || c.format == inputJSON):
		s.topic = args[0]
	case c.format != inputJSON:
		return s, cmdline.Usagef("name a topic: moldau produce TOPIC [VALUE...]")
	}
	if c.flags.Changed("partition") && c.partition < 0 {
		return s, cmdline.Usagef("-p %d: partitions are numbered from 0", c.partition)
	}
	if c.repartition && c.flags.Changed("partition") {
		return s, cmdline.Usagef("--repartition and -p exclude each other")
	}
	if c.timestamp != "" {
		p, err := parsePosition(c.timestamp, c.env.Now())
		if err != nil || p.kind != atTime {
			return s, cmdline.Usagef("--timestamp %s: want 2026-01-31T18:00:00Z, 10m (ago) or @ and milliseconds since 1970", c.timestamp)
		}
		s.timestamp = p.at
	}
	for _, h := range c.headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok {
			return s, cmdline.Usagef("-H %s: want name=value", h)
		}
		s.headers = append(s.headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	return s, nil
}

// template reads how text becomes records.
func (c *produceCommand) template() (*template, error) {
	t := &template{keyAs: c.keyAs, valueAs: c.valueAs, null: c.null, hasNull: c.flags.Changed("null"), tombstone: c.tombstone}
	var err error
	if t.keySeparator, err = unescape(c.keySeparator); err != nil {
		return nil, cmdline.Usagef("-K %s: %w", c.keySeparator, err)
	}
	if c.flags.Changed("key-separator") && len(t.keySeparator) == 0 {
		return nil, cmdline.Usagef("-K: the key separator is empty")
	}
	if t.hasKey = c.flags.Changed("key"); t.hasKey {
		if t.key, err = t.field("key", []byte(c.key), c.keyAs); err != nil {
			return nil, cmdline.Usagef("-k: %w", err)
		}
	}
	if t.hasKey && len(t.keySeparator) > 0 {
		return nil, cmdline.Usagef("-k and -K exclude each other: the key is the same for all records, or stands in each")
	}
	if t.tombstone && len(t.keySeparator) > 0 {
		return nil, cmdline.Usagef("--tombstone and -K exclude each other: with --tombstone a line is a key; --null '' makes a tombstone of a line with an empty value")
	}
	return t, nil
}

// input gives what the records are read from.
func (c *produceCommand) input(t *template, args []string) (input, error) {
	values := args[min(1, len(args)):]
	delimiter, err := unescape(c.delimiter)
	switch {
	case err != nil || len(delimiter) == 0:
		return nil, cmdline.Usagef("-d %q: want a delimiter of at least one byte, such as '\\n' or '\\0'", c.delimiter)
	case len(values) > 0 && len(c.files) > 0:
		return nil, cmdline.Usagef("values as arguments and -f exclude each other")
	case c.format == inputJSON && (t.hasKey || t.hasNull || t.tombstone || len(t.keySeparator) > 0):
		return nil, cmdline.Usagef("-i json has key, value and null in each record: -k, -K, --null and --tombstone do not go with it")
	case c.tombstone && t.hasKey && (len(values) > 0 || len(c.files) > 0):
		return nil, cmdline.Usagef("--tombstone with -k takes no values: it deletes that key")
	case c.tombstone && t.hasKey:
		return keyOnly{t.key}, nil
	case len(values) > 0 && c.format == inputLines:
		return &texts{template: t, pieces: values}, nil
	}
	open := newInput(c.format, delimiter, t, c.env.Now)
	if len(values) > 0 { // JSON documents as arguments.
		return open(strings.NewReader(strings.Join(values, "\n"))), nil
	}
	names := c.files
	if len(names) == 0 {
		names = []string{"-"}
		if c.env.InIsTerminal() && !c.quiet {
			c.env.Notef("a record a line; Ctrl-D ends the input")
		}
	}
	return &files{stdin: c.env.In, names: names, open: open}, nil
}

// options are the client's, but for those its sender gives. They come before
// properties are resolved, which Client does, so that what those set is read by
// optionsOfProperties.
func (c *produceCommand) options() ([]kgo.Opt, error) {
	// Resolves the properties, whose fields are read below.
	if _, err := c.conn.Options(); err != nil {
		return nil, err
	}
	compressor, err := parseCompressor(c.compression)
	if err != nil {
		return nil, cmdline.Usagef("-z %s: %w", c.compression, err)
	}
	opts := []kgo.Opt{
		kgo.WithCompressor(compressor),
		// A topic was looked for before its first record, so that one that a
		// broker does not know is new to that broker.
		kgo.UnknownTopicRetries(20),
	}
	if c.linger >= 0 {
		opts = append(opts, kgo.ProducerLinger(c.linger))
	}
	acks, ok := map[string]kgo.Acks{"all": kgo.AllISRAcks(), "-1": kgo.AllISRAcks(), "1": kgo.LeaderAck(), "0": kgo.NoAck()}[c.acks]
	if !ok {
		return nil, cmdline.Usagef("--acks %s: want all, 1 or 0", c.acks)
	}
	if c.acks == "0" && c.output.Format() != formatSummary {
		return nil, cmdline.Usagef("--acks 0: nobody tells offsets, so that -o %s has nothing to show", c.output.Format())
	}
	// Idempotence rests on acks=all.
	if c.notIdempotent || acks != kgo.AllISRAcks() {
		opts = append(opts, kgo.DisableIdempotentWrite())
	}
	return append(opts, kgo.RequiredAcks(acks)), nil
}

// portion is what an input gave at once.
type portion struct {
	records []*kgo.Record
	err     error
}

// pump moves records from the input to the sender until the input ends, a record
// fails, or ctx ends, and then waits for the acknowledgements.
func (c *produceCommand) pump(ctx context.Context, s *sender, in input) error {
	portions, stop := make(chan portion, 4), make(chan struct{})
	defer close(stop)
	// Nobody waits for this goroutine: a read of standard input cannot be ended
	// when the command is interrupted, but the process is about to.
	go func() {
		for {
			records, err := in.read()
			select {
			case portions <- portion{records, err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	begun := c.env.Now()
	show := c.show(s, begun)
	err := c.sendAll(ctx, s, portions, show)
	// A record that was refused says more than what came of it.
	if failure := s.finish(); failure != nil {
		err = failure
	}
	show.progress.Done()
	if !c.quiet && (s.total.records > 0 || err == nil) {
		c.env.Notef("%s", s.summary(c.env.Now().Sub(begun), c.acks != "0"))
	}
	return err
}

func (c *produceCommand) sendAll(ctx context.Context, s *sender, portions <-chan portion, show *display) error {
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return c.drain(ctx, s, portions)
		case <-s.failed:
			return nil // finish tells.
		case <-tick.C:
			if err := show.tick(); err != nil {
				return err
			}
		case p := <-portions:
			if err := c.sendPortion(s, p); err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
		}
	}
}

// sendPortion sends what was read and then returns the input's error.
func (c *produceCommand) sendPortion(s *sender, p portion) error {
	for _, r := range p.records {
		if err := s.send(r); err != nil {
			return err
		}
	}
	return p.err
}

// drain sends what has been read when ctx ends, and returns its error.
func (c *produceCommand) drain(ctx context.Context, s *sender, portions <-chan portion) error {
	for {
		select {
		case p := <-portions:
			if err := c.sendPortion(s, p); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		default:
			return ctx.Err()
		}
	}
}

// redrawEvery is how often acknowledgements are written out and progress is
// looked at.
const redrawEvery = 100 * time.Millisecond

// display shows how far a sender has come.
type display struct {
	env      *cmdline.Env
	sender   *sender
	progress *cmdline.Progress
	begun    time.Time
	quiet    bool
}

func (c *produceCommand) show(s *sender, begun time.Time) *display {
	// Somebody who types wants no line that is redrawn below.
	quiet := c.quiet || c.env.InIsTerminal()
	return &display{env: c.env, sender: s, progress: c.env.NewProgress(), begun: begun, quiet: quiet}
}

func (d *display) tick() error {
	if !d.quiet {
		records, bytes := d.sender.progress()
		seconds := max(d.env.Now().Sub(d.begun).Seconds(), 0.001)
		d.progress.Update("%s, %s, %s/s", cmdline.Count(records, "record"), cmdline.Bytes(bytes), cmdline.Bytes(int64(float64(bytes)/seconds)))
	}
	return d.sender.flushAcks()
}

// rateFrom is the time from which a summary gives rates: below it they would say
// how long a connection takes.
const rateFrom = time.Second

// summary is one line on what was written. It is called when nothing is under
// way any more.
func (s *sender) summary(elapsed time.Duration, acknowledged bool) string {
	t := &s.total
	where := s.stamp.topic
	if len(t.topics) > 1 {
		where = cmdline.Count(len(t.topics), "topic")
	} else if t.last != nil {
		where = t.last.Topic
	}
	line := cmdline.Count(t.records, "record")
	if where != "" {
		line += " to " + where
	}
	switch {
	case !acknowledged:
		return line + ", not acknowledged"
	case t.records == 1:
		return fmt.Sprintf("%s, partition %d, offset %d", line, t.last.Partition, t.last.Offset)
	case elapsed >= rateFrom:
		seconds := elapsed.Seconds()
		return fmt.Sprintf("%s, %s in %s (%.0f records/s, %s/s)", line, cmdline.Bytes(t.bytes), cmdline.Duration(elapsed),
			float64(t.records)/seconds, cmdline.Bytes(int64(float64(t.bytes)/seconds)))
	default:
		return fmt.Sprintf("%s, %s", line, cmdline.Bytes(t.bytes))
	}
}
