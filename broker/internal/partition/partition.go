package partition

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/kafka"
)

// Registration is what the metadata says of a partition.
type Registration struct {
	Leader         kafka.NodeID
	LeaderEpoch    kafka.LeaderEpoch
	PartitionEpoch kafka.PartitionEpoch
	// Replicas and ISR are the assigned and the in-sync replicas; neither is modified.
	Replicas []kafka.NodeID
	ISR      []kafka.NodeID
	// Recovering says that the leader was elected uncleanly and has not recovered yet.
	Recovering bool
}

// Partition is this node's view of one partition that it hosts a replica of.
// It is owned by the replica manager, which guards it by the partition's lock.
type Partition struct {
	self         kafka.NodeID
	registration Registration
	// role is what this node is for the partition under registration.LeaderEpoch.
	role role
	// epochStart is the log end offset at which this leader took over.
	epochStart kafka.Offset
	// followers is the leader's view of the other replicas.
	followers []follower
	// pending is the change of the ISR that the controller is asked for, or nil.
	pending *ISRChange
}

type role int8

const (
	noRole role = iota
	leader
	followerOf
)

// New returns a partition of which nothing is known yet.
func New(self kafka.NodeID) *Partition { return &Partition{self: self} }

// Transition tells what Update made of the partition.
type Transition int8

const (
	// Unchanged says that the registration was not newer than the one known.
	Unchanged Transition = iota
	// Refreshed says that replicas or ISR changed under the same leader epoch.
	Refreshed
	// BecameLeader says that this node leads under a new leader epoch; the shell
	// notes the epoch's start in the log before it accepts writes.
	BecameLeader
	// BecameFollower says that another node leads, or none, under a new epoch.
	BecameFollower
)

// Update takes over what the metadata says. logEndOffset is the end of the
// local log at this moment. A change of the ISR in flight is settled by any
// newer partition epoch, since the controller has answered or overruled it.
func (p *Partition) Update(r Registration, logEndOffset kafka.Offset, now time.Time) Transition {
	if p.role != noRole && r.PartitionEpoch <= p.registration.PartitionEpoch && r.LeaderEpoch <= p.registration.LeaderEpoch {
		return Unchanged
	}
	newEpoch := p.role == noRole || r.LeaderEpoch != p.registration.LeaderEpoch
	p.registration = r
	p.pending = nil
	if r.Leader != p.self {
		p.role, p.followers = followerOf, nil
		if newEpoch {
			return BecameFollower
		}
		return Refreshed
	}
	wasLeader := p.role == leader
	p.role = leader
	p.refreshFollowers(newEpoch || !wasLeader, now)
	if newEpoch || !wasLeader {
		p.epochStart = logEndOffset
		return BecameLeader
	}
	return Refreshed
}

// refreshFollowers keeps what is known of replicas that stay. A new leader
// knows nothing of its followers' positions and gives them the benefit of the
// doubt for one replica.lag.time.max.ms.
func (p *Partition) refreshFollowers(reset bool, now time.Time) {
	old := p.followers
	p.followers = nil
	for _, id := range p.registration.Replicas {
		if id == p.self {
			continue
		}
		i := slices.IndexFunc(old, func(f follower) bool { return f.id == id })
		if i >= 0 && !reset {
			p.followers = append(p.followers, old[i])
			continue
		}
		p.followers = append(p.followers, newFollower(id, slices.Contains(p.registration.ISR, id), now))
	}
}

// IsLeader tells whether this node leads the partition.
func (p *Partition) IsLeader() bool { return p.role == leader }

// Registration gives the metadata in force.
func (p *Partition) Registration() Registration { return p.registration }

// LeaderEpoch gives the leader epoch in force.
func (p *Partition) LeaderEpoch() kafka.LeaderEpoch { return p.registration.LeaderEpoch }

// EpochStart is the log end offset at which this leader took over. While the
// high watermark is below it, the leader cannot tell clients how far records
// are committed (OFFSET_NOT_AVAILABLE, KIP-207).
func (p *Partition) EpochStart() kafka.Offset { return p.epochStart }

// CheckEpoch compares the epoch a client believes in with ours. A client with an
// older one is fenced, one with a newer one is ahead of our metadata;
// kafka.NoLeaderEpoch skips the check (KIP-320).
func (p *Partition) CheckEpoch(current kafka.LeaderEpoch) error {
	switch {
	case current == kafka.NoLeaderEpoch || current == p.registration.LeaderEpoch:
		return nil
	case current < p.registration.LeaderEpoch:
		return kerr.FencedLeaderEpoch
	default:
		return kerr.UnknownLeaderEpoch
	}
}

// CheckLeader returns NOT_LEADER_OR_FOLLOWER unless this node leads.
func (p *Partition) CheckLeader() error {
	if p.role != leader {
		return kerr.NotLeaderForPartition
	}
	return nil
}

// effectiveMinISR bounds min.insync.replicas by the replicas there are: a topic
// with one replica accepts acks=all whatever the setting.
func (p *Partition) effectiveMinISR(minInSyncReplicas int) int {
	return min(minInSyncReplicas, len(p.registration.Replicas))
}

// CheckEnoughReplicas says whether a produce with acks=all may be appended.
func (p *Partition) CheckEnoughReplicas(minInSyncReplicas int) error {
	if isr, need := len(p.registration.ISR), p.effectiveMinISR(minInSyncReplicas); isr < need {
		return kafka.Errorf(kerr.NotEnoughReplicas,
			"The size of the current ISR is insufficient to satisfy the min.isr requirement of %d: it is %d", need, isr)
	}
	return nil
}

// CheckCommittedEnough is asked when the high watermark has passed the records
// of an acks=all produce: NOT_ENOUGH_REPLICAS_AFTER_APPEND when the maximal ISR
// has become too small meanwhile.
func (p *Partition) CheckCommittedEnough(minInSyncReplicas int) error {
	if len(p.maximalISR()) < p.effectiveMinISR(minInSyncReplicas) {
		return kerr.NotEnoughReplicasAfterAppend
	}
	return nil
}

// assertISR checks that the ISR is part of the replicas.
func (p *Partition) assertISR() {
	for _, id := range p.registration.ISR {
		invariant.Assert(slices.Contains(p.registration.Replicas, id),
			"in-sync replica %d is not among the replicas %v", id, p.registration.Replicas)
	}
}
