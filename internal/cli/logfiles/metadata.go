package logfiles

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/broker/offline"
	"moldau.dev/moldau/internal/cli/cmdline"
)

func newMetadata(env *cmdline.Env) *cobra.Command {
	var o offline.MetadataOptions
	cmd := &cobra.Command{
		Use:   "metadata DIR [PATH]",
		Short: "Print the cluster's metadata",
		Long: `Print the cluster's metadata as the metadata log of a stopped node has it: features,
brokers, controllers, topics, configs, quotas, producer ids, ACLs, SCRAM users and
delegation tokens. DIR is the log directory with __cluster_metadata-0, or that folder. PATH
prints a part of it. Records at the very end may not be committed.`,
		Example: `  moldau log metadata /data
  moldau log metadata /data /topics/events/partitions/0/isr
  moldau log metadata -o json /data /configs/TOPIC`,
		Args: cmdline.Args(1, 2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	output := cmdline.NewOutput(env, cmd)
	cmd.Flags().BoolVar(&o.Secrets, "secrets", false, "show passwords and credentials")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		failed := false
		m, err := offline.LoadMetadata(cmd.Context(), args[:1], o, func(f *offline.Finding) {
			failed = failed || f.Severity == offline.Error
			noteFinding(env, f)
		})
		if err != nil {
			return err
		}
		node := m.Root
		if len(args) == 2 {
			if node, err = m.Root.Get(args[1]); err != nil {
				return cmdline.WithHint(err, "'moldau log metadata %s' prints all of it", args[0])
			}
		}
		if err := output.Write(node, func() error { return printTree(env, node, 0) }); err != nil {
			return err
		}
		env.Notef("as of offset %d, epoch %d", m.Offset, m.Epoch)
		if failed {
			return cmdline.ErrReported
		}
		return nil
	}
	return cmd
}

// printTree prints a node: a leaf as its value, the children of a folder each on its
// line, indented.
func printTree(env *cmdline.Env, n *offline.Node, depth int) error {
	if n.Value != nil {
		return env.Printf("%s", leafText(n))
	}
	for _, c := range n.Children {
		line := strings.Repeat("  ", depth) + env.Key(c.Name)
		if c.Value != nil {
			if err := env.Printf("%s: %s", line, leafText(c)); err != nil {
				return err
			}
			continue
		}
		if err := env.Printf("%s/", line); err != nil {
			return err
		}
		if err := printTree(env, c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leafText gives a value as JSON, but a plain word without quotes.
func leafText(n *offline.Node) string {
	text := string(n.Value)
	if word := strings.Trim(text, `"`); len(word)+2 == len(text) && fmt.Sprintf("%q", word) == text {
		return word
	}
	return text
}
