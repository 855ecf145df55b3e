package partition

import (
	"slices"
	"time"

	"moldau.dev/moldau/internal/kafka"
)

// Limits are the settings that a decision about the high watermark rests on.
type Limits struct {
	// MinInSyncReplicas is min.insync.replicas of the topic.
	MinInSyncReplicas int
	// ReplicaLagTimeMax is replica.lag.time.max.ms.
	ReplicaLagTimeMax time.Duration
}

// HighWatermark computes how far records are committed, given the end of the
// local log. ok is false when it may not move: too few in-sync replicas, or a
// replica that is about to count has not fetched yet. The caller never lets the
// log's high watermark go back.
func (p *Partition) HighWatermark(logEndOffset kafka.Offset, limits Limits, now time.Time) (offset kafka.Offset, ok bool) {
	if p.role != leader || len(p.registration.ISR) < p.effectiveMinISR(limits.MinInSyncReplicas) {
		return 0, false
	}
	offset = logEndOffset
	for i := range p.followers {
		f := &p.followers[i]
		if !p.holdsBack(f, logEndOffset, limits, now) {
			continue
		}
		if f.logEndOffset == kafka.UnknownOffset {
			return 0, false
		}
		offset = min(offset, f.logEndOffset)
	}
	return offset, true
}

// holdsBack tells whether the high watermark waits for the follower: those of
// the maximal ISR, and those that are caught up and may join. Without the
// latter a follower could never catch up with a leader that is always written to.
func (p *Partition) holdsBack(f *follower, leaderEnd kafka.Offset, limits Limits, now time.Time) bool {
	if p.inMaximalISR(f.id) {
		return true
	}
	return f.eligible && f.caughtUp(leaderEnd, limits.ReplicaLagTimeMax, now)
}

// maximalISR is the committed ISR plus the replicas that a change in flight adds.
func (p *Partition) maximalISR() []kafka.NodeID {
	if p.pending == nil {
		return p.registration.ISR
	}
	union := slices.Clone(p.registration.ISR)
	for _, id := range p.pending.ISR {
		if !slices.Contains(union, id) {
			union = append(union, id)
		}
	}
	return union
}

func (p *Partition) inMaximalISR(id kafka.NodeID) bool {
	return slices.Contains(p.registration.ISR, id) || p.pending != nil && slices.Contains(p.pending.ISR, id)
}

// Sole tells whether this node is the whole maximal ISR and no other replica
// could hold the high watermark back: every append is committed at once.
func (p *Partition) Sole() bool { return p.role == leader && p.Alone() }

// Alone tells whether this node is the only replica, leading or not: nobody else
// has the records, or can have others in their place.
func (p *Partition) Alone() bool {
	return len(p.registration.Replicas) == 1 && p.registration.Replicas[0] == p.self
}
