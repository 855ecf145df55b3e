package bench

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/bench"
	"moldau.dev/moldau/internal/cli/cmdline"
)

// New gives the commands of this package.
func New(env *cmdline.Env) []*cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a cluster",
		Long: `Measure a cluster: what it takes and gives, how long it needs for that, and,
where the broker runs on this machine, what that costs it.

The load is made of raw connections with requests that are encoded once, so that
the cluster is measured and not the client. Without --rate it sends as fast as
answers come, and latencies are those of a saturated cluster; with --rate every
request has its time, and its latency counts from there even if it could only be
sent later (no coordinated omission).

A load makes a topic of its own and removes it. It never takes more than half of
the space that the brokers have free, or what --max-bytes says.`,
		Example: `  moldau bench produce                                  # 10 seconds of 64 KiB batches
  moldau bench requests -c 100 -b kafka:9092            # one record per request
  moldau bench e2e --rate 30000                         # latency from producer to consumer
  moldau bench produce -b a:9092 --against b:9092       # two clusters in turns`,
		Args: cmdline.Args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProduce(env), newConsume(env), newRequests(env), newEndToEnd(env))
	return []*cobra.Command{cmd}
}

// session is what the loads share: their flags, and how they run.
type session struct {
	env        *cmdline.Env
	connection *cmdline.Connection
	output     *cmdline.Output

	topic    bench.Topic
	configs  []string
	window   bench.Window
	bytes    size
	maxBytes size

	against     []string
	rounds      int
	pids        []int
	againstPIDs []int
}

// Defaults of every load: an answer within about ten seconds.
const (
	defaultWarmup     = 2 * time.Second
	defaultDuration   = 8 * time.Second
	defaultPartitions = 8
	defaultRounds     = 3
)

// ballast spaces the garbage collections of a load, which would be measured as the
// broker's: each takes about 1 ms, and there were 38 of them a second at 30,000
// records a second end to end.
const ballast = 128 << 20

// newSession adds the flags of every load to a command.
func newSession(env *cmdline.Env, cmd *cobra.Command) *session {
	s := &session{env: env, connection: cmdline.NewConnection(env, cmd), output: cmdline.NewOutput(env, cmd)}
	f := cmd.Flags()
	f.StringVarP(&s.topic.Name, "topic", "t", "", "use this `topic`; one that exists is used as it is, and stays")
	f.IntVarP(&s.topic.Partitions, "partitions", "p", defaultPartitions, "`number` of partitions of a topic that is made")
	f.IntVarP(&s.topic.ReplicationFactor, "replicas", "r", 0, "`number` of replicas of its partitions (default: the cluster's)")
	f.StringArrayVar(&s.configs, "config", nil, "a config of it, as `key=value` (repeatable)")
	f.BoolVar(&s.topic.Keep, "keep", false, "leave a topic that was made")
	f.DurationVarP(&s.window.Duration, "duration", "d", defaultDuration, "how long to measure")
	f.DurationVar(&s.window.Warmup, "warmup", defaultWarmup, "how long to run before that; not counted")
	f.Var(&s.bytes, "bytes", "measure until this `size` is through, such as 2GB; without -d only that ends it")
	f.StringSliceVar(&s.against, "against", nil, "`host:port` of a second cluster, to run on both in turns and compare")
	f.IntVar(&s.rounds, "rounds", defaultRounds, "with --against, how often on each")
	f.IntSliceVar(&s.pids, "pid", nil, "process `ids` of the brokers, for their CPU (default: those that listen on the brokers' ports here)")
	f.IntSliceVar(&s.againstPIDs, "against-pid", nil, "process `ids` of the second cluster's brokers")
	// The flags were added above, so that these registrations cannot fail.
	_ = cmd.RegisterFlagCompletionFunc("topic", s.connection.CompleteTopics)
	_ = cmd.RegisterFlagCompletionFunc("against", cobra.NoFileCompletions)
	return s
}

// limit adds the flag that bounds what a load writes.
func (s *session) limit(cmd *cobra.Command) {
	cmd.Flags().Var(&s.maxBytes, "max-bytes", "end when this `size` was written, warm-up included (default: half of what is free)")
}

// prepare checks the flags of every load.
func (s *session) prepare(cmd *cobra.Command) error {
	s.window.Bytes, s.window.MaxBytes = int64(s.bytes), int64(s.maxBytes)
	if s.bytes > 0 && !cmd.Flags().Changed("duration") {
		s.window.Duration = 0
	}
	s.topic.Configs = map[string]string{}
	for _, pair := range s.configs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return cmdline.Usagef("--config %s: want key=value", pair)
		}
		s.topic.Configs[key] = value
	}
	switch {
	case s.topic.Partitions < 1:
		return cmdline.Usagef("--partitions %d: want 1 at least", s.topic.Partitions)
	case s.window.Duration < 0 || s.window.Warmup < 0:
		return cmdline.Usagef("--duration and --warmup cannot be negative")
	case s.window.Duration == 0 && s.bytes == 0:
		return cmdline.Usagef("--duration 0 would never end: give --bytes, or a duration")
	case s.rounds < 1:
		return cmdline.Usagef("--rounds %d: want 1 at least", s.rounds)
	case len(s.against) == 0 && (cmd.Flags().Changed("rounds") || len(s.againstPIDs) > 0):
		return cmdline.Usagef("--rounds and --against-pid belong to --against")
	}
	return nil
}

// positive checks numbers that must be 1 at least.
func positive(numbers map[string]int) error {
	for name, n := range numbers {
		if n < 1 {
			return cmdline.Usagef("--%s %d: want 1 at least", name, n)
		}
	}
	return nil
}

// run runs a load on the cluster, or on two in turns, and writes what came out.
func (s *session) run(ctx context.Context, load func(*bench.Cluster, bench.Topic, bench.Window) (*bench.Result, error)) error {
	defer runtime.KeepAlive(cmdline.NewBallast(ballast))
	progress := s.env.NewProgress()
	defer progress.Done()
	measured := func(_ context.Context, c *bench.Cluster) (*bench.Result, error) {
		window := s.window
		window.Progress = func(p bench.Progress) { progress.Update("%s", s.progressLine(c, p)) }
		return load(c, s.topic, window)
	}
	a, err := s.open(ctx, nil, s.pids)
	if err != nil {
		return err
	}
	defer a.Close()
	if len(s.against) == 0 {
		result, err := measured(ctx, a)
		progress.Done()
		if err != nil {
			return s.connection.Explain(err)
		}
		return s.output.Write(result, func() error { return s.writeResult(result) })
	}
	b, err := s.open(ctx, s.against, s.againstPIDs)
	if err != nil {
		return err
	}
	defer b.Close()
	comparison, err := bench.Compare(ctx, a, b, s.rounds, measured, func(round int, c *bench.Cluster) {
		progress.Update("round %d of %d on %s", round+1, s.rounds, name(c))
	})
	progress.Done()
	if err != nil {
		return s.connection.Explain(err)
	}
	return s.output.Write(comparison, func() error { return s.writeComparison(a, b, comparison) })
}

// open connects to the cluster of the command line, or to that of other brokers.
func (s *session) open(ctx context.Context, brokers []string, pids []int) (*bench.Cluster, error) {
	options, err := s.connection.Options()
	if err != nil {
		return nil, err
	}
	if len(brokers) > 0 {
		options = append(options, seeds(brokers))
	}
	c, err := bench.Open(ctx, bench.Config{Options: options, PIDs: pids})
	if err != nil {
		return nil, s.connection.Explain(err)
	}
	return c, nil
}

// name is what a cluster is called in the output.
func name(c *bench.Cluster) string { return strings.Join(c.Info().Bootstrap, ",") }

// progressLine tells of a run on one line.
func (s *session) progressLine(c *bench.Cluster, p bench.Progress) string {
	line := fmt.Sprintf("%s  %s", name(c), cmdline.Duration(p.Elapsed.Truncate(time.Second)))
	if p.Total > 0 {
		line += " of " + cmdline.Duration(p.Total)
	}
	if p.WarmingUp {
		return line + " of warm-up"
	}
	return fmt.Sprintf("%s  %s  %s requests/s  %s records/s  p50 %s  p99 %s", line,
		throughput(p.Bytes), thousands(p.Requests), thousands(p.Records), millis(p.P50.Seconds()*1e3), millis(p.P99.Seconds()*1e3))
}
