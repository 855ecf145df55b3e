package classic

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/invariant"
)

// Expire handles one of the group's timers, which is due.
func (g *Group) Expire(now time.Time, t TimerKey) *Store {
	switch t.Kind {
	case HeartbeatTimer:
		return g.expireHeartbeat(now, t.Member)
	case JoinTimer:
		return g.expireJoin(now)
	default:
		return g.expireSync(now)
	}
}

// rebalance begins a rebalance, or, if one is going on, ends its join phase
// when nobody is missing any more. why and args go into the log.
func (g *Group) rebalance(now time.Time, why string, args ...any) *Store {
	if PreparingRebalance.follows(g.state) {
		return g.prepareRebalance(now, why, args...)
	}
	return g.maybeCompleteJoin(now)
}

// prepareRebalance begins the join phase: all members must join again.
func (g *Group) prepareRebalance(now time.Time, why string, args ...any) *Store {
	if g.state == CompletingRebalance {
		g.resetAssignments(now, kerr.RebalanceInProgress)
	}
	clear(g.pendingSync)
	g.env.Timers.Cancel(TimerKey{Group: g.id, Kind: SyncTimer})
	g.env.Logger.With(args...).Info("Preparing to rebalance", "group", g.id, "state", g.state,
		"generation", g.generation, "reason", why)

	if g.state == Empty {
		// A new group is likely to see more members at once, and a rebalance for
		// each of them would be a waste (KIP-134).
		g.extending, g.memberAdded = true, false
		g.initialDelay = g.env.InitialRebalanceDelay
		g.initialRemaining = max(g.rebalanceTimeout()-g.initialDelay, 0)
		g.setJoinTimer(now, g.initialDelay)
		g.enter(now, PreparingRebalance)
		return nil
	}
	g.enter(now, PreparingRebalance)
	if g.allJoined() {
		return g.completeJoinPhase(now)
	}
	g.setJoinTimer(now, g.rebalanceTimeout())
	return nil
}

func (g *Group) setJoinTimer(now time.Time, after time.Duration) {
	g.env.Timers.Set(TimerKey{Group: g.id, Kind: JoinTimer}, now.Add(after))
}

// maybeCompleteJoin ends the join phase if nobody is missing, except that of an
// initial rebalance, which ends with its timer.
func (g *Group) maybeCompleteJoin(now time.Time) *Store {
	if g.state == PreparingRebalance && g.previousState != Empty && g.allJoined() {
		return g.completeJoinPhase(now)
	}
	return nil
}

// expireJoin ends the join phase, unless it is the first one and members keep coming.
func (g *Group) expireJoin(now time.Time) *Store {
	if g.state != PreparingRebalance {
		return nil
	}
	if g.extending && g.memberAdded && g.initialRemaining > 0 {
		g.memberAdded = false
		delay := min(g.env.InitialRebalanceDelay, g.initialRemaining)
		g.initialRemaining = max(g.initialRemaining-g.initialDelay, 0)
		g.initialDelay = delay
		g.setJoinTimer(now, delay)
		return nil
	}
	return g.completeJoinPhase(now)
}

// completeJoinPhase begins the next generation with the members that have
// joined, and the static ones.
func (g *Group) completeJoinPhase(now time.Time) *Store {
	g.extending = false
	g.env.Timers.Cancel(TimerKey{Group: g.id, Kind: JoinTimer})
	for _, m := range append([]*member(nil), g.order...) {
		if m.join == nil && m.instanceID == nil {
			g.env.Logger.Info("Removed a member that has not joined again", "group", g.id, "member", m.id)
			g.remove(m.id)
			g.cancelHeartbeat(m.id)
		}
	}
	if !g.electLeader() && len(g.order) > 0 {
		// Only static members are left and none is here: wait until one comes, or
		// their sessions end.
		g.env.Logger.Error("Could not complete a rebalance: no member has joined", "group", g.id)
		g.setJoinTimer(now, g.rebalanceTimeout())
		return nil
	}
	g.generation++
	clear(g.pendingSync)
	if len(g.order) == 0 {
		return g.becomeEmpty(now)
	}
	g.protocol = g.selectProtocol()
	g.subscribed = g.subscriptions()
	g.enter(now, CompletingRebalance)
	g.env.Logger.Info("Stabilized group", "group", g.id, "generation", g.generation, "members", len(g.order))
	for _, m := range g.order {
		g.pendingSync[m.id] = struct{}{}
		m.isNew = false
		g.resetHeartbeat(now, m, m.sessionTimeout)
		g.completeJoin(m, g.joined(m))
	}
	g.env.Timers.Set(TimerKey{Group: g.id, Kind: SyncTimer}, now.Add(g.rebalanceTimeout()))
	return nil
}

func (g *Group) becomeEmpty(now time.Time) *Store {
	g.protocol = ""
	g.subscribed = g.subscriptions()
	g.enter(now, Empty)
	g.env.Logger.Info("Group is now empty", "group", g.id, "generation", g.generation)
	return &Store{Value: g.record(nil), Done: func(_ time.Time, err error) {
		if err != nil {
			// After a failover the last stored generation comes back, and its members
			// will not: their sessions end.
			g.env.Logger.Warn("Could not write an empty group", "group", g.id, "error", err)
		}
	}}
}

// electLeader makes sure that the leader is among those that have joined; false
// if nobody has.
func (g *Group) electLeader() bool {
	if g.leader == "" {
		return false
	}
	if m := g.members[g.leader]; m != nil && m.join != nil {
		return true
	}
	for _, m := range g.order {
		if m.join != nil {
			g.env.Logger.Info("Elected another leader", "group", g.id, "old", g.leader, "leader", m.id)
			g.leader = m.id
			return true
		}
	}
	return false
}

// expireHeartbeat removes a member whose session has ended.
func (g *Group) expireHeartbeat(now time.Time, memberID string) *Store {
	if _, pending := g.pendingJoin[memberID]; pending {
		g.env.Logger.Info("A pending member has not joined in time", "group", g.id, "member", memberID)
		g.remove(memberID)
		return g.completeIfAllJoined(now)
	}
	m := g.members[memberID]
	if m == nil || m.heartbeatSatisfied() {
		return nil
	}
	g.env.Logger.Info("A member has failed", "group", g.id, "member", memberID, "instance", m.instance())
	// A new member may still wait: if it is alive it will try again.
	g.completeJoin(m, joinError("", kerr.UnknownMemberID))
	completeSync(m, syncError(kerr.UnknownMemberID))
	g.remove(memberID)
	switch g.state {
	case Stable, CompletingRebalance:
		return g.rebalance(now, "a member's session has ended", "member", memberID)
	default:
		return g.completeIfAllJoined(now)
	}
}

// completeIfAllJoined is maybeCompleteJoin for initial rebalances too: when a
// member goes, nobody is waited for any longer.
func (g *Group) completeIfAllJoined(now time.Time) *Store {
	if g.state == PreparingRebalance && g.allJoined() {
		return g.completeJoinPhase(now)
	}
	return nil
}

// expireSync removes the members that have joined this generation and never
// asked for their assignment.
func (g *Group) expireSync(now time.Time) *Store {
	if g.state != CompletingRebalance && g.state != Stable || len(g.pendingSync) == 0 {
		return nil
	}
	for _, m := range append([]*member(nil), g.order...) {
		if _, pending := g.pendingSync[m.id]; pending {
			g.env.Logger.Info("Removed a member that has not synced", "group", g.id, "member", m.id)
			completeSync(m, syncError(kerr.UnknownMemberID))
			g.remove(m.id)
			g.cancelHeartbeat(m.id)
		}
	}
	return g.prepareRebalance(now, "members have not synced in time")
}

// resetAssignments takes the assignments back and answers the parked syncs with err.
func (g *Group) resetAssignments(now time.Time, err *kerr.Error) {
	invariant.Assert(g.state == CompletingRebalance, "group %q resets its assignments in %v", g.id, g.state)
	for _, m := range g.order {
		m.assignment = []byte{}
		if completeSync(m, syncError(err)) {
			g.resetHeartbeat(now, m, m.sessionTimeout)
		}
	}
}

// synced is the answer to a sync of a current member.
func (g *Group) synced(m *member) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ProtocolType = nonEmpty(g.protocolType)
	resp.Protocol = nonEmpty(g.protocol)
	resp.MemberAssignment = m.assignment
	return resp
}

// RebalanceIfOverCapacity begins a rebalance of a group that was loaded with
// more members than group.max.size, which may have been lowered.
func (g *Group) RebalanceIfOverCapacity(now time.Time) *Store {
	if len(g.order) <= g.env.MaxSize || !PreparingRebalance.follows(g.state) {
		return nil
	}
	return g.prepareRebalance(now, "the loaded group is over capacity", "members", len(g.order), "max", g.env.MaxSize)
}
