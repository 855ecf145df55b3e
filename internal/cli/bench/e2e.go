package bench

import (
	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/bench"
	"moldau.dev/moldau/internal/cli/cmdline"
)

func newEndToEnd(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "e2e",
		Short: "Measure how long a record takes from producer to consumer",
		Long: `Measure how long a record takes from producer to consumer, at a steady rate. Time
counts from when the record was due, so that a pause of the cluster is seen in
every record that had to wait for it.`,
		Example: `  moldau bench e2e                                      # 10,000 records of 1 KiB a second
  moldau bench e2e --rate 30000 --producers 4 -c 4`,
		Args: cmdline.Args(0, 0),
	}
	s := newSession(env, cmd)
	var o bench.EndToEndOptions
	var acks string
	recordSize, batchSize := size(1<<10), size(64<<10)
	flags := cmd.Flags()
	flags.Float64Var(&o.Rate, "rate", 10_000, "`records` a second, over all producers")
	flags.IntVar(&o.Producers, "producers", 1, "connections that produce, each sending at once what is due")
	flags.IntVar(&o.InFlight, "in-flight", 5, "requests that a producer sends ahead of their answers")
	flags.IntVarP(&o.Consumers, "consumers", "c", 1, "connections that consume, sharing the partitions")
	flags.Var(&recordSize, "record-size", "`size` of a record's value")
	flags.Var(&batchSize, "batch-size", "a batch's `size`, at most")
	flags.StringVar(&acks, "acks", "all", "`who` acknowledges: all in-sync replicas, or 1 for the leader")
	_ = cmd.RegisterFlagCompletionFunc("acks", cobra.FixedCompletions([]string{"all", "1"}, cobra.ShellCompDirectiveNoFileComp))
	s.limit(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.prepare(cmd); err != nil {
			return err
		}
		var err error
		if o.Acks, err = parseAcks(acks); err != nil {
			return err
		}
		switch {
		case o.Acks == 0:
			return cmdline.Usagef("--acks 0: an end-to-end run waits for what was acknowledged; want all or 1")
		case o.Rate <= 0:
			return cmdline.Usagef("--rate %v: want a number above 0", o.Rate)
		case recordSize < bench.MinEndToEndRecord:
			return cmdline.Usagef("--record-size %d: want %d bytes at least, for the time that a record carries", recordSize, bench.MinEndToEndRecord)
		}
		if err := positive(map[string]int{"producers": o.Producers, "consumers": o.Consumers, "in-flight": o.InFlight}); err != nil {
			return err
		}
		o.RecordSize, o.BatchSize = int(recordSize), int(batchSize)
		return s.run(cmd.Context(), func(c *bench.Cluster, t bench.Topic, w bench.Window) (*bench.Result, error) {
			o := o
			o.Topic, o.Window = t, w
			return c.EndToEnd(cmd.Context(), o)
		})
	}
	return cmd
}
