package replica

import (
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/partition"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
)

// Replica is this node's replica of one partition. It lives from the
// assignment to this node until the partition is deleted or moved away.
type Replica struct {
	manager *Manager
	topicID kafka.UUID
	log     *storage.Log
	stats   *TopicStats

	mu   sync.RWMutex // Guards the fields below.
	core *partition.Partition
	// retired says that the partition has been deleted or moved away.
	retired bool

	syncMu sync.Mutex // Guards the fields below; leaf lock.
	// pendingSyncs counts appends that wait for their bytes to be on disk, or may
	// turn out to have to.
	pendingSyncs int
	// syncedEnd is the end of the records that a finished sync has covered; it
	// bounds the high watermark while pendingSyncs > 0, and for good after failure.
	syncedEnd kafka.Offset
	// failure is set when a sync failed: nothing that waits can be acknowledged.
	failure error
	// listeners are called, without locks, with each new high watermark.
	listeners []*listener
}

// TopicPartition names the partition.
func (r *Replica) TopicPartition() kafka.TopicPartition { return r.log.TopicPartition() }

// TopicID gives the topic's id.
func (r *Replica) TopicID() kafka.UUID { return r.topicID }

// Stats gives the counters of the replica's topic.
func (r *Replica) Stats() *TopicStats { return r.stats }

// Log gives the replica's log, for reading its offsets and sizes.
func (r *Replica) Log() *storage.Log { return r.log }

// Leadership gives the leader and leader epoch in force, and whether this node leads.
func (r *Replica) Leadership() (leader kafka.NodeID, epoch kafka.LeaderEpoch, isLeader bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	registration := r.core.Registration()
	return registration.Leader, registration.LeaderEpoch, r.core.IsLeader()
}

func (r *Replica) isRetired() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.retired
}

// durableEnd is how far the high watermark may go as far as this node's disk is
// concerned: to the log's end, unless appends wait to be synced.
func (r *Replica) durableEnd() kafka.Offset {
	r.syncMu.Lock()
	defer r.syncMu.Unlock()
	if r.pendingSyncs > 0 || r.failure != nil {
		return r.syncedEnd
	}
	return r.log.LogEndOffset()
}

// beginSync notes that an append may have to wait for the disk, which records
// from offset upTo on are not known to be on.
func (r *Replica) beginSync(upTo kafka.Offset) {
	r.syncMu.Lock()
	defer r.syncMu.Unlock()
	if r.pendingSyncs == 0 && r.failure == nil {
		r.syncedEnd = upTo
	}
	r.pendingSyncs++
}

// cancelSync takes beginSync back for an append that need not wait. The caller
// advances the high watermark afterwards, whatever became of the append: others
// may have been held back by it.
func (r *Replica) cancelSync() {
	r.syncMu.Lock()
	defer r.syncMu.Unlock()
	r.pendingSyncs--
}

// endSync notes that records below end are on disk, or will never be. A failure
// of the disk is final; records that were truncated concern only those who wait
// for them, who learn that this node does not lead any more.
func (r *Replica) endSync(end kafka.Offset, err error) {
	r.syncMu.Lock()
	r.pendingSyncs--
	switch {
	case errors.Is(err, kerr.NotLeaderForPartition):
	case err != nil:
		r.failure = err
	case r.failure == nil:
		r.syncedEnd = max(r.syncedEnd, end)
	}
	r.syncMu.Unlock()
	r.advance()
	r.manager.produces.Check(r) // Some wait for the disk alone.
	if err != nil {
		r.manager.fetches.Check(r)
	}
}

func (r *Replica) syncFailure() error {
	r.syncMu.Lock()
	defer r.syncMu.Unlock()
	return r.failure
}

// advance moves the high watermark as far as it may go and wakes who waits for it.
func (r *Replica) advance() { r.advanceFor(r.manager.fetches) }

func (r *Replica) advanceFor(fetches checker) {
	if highWatermark, moved := r.moveHighWatermark(); moved {
		r.notify(highWatermark)
		fetches.Check(r)
	}
}

func (r *Replica) moveHighWatermark() (highWatermark kafka.Offset, moved bool) {
	now := r.manager.now()
	// Held throughout: a leader that has become a follower and truncates its log
	// must not move its high watermark by what it knew before.
	r.mu.RLock()
	defer r.mu.RUnlock()
	next, ok := r.core.HighWatermark(r.durableEnd(), r.limits(), now)
	if !ok {
		return 0, false
	}
	// Of several goroutines at once each that sees a move tells of it.
	before := r.log.HighWatermark()
	highWatermark = r.log.SetHighWatermark(next)
	return highWatermark, highWatermark != before
}

func (r *Replica) notify(highWatermark kafka.Offset) {
	r.syncMu.Lock()
	listeners := r.listeners
	r.syncMu.Unlock()
	for _, l := range listeners {
		l.fn(highWatermark)
	}
	r.manager.produces.Check(r)
}

func (r *Replica) limits() partition.Limits {
	return partition.Limits{
		MinInSyncReplicas: r.log.Config().MinInSyncReplicas,
		ReplicaLagTimeMax: r.manager.options.ReplicaLagTimeMax,
	}
}

// update takes over what the metadata says of the partition.
func (r *Replica) update(registration partition.Registration, now time.Time) error {
	r.mu.Lock()
	end := r.log.LogEndOffset()
	transition := r.core.Update(registration, end, now)
	var err error
	if transition == partition.BecameLeader {
		err = r.log.AssignEpochStart(registration.LeaderEpoch, end)
	}
	r.manager.isr.add(r, r.core.ProposeRecovered())
	r.mu.Unlock()
	if err != nil {
		return err
	}
	switch transition {
	case partition.BecameLeader, partition.Refreshed:
		r.advance()
	case partition.BecameFollower:
		// Who waits here must hear that the leader is elsewhere.
		r.manager.produces.Check(r)
	case partition.Unchanged:
	}
	r.manager.fetches.Check(r)
	r.manager.deletes.Check(r)
	return nil
}

// checkReadable returns an error unless the replica may serve a request that
// believes in the epoch given: NOT_LEADER_OR_FOLLOWER on a follower when only
// the leader may answer, and the fencing errors of KIP-320.
func (r *Replica) checkReadable(epoch kafka.LeaderEpoch, leaderOnly bool) error {
	if r.retired {
		return kerr.NotLeaderForPartition
	}
	if err := r.core.CheckEpoch(epoch); err != nil {
		return err
	}
	if leaderOnly {
		return r.core.CheckLeader()
	}
	return nil
}

// offsetNotAvailable is non-nil while a new leader cannot tell how far records
// are committed (KIP-207).
func (r *Replica) offsetNotAvailable() error {
	if r.core.IsLeader() && r.core.EpochStart() > r.log.HighWatermark() {
		return kafka.Errorf(kerr.OffsetNotAvailable,
			"the high watermark %d of %v lags behind the start offset %d of leader epoch %d",
			r.log.HighWatermark(), r.TopicPartition(), r.core.EpochStart(), r.core.LeaderEpoch())
	}
	return nil
}
