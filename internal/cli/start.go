package cli

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/broker"
	"moldau.dev/moldau/internal/cli/cmdline"
	"moldau.dev/moldau/internal/config"
)

// shutdownTimeout bounds a clean stop. What is not flushed by then is recovered
// at the next start.
const shutdownTimeout = 5 * time.Minute

func newStart() *cobra.Command {
	var overrides []string
	cmd := &cobra.Command{
		Use:   "start [server.properties]",
		Short: "Run a node",
		Long: `Run a node: a broker, a controller, or both.

Without a file the node is a cluster of one: Kafka on localhost:9092, the
controller on localhost:9093, metrics and health on http://localhost:9080, data
in ./moldau-data. It formats itself at its first start. With a file it takes
Kafka's settings from it; KAFKA_* environment variables and --override go before
the file, in that order.`,
		Example: `  moldau start
  moldau start server.properties --override log.dirs=/var/lib/moldau`,
		Args: cmdline.Args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			level := new(slog.LevelVar)
			cfg := broker.Config{
				Overrides: overrides,
				Environ:   os.Environ(),
				Logger:    slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level})),
				LogLevel:  level,
			}
			if len(args) == 1 {
				cfg.File = args[0]
			}
			for _, o := range overrides {
				if !strings.Contains(o, "=") {
					return cmdline.Usagef("--override %s: want key=value", o)
				}
			}
			addProcessors()
			defer runtime.KeepAlive(cmdline.NewBallast(ballast))
			return runNode(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringArrayVarP(&overrides, "override", "o", nil, "set `key=value` as in server.properties (repeatable)")
	// The flag was added above.
	_ = cmd.RegisterFlagCompletionFunc("override", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cmdline.CompleteKeys(slices.Concat(config.BrokerKeys().Keys(), config.OwnKeys().Keys()), "="), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	return cmd
}

// addProcessors gives Go's scheduler two processors more than it takes by itself, unless
// GOMAXPROCS says how many. The broker waits for its clients in the kernel, and for
// the scheduler whoever does so keeps a processor for a while: without one more the broker
// would have to wait in a dearer way. And while a processor is idle, the scheduler
// lets those who wait for a disk keep theirs (docs/adr/0004-epoll.md). Only Linux has that.
func addProcessors() {
	if runtime.GOOS == "linux" && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
}

// ballast spaces the garbage collections of a broker with little in its heap, which
// is most of them: with 1 MB alive Go collects after every 3 MB, nine times a second at
// 30,000 records a second, and each time some of the requests have to wait.
const ballast = 32 << 20

// runNode runs a node until ctx ends, by SIGTERM or SIGINT, or until it fails.
func runNode(ctx context.Context, cfg broker.Config) error {
	node, err := broker.Start(ctx, cfg)
	if err != nil {
		return err
	}
	announce := func(state string) {
		if err := notify(state); err != nil {
			cfg.Logger.Warn("The service manager waits for a message that cannot be sent: check NOTIFY_SOCKET", "error", err)
		}
	}
	announce("READY=1")
	select {
	case <-ctx.Done():
		cfg.Logger.Info("Stopping; a second signal stops without waiting")
	case <-node.Done():
	}
	announce("STOPPING=1")
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return node.Shutdown(shutdown)
}
