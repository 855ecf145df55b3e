package admin

import (
	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// New gives the commands of this package.
func New(env *cmdline.Env) []*cobra.Command {
	_ = env
	return nil
}
