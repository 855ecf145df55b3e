package classic

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Sync handles a SyncGroup request and calls reply once, when the leader's
// assignment is stored. The request becomes the group's.
func (g *Group) Sync(now time.Time, req *kmsg.SyncGroupRequest, reply SyncReply) *Store {
	if err := g.validateSync(req); err != nil {
		reply(syncError(err))
		return nil
	}
	m := g.members[req.MemberID]
	switch g.state {
	case PreparingRebalance:
		reply(syncError(kerr.RebalanceInProgress))
	case Stable:
		g.hasSynced(m)
		reply(g.synced(m))
	case CompletingRebalance:
		// Differs from Kafka: a request that is repeated is answered, not left for ever.
		completeSync(m, syncError(kerr.RebalanceInProgress))
		m.sync = reply
		g.hasSynced(m)
		if g.leader == m.id {
			return g.storeAssignment(req)
		}
	default:
		reply(syncError(kerr.UnknownMemberID)) // an empty group has no members.
	}
	return nil
}

func (g *Group) validateSync(req *kmsg.SyncGroupRequest) *kerr.Error {
	if g.state == Dead {
		return kerr.CoordinatorNotAvailable
	}
	if err := g.validate(req.MemberID, req.InstanceID); err != nil {
		return err
	}
	if req.Generation != g.generation {
		return kerr.IllegalGeneration
	}
	if inconsistent(req.ProtocolType, g.protocolType) || inconsistent(req.Protocol, g.protocol) {
		return kerr.InconsistentGroupProtocol
	}
	return nil
}

// inconsistent tells whether both sides name a protocol, and not the same.
func inconsistent(theirs *string, ours string) bool {
	return theirs != nil && ours != "" && *theirs != ours
}

// hasSynced notes that the member has asked for its assignment.
func (g *Group) hasSynced(m *member) {
	delete(g.pendingSync, m.id)
	if len(g.pendingSync) == 0 {
		g.env.Timers.Cancel(TimerKey{Group: g.id, Kind: SyncTimer})
	}
}

// storeAssignment has the leader's assignment written, then hands it out. Until
// then another member may join and end the generation.
func (g *Group) storeAssignment(req *kmsg.SyncGroupRequest) *Store {
	generation := g.generation
	assignments := make(map[string][]byte, len(g.order))
	for _, a := range req.GroupAssignment {
		if g.members[a.MemberID] != nil {
			assignments[a.MemberID] = a.MemberAssignment
		}
	}
	missing := 0
	for _, m := range g.order {
		if assignments[m.id] == nil {
			assignments[m.id] = []byte{}
			missing++
		}
	}
	g.env.Logger.Info("Assignment received from leader", "group", g.id, "leader", g.leader,
		"generation", generation, "members", len(g.order), "static", len(g.static), "without_assignment", missing)

	return &Store{Value: g.record(assignments), Done: func(now time.Time, err error) {
		if g.state != CompletingRebalance || g.generation != generation {
			return
		}
		if err != nil {
			g.env.Logger.Warn("Could not write an assignment", "group", g.id, "generation", generation, "error", err)
			g.resetAssignments(now, responseCode(err))
			// The members are still there, so this never ends in a record.
			g.prepareRebalance(now, "the assignment could not be stored", "error", err)
			return
		}
		g.enter(now, Stable)
		for _, m := range g.order {
			m.assignment = assignments[m.id]
			if completeSync(m, g.synced(m)) {
				g.resetHeartbeat(now, m, m.sessionTimeout)
			}
		}
	}}
}
