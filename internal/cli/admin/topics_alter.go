package admin

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// alteration is the flags that say how to change configurations.
type alteration struct {
	set, unset, appended, subtracted []string
	dryRun                           bool
}

func (a *alteration) changes() ([]change, error) {
	var changes []change
	for _, kind := range []struct {
		pairs []string
		op    kmsg.IncrementalAlterConfigOp
	}{{a.set, kmsg.IncrementalAlterConfigOpSet}, {a.appended, kmsg.IncrementalAlterConfigOpAppend}, {a.subtracted, kmsg.IncrementalAlterConfigOpSubtract}} {
		values, err := keyValues(kind.pairs)
		if err != nil {
			return nil, err
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			changes = append(changes, change{key, kind.op, values[key]})
		}
	}
	for _, key := range a.unset {
		changes = append(changes, change{key, kmsg.IncrementalAlterConfigOpDelete, nil})
	}
	return changes, nil
}

func (t *tool) newTopicsAlter() *cobra.Command {
	var alter topicsAlter
	cmd := &cobra.Command{
		Use:   "alter NAME...",
		Short: "Set and unset configurations of topics",
		Long: `Set and unset configurations of topics.

A configuration that is unset falls back on the broker's, and that on Kafka's
default. 'moldau configs describe topic NAME --all --doc' explains all of them.`,
		Example: `  moldau topics alter orders -c retention.ms=604800000
  moldau topics alter -r 'orders-.*' -c segment.bytes=1073741824 --dry-run
  moldau topics alter orders --unset retention.ms
  moldau topics alter orders --append cleanup.policy=compact`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: t.conn.CompleteTopics,
		RunE:              t.run(alter.run),
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&alter.set, "config", "c", nil, "set a configuration, as `key=value` (repeatable)")
	flags.StringArrayVarP(&alter.unset, "unset", "u", nil, "unset the configuration of this `key` (repeatable)")
	flags.StringArrayVar(&alter.appended, "append", nil, "add to a list, as `key=value` (repeatable)")
	flags.StringArrayVar(&alter.subtracted, "subtract", nil, "take out of a list, as `key=value` (repeatable)")
	flags.BoolVar(&alter.dryRun, "dry-run", false, "let the cluster check it, and change nothing")
	alter.addFlags(cmd, "topics")
	for _, flag := range []string{"config", "append", "subtract"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, t.completeTopicConfig)
	}
	_ = cmd.RegisterFlagCompletionFunc("unset", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cmdline.CompleteKeys(keys(kmsg.ConfigResourceTypeTopic), ""), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

type topicsAlter struct {
	selection
	alteration
}

func (a *topicsAlter) run(ctx context.Context, s *session, args []string) error {
	changes, err := a.changes()
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return cmdline.Usagef("nothing to change: -c key=value sets a configuration, --unset key unsets it")
	}
	names, failed, _, err := s.pickTopics(ctx, &a.selection, args)
	if err != nil {
		return err
	}
	resources := make([]resource, len(names))
	for i, name := range names {
		resources[i] = resource{kmsg.ConfigResourceTypeTopic, name}
	}
	return s.alterAll(ctx, a.dryRun, changes, resources, failed)
}

// changedConfigs is what became of a resource's configurations, in JSON.
type changedConfigs struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Changes []string `json:"changes"`
	Status  string   `json:"status"`
	Error   *string  `json:"error,omitempty"`
}

// alterAll changes the configurations of resources and tells what became of it.
func (s *session) alterAll(ctx context.Context, dryRun bool, changes []change, resources []resource, failed failures) error {
	results := []changedConfigs{}
	if len(resources) > 0 {
		refused, err := s.alter(ctx, dryRun, changes, resources...)
		if err != nil {
			return err
		}
		var texts []string
		for _, c := range changes {
			texts = append(texts, c.String())
		}
		for _, r := range resources {
			result := changedConfigs{Kind: kindNames[r.kind], Name: quotable(r), Changes: texts, Status: "altered"}
			if dryRun {
				result.Status = "would be altered"
			}
			if err := refused[r]; err != nil {
				result.Status, result.Error = statusFailed, errorText(err)
				failed.add(err, "alter %v", r)
			}
			results = append(results, result)
		}
	}
	return s.finish(s.out.Write(results, func() error {
		table := cmdline.NewTable(s.env, "KIND", "~NAME", "~CHANGE", "STATUS")
		for _, r := range results {
			for _, text := range r.Changes {
				table.Row(r.Kind, r.Name, text, s.status(r.Status))
			}
		}
		return table.WriteDone()
	}), failed)
}
