package classic

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Heartbeat keeps a member's session alive and tells it of a rebalance, with
// REBALANCE_IN_PROGRESS.
func (g *Group) Heartbeat(now time.Time, req *kmsg.HeartbeatRequest) *kerr.Error {
	if g.state == Dead {
		return kerr.CoordinatorNotAvailable
	}
	if err := g.validate(req.MemberID, req.InstanceID); err != nil {
		return err
	}
	if req.Generation != g.generation {
		return kerr.IllegalGeneration
	}
	m := g.members[req.MemberID]
	g.resetHeartbeat(now, m, m.sessionTimeout)
	if g.state == PreparingRebalance {
		return kerr.RebalanceInProgress
	}
	return nil
}

// Leave removes members, each by its id or, by an administrator, by its
// instance id only. Every member gets an answer of its own.
func (g *Group) Leave(now time.Time, leaving []kmsg.LeaveGroupRequestMember) ([]kmsg.LeaveGroupResponseMember, *Store) {
	answers := make([]kmsg.LeaveGroupResponseMember, len(leaving))
	left := 0
	for i, l := range leaving {
		answers[i] = kmsg.NewLeaveGroupResponseMember()
		answers[i].MemberID, answers[i].InstanceID = l.MemberID, l.InstanceID
		if err := g.leave(l); err != nil {
			answers[i].ErrorCode = err.Code
			continue
		}
		left++
	}
	if left == 0 {
		return answers, nil
	}
	switch g.state {
	case Stable, CompletingRebalance:
		return answers, g.rebalance(now, "members have left", "left", left)
	default:
		return answers, g.maybeCompleteJoin(now)
	}
}

func (g *Group) leave(l kmsg.LeaveGroupRequestMember) *kerr.Error {
	if g.state == Dead {
		return kerr.CoordinatorNotAvailable
	}
	id := l.MemberID
	switch _, pending := g.pendingJoin[id]; {
	case id == "":
		if l.InstanceID == nil {
			return kerr.UnknownMemberID
		}
		var ok bool
		if id, ok = g.static[*l.InstanceID]; !ok {
			return kerr.UnknownMemberID
		}
	case pending:
		g.env.Logger.Info("A pending member has left", "group", g.id, "member", id, "client_reason", reasonOf(l.Reason))
		g.remove(id)
		g.cancelHeartbeat(id)
		return nil
	default:
		if err := g.validate(id, l.InstanceID); err != nil {
			return err
		}
	}
	m := g.members[id]
	g.env.Logger.Info("A member has left", "group", g.id, "member", id, "instance", m.instance(), "client_reason", reasonOf(l.Reason))
	g.cancelHeartbeat(id)
	g.completeJoin(m, joinError("", kerr.UnknownMemberID))
	completeSync(m, syncError(kerr.UnknownMemberID))
	g.remove(id)
	return nil
}

// ValidateCommit tells whether offsets may be committed with this generation.
// Without one (-1) they may if nobody else is in the group; in transactions
// always, since old clients do not say who they are.
func (g *Group) ValidateCommit(memberID string, instanceID *string, generation int32, transactional bool) *kerr.Error {
	if g.state == Dead {
		return kerr.CoordinatorNotAvailable
	}
	if generation < 0 && g.state == Empty {
		return nil
	}
	if generation >= 0 || memberID != "" || instanceID != nil {
		if err := g.validate(memberID, instanceID); err != nil {
			return err
		}
		if generation != g.generation {
			return kerr.IllegalGeneration
		}
	} else if !transactional && g.state != Empty {
		return kerr.UnknownMemberID
	}
	if !transactional && g.state == CompletingRebalance {
		return kerr.RebalanceInProgress
	}
	return nil
}

// Committed keeps the session of a member that commits alive.
func (g *Group) Committed(now time.Time, memberID string) {
	if m := g.members[memberID]; m != nil && (g.state == Stable || g.state == PreparingRebalance) {
		g.resetHeartbeat(now, m, m.sessionTimeout)
	}
}

// ValidateDelete tells whether the group may be deleted.
func (g *Group) ValidateDelete() *kerr.Error {
	switch g.state {
	case Empty:
		return nil
	case Dead:
		return kerr.GroupIDNotFound
	default:
		return kerr.NonEmptyGroup
	}
}

// ValidateOffsetDelete tells whether offsets may be deleted; of a consumer group
// with members those of topics that are not subscribed may.
func (g *Group) ValidateOffsetDelete() *kerr.Error {
	if g.IsConsumer() && g.state != Dead {
		return nil
	}
	return g.ValidateDelete()
}

// Describe gives what DescribeGroups tells of the group.
func (g *Group) Describe() kmsg.DescribeGroupsResponseGroup {
	d := kmsg.NewDescribeGroupsResponseGroup()
	d.Group = g.id
	d.State = g.state.String()
	d.ProtocolType = g.protocolType
	if g.state == Stable {
		d.Protocol = g.protocol
	}
	for _, m := range g.order {
		dm := kmsg.NewDescribeGroupsResponseGroupMember()
		dm.MemberID, dm.InstanceID = m.id, m.instanceID
		dm.ClientID, dm.ClientHost = m.clientID, m.clientHost
		dm.MemberAssignment = m.assignment
		dm.ProtocolMetadata = []byte{}
		if g.state == Stable {
			dm.ProtocolMetadata, _ = m.metadata(g.protocol)
		}
		d.Members = append(d.Members, dm)
	}
	return d
}
