package replica

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/internal/kafka"
)

// Timestamps of ListOffsets with a meaning of their own.
const (
	LatestTimestamp        int64 = -1
	EarliestTimestamp      int64 = -2
	MaxTimestamp           int64 = -3
	EarliestLocalTimestamp int64 = -4
	LatestTieredTimestamp  int64 = -5
	EarliestPendingUpload  int64 = -6
	debuggingReplica             = kafka.NodeID(-2)
	highWatermarkAsOffset        = kafka.Offset(-1)
	noTimestamp            int64 = -1
)

// OffsetQuery asks for the offset at a timestamp.
type OffsetQuery struct {
	Timestamp          int64
	CurrentLeaderEpoch kafka.LeaderEpoch
	Isolation          Isolation
	// Replica is kafka.NoNode for consumers, -2 for debugging, else a follower.
	Replica kafka.NodeID
}

// OffsetAnswer is the offset found, or kafka.UnknownOffset.
type OffsetAnswer struct {
	Offset      kafka.Offset
	Timestamp   int64
	LeaderEpoch kafka.LeaderEpoch
}

var noOffset = OffsetAnswer{Offset: kafka.UnknownOffset, Timestamp: noTimestamp, LeaderEpoch: kafka.NoLeaderEpoch}

// ListOffset finds the offset of a timestamp (section "special timestamps" of
// ListOffsetsRequest). OFFSET_NOT_AVAILABLE comes from a new leader that does not
// know yet how far records are committed.
func (m *Manager) ListOffset(tp kafka.TopicPartition, q OffsetQuery) (OffsetAnswer, error) {
	r, err := m.Replica(tp)
	if err != nil {
		return noOffset, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.checkReadable(q.CurrentLeaderEpoch, q.Replica != debuggingReplica); err != nil {
		return noOffset, err
	}
	end, unavailable := r.log.LogEndOffset(), error(nil)
	if q.Replica == kafka.NoNode {
		end, unavailable = r.readEnd(q.Isolation), r.offsetNotAvailable()
	}
	return r.offsetAt(q.Timestamp, end, unavailable)
}

func (r *Replica) offsetAt(timestamp int64, end kafka.Offset, unavailable error) (OffsetAnswer, error) {
	switch timestamp {
	case LatestTimestamp:
		if unavailable != nil {
			return noOffset, unavailable
		}
		return OffsetAnswer{Offset: end, Timestamp: noTimestamp, LeaderEpoch: r.core.LeaderEpoch()}, nil
	case EarliestTimestamp, EarliestLocalTimestamp:
		return r.earliest(), nil
	case LatestTieredTimestamp, EarliestPendingUpload:
		return noOffset, nil // Nothing is tiered.
	}
	answer, err := r.search(timestamp)
	if err != nil {
		return noOffset, err
	}
	if answer.Offset == kafka.UnknownOffset || answer.Offset >= end {
		return noOffset, unavailable
	}
	return answer, nil
}

// earliest is the log start offset; its epoch is only told when the epoch
// history reaches back that far.
func (r *Replica) earliest() OffsetAnswer {
	start := r.log.LogStartOffset()
	answer := OffsetAnswer{Offset: start, Timestamp: noTimestamp, LeaderEpoch: kafka.NoLeaderEpoch}
	if epoch, ok := r.log.EpochForOffset(start); ok {
		answer.LeaderEpoch = epoch
	}
	return answer
}

func (r *Replica) search(timestamp int64) (OffsetAnswer, error) {
	if timestamp == MaxTimestamp {
		found, err := r.log.MaxTimestampOffset()
		return OffsetAnswer{Offset: found.Offset, Timestamp: found.Timestamp, LeaderEpoch: found.LeaderEpoch}, err
	}
	found, err := r.log.OffsetForTimestamp(timestamp)
	return OffsetAnswer{Offset: found.Offset, Timestamp: found.Timestamp, LeaderEpoch: found.LeaderEpoch}, err
}

// EpochEnd answers OffsetForLeaderEpoch: the end of the largest epoch that is
// not larger than the one asked for (KIP-279).
func (m *Manager) EpochEnd(tp kafka.TopicPartition, current, asked kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset, error) {
	r, err := m.Replica(tp)
	if err != nil {
		return kafka.NoLeaderEpoch, kafka.UnknownOffset, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.checkReadable(current, true); err != nil {
		return kafka.NoLeaderEpoch, kafka.UnknownOffset, err
	}
	epoch, end := r.log.EndOffsetForEpoch(asked)
	return epoch, end, nil
}

// ActiveProducers lists the producers whose state the partition keeps.
func (m *Manager) ActiveProducers(tp kafka.TopicPartition) ([]producerstate.Entry, error) {
	r, err := m.Replica(tp)
	if err != nil {
		return nil, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.core.CheckLeader(); err != nil {
		return nil, err
	}
	return r.log.ActiveProducers(), nil
}

// Deletion is one partition's part of a DeleteRecords request.
type Deletion struct {
	TopicPartition kafka.TopicPartition
	// Offset is the new log start offset; -1 means the high watermark.
	Offset kafka.Offset
	// LowWatermark and Err are the answer.
	LowWatermark kafka.Offset
	Err          error

	replica *Replica
}

// DeleteRecords moves the partitions' log start offsets and waits, on the
// caller's goroutine, until all live replicas have followed or the timeout is
// over (REQUEST_TIMED_OUT). It fills in the answers.
func (m *Manager) DeleteRecords(ctx context.Context, timeout time.Duration, deletions []Deletion) {
	for i := range deletions {
		if d := &deletions[i]; d.Err == nil {
			d.Err = m.deleteRecords(d)
		}
	}
	var replicas []*Replica
	for i := range deletions {
		d := &deletions[i]
		if d.Err == nil {
			m.fetches.Check(d.replica) // Who waits below the new start must be told.
			d.Err = d.replica.log.SyncLogStart()
		}
		if d.Err != nil {
			d.LowWatermark, d.replica = kafka.UnknownOffset, nil
			continue
		}
		replicas = append(replicas, d.replica)
	}
	m.deletes.Wait(ctx, m.now().Add(timeout), func() bool {
		for i := range deletions {
			if deletions[i].pending() {
				return false
			}
		}
		return true
	}, replicas...)
	for i := range deletions {
		if d := &deletions[i]; d.pending() {
			d.Err = kerr.RequestTimedOut
		}
	}
}

func (m *Manager) deleteRecords(d *Deletion) error {
	r, err := m.Replica(d.TopicPartition)
	if err != nil {
		return err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.core.CheckLeader(); err != nil {
		return err
	}
	if policy := r.log.Config().Cleanup; policy.Compact && !policy.Delete {
		return kafka.Errorf(kerr.PolicyViolation, "records of %v cannot be deleted: its cleanup.policy is %v", d.TopicPartition, policy)
	}
	if d.Offset == highWatermarkAsOffset {
		d.Offset = r.log.HighWatermark()
	}
	if d.Offset < 0 || d.Offset > r.log.HighWatermark() {
		return kafka.Errorf(kerr.OffsetOutOfRange, "cannot delete the records of %v below %d: the high watermark is %d",
			d.TopicPartition, d.Offset, r.log.HighWatermark())
	}
	if err := r.log.IncrementLogStartOffset(d.Offset); err != nil {
		return err
	}
	d.replica = r
	d.LowWatermark = r.core.LowWatermark(r.log.LogStartOffset(), m.alive)
	return nil
}

// pending looks how far the replicas are. A leader that has moved away meanwhile
// cannot tell.
func (d *Deletion) pending() bool {
	if d.Err != nil || d.replica == nil || d.LowWatermark >= d.Offset {
		return false
	}
	r := d.replica
	r.mu.RLock()
	defer r.mu.RUnlock()
	if d.Err = r.core.CheckLeader(); d.Err != nil {
		d.LowWatermark = kafka.UnknownOffset
		return false
	}
	d.LowWatermark = r.core.LowWatermark(r.log.LogStartOffset(), r.manager.alive)
	return d.LowWatermark < d.Offset
}
