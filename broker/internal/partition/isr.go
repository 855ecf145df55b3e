package partition

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
)

// follower is the leader's view of one other replica.
type follower struct {
	id kafka.NodeID
	// logEndOffset is the follower's end as told by its last fetch, or kafka.UnknownOffset.
	logEndOffset kafka.Offset
	// logStartOffset is the follower's start as told by its last fetch.
	logStartOffset kafka.Offset
	// leaderEndAtLastFetch and lastFetch tell when the follower was last caught up:
	// whoever fetches from the leader's previous end was caught up at that time.
	leaderEndAtLastFetch kafka.Offset
	lastFetch            time.Time
	lastCaughtUp         time.Time
	// brokerEpoch is the registration under which the follower fetched; -1 unknown.
	brokerEpoch kafka.BrokerEpoch
	// eligible says that the controller would let it join: not fenced, not
	// shutting down, and fetching under its current broker epoch (KIP-903).
	eligible bool
}

func newFollower(id kafka.NodeID, inISR bool, now time.Time) follower {
	f := follower{id: id, logEndOffset: kafka.UnknownOffset, logStartOffset: kafka.UnknownOffset, brokerEpoch: -1}
	if inISR {
		f.lastCaughtUp, f.eligible = now, true
	}
	return f
}

// caughtUp: at the leader's end now, or not behind for longer than lagMax.
func (f *follower) caughtUp(leaderEnd kafka.Offset, lagMax time.Duration, now time.Time) bool {
	return f.logEndOffset == leaderEnd || now.Sub(f.lastCaughtUp) <= lagMax
}

// Fetch is what a follower's fetch request tells the leader.
type Fetch struct {
	Replica     kafka.NodeID
	BrokerEpoch kafka.BrokerEpoch
	// Offset is the follower's log end offset: it has everything below.
	Offset         kafka.Offset
	LogStartOffset kafka.Offset
	// Eligible says that the metadata knows the follower as alive under that epoch.
	Eligible bool
}

// CheckFollower returns an error for a fetch of a node that is no replica under
// the epoch it fetches with: the leader, or the follower, has older metadata.
func (p *Partition) CheckFollower(id kafka.NodeID, current kafka.LeaderEpoch) error {
	switch {
	case p.follower(id) != nil:
		return nil
	case current == kafka.NoLeaderEpoch:
		return kerr.NotLeaderForPartition
	default:
		return kerr.UnknownLeaderEpoch
	}
}

func (p *Partition) follower(id kafka.NodeID) *follower {
	for i := range p.followers {
		if p.followers[i].id == id {
			return &p.followers[i]
		}
	}
	return nil
}

// FollowerFetched takes in a follower's fetch; one of a node that is no replica
// changes nothing. leaderEnd is the leader's end from before the fetch was
// served: records that came later must not make the follower look late.
func (p *Partition) FollowerFetched(f Fetch, leaderEnd kafka.Offset, now time.Time) {
	state := p.follower(f.Replica)
	if state == nil {
		return
	}
	switch {
	case f.Offset >= leaderEnd:
		state.lastCaughtUp = now
	case f.Offset >= state.leaderEndAtLastFetch && state.lastFetch.After(state.lastCaughtUp):
		state.lastCaughtUp = state.lastFetch
	}
	state.logEndOffset, state.logStartOffset = f.Offset, f.LogStartOffset
	state.leaderEndAtLastFetch, state.lastFetch = max(leaderEnd, state.leaderEndAtLastFetch), now
	state.brokerEpoch, state.eligible = f.BrokerEpoch, f.Eligible
}

// ISRMember is one member of a proposed ISR, with the broker epoch it fetched under.
type ISRMember struct {
	ID          kafka.NodeID
	BrokerEpoch kafka.BrokerEpoch
}

// ISRChange is what the controller is asked for by AlterPartition.
type ISRChange struct {
	LeaderEpoch    kafka.LeaderEpoch
	PartitionEpoch kafka.PartitionEpoch
	ISR            []kafka.NodeID
	Members        []ISRMember
}

// ProposeExpand asks for the follower to join the ISR once it has everything up
// to the high watermark and to the start of this leader's epoch. It returns nil
// when it may not join, or a change is in flight already.
func (p *Partition) ProposeExpand(id kafka.NodeID, highWatermark kafka.Offset) *ISRChange {
	f := p.follower(id)
	if p.role != leader || p.pending != nil || f == nil || slices.Contains(p.registration.ISR, id) {
		return nil
	}
	if !f.eligible || f.logEndOffset < highWatermark || f.logEndOffset < p.epochStart {
		return nil
	}
	return p.propose(append(slices.Clone(p.registration.ISR), id))
}

// ProposeShrink asks for every follower to leave that has been behind for longer
// than replica.lag.time.max.ms; nil when there is none or a change is in flight.
func (p *Partition) ProposeShrink(leaderEnd kafka.Offset, limits Limits, now time.Time) *ISRChange {
	if p.role != leader || p.pending != nil {
		return nil
	}
	isr := slices.DeleteFunc(slices.Clone(p.registration.ISR), func(id kafka.NodeID) bool {
		f := p.follower(id)
		return f != nil && !f.caughtUp(leaderEnd, limits.ReplicaLagTimeMax, now)
	})
	if len(isr) == len(p.registration.ISR) {
		return nil
	}
	return p.propose(isr)
}

// ProposeRecovered asks for the end of the recovery after an unclean election.
// The leader's log, as it is, is the truth by then, so that there is nothing to
// do before. nil when there is nothing to recover from or a change is in flight.
func (p *Partition) ProposeRecovered() *ISRChange {
	if p.role != leader || p.pending != nil || !p.registration.Recovering {
		return nil
	}
	return p.propose(p.registration.ISR)
}

// propose asks for an ISR, and by that for the end of a recovery: the leader's
// log is the truth as it is.
func (p *Partition) propose(isr []kafka.NodeID) *ISRChange {
	change := &ISRChange{
		LeaderEpoch: p.registration.LeaderEpoch, PartitionEpoch: p.registration.PartitionEpoch, ISR: isr,
	}
	for _, id := range isr {
		change.Members = append(change.Members, ISRMember{ID: id, BrokerEpoch: p.brokerEpoch(id)})
	}
	p.pending = change
	return change
}

func (p *Partition) brokerEpoch(id kafka.NodeID) kafka.BrokerEpoch {
	if f := p.follower(id); f != nil {
		return f.brokerEpoch
	}
	return -1
}

// Pending is the change of the ISR that is in flight, or nil.
func (p *Partition) Pending() *ISRChange { return p.pending }

// ISRAnswered settles the change in flight: an accepted one comes with the new
// partition epoch, a refused one (newEpoch nil) falls back to the committed ISR.
func (p *Partition) ISRAnswered(change *ISRChange, isr []kafka.NodeID, newEpoch *kafka.PartitionEpoch) {
	if p.pending != change {
		return // Newer metadata has settled it already.
	}
	p.pending = nil
	if newEpoch != nil && *newEpoch > p.registration.PartitionEpoch {
		p.registration.ISR, p.registration.PartitionEpoch, p.registration.Recovering = isr, *newEpoch, false
		p.assertISR()
	}
}

// LowWatermark is the smallest log start offset of the replicas that are alive:
// DeleteRecords waits for it.
func (p *Partition) LowWatermark(logStartOffset kafka.Offset, alive func(kafka.NodeID) bool) kafka.Offset {
	low := logStartOffset
	for i := range p.followers {
		if f := &p.followers[i]; alive(f.id) {
			low = min(low, f.logStartOffset)
		}
	}
	return low
}
