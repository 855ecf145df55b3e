package logfiles

import (
	"github.com/spf13/cobra"

	"moldau.dev/moldau/broker/offline"
	"moldau.dev/moldau/internal/cli/cmdline"
)

func newList(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list DIR...",
		Short: "List the partitions in log directories",
		Long: `List the partitions in a stopped node's log directories: their state, size,
segments and offsets. The state is ok, deleted (to be removed by the next start),
stray (nobody's: the cluster's metadata does not know it), or future (on its way
to this directory). An end offset of -1 says that the end of the log is damaged.

Damage at the ends of the logs is reported on standard error, with the same
severity as by 'moldau log verify', which reads the rest too. The exit code is 1
if there is an error. Warnings are repaired by the next start.`,
		Example:           "  moldau log list /data1 /data2",
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: directories,
	}
	output := cmdline.NewOutput(env, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		failed := false
		partitions, err := offline.List(cmd.Context(), args, func(f *offline.Finding) {
			failed = failed || f.Severity == offline.Error
			if f.Severity != offline.Info {
				noteFinding(env, f)
			}
		})
		if err != nil {
			return err
		}
		if partitions == nil {
			partitions = []offline.Partition{}
		}
		err = output.Write(partitions, func() error {
			table := cmdline.NewTable(env, "TOPIC", ">PARTITION", "STATE", ">SEGMENTS", ">SIZE", ">START", ">END", ">HIGH-WATERMARK", "TOPIC-ID", "~DIR")
			for _, p := range partitions {
				highWatermark := any(p.HighWatermark)
				if p.HighWatermark < 0 {
					highWatermark = ""
				}
				table.Row(p.Topic, p.Partition, p.State, p.Segments, cmdline.Bytes(p.Size), p.LogStartOffset, p.LogEndOffset, highWatermark, p.TopicID, p.Dir)
			}
			return table.Write()
		})
		if err == nil && failed {
			return cmdline.ErrReported
		}
		return err
	}
	return cmd
}
