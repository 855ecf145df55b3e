package logfiles

import (
	"fmt"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/broker/offline"
	"moldau.dev/moldau/internal/cli/cmdline"
)

// verifyResult is the JSON of the command.
type verifyResult struct {
	Findings []*offline.Finding `json:"findings"`
	Summary  *offline.Summary   `json:"summary"`
}

func newVerify(env *cmdline.Env) *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "verify DIR...",
		Short: "Check every byte of log directories",
		Long: `Check every byte of a stopped node's log directories. Give all of log.dirs and
metadata.log.dir, so that they can be compared; or single folders of partitions.

Checked are: the checksum, structure and records of every batch; that offsets
have no gaps and leader epochs do not fall; that every entry of the indexes is what
the records say; producer snapshots and aborted transactions against a replay of
the records; leader epochs; checkpoints against what is there; topic ids and
replicas against the cluster's metadata; folders that are there twice, or belong
to nobody; and that the metadata can be read from its snapshot to its end.

The exit code is 1 if there is an error. Warnings are repaired by the next start.`,
		Example: `  moldau log verify /data1 /data2
  moldau log verify -o json /data | jq '.findings[] | select(.severity=="error")'`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: directories,
	}
	output := cmdline.NewOutput(env, cmd)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "leave out what is only worth knowing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		progress := env.NewProgress()
		result := verifyResult{Findings: []*offline.Finding{}}
		summary, err := offline.Verify(cmd.Context(), args, offline.VerifyOptions{Progress: func(p offline.Progress) {
			progress.Update("%d of %d partitions, %s of %s", p.Partitions, p.TotalPartitions, cmdline.Bytes(p.Bytes), cmdline.Bytes(p.TotalBytes))
		}}, func(f *offline.Finding) error {
			if quiet && f.Severity == offline.Info {
				return nil
			}
			if output.JSON() {
				result.Findings = append(result.Findings, f)
				return nil
			}
			progress.Done()
			return env.Printf("%s", findingText(env, f))
		})
		progress.Done()
		if err != nil {
			return err
		}
		result.Summary = summary
		if err := output.Write(result, func() error { return env.Printf("%s", summaryText(env, summary)) }); err != nil {
			return err
		}
		if summary.Errors > 0 {
			return cmdline.ErrReported
		}
		return nil
	}
	return cmd
}

func summaryText(env *cmdline.Env, s *offline.Summary) string {
	verdict := env.Good("all is well")
	switch {
	case s.Errors > 0:
		verdict = env.Bad(cmdline.Count(s.Errors, "error"))
	case s.Warnings > 0:
		verdict = env.Warn("no errors")
	}
	if s.Warnings > 0 {
		verdict += ", " + env.Warn(cmdline.Count(s.Warnings, "warning"))
	}
	return fmt.Sprintf("%s: %s, %s, %d batches, %s, %s", verdict, cmdline.Count(s.Partitions, "partition"), cmdline.Count(s.Segments, "segment"),
		s.Batches, cmdline.Count(s.Records, "record"), cmdline.Bytes(s.Bytes))
}
