package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// kafkaVersion is the release of Apache Kafka whose protocol, files and
// settings this binary speaks.
const kafkaVersion = "4.4"

// versions are what this binary is, in JSON.
type versions struct {
	Moldau string `json:"moldau"`
	Kafka  string `json:"kafka"`
	Go     string `json:"go"`
}

func newVersions() versions {
	v := versions{Moldau: "(devel)", Kafka: kafkaVersion, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v.Moldau = info.Main.Version
	}
	return v
}

func (v versions) String() string { return fmt.Sprintf("moldau %s (Kafka %s)", v.Moldau, v.Kafka) }

func newVersion(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cmdline.Args(0, 0),
	}
	out := cmdline.NewOutput(env, cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		v := newVersions()
		return out.Write(v, func() error { return env.Printf("%s", v) })
	}
	return cmd
}
