package bench

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/bench"
	"moldau.dev/moldau/internal/cli/cmdline"
	"moldau.dev/moldau/internal/compress"
)

// seeds names the brokers of a cluster.
func seeds(brokers []string) kgo.Opt { return kgo.SeedBrokers(brokers...) }

// produceFlags are the flags of a load of Produce requests.
type produceFlags struct {
	*session
	options    bench.ProduceOptions
	recordSize size
	batchSize  size
	acks       string
	codec      string
}

func newProduce(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "produce",
		Short: "Measure how fast batches are taken",
		Long: `Measure how fast batches are taken: connections send Produce requests with batches
that are encoded once, several requests ahead of their answers.`,
		Example: `  moldau bench produce                                  # 64 KiB batches of 1 KiB records into 8 partitions
  moldau bench produce -p 64 -c 8 -z zstd
  moldau bench produce --rate 100000                    # 100,000 records a second, latency without omission`,
		Args: cmdline.Args(0, 0),
	}
	f := &produceFlags{session: newSession(env, cmd)}
	f.common(cmd, 4, 4, 1<<10)
	f.batchSize = 64 << 10
	cmd.Flags().Var(&f.batchSize, "batch-size", "a batch's `size` before compression, at most (batch.size)")
	cmd.Flags().IntVar(&f.options.BatchesPerRequest, "batches-per-request", 1, "how many partitions one request writes to")
	cmd.Flags().StringVarP(&f.codec, "compression", "z", "none", "`codec`: none, gzip, snappy, lz4 or zstd")
	_ = cmd.RegisterFlagCompletionFunc("compression", cobra.FixedCompletions([]string{"none", "gzip", "snappy", "lz4", "zstd"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = f.runE(bench.ScenarioProduce)
	return cmd
}

func newRequests(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "Measure how fast requests with one record are answered",
		Long: `Measure how fast Produce requests with one record each are answered, as clients
send them that wait for each record or write seldom.`,
		Example: `  moldau bench requests                                 # 64 connections, each waiting for its answer
  moldau bench requests -c 1                            # the time of one request
  moldau bench requests --rate 20000                    # 20,000 requests a second, latency without omission
  moldau bench requests --config flush.messages=1       # each synced to the disk`,
		Args: cmdline.Args(0, 0),
	}
	f := &produceFlags{session: newSession(env, cmd), codec: compress.None.String()}
	f.common(cmd, 64, 1, 100)
	cmd.RunE = f.runE(bench.ScenarioRequests)
	return cmd
}

// common adds the flags of both kinds of loads, with their defaults.
func (f *produceFlags) common(cmd *cobra.Command, connections, inFlight int, recordSize size) {
	f.recordSize = recordSize
	flags := cmd.Flags()
	flags.IntVarP(&f.options.Connections, "connections", "c", connections, "connections that send at the same time")
	flags.IntVar(&f.options.InFlight, "in-flight", inFlight, "requests that a connection sends ahead of their answers")
	flags.Var(&f.recordSize, "record-size", "`size` of a record's value")
	flags.StringVar(&f.acks, "acks", "all", "`who` acknowledges: all in-sync replicas, 1 for the leader, 0 for nobody")
	_ = cmd.RegisterFlagCompletionFunc("acks", cobra.FixedCompletions([]string{"all", "1", "0"}, cobra.ShellCompDirectiveNoFileComp))
	flags.Float64Var(&f.options.Rate, "rate", 0, "`records` a second, over all connections (default: as many as are taken)")
	f.limit(cmd)
}

func (f *produceFlags) runE(scenario string) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		if err := f.resolve(cmd); err != nil {
			return err
		}
		return f.run(cmd.Context(), func(c *bench.Cluster, t bench.Topic, w bench.Window) (*bench.Result, error) {
			o := f.options
			o.Topic, o.Window = t, w
			return c.Produce(cmd.Context(), scenario, o)
		})
	}
}

// resolve checks the flags and turns them into options.
func (f *produceFlags) resolve(cmd *cobra.Command) error {
	if err := f.prepare(cmd); err != nil {
		return err
	}
	acks, err := parseAcks(f.acks)
	if err != nil {
		return err
	}
	codec, err := compress.ParseCodec(f.codec)
	if err != nil {
		return cmdline.Usagef("--compression %s: want none, gzip, snappy, lz4 or zstd", f.codec)
	}
	f.options.Acks, f.options.Codec = acks, bench.Codec(codec)
	f.options.RecordSize, f.options.BatchSize = int(f.recordSize), int(f.batchSize)
	if f.options.Rate < 0 {
		return cmdline.Usagef("--rate %v: want a number above 0", f.options.Rate)
	}
	numbers := map[string]int{"connections": f.options.Connections, "in-flight": f.options.InFlight}
	if cmd.Flags().Lookup("batches-per-request") != nil {
		numbers["batches-per-request"] = f.options.BatchesPerRequest
	}
	return positive(numbers)
}

// parseAcks reads the value of --acks.
func parseAcks(s string) (int16, error) {
	names := []string{"all", "0", "1", "-1"}
	values := []int16{-1, 0, 1, -1}
	i := slices.Index(names, s)
	if i < 0 {
		return 0, cmdline.Usagef("--acks %s: want all, 1 or 0", s)
	}
	return values[i], nil
}
