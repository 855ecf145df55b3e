package classic

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/internal/invariant"
)

// ConsumerProtocolType is the protocol type of consumers: the broker may look
// into their subscriptions.
const ConsumerProtocolType = "consumer"

// newMemberJoinTimeout is how long a new member waits in JoinGroup before it is
// taken for gone: it cannot send heartbeats, as it does not know its id yet.
const newMemberJoinTimeout = 5 * time.Minute

// Env is what the groups of one shard share.
type Env struct {
	// InitialRebalanceDelay is how long the first rebalance of an empty group
	// waits for more members (group.initial.rebalance.delay.ms).
	InitialRebalanceDelay time.Duration
	// MaxSize bounds the members of a group (group.max.size).
	MaxSize int
	// Timers are those of all the groups.
	Timers *coordinator.Timers[TimerKey]
	// UniqueSuffix makes member ids unique: a random UUID.
	UniqueSuffix func() string
	Logger       *slog.Logger
}

// TimerKind says what a timer of a group is for.
type TimerKind int8

// The timers of a group.
const (
	// HeartbeatTimer is a member's session.
	HeartbeatTimer TimerKind = iota
	// JoinTimer ends the join phase.
	JoinTimer
	// SyncTimer ends the sync phase.
	SyncTimer
)

// TimerKey names a timer of one of the groups.
type TimerKey struct {
	Group  string
	Kind   TimerKind
	Member string // only of a HeartbeatTimer.
}

// Store asks for the group's metadata record to be written.
type Store struct {
	Value *kmsg.GroupMetadataValue
	// Done, if not nil, must be called when the record is committed, or with the
	// reason why it is not.
	Done func(now time.Time, err error)
}

// Group is one group of the classic protocol, as its coordinator sees it. Not
// safe for concurrent use.
type Group struct {
	id  string
	env *Env

	state, previousState State
	// stateTime is when the state was entered; zero in records of old versions.
	stateTime time.Time
	// generation counts the rebalances.
	generation int32
	// protocolType is empty before the first member and for simple groups, which
	// only store offsets. protocol is set from CompletingRebalance on.
	protocolType, protocol string
	// leader is empty without members.
	leader string

	members map[string]*member
	// order holds the members by their arrival.
	order []*member
	// static maps instance id to member id.
	static map[string]string
	// pendingJoin are the ids handed out with MEMBER_ID_REQUIRED and not yet seen again.
	pendingJoin map[string]struct{}
	// awaitingJoin counts the members with a parked join.
	awaitingJoin int
	// supported counts the members that support each protocol.
	supported map[string]int
	// pendingSync are the members of this generation that have not synced.
	pendingSync map[string]struct{}
	// subscribed are the topics of a consumer group; nil when not known.
	subscribed map[string]struct{}

	// extending says that the join timer is that of an initial rebalance, which
	// waits initialRemaining more at most if memberAdded.
	extending        bool
	memberAdded      bool
	initialDelay     time.Duration
	initialRemaining time.Duration
}

// NewGroup gives an empty group.
func NewGroup(now time.Time, id string, env *Env) *Group {
	return &Group{
		id: id, env: env, state: Empty, previousState: Dead, stateTime: now,
		members:     make(map[string]*member),
		static:      make(map[string]string),
		pendingJoin: make(map[string]struct{}),
		supported:   make(map[string]int),
		pendingSync: make(map[string]struct{}),
	}
}

// ID is the group's id.
func (g *Group) ID() string { return g.id }

// State is the group's state.
func (g *Group) State() State { return g.state }

// Generation is the number of the last generation.
func (g *Group) Generation() int32 { return g.generation }

// ProtocolType is empty for a group that never had members.
func (g *Group) ProtocolType() string { return g.protocolType }

// Size is the number of members.
func (g *Group) Size() int { return len(g.order) }

// IsEmpty tells whether the group has no members and may be deleted.
func (g *Group) IsEmpty() bool { return g.state == Empty }

// IsSimple tells whether the group only exists because offsets were committed
// for it: there is no record of it.
func (g *Group) IsSimple() bool {
	return g.protocolType == "" && g.state == Empty && len(g.pendingJoin) == 0
}

// EmptySince is when the group became empty; false if unknown.
func (g *Group) EmptySince() (time.Time, bool) { return g.stateTime, !g.stateTime.IsZero() }

// IsConsumer tells whether the members are consumers.
func (g *Group) IsConsumer() bool { return g.protocolType == ConsumerProtocolType }

// SubscriptionsKnown tells whether Subscribed is more than a guess.
func (g *Group) SubscriptionsKnown() bool { return g.subscribed != nil }

// Subscribed tells whether a member consumes the topic; true when in doubt.
func (g *Group) Subscribed(topic string) bool {
	if g.subscribed == nil {
		return g.IsConsumer()
	}
	_, ok := g.subscribed[topic]
	return ok
}

// Kill ends the group: its coordinator has moved, or it was deleted. All that
// waits is answered with err.
func (g *Group) Kill(now time.Time, err *kerr.Error) {
	g.env.Timers.Cancel(TimerKey{Group: g.id, Kind: JoinTimer})
	g.env.Timers.Cancel(TimerKey{Group: g.id, Kind: SyncTimer})
	for id := range g.pendingJoin {
		g.cancelHeartbeat(id)
	}
	g.enter(now, Dead)
	for _, m := range g.order {
		g.cancelHeartbeat(m.id)
		g.completeJoin(m, joinError(m.id, err))
		completeSync(m, syncError(err))
	}
}

func (g *Group) enter(now time.Time, s State) {
	invariant.Assert(s.follows(g.state), "group %q goes from %v to %v", g.id, g.state, s)
	g.previousState, g.state = g.state, s
	g.stateTime = now
}

// add makes m a member; its join may be parked already.
func (g *Group) add(m *member, protocolType string) {
	invariant.Assert(g.members[m.id] == nil, "member %q is added twice to group %q", m.id, g.id)
	if m.instanceID != nil {
		g.static[*m.instanceID] = m.id
	}
	if len(g.members) == 0 {
		g.protocolType = protocolType
	}
	if g.leader == "" {
		g.leader = m.id
	}
	g.members[m.id] = m
	g.order = append(g.order, m)
	g.count(m, 1)
	if m.join != nil {
		g.awaitingJoin++
	}
	delete(g.pendingJoin, m.id)
}

// remove drops a member, or a pending one. Its timer stays the caller's.
func (g *Group) remove(id string) {
	if m, ok := g.members[id]; ok {
		delete(g.members, id)
		g.order = slices.DeleteFunc(g.order, func(other *member) bool { return other == m })
		g.count(m, -1)
		if m.join != nil {
			g.awaitingJoin--
		}
		if m.instanceID != nil {
			delete(g.static, *m.instanceID)
		}
	}
	if g.leader == id {
		g.leader = ""
		if len(g.order) > 0 {
			g.leader = g.order[0].id
		}
	}
	delete(g.pendingJoin, id)
	delete(g.pendingSync, id)
}

// update takes over what a member says when it joins again.
func (g *Group) update(m *member, protocols []Protocol, rebalanceTimeout, sessionTimeout time.Duration, reply JoinReply) {
	g.count(m, -1)
	m.protocols = protocols
	g.count(m, 1)
	m.rebalanceTimeout, m.sessionTimeout = rebalanceTimeout, sessionTimeout
	switch {
	case reply != nil && m.join == nil:
		g.awaitingJoin++
	case reply == nil && m.join != nil:
		g.awaitingJoin--
	case m.join != nil:
		// The member asks again, most likely because it has lost its connection.
		// Differs from Kafka: the first request is answered, not left for ever.
		m.join(joinError(m.id, kerr.RebalanceInProgress))
	}
	m.join = reply
}

// replaceStatic gives a static member a new member id; the old one is fenced.
func (g *Group) replaceStatic(instanceID, newID string) *member {
	old := g.members[g.static[instanceID]]
	g.completeJoin(old, joinError(old.id, kerr.FencedInstanceID))
	completeSync(old, syncError(kerr.FencedInstanceID))
	m := &member{
		id: newID, instanceID: old.instanceID, clientID: old.clientID, clientHost: old.clientHost,
		rebalanceTimeout: old.rebalanceTimeout, sessionTimeout: old.sessionTimeout,
		protocols: old.protocols, assignment: old.assignment,
	}
	g.cancelHeartbeat(old.id)
	delete(g.members, old.id)
	g.members[newID] = m
	g.order[slices.Index(g.order, old)] = m
	if g.leader == old.id {
		g.leader = newID
	}
	g.static[instanceID] = newID
	if _, ok := g.pendingSync[old.id]; ok {
		delete(g.pendingSync, old.id)
		g.pendingSync[newID] = struct{}{}
	}
	return m
}

func (g *Group) count(m *member, by int) {
	for _, p := range m.protocols {
		if g.supported[p.Name] += by; g.supported[p.Name] == 0 {
			delete(g.supported, p.Name)
		}
	}
}

// allJoined tells whether nobody is missing in the join phase.
func (g *Group) allJoined() bool {
	return len(g.order) == g.awaitingJoin && len(g.pendingJoin) == 0
}

// rebalanceTimeout is the longest of the members'.
func (g *Group) rebalanceTimeout() time.Duration {
	var longest time.Duration
	for _, m := range g.order {
		longest = max(longest, m.rebalanceTimeout)
	}
	return longest
}

// supports tells whether a member with these protocols can be in the group.
func (g *Group) supports(protocolType string, protocols []Protocol) bool {
	if g.state == Empty {
		return protocolType != "" && len(protocols) > 0
	}
	return g.protocolType == protocolType && slices.ContainsFunc(protocols, func(p Protocol) bool {
		return g.supported[p.Name] == len(g.order)
	})
}

// selectProtocol lets the members vote among the protocols that all support.
// Of several with most votes, the first in the first member's order wins.
func (g *Group) selectProtocol() string {
	candidates := make(map[string]bool)
	for name, n := range g.supported {
		if n == len(g.order) {
			candidates[name] = true
		}
	}
	votes := make(map[string]int)
	for _, m := range g.order {
		if p, ok := m.vote(candidates); ok {
			votes[p]++
		}
	}
	winner, most := "", 0
	for _, p := range g.order[0].protocols {
		if votes[p.Name] > most {
			winner, most = p.Name, votes[p.Name]
		}
	}
	invariant.Assert(most > 0, "group %q has no protocol in common: %v", g.id, slices.Collect(maps.Keys(g.supported)))
	return winner
}

// validate checks that a request comes from a current member.
func (g *Group) validate(memberID string, instanceID *string) *kerr.Error {
	if instanceID != nil {
		known, ok := g.static[*instanceID]
		if !ok {
			return kerr.UnknownMemberID
		}
		if known != memberID {
			g.env.Logger.Info("Fenced an older instance of a static member", "group", g.id,
				"member", memberID, "instance", *instanceID, "current", known)
			return kerr.FencedInstanceID
		}
	}
	if g.members[memberID] == nil {
		return kerr.UnknownMemberID
	}
	return nil
}

func (g *Group) resetHeartbeat(now time.Time, m *member, timeout time.Duration) {
	g.env.Timers.Set(TimerKey{Group: g.id, Kind: HeartbeatTimer, Member: m.id}, now.Add(timeout))
}

func (g *Group) cancelHeartbeat(memberID string) {
	g.env.Timers.Cancel(TimerKey{Group: g.id, Kind: HeartbeatTimer, Member: memberID})
}

// completeJoin answers the member's parked join, if any.
func (g *Group) completeJoin(m *member, resp *kmsg.JoinGroupResponse) {
	if m.join != nil {
		reply := m.join
		m.join = nil
		g.awaitingJoin--
		reply(resp)
	}
}

// completeSync answers the member's parked sync, if any, and tells whether
// there was one.
func completeSync(m *member, resp *kmsg.SyncGroupResponse) bool {
	if m.sync == nil {
		return false
	}
	reply := m.sync
	m.sync = nil
	reply(resp)
	return true
}

func joinError(memberID string, err *kerr.Error) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.MemberID = memberID
	resp.ErrorCode = err.Code
	return resp
}

func syncError(err *kerr.Error) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ErrorCode = err.Code
	resp.MemberAssignment = []byte{}
	return resp
}
