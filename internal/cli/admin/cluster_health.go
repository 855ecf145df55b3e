package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// healthAgain is how often a cluster is looked at that is not well yet.
const healthAgain = 250 * time.Millisecond

func (t *tool) newClusterHealth() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Tell whether the cluster is well, by the exit code too",
		Long: `Tell whether the cluster is well: a controller is active, no broker is fenced, and
every partition has a leader and all of its replicas in sync. The exit code is 1 if
not, or if there is no cluster.

With --wait it looks again until the cluster is well, for scripts that start one.`,
		Example: `  moldau cluster health
  moldau cluster health --wait 30s && ./run-tests`,
		Args: cmdline.Args(0, 0),
	}
	cmd.Flags().DurationVarP(&wait, "wait", "w", 0, "how `long` to wait for a cluster that is not well, such as 30s")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if wait < 0 {
			return cmdline.Usagef("--wait %v: want a time such as 30s", wait)
		}
		h, err := t.awaitHealth(cmd, args, wait)
		if h == nil {
			return err
		}
		if err := t.out.Write(h, func() error { return h.facts(t.env).Write() }); err != nil {
			return err
		}
		return h.err()
	}
	return cmd
}

// awaitHealth looks at the cluster until it is well, or for so long. It gives what
// it saw last, or the last error if it saw nothing.
func (t *tool) awaitHealth(cmd *cobra.Command, args []string, wait time.Duration) (*clusterHealth, error) {
	var seen *clusterHealth
	look := t.run(func(ctx context.Context, s *session, _ []string) error {
		o, err := s.readOverview(ctx)
		if err == nil {
			seen = o.clusterHealth()
		}
		return err
	})
	progress := t.env.NewProgress()
	defer progress.Done()
	for end := t.env.Now().Add(wait); ; {
		seen = nil
		err := look(cmd, args)
		if err == nil && seen.Healthy || cmdline.ExitCode(err) == cmdline.ExitUsage || !t.env.Now().Before(end) {
			return seen, err
		}
		why := err
		if why == nil {
			why = seen.err()
		}
		progress.Update("waiting: %s", strings.ReplaceAll(why.Error(), "\n", " "))
		select {
		case <-time.After(healthAgain):
		case <-cmd.Context().Done():
			return nil, cmd.Context().Err()
		}
	}
}

// clusterHealth is how well a cluster is, in JSON.
type clusterHealth struct {
	Healthy    bool   `json:"healthy"`
	Controller *int32 `json:"activeController"`
	// Brokers serve, and Fenced do not.
	Brokers []int32 `json:"brokers"`
	Fenced  []int32 `json:"fencedBrokers"`
	// Offline are the partitions without a leader.
	Offline         []string `json:"offline"`
	UnderReplicated []string `json:"underReplicated"`
}

func (o *overview) clusterHealth() *clusterHealth {
	h := &clusterHealth{Brokers: []int32{}, Fenced: []int32{}, Offline: []string{}, UnderReplicated: []string{}}
	for _, n := range o.Nodes {
		switch {
		case n.Broker && n.Fenced:
			h.Fenced = append(h.Fenced, n.NodeID)
		case n.Broker:
			h.Brokers = append(h.Brokers, n.NodeID)
		}
	}
	for _, d := range o.Topics.Sorted() {
		for _, p := range d.Partitions.Sorted() {
			name := fmt.Sprintf("%s-%d", d.Topic, p.Partition)
			switch {
			case offline(p):
				h.Offline = append(h.Offline, name)
			case underReplicated(p):
				h.UnderReplicated = append(h.UnderReplicated, name)
			}
		}
	}
	// A cluster that does not tell of its quorum, as before KRaft, may have one.
	led := o.Quorum == nil || o.Quorum.LeaderID >= 0
	if o.Quorum != nil && led {
		h.Controller = &o.Quorum.LeaderID
	}
	h.Healthy = led && len(h.Fenced)+len(h.Offline)+len(h.UnderReplicated) == 0
	return h
}

// err says what is wrong, nil if nothing is.
func (h *clusterHealth) err() error {
	if h.Healthy {
		return nil
	}
	var wrong []string
	if len(h.Fenced) > 0 {
		wrong = append(wrong, cmdline.Count(len(h.Fenced), "broker")+" fenced")
	}
	if len(h.Offline) > 0 {
		wrong = append(wrong, cmdline.Count(len(h.Offline), "partition")+" offline")
	}
	if len(h.UnderReplicated) > 0 {
		wrong = append(wrong, cmdline.Count(len(h.UnderReplicated), "partition")+" under-replicated")
	}
	if len(wrong) == 0 {
		wrong = append(wrong, "there is no active controller")
	}
	return cmdline.WithHint(errors.New("the cluster is not well: "+strings.Join(wrong, ", ")),
		"'moldau cluster nodes', 'moldau cluster quorum' and 'moldau topics list --unhealthy' show more")
}

func (h *clusterHealth) facts(env *cmdline.Env) *cmdline.Facts {
	facts := cmdline.NewFacts(env)
	state := env.Bad("not well")
	if h.Healthy {
		state = env.Good("ok")
	}
	facts.Add("Health", state)
	facts.Add("Controller", number(h.Controller))
	facts.Add("Brokers", ids(h.Brokers))
	facts.Add("Fenced", env.Bad(ids(h.Fenced)))
	facts.Add("Offline", env.Bad(some(h.Offline)))
	facts.Add("Under-replicated", env.Warn(some(h.UnderReplicated)))
	return facts
}

// some names the first of a list that may be long.
func some(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
