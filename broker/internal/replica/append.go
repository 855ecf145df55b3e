package replica

import (
	"errors"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/purgatory"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// Acks says what an acknowledgement promises.
type Acks int16

const (
	// AcksNone asks for no acknowledgement.
	AcksNone Acks = 0
	// AcksLeader asks for the leader's append.
	AcksLeader Acks = 1
	// AcksAll asks for the append of all in-sync replicas.
	AcksAll Acks = -1
)

// Appended is a batch that has been appended and possibly waits to be acknowledged.
type Appended struct {
	storage.AppendInfo
	replica *Replica
	acks    Acks
	// syncing tells that the batch counts towards flush.messages: it is only
	// acknowledged when it is on disk.
	syncing bool
}

// Append appends a batch as the partition's leader. The batch's memory is
// modified in place and not kept. Errors are protocol errors: the partition has
// another leader, too few in-sync replicas, an invalid batch, or a failed disk.
func (r *Replica) Append(batch record.Batch, acks Acks, origin record.Origin) (Appended, error) {
	return r.append(batch, kafka.NoLeaderEpoch, acks, origin, r.manager.fetches)
}

// Appends are the appends of one request. The fetches that wait for them go on when
// all are done: one that waits for several partitions gets the records of all.
//
// In Apache Kafka: ActionQueue.
type Appends struct {
	appended []*Replica
}

// Append is Replica.Append.
func (a *Appends) Append(r *Replica, batch record.Batch, acks Acks, origin record.Origin) (Appended, error) {
	return r.append(batch, kafka.NoLeaderEpoch, acks, origin, a)
}

// Check notes a replica whose fetches may go on.
func (a *Appends) Check(r *Replica) int {
	a.appended = append(a.appended, r)
	return 0
}

// Done lets the fetches go on.
func (a *Appends) Done() {
	for _, r := range a.appended {
		r.manager.fetches.Check(r)
	}
	clear(a.appended)
	a.appended = a.appended[:0]
}

// checker is told of replicas whose fetches may go on.
type checker interface{ Check(r *Replica) int }

// append is Append as the leader of that epoch, or of any for kafka.NoLeaderEpoch.
func (r *Replica) append(batch record.Batch, epoch kafka.LeaderEpoch, acks Acks, origin record.Origin, fetches checker) (Appended, error) {
	size := len(batch)
	// Whether the batch has to be on disk is only known when it is appended, but
	// then another append may already move the high watermark: hold it before.
	mayFlush := r.log.Config().FlushMessages < math.MaxInt64
	if mayFlush {
		r.beginSync(r.log.LogEndOffset())
	}
	r.mu.RLock()
	info, err := r.appendLocked(batch, epoch, acks, origin)
	replicated := !r.core.Sole()
	r.mu.RUnlock()
	a := Appended{AppendInfo: info, replica: r, acks: acks}
	switch {
	case err == nil && info.NeedsSync:
		if !mayFlush { // The setting has changed meanwhile.
			r.beginSync(info.FirstOffset)
		}
		a.syncing = true
		r.log.OnSynced(info.Sync, func(err error) { r.endSync(info.LastOffset+1, err) })
	case mayFlush:
		r.cancelSync()
		r.advanceFor(fetches)
		r.manager.produces.Check(r) // A leader that is one no longer has not advanced.
	case err == nil:
		r.advanceFor(fetches)
	}
	if err == nil && !info.Duplicate {
		r.stats.appended(size, info.FirstOffset, info.LastOffset)
	}
	if err == nil && replicated {
		fetches.Check(r) // Followers read past the high watermark.
	}
	return a, err
}

func (r *Replica) appendLocked(batch record.Batch, epoch kafka.LeaderEpoch, acks Acks, origin record.Origin) (storage.AppendInfo, error) {
	if err := r.core.CheckLeader(); err != nil {
		return storage.AppendInfo{}, err
	}
	if epoch != kafka.NoLeaderEpoch && epoch != r.core.LeaderEpoch() {
		return storage.AppendInfo{}, kerr.NotLeaderForPartition
	}
	if acks == AcksAll {
		if err := r.core.CheckEnoughReplicas(r.log.Config().MinInSyncReplicas); err != nil {
			return storage.AppendInfo{}, err
		}
	}
	return r.log.AppendAsLeader(batch, r.core.LeaderEpoch(), origin)
}

// Acknowledged tells whether what acks asks for has come true; an error is the
// answer instead: NOT_ENOUGH_REPLICAS_AFTER_APPEND, KAFKA_STORAGE_ERROR, or
// NOT_LEADER_OR_FOLLOWER when the leader has changed meanwhile. An only replica
// that does not lead any more, as in the stop of its node, still has the batch when
// it leads again: it is as committed as the disk makes it.
func (a *Appended) Acknowledged() (bool, error) {
	r := a.replica
	if a.syncing {
		if err := r.syncFailure(); err != nil {
			return true, err
		}
	}
	if a.acks != AcksAll && !a.syncing {
		return true, nil
	}
	end := a.LastOffset + 1
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.core.CheckLeader(); err != nil {
		if r.retired || !r.core.Alone() {
			return true, err
		}
		failure := r.syncFailure() // Also of others' syncs, behind which this batch stands.
		return failure != nil || r.durableEnd() >= end, failure
	}
	if a.acks != AcksAll {
		return r.durableEnd() >= end, nil
	}
	if r.log.HighWatermark() < end {
		return false, nil
	}
	return true, r.core.CheckCommittedEnough(r.log.Config().MinInSyncReplicas)
}

// Await calls done once, when every batch is acknowledged or refused, or with
// expired set when the timeout has passed first (REQUEST_TIMED_OUT for those
// not acknowledged, although they are appended). done may be called before
// Await returns, and must not block.
func (m *Manager) Await(batches []Appended, timeout time.Duration, done func(expired bool)) {
	if settled(batches) {
		done(false)
		return
	}
	keys := make([]*Replica, 0, len(batches))
	for i := range batches {
		if batches[i].replica != nil {
			keys = append(keys, batches[i].replica)
		}
	}
	m.produces.Watch(&purgatory.Operation{
		TryComplete: func() bool {
			if !settled(batches) {
				return false
			}
			done(false)
			return true
		},
		OnExpire: func() { done(true) },
		Deadline: m.now().Add(timeout),
	}, keys...)
}

// settled tells whether every batch is acknowledged or refused.
func settled(batches []Appended) bool {
	for i := range batches {
		if batches[i].replica == nil {
			continue
		}
		if ok, _ := batches[i].Acknowledged(); !ok {
			return false
		}
	}
	return true
}

// StorageError tells whether err means that the log directory cannot be written.
func StorageError(err error) bool { return errors.Is(err, kerr.KafkaStorageError) }

// unknown is the answer for partitions that this node does not host.
func unknown(tp kafka.TopicPartition) error {
	return kafka.Errorf(kerr.UnknownTopicOrPartition, "this broker does not host %v", tp)
}

// Discard makes an append that was refused count as settled.
func (a *Appended) Discard() { a.replica = nil }
