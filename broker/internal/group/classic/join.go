package classic

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Client is who sends a request.
type Client struct {
	ID, Host string
}

// Join handles a JoinGroup request and calls reply once, maybe much later.
// Session timeout and group id have been checked. The request becomes the group's.
func (g *Group) Join(now time.Time, c Client, req *kmsg.JoinGroupRequest, reply JoinReply) *Store {
	protocols := protocolsOf(req)
	switch {
	case !g.accepts(req.MemberID):
		g.remove(req.MemberID)
		g.cancelHeartbeat(req.MemberID)
		reply(joinError("", kerr.GroupMaxSizeReached))
	case g.state == Dead:
		reply(joinError(req.MemberID, kerr.CoordinatorNotAvailable))
	case !g.supports(req.ProtocolType, protocols):
		reply(joinError(req.MemberID, kerr.InconsistentGroupProtocol))
	case req.MemberID == "":
		return g.joinNew(now, c, req, protocols, reply)
	default:
		return g.joinExisting(now, c, req, protocols, reply)
	}
	return nil
}

// StoreNew makes the record of a group that a join has just created. If it
// cannot be written the group is dead.
func (g *Group) StoreNew() *Store {
	value := newValue()
	value.CurrentStateTimestamp = g.stateTime.UnixMilli()
	return &Store{Value: value, Done: func(now time.Time, err error) {
		if err != nil && g.state != Dead {
			g.env.Logger.Warn("Could not write a new group", "group", g.id, "error", err)
			g.Kill(now, responseCode(err))
		}
	}}
}

// accepts tells whether the group has room. While it prepares a rebalance the
// members that wait are counted: if group.max.size was lowered, the last to
// rejoin are left out.
func (g *Group) accepts(memberID string) bool {
	m := g.members[memberID]
	switch g.state {
	case PreparingRebalance:
		return m != nil && m.join != nil || g.awaitingJoin < g.env.MaxSize
	case CompletingRebalance, Stable:
		return m != nil || len(g.order) < g.env.MaxSize
	default:
		return true
	}
}

func (g *Group) joinNew(now time.Time, c Client, req *kmsg.JoinGroupRequest, protocols []Protocol, reply JoinReply) *Store {
	log := g.env.Logger.With("group", g.id, "state", g.state)
	if req.InstanceID != nil {
		id := *req.InstanceID + "-" + g.env.UniqueSuffix()
		if old, ok := g.static[*req.InstanceID]; ok {
			log.Info("A static member joins again", "instance", *req.InstanceID, "member", id, "replaces", old)
			return g.rejoinStatic(now, req, protocols, id, reply)
		}
		log.Info("A static member joins", "instance", *req.InstanceID, "member", id)
		return g.addMember(now, c, req, protocols, id, reply)
	}
	id := c.ID + "-" + g.env.UniqueSuffix()
	if req.Version < 4 {
		log.Info("A member joins", "member", id)
		return g.addMember(now, c, req, protocols, id, reply)
	}
	// KIP-394: the client must come back with the id, so that one that lost the
	// answer does not leave a member behind.
	log.Info("A member must join again with its new id", "member", id)
	g.pendingJoin[id] = struct{}{}
	g.env.Timers.Set(TimerKey{Group: g.id, Kind: HeartbeatTimer, Member: id}, now.Add(millis(req.SessionTimeoutMillis)))
	reply(joinError(id, kerr.MemberIDRequired))
	return nil
}

func (g *Group) joinExisting(now time.Time, c Client, req *kmsg.JoinGroupRequest, protocols []Protocol, reply JoinReply) *Store {
	if _, pending := g.pendingJoin[req.MemberID]; pending {
		if req.InstanceID != nil {
			reply(joinError(req.MemberID, kerr.UnknownServerError)) // never a pending member's.
			return nil
		}
		g.env.Logger.Info("A pending member joins", "group", g.id, "member", req.MemberID, "state", g.state)
		return g.addMember(now, c, req, protocols, req.MemberID, reply)
	}
	if err := g.validate(req.MemberID, req.InstanceID); err != nil {
		reply(joinError(req.MemberID, err))
		return nil
	}
	m := g.members[req.MemberID]
	switch {
	case g.state == PreparingRebalance:
		return g.updateMember(now, m, req, protocols, "a member rejoins", reply)
	case g.state == CompletingRebalance && m.matches(protocols):
		// The answer to the first join may have been lost.
		reply(g.joined(m))
	case g.state == Stable && g.leader == m.id:
		// The leader may know of a change that its metadata does not show, such as
		// new partitions.
		return g.updateMember(now, m, req, protocols, "the leader rejoins", reply)
	case g.state == Stable && m.matches(protocols):
		resp := g.joined(m)
		resp.Members = nil
		reply(resp)
	case g.state == CompletingRebalance, g.state == Stable:
		return g.updateMember(now, m, req, protocols, "a member's metadata changes", reply)
	default:
		reply(joinError(m.id, kerr.UnknownMemberID))
	}
	return nil
}

// joined is the answer to a member of the current generation.
func (g *Group) joined(m *member) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.MemberID = m.id
	resp.Generation = g.generation
	resp.ProtocolType = nonEmpty(g.protocolType)
	resp.Protocol = nonEmpty(g.protocol)
	resp.LeaderID = g.leader
	if g.leader == m.id {
		resp.Members = g.joinedMembers()
	}
	return resp
}

// joinedMembers is what the leader needs to assign.
func (g *Group) joinedMembers() []kmsg.JoinGroupResponseMember {
	members := make([]kmsg.JoinGroupResponseMember, 0, len(g.order))
	for _, m := range g.order {
		rm := kmsg.NewJoinGroupResponseMember()
		rm.MemberID = m.id
		rm.InstanceID = m.instanceID
		rm.ProtocolMetadata, _ = m.metadata(g.protocol)
		members = append(members, rm)
	}
	return members
}

func (g *Group) addMember(now time.Time, c Client, req *kmsg.JoinGroupRequest, protocols []Protocol, id string, reply JoinReply) *Store {
	m := &member{
		id: id, instanceID: req.InstanceID, clientID: c.ID, clientHost: c.Host,
		rebalanceTimeout: rebalanceTimeoutOf(req), sessionTimeout: millis(req.SessionTimeoutMillis),
		protocols: protocols, assignment: []byte{}, join: reply, isNew: true,
	}
	if g.state == PreparingRebalance && g.previousState == Empty {
		g.memberAdded = true
	}
	g.add(m, req.ProtocolType)
	g.resetHeartbeat(now, m, newMemberJoinTimeout)
	return g.rebalance(now, "a member joins", "member", id, "instance", m.instance(), "client_reason", reasonOf(req.Reason))
}

func (g *Group) updateMember(now time.Time, m *member, req *kmsg.JoinGroupRequest, protocols []Protocol, why string, reply JoinReply) *Store {
	g.update(m, protocols, rebalanceTimeoutOf(req), millis(req.SessionTimeoutMillis), reply)
	return g.rebalance(now, why, "member", m.id, "instance", m.instance(), "client_reason", reasonOf(req.Reason))
}

// rejoinStatic handles a static member that comes back without its member id:
// it was restarted. If nothing changes for the others they are left alone.
func (g *Group) rejoinStatic(now time.Time, req *kmsg.JoinGroupRequest, protocols []Protocol, newID string, reply JoinReply) *Store {
	instanceID := *req.InstanceID
	oldID, oldLeader := g.static[instanceID], g.leader
	m := g.replaceStatic(instanceID, newID)
	g.resetHeartbeat(now, m, m.sessionTimeout)
	before := *m
	g.update(m, protocols, rebalanceTimeoutOf(req), millis(req.SessionTimeoutMillis), reply)

	switch g.state {
	case Stable:
		if g.selectProtocol() == g.protocol {
			return g.storeRejoined(m, &before, oldID, oldLeader, req.Version)
		}
		return g.rebalance(now, "a static member changes the protocol", "member", newID, "instance", instanceID, "client_reason", reasonOf(req.Reason))
	case CompletingRebalance:
		// The leader may already be assigning to the old id.
		return g.prepareRebalance(now, "a static member rejoins", "member", newID, "instance", instanceID, "client_reason", reasonOf(req.Reason))
	default:
		return g.maybeCompleteJoin(now)
	}
}

// storeRejoined writes the new member id before it is told to anybody.
func (g *Group) storeRejoined(m, before *member, oldID, oldLeader string, version int16) *Store {
	return &Store{Value: g.record(nil), Done: func(now time.Time, err error) {
		if g.members[m.id] != m {
			return // killed, fenced or removed meanwhile; it has been answered.
		}
		if err != nil {
			g.undoRejoin(now, m, before, oldID, oldLeader, err)
			return
		}
		if g.state != Stable {
			return // a rebalance began meanwhile and answers this join.
		}
		resp := g.joined(m)
		if version >= 9 {
			resp.SkipAssignment = g.leader == m.id
		} else {
			// Old clients would assign if they were told that they lead (KIP-814).
			resp.LeaderID, resp.Members = oldLeader, nil
		}
		g.completeJoin(m, resp)
		// While it waited its session could not end, and nothing else would begin it again.
		g.resetHeartbeat(now, m, m.sessionTimeout)
	}}
}

// undoRejoin brings back the old member id.
func (g *Group) undoRejoin(now time.Time, m, before *member, oldID, oldLeader string, err error) {
	g.env.Logger.Warn("Could not write a static member's new id; it keeps the old one", "group", g.id,
		"instance", m.instance(), "member", m.id, "old", oldID, "error", err)
	resp := joinError("", responseCode(err))
	resp.Generation = g.generation
	resp.ProtocolType, resp.Protocol = nonEmpty(g.protocolType), nonEmpty(g.protocol)
	resp.LeaderID = oldLeader
	g.completeJoin(m, resp)
	g.update(m, before.protocols, before.rebalanceTimeout, before.sessionTimeout, nil)
	old := g.replaceStatic(*m.instanceID, oldID)
	g.resetHeartbeat(now, old, old.sessionTimeout)
}

// rebalanceTimeoutOf is the session timeout for clients that know no other.
func rebalanceTimeoutOf(req *kmsg.JoinGroupRequest) time.Duration {
	if req.Version == 0 {
		return millis(req.SessionTimeoutMillis)
	}
	return millis(req.RebalanceTimeoutMillis)
}

func reasonOf(reason *string) string {
	if reason == nil || *reason == "" {
		return "not provided"
	}
	return *reason
}

func millis(ms int32) time.Duration { return time.Duration(ms) * time.Millisecond }

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
