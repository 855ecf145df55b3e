package admin

import (
	"context"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newGroupsMembers() *cobra.Command {
	var members groupsMembers
	cmd := &cobra.Command{
		Use:   "members NAME...",
		Short: "Show the members of groups and what they consume",
		Example: `  moldau groups members billing
  moldau groups members billing -o json | jq '.[].members[].host'`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: t.conn.CompleteGroups,
		RunE:              t.run(members.run),
	}
	members.addFlags(cmd, "groups")
	return cmd
}

type groupsMembers struct{ selection }

func (m *groupsMembers) run(ctx context.Context, s *session, args []string) error {
	groups, failed, err := s.pickGroups(ctx, &m.selection, args)
	if err != nil {
		return err
	}
	return s.finish(s.out.Write(list(groups), func() error {
		table := cmdline.NewTable(s.env, "~GROUP", "~MEMBER", "~CLIENT", "HOST", ">PARTITIONS", "~ASSIGNMENT")
		for _, g := range groups {
			for i := range g.Members {
				m := &g.Members[i]
				table.Row(g.Group, m.name(), m.ClientID, m.Host, m.count(), m.assignment())
			}
		}
		return table.Write()
	}), failed)
}
