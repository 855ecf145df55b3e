package admin

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newGroupsDelete() *cobra.Command {
	var remove groupsDelete
	cmd := &cobra.Command{
		Use:     "delete NAME...",
		Aliases: []string{"rm", "remove"},
		Short:   "Delete groups with their committed offsets",
		Long: `Delete groups without members, with their committed offsets. A consumer that comes
back with that name starts where its auto.offset.reset says.

At a terminal it asks first; elsewhere it wants -y.`,
		Example: `  moldau groups delete billing
  moldau groups delete -r 'test-.*' --dry-run
  moldau groups delete -r 'test-.*' -y`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: t.conn.CompleteGroups,
		RunE:              t.run(remove.run),
	}
	cmd.Flags().BoolVar(&remove.dryRun, "dry-run", false, "show what would be deleted, and delete nothing")
	remove.addFlags(cmd, "groups")
	remove.confirm = cmdline.NewConfirmation(t.env, cmd)
	return cmd
}

type groupsDelete struct {
	selection
	confirm *cmdline.Confirmation
	dryRun  bool
}

// deletedGroup is what became of a group, in JSON.
type deletedGroup struct {
	Group   string  `json:"group"`
	State   string  `json:"state"`
	Members int     `json:"members"`
	Status  string  `json:"status"`
	Error   *string `json:"error,omitempty"`
}

func (d *groupsDelete) run(ctx context.Context, s *session, args []string) error {
	groups, failed, err := s.pickGroups(ctx, &d.selection, args)
	if err != nil {
		return err
	}
	rows := []deletedGroup{}
	var empty []string
	for _, g := range groups {
		row := deletedGroup{Group: g.Group, State: g.State, Members: len(g.Members), Status: "would be deleted"}
		if len(g.Members) > 0 {
			err := s.busy(g)
			row.Status, row.Error = statusFailed, errorText(err)
			failed.add(err, "delete group %q", g.Group)
		} else {
			empty = append(empty, g.Group)
		}
		rows = append(rows, row)
	}
	if !d.dryRun && len(empty) > 0 {
		question := cmdline.Count(len(empty), "group")
		if len(empty) == 1 {
			question = "group " + empty[0]
		}
		if err := d.confirm.Ask(ctx, "Delete %s with all committed offsets?", question); err != nil {
			return err
		}
		var responses kadm.DeleteGroupResponses
		err := s.patiently(ctx, func() error {
			var err error
			responses, err = s.admin.DeleteGroups(ctx, empty...)
			if partial(err) != nil {
				return err
			}
			return onlyIf(coordinatorMoves, responses.Error())
		})
		if err != nil {
			return err
		}
		for i := range rows {
			response, asked := responses[rows[i].Group]
			switch {
			case !asked:
			case response.Err != nil:
				err := cmdline.KafkaError(response.Err, response.ErrMessage)
				rows[i].Status, rows[i].Error = statusFailed, errorText(err)
				failed.add(err, "delete group %q", rows[i].Group)
			default:
				rows[i].Status = "deleted"
			}
		}
	}
	return s.finish(s.out.Write(rows, func() error {
		table := cmdline.NewTable(s.env, "~GROUP", "STATE", ">MEMBERS", "STATUS")
		for _, r := range rows {
			table.Row(r.Group, r.State, r.Members, s.status(r.Status))
		}
		return table.WriteDone()
	}), failed)
}
