package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func newGroups(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "groups",
		Aliases: []string{"group", "g"},
		Short:   "List and describe groups with lag and members, and move their offsets",
		Long: `List and describe consumer groups with their lag and members, move or remove their
committed offsets, and delete them.

Groups of the classic protocol, of KIP-848 (consumer) and share groups are shown.`,
		Example: `  moldau groups list
  moldau groups describe billing
  moldau groups reset billing --to-time 1h --dry-run
  moldau groups delete billing`,
	}
	t := newNoun(env, cmd)
	cmd.AddCommand(
		t.newGroupsList(), t.newGroupsDescribe(), t.newGroupsMembers(), t.newGroupsReset(), t.newGroupsDelete(), t.newGroupsDeleteOffsets(),
	)
	return cmd
}

// Types of groups, as ListGroups names them in lower case.
const (
	typeClassic  = "classic"
	typeConsumer = "consumer"
	typeShare    = "share"
)

// group is a group and who is in it, in JSON.
type group struct {
	Group        string   `json:"group"`
	Type         string   `json:"type"`
	ProtocolType string   `json:"protocolType"`
	State        string   `json:"state"`
	Assignor     string   `json:"assignor"`
	Coordinator  int32    `json:"coordinator"`
	Members      []member `json:"members"`
}

// member is a member of a group in JSON.
type member struct {
	MemberID   string             `json:"memberId"`
	InstanceID *string            `json:"groupInstanceId"`
	ClientID   string             `json:"clientId"`
	Host       string             `json:"host"`
	Assigned   map[string][]int32 `json:"assigned"`
}

// name is the shortest name that tells the member from others: the static one if
// there is any.
func (m *member) name() string { return cmp.Or(pointee(m.InstanceID), m.MemberID) }

// count is the number of partitions the member has.
func (m *member) count() int {
	n := 0
	for _, partitions := range m.Assigned {
		n += len(partitions)
	}
	return n
}

// assignment writes what the member has: "orders:0,1 payments:3".
func (m *member) assignment() string {
	var topics []string
	for _, topic := range slices.Sorted(maps.Keys(m.Assigned)) {
		topics = append(topics, topic+":"+ids(m.Assigned[topic]))
	}
	return strings.Join(topics, " ")
}

// listGroups asks every broker for its groups. Members are not told.
func (s *session) listGroups(ctx context.Context) (map[string]*group, error) {
	var groups map[string]*group
	err := s.patiently(ctx, func() error {
		var err error
		groups, err = s.listGroupsOnce(ctx)
		return err
	})
	return groups, err
}

func (s *session) listGroupsOnce(ctx context.Context) (map[string]*group, error) {
	groups := map[string]*group{}
	var failed []error
	shards := s.client.RequestSharded(ctx, kmsg.NewPtrListGroupsRequest())
	for _, shard := range shards {
		err := shard.Err
		if err == nil {
			resp := shard.Resp.(*kmsg.ListGroupsResponse)
			err = kerr.ErrorForCode(resp.ErrorCode)
			for _, g := range resp.Groups {
				groups[g.Group] = &group{
					Group: g.Group, Type: cmp.Or(strings.ToLower(g.GroupType), typeClassic), ProtocolType: g.ProtocolType, State: g.GroupState,
					Coordinator: shard.Meta.NodeID, Members: []member{},
				}
			}
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		// A list that lacks the groups of a broker would be taken for the whole.
		return nil, fmt.Errorf("list the groups of %d of %d brokers: %w", len(failed), len(shards), failed[0])
	}
	return groups, nil
}

// pickGroups asks for the groups that arguments mean, with their members.
func (s *session) pickGroups(ctx context.Context, sel *selection, args []string) ([]*group, failures, error) {
	all, err := s.listGroups(ctx)
	if err != nil {
		return nil, nil, err
	}
	names, failed, err := sel.pick(args, slices.Sorted(maps.Keys(all)), "group")
	if err != nil {
		return nil, nil, err
	}
	var picked []*group
	for _, name := range names {
		picked = append(picked, all[name])
	}
	if err := s.patiently(ctx, func() error { return s.readMembers(ctx, picked) }); err != nil {
		return nil, nil, err
	}
	return picked, failed, nil
}

// readMembers asks for the members of groups, by the request for their type.
// Groups of a type this does not know keep what the list told.
func (s *session) readMembers(ctx context.Context, groups []*group) error {
	byType := map[string][]string{}
	byName := map[string]*group{}
	for _, g := range groups {
		byType[g.Type] = append(byType[g.Type], g.Group)
		byName[g.Group] = g
	}
	var failed []error
	if names := byType[typeClassic]; len(names) > 0 {
		described, err := s.admin.DescribeGroups(ctx, names...)
		failed = append(failed, err)
		for _, d := range described {
			failed = append(failed, s.gone(d.Err, d.Group))
			byName[d.Group].setClassic(d)
		}
	}
	if names := byType[typeConsumer]; len(names) > 0 {
		described, err := s.admin.DescribeConsumerGroups(ctx, names...)
		failed = append(failed, err)
		for _, d := range described {
			failed = append(failed, s.gone(d.Err, d.Group))
			byName[d.Group].setConsumer(d)
		}
	}
	if names := byType[typeShare]; len(names) > 0 {
		described, err := s.admin.DescribeShareGroups(ctx, names...)
		failed = append(failed, err)
		for _, d := range described {
			failed = append(failed, s.gone(d.Err, d.GroupID))
			byName[d.GroupID].setShare(d)
		}
	}
	return errors.Join(failed...)
}

// gone gives the error of a group, unless it has been deleted since it was listed.
func (s *session) gone(err error, name string) error {
	if err == nil || errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	return fmt.Errorf("describe group %q: %w", name, err)
}

func (g *group) setClassic(d kadm.DescribedGroup) {
	if d.Err != nil {
		return
	}
	g.State, g.ProtocolType, g.Assignor, g.Members = d.State, d.ProtocolType, d.Protocol, []member{}
	for _, m := range d.Members {
		assigned := map[string][]int32{}
		if a, ok := m.Assigned.AsConsumer(); ok {
			for _, topic := range a.Topics {
				assigned[topic.Topic] = slices.Sorted(slices.Values(topic.Partitions))
			}
		}
		g.Members = append(g.Members, member{m.MemberID, m.InstanceID, m.ClientID, m.ClientHost, assigned})
	}
}

func (g *group) setConsumer(d kadm.DescribedConsumerGroup) {
	if d.Err != nil {
		return
	}
	g.State, g.Assignor, g.Members = d.State, d.AssignorName, []member{}
	for _, m := range d.Members {
		g.Members = append(g.Members, member{m.MemberID, m.InstanceID, m.ClientID, m.ClientHost, assignedOf(m.Assignment)})
	}
}

func (g *group) setShare(d kadm.DescribedShareGroup) {
	if d.Err != nil {
		return
	}
	g.State, g.Assignor, g.Members = d.GroupState, d.Assignor, []member{}
	for _, m := range d.Members {
		g.Members = append(g.Members, member{m.MemberID, nil, m.ClientID, m.ClientHost, assignedOf(m.Assignment)})
	}
}

func assignedOf(set kadm.TopicsSet) map[string][]int32 {
	assigned := map[string][]int32{}
	set.Each(func(topic string, partition int32) { assigned[topic] = append(assigned[topic], partition) })
	for topic := range assigned {
		slices.Sort(assigned[topic])
	}
	return assigned
}

// groupPartition is a partition of a group, in JSON. What a group has not
// committed, or nobody consumes, is null.
type groupPartition struct {
	Topic           string  `json:"topic"`
	Partition       int32   `json:"partition"`
	CommittedOffset *int64  `json:"committedOffset"`
	EndOffset       *int64  `json:"endOffset"`
	Lag             *int64  `json:"lag"`
	Metadata        string  `json:"metadata"`
	MemberID        *string `json:"memberId"`
	ClientID        *string `json:"clientId"`
	Host            *string `json:"host"`
	Error           *string `json:"error,omitempty"`

	member *member
}

// partitions says of groups how far they are, by group: what they have
// committed, and what their members have.
func (s *session) partitions(ctx context.Context, groups []*group) (map[string][]groupPartition, failures, error) {
	var failed failures
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Group
	}
	rows, topics := map[string][]groupPartition{}, map[string]bool{}
	var all kadm.FetchOffsetsResponses
	err := s.patiently(ctx, func() error {
		all = s.admin.FetchManyOffsets(ctx, names...)
		return onlyIf(coordinatorMoves, all.Error())
	})
	if err != nil {
		return nil, nil, err
	}
	for name, fetched := range all {
		if fetched.Err != nil && !errors.Is(fetched.Err, kerr.GroupIDNotFound) {
			failed.add(cmdline.KafkaError(fetched.Err, ""), "offsets of group %q", name)
		}
		for _, o := range fetched.Fetched.Sorted() {
			row := groupPartition{Topic: o.Topic, Partition: o.Partition, CommittedOffset: knownOrNil(o.At), Metadata: o.Metadata}
			if o.Err != nil {
				row.Error = errorText(cmdline.KafkaError(o.Err, ""))
			}
			rows[name] = append(rows[name], row)
			topics[o.Topic] = true
		}
	}
	for _, g := range groups {
		rows[g.Group] = addAssigned(rows[g.Group], g)
		for _, row := range rows[g.Group] {
			topics[row.Topic] = true
		}
	}
	if len(topics) == 0 {
		return rows, failed, nil
	}
	ends, err := s.admin.ListEndOffsets(ctx, slices.Sorted(maps.Keys(topics))...)
	if partial(err) != nil {
		return nil, nil, err
	}
	for _, list := range rows {
		for i := range list {
			list[i].setEnd(ends)
		}
	}
	return rows, failed, nil
}

// addAssigned adds to the committed partitions who has them, and those that are
// assigned without being committed.
func addAssigned(rows []groupPartition, g *group) []groupPartition {
	for i := range g.Members {
		m := &g.Members[i]
		for topic, partitions := range m.Assigned {
			for _, p := range partitions {
				at := slices.IndexFunc(rows, func(r groupPartition) bool { return r.Topic == topic && r.Partition == p })
				if at < 0 {
					rows, at = append(rows, groupPartition{Topic: topic, Partition: p}), len(rows)
				}
				rows[at].member, rows[at].MemberID, rows[at].ClientID, rows[at].Host = m, &m.MemberID, &m.ClientID, &m.Host
			}
		}
	}
	slices.SortFunc(rows, func(a, b groupPartition) int {
		return comparePartitions(a.Topic, b.Topic, a.Partition, b.Partition)
	})
	return rows
}

func (r *groupPartition) setEnd(ends kadm.ListedOffsets) {
	l, ok := ends.Lookup(r.Topic, r.Partition)
	switch {
	case !ok:
		return
	case l.Err != nil:
		r.Error = errorText(cmdline.KafkaError(l.Err, ""))
		return
	}
	r.EndOffset = &l.Offset
	if r.CommittedOffset != nil {
		lag := max(0, l.Offset-*r.CommittedOffset)
		r.Lag = &lag
	}
}

// totalLag adds up the known lags; -1 if there is none.
func totalLag(rows []groupPartition) int64 {
	total := int64(-1)
	for _, r := range rows {
		if r.Lag != nil {
			total = max(total, 0) + *r.Lag
		}
	}
	return total
}

// paintState writes the state of a group.
func (s *session) paintState(state string) string {
	switch state {
	case "Stable":
		return s.env.Good(state)
	case "Empty":
		return state
	case "Dead":
		return s.env.Bad(state)
	default:
		return s.env.Warn(state)
	}
}

// topicPartitions reads TOPIC or TOPIC:PARTITIONS. No partitions means
// all of them.
func topicPartitions(args []string) (map[string][]int32, error) {
	wanted := map[string][]int32{}
	for _, arg := range args {
		topic, numbers, some := strings.Cut(arg, ":")
		if topic == "" {
			return nil, cmdline.Usagef("%q: want TOPIC or TOPIC:PARTITIONS, such as orders:0,3-5", arg)
		}
		if _, twice := wanted[topic]; twice {
			return nil, cmdline.Usagef("topic %s is given twice", topic)
		}
		wanted[topic] = nil
		if !some {
			continue
		}
		var partitions cmdline.Partitions
		if err := partitions.Set(numbers); err != nil {
			return nil, cmdline.Usagef("--topic %s: %w", arg, err)
		}
		wanted[topic] = partitions
	}
	return wanted, nil
}
