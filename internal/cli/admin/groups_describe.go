package admin

import (
	"context"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newGroupsDescribe() *cobra.Command {
	var describe groupsDescribe
	cmd := &cobra.Command{
		Use:     "describe NAME...",
		Aliases: []string{"desc", "show", "lag"},
		Short:   "Show how far a group is in each partition, and who consumes it",
		Long: `Show groups: state, coordinator and lag of the whole, and for each partition the
committed offset, the end of the log, the lag between, and the member that has it.

A lag of "-" says that the group has committed nothing there.`,
		Example: `  moldau groups describe billing
  moldau groups describe billing --lag-only
  moldau groups describe -r 'billing-.*' -o json`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: t.conn.CompleteGroups,
		RunE:              t.run(describe.run),
	}
	cmd.Flags().BoolVar(&describe.lagOnly, "lag-only", false, "only partitions with a lag")
	describe.addFlags(cmd, "groups")
	return cmd
}

type groupsDescribe struct {
	selection
	lagOnly bool
}

// describedGroup is a group in JSON.
type describedGroup struct {
	group
	Lag        *int64           `json:"lag"`
	Partitions []groupPartition `json:"partitions"`
}

func (d *groupsDescribe) run(ctx context.Context, s *session, args []string) error {
	groups, failed, err := s.pickGroups(ctx, &d.selection, args)
	if err != nil {
		return err
	}
	partitions, unread, err := s.partitions(ctx, groups)
	if err != nil {
		return err
	}
	failed = append(failed, unread...)
	described := []describedGroup{}
	for _, g := range groups {
		rows := []groupPartition{}
		for _, r := range partitions[g.Group] {
			if !d.lagOnly || r.Lag != nil && *r.Lag > 0 {
				rows = append(rows, r)
			}
		}
		described = append(described, describedGroup{*g, knownOrNil(totalLag(partitions[g.Group])), rows})
	}
	return s.finish(s.out.Write(described, func() error {
		for i, g := range described {
			if i > 0 {
				if err := s.env.Printf(""); err != nil {
					return err
				}
			}
			if err := s.writeGroup(g); err != nil {
				return err
			}
		}
		return nil
	}), failed)
}

func (s *session) writeGroup(g describedGroup) error {
	facts := cmdline.NewFacts(s.env)
	facts.Add("Group", s.env.Bold(g.Group))
	facts.Add("Type", g.typeText())
	facts.Add("State", s.paintState(g.State))
	facts.Add("Assignor", g.Assignor)
	facts.Add("Coordinator", g.Coordinator)
	facts.Add("Members", len(g.Members))
	facts.Add("Lag", number(g.Lag))
	if err := facts.Write(); err != nil || len(g.Partitions) == 0 {
		return err
	}
	table := cmdline.NewTable(s.env, "~TOPIC", ">PARTITION", ">COMMITTED", ">END", ">LAG", "~MEMBER", "~CLIENT", "HOST")
	for _, p := range g.Partitions {
		cells := []any{p.Topic, p.Partition, number(p.CommittedOffset), number(p.EndOffset), s.paintLag(p.Lag)}
		if p.member != nil {
			cells = append(cells, p.member.name(), p.member.ClientID, p.member.Host)
		}
		table.Row(cells...)
	}
	return s.section(table)
}

// typeText writes the type with the protocol that the members of a classic group
// speak among themselves.
func (g *group) typeText() string {
	if g.ProtocolType == "" || g.ProtocolType == g.Type {
		return g.Type
	}
	return g.Type + " (" + g.ProtocolType + ")"
}

func (s *session) paintLag(lag *int64) string {
	if lag == nil || *lag == 0 {
		return number(lag)
	}
	return s.env.Warn(number(lag))
}
