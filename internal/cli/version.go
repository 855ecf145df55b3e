package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// kafkaVersion is the release of Apache Kafka whose protocol, files and
// settings this binary speaks.
const kafkaVersion = "4.4"

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cmdline.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			version := "(devel)"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "moldau %s (Kafka %s)\n", version, kafkaVersion)
			return err
		},
	}
}
