package admin

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newGroupsList() *cobra.Command {
	var list groupsList
	cmd := &cobra.Command{
		Use:     "list [PATTERN]...",
		Aliases: []string{"ls"},
		Short:   "List groups with state, members and lag",
		Long: `List the groups of the cluster, all of them or those whose whole names match one
of the regular expressions.

LAG adds up, over the partitions with a committed offset, how many offsets are
between that and the end.`,
		Example: `  moldau groups list
  moldau groups list 'billing-.*' --state Stable,Empty
  moldau groups list -q --type classic`,
		ValidArgsFunction: t.conn.CompleteGroups,
		RunE:              t.run(list.run),
	}
	cmd.Flags().StringSliceVar(&list.states, "state", nil, "only groups in one of these `states`, with commas between")
	cmd.Flags().StringSliceVar(&list.types, "type", nil, "only groups of one of these `types`: classic, consumer, share, streams")
	cmd.Flags().BoolVarP(&list.quiet, "quiet", "q", false, "names only, one a line")
	complete := func(values ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	_ = cmd.RegisterFlagCompletionFunc("state", complete("Stable", "Empty", "PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling", "Dead"))
	_ = cmd.RegisterFlagCompletionFunc("type", complete("classic", "consumer", "share", "streams"))
	return cmd
}

type groupsList struct {
	states, types []string
	quiet         bool
}

// listedGroup is a group in JSON. A lag of null says that nothing is committed.
type listedGroup struct {
	Group        string `json:"group"`
	Type         string `json:"type"`
	ProtocolType string `json:"protocolType"`
	State        string `json:"state"`
	Members      int    `json:"members"`
	Lag          *int64 `json:"lag"`
	Coordinator  int32  `json:"coordinator"`
}

func (l *groupsList) run(ctx context.Context, s *session, args []string) error {
	all, err := s.listGroups(ctx)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(all))
	if len(args) > 0 {
		if names, _, err = (&selection{regex: true}).pick(args, names, "group"); err != nil {
			return err
		}
	}
	var groups []*group
	for _, name := range names {
		if g := all[name]; matches(l.states, g.State) && matches(l.types, g.Type) {
			groups = append(groups, g)
		}
	}
	if l.quiet {
		for _, g := range groups {
			if err := s.env.Printf("%s", g.Group); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.patiently(ctx, func() error { return s.readMembers(ctx, groups) }); err != nil {
		return err
	}
	partitions, failed, err := s.partitions(ctx, groups)
	if err != nil {
		return err
	}
	rows := []listedGroup{}
	for _, g := range groups {
		rows = append(rows, listedGroup{
			Group: g.Group, Type: g.Type, ProtocolType: g.ProtocolType, State: g.State, Members: len(g.Members),
			Lag: knownOrNil(totalLag(partitions[g.Group])), Coordinator: g.Coordinator,
		})
	}
	return s.finish(s.out.Write(rows, func() error {
		table := cmdline.NewTable(s.env, "~GROUP", "TYPE", "STATE", ">MEMBERS", ">LAG", ">COORDINATOR")
		for _, r := range rows {
			table.Row(r.Group, r.Type, s.paintState(r.State), r.Members, number(r.Lag), r.Coordinator)
		}
		return table.Write()
	}), failed)
}

// matches tells whether a value is one of those asked for, in any case; none
// asks for all.
func matches(wanted []string, value string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, value) })
}
