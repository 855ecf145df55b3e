package bench

import (
	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/bench"
	"moldau.dev/moldau/internal/cli/cmdline"
)

func newConsume(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "consume",
		Short: "Measure how fast records are given",
		Long: `Measure how fast records are given: consumers read a topic from its beginning to
its end again and again, and skip what they get. A topic that is empty is filled
first; one that holds records is read as it is.`,
		Example: `  moldau bench consume                                  # 8 consumers on 8 partitions
  moldau bench consume -c 100
  moldau bench consume -t orders                        # what is there`,
		Args: cmdline.Args(0, 0),
	}
	s := newSession(env, cmd)
	var o bench.ConsumeOptions
	fetch, fill, recordSize, batchSize := size(1<<20), size(1<<30), size(1<<10), size(64<<10)
	flags := cmd.Flags()
	flags.IntVarP(&o.Consumers, "consumers", "c", 8, "consumers that fetch at the same time")
	flags.Var(&fetch, "fetch-size", "`size` that is asked of a partition at most (max.partition.fetch.bytes)")
	flags.Var(&fill, "fill", "`size` to fill an empty topic with")
	flags.Var(&recordSize, "record-size", "`size` of a record's value there")
	flags.Var(&batchSize, "batch-size", "`size` of a batch there, at most")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.prepare(cmd); err != nil {
			return err
		}
		const mostFetched = 1 << 30
		if fetch < 1 || fetch > mostFetched {
			return cmdline.Usagef("--fetch-size %d: want 1 byte to 1 GiB", fetch)
		}
		if err := positive(map[string]int{"consumers": o.Consumers}); err != nil {
			return err
		}
		o.FetchBytes, o.Fill, o.RecordSize, o.BatchSize = int(fetch), int64(fill), int(recordSize), int(batchSize)
		return s.run(cmd.Context(), func(c *bench.Cluster, t bench.Topic, w bench.Window) (*bench.Result, error) {
			o := o
			o.Topic, o.Window = t, w
			return c.Consume(cmd.Context(), o)
		})
	}
	return cmd
}
