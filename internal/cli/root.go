package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/admin"
	"moldau.dev/moldau/internal/cli/bench"
	"moldau.dev/moldau/internal/cli/cmdline"
	"moldau.dev/moldau/internal/cli/data"
	"moldau.dev/moldau/internal/cli/logfiles"
)

// Groups of commands in the help.
const (
	groupNode    = "node"
	groupData    = "data"
	groupCluster = "cluster"
)

// Main runs the command line and returns the process's exit code. SIGINT and
// SIGTERM cancel the command; a second one ends the process at once.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	env := cmdline.NewEnv(stdin, stdout, stderr)
	root := NewRoot(env)
	root.SetArgs(args)
	err := failure(root.ExecuteContext(ctx))
	switch {
	case err == nil, errors.Is(err, cmdline.ErrDone):
		return cmdline.ExitOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return cmdline.ExitInterrupted
	case !errors.Is(err, cmdline.ErrReported):
		env.Report(err)
	}
	return cmdline.ExitCode(err)
}

// ranError is the error of a command that ran, and not one of the command line.
type ranError struct{ error }

func (e ranError) Unwrap() error { return e.error }

// failure tells the errors of commands, which run marks, from cobra's about the
// command line.
func failure(err error) error {
	var ran ranError
	if errors.As(err, &ran) {
		return ran.error
	}
	return cmdline.AsUsage(err)
}

// markErrors marks the errors of a command and its children.
func markErrors(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if err := run(cmd, args); err != nil {
				return ranError{err}
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		markErrors(child)
	}
}

// NewRoot gives the whole command line: to run it, or to write manual pages and
// completions from it.
func NewRoot(env *cmdline.Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "moldau",
		Short: "Apache Kafka in one binary",
		Long: `Moldau is an event-streaming platform that every Kafka client and tool can use:
a node of a cluster, and the tools to work with any Kafka cluster, Apache Kafka
itself included.

The tools reach the cluster at localhost:9092, or where -b or $MOLDAU_BROKERS
says; $MOLDAU_CONFIG names a properties file with the rest, such as TLS and SASL.

The exit code is 0 when all is done, 1 when some of it failed, 2 when the command
line is wrong and nothing was done, 130 when it was interrupted.`,
		Example: `  moldau start                                   # run a node: Kafka on localhost:9092
  moldau topics create orders -p 6               # make a topic
  moldau groups describe billing -b kafka:9092   # lag and members, of any cluster`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cmdline.Args(0, 0),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	env.AddFlags(root.PersistentFlags())
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
	root.SetFlagErrorFunc(cmdline.FlagError)
	root.Flags().Bool("version", false, "print the version") // Cobra's own would take -v.
	root.Version = newVersions().String()
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: groupNode, Title: "Run:"},
		&cobra.Group{ID: groupData, Title: "Records:"},
		&cobra.Group{ID: groupCluster, Title: "Cluster:"},
	)
	add(root, groupNode, newStart(), logfiles.New(env), newVersion(env))
	add(root, groupData, data.New(env)...)
	add(root, groupCluster, admin.New(env)...)
	add(root, groupCluster, bench.New(env)...)
	markErrors(root)
	return root
}

func add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, cmd := range commands {
		cmd.GroupID = group
		root.AddCommand(cmd)
	}
}
