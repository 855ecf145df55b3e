package data

import (
	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// New gives the commands of this package.
func New(env *cmdline.Env) []*cobra.Command {
	return []*cobra.Command{newProduce(env), newConsume(env, watchEvery)}
}
