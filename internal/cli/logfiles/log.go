package logfiles

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/broker/offline"
	"moldau.dev/moldau/internal/cli/cmdline"
)

// New gives the command log with its children.
func New(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Read the files of a stopped node",
		Long: `Read the files of a stopped node, of Moldau or of Apache Kafka. Nothing is
written: damage is reported with its cause and cure, not repaired.`,
		Example: `  moldau log list /var/lib/moldau                      # partitions, offsets, sizes
  moldau log verify /data1 /data2                      # every byte of all log directories
  moldau log dump --records /data1/events-0/*.log      # what is in a segment
  moldau log metadata /data1 /topics/events            # the cluster's metadata`,
		Args: cmdline.Args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDump(env), newList(env), newMetadata(env), newVerify(env))
	return cmd
}

// directories completes the names of folders.
func directories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// findingText gives a finding for a person: what, where, why and what to do.
func findingText(env *cmdline.Env, f *offline.Finding) string {
	severity := string(f.Severity)
	switch f.Severity {
	case offline.Error:
		severity = env.Bad(severity)
	case offline.Warning:
		severity = env.Warn(severity)
	case offline.Info:
		severity = env.Faint(severity)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", severity, f.Code, f.File)
	if f.Position != nil {
		fmt.Fprintf(&b, " at byte %d", *f.Position)
	}
	if f.Offset != nil {
		fmt.Fprintf(&b, ", offset %d", *f.Offset)
	}
	fmt.Fprintf(&b, "\n  %s\n  cause: %s\n  cure:  %s", f.Problem, f.Cause, f.Cure)
	return b.String()
}

// noteFinding tells of a finding on standard error, beside a result.
func noteFinding(env *cmdline.Env, f *offline.Finding) {
	env.Notef("%s: %s\n  cause: %s\n  cure:  %s", f.Severity, strings.TrimPrefix(f.String(), string(f.Severity)+" "), f.Cause, f.Cure)
}
