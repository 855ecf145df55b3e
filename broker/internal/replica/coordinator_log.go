package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// CoordinatorLog is how coordinators use the partitions of their internal
// topics: it is the coordinator package's Log.
type CoordinatorLog struct{ *Manager }

// leading gives the replica if this node leads it in that epoch. The caller
// holds nothing; the answer may be stale when it is used, which the append
// checks again.
func (c CoordinatorLog) leading(tp kafka.TopicPartition, epoch kafka.LeaderEpoch) (*Replica, error) {
	r, err := c.Replica(tp)
	if err != nil {
		return nil, err
	}
	if _, current, isLeader := r.Leadership(); !isLeader || current != epoch {
		return nil, kerr.NotLeaderForPartition
	}
	return r, nil
}

// CheckAppend gives the error with which Append would refuse a batch now.
func (c CoordinatorLog) CheckAppend(tp kafka.TopicPartition, epoch kafka.LeaderEpoch) error {
	r, err := c.leading(tp, epoch)
	if err != nil {
		return err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.core.CheckEnoughReplicas(r.log.Config().MinInSyncReplicas)
}

// Append appends a coordinator's batch with acks=all, without waiting.
func (c CoordinatorLog) Append(tp kafka.TopicPartition, epoch kafka.LeaderEpoch, batch record.Batch) (kafka.Offset, error) {
	r, err := c.leading(tp, epoch)
	if err != nil {
		return kafka.UnknownOffset, err
	}
	a, err := r.append(batch, epoch, AcksAll, record.Coordinator, r.manager.fetches)
	if err != nil {
		return kafka.UnknownOffset, err
	}
	return a.LastOffset + 1, nil
}

// coordinatorReadBytes is how much of a coordinator's log is read at once.
const coordinatorReadBytes = 1 << 20

// Read calls fn with every batch from the log start to the log end.
func (c CoordinatorLog) Read(ctx context.Context, tp kafka.TopicPartition, fn func(record.Batch) error) (kafka.Offset, error) {
	r, err := c.Replica(tp)
	if err != nil {
		return kafka.UnknownOffset, err
	}
	next, end := r.log.LogStartOffset(), r.log.LogEndOffset()
	var buf []byte
	for next < end {
		if err := ctx.Err(); err != nil {
			return kafka.UnknownOffset, err
		}
		slice, err := r.log.Read(next, coordinatorReadBytes, end, true)
		if err != nil {
			return kafka.UnknownOffset, err
		}
		buf, err = slice.ReadAll(buf[:0])
		slice.Release()
		if err != nil {
			return kafka.UnknownOffset, err
		}
		if len(buf) == 0 {
			break // Compaction has left nothing up to the end.
		}
		if next, err = eachBatch(buf, fn); err != nil {
			return kafka.UnknownOffset, fmt.Errorf("read %v: %w", tp, err)
		}
	}
	return end, nil
}

// eachBatch calls fn for every whole batch and gives the offset after the last.
// The first batch is whole; the last may be cut, and is read again then.
func eachBatch(buf []byte, fn func(record.Batch) error) (next kafka.Offset, err error) {
	for read := 0; len(buf) > 0; read++ {
		batch, rest, err := record.Read(buf)
		if err != nil && read > 0 && errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return next, err
		}
		if err := fn(batch); err != nil {
			return next, err
		}
		next, buf = batch.NextOffset(), rest
	}
	return next, nil
}

// HighWatermark is how far the partition is committed; 0 if it is not here.
func (c CoordinatorLog) HighWatermark(tp kafka.TopicPartition) kafka.Offset {
	r, err := c.Replica(tp)
	if err != nil {
		return 0
	}
	return r.log.HighWatermark()
}

// OnHighWatermark calls fn with each new high watermark until cancel is called.
func (c CoordinatorLog) OnHighWatermark(tp kafka.TopicPartition, fn func(kafka.Offset)) (cancel func()) {
	r, err := c.Replica(tp)
	if err != nil {
		return func() {}
	}
	return r.onHighWatermark(fn)
}

// MaxBatchSize is the partition's max.message.bytes, or segment.bytes if that is less.
func (c CoordinatorLog) MaxBatchSize(tp kafka.TopicPartition) int {
	r, err := c.Replica(tp)
	if err != nil {
		return 0
	}
	topic := r.log.Config()
	return min(topic.MaxMessageBytes, topic.SegmentBytes)
}

// listener is one registration of OnHighWatermark.
type listener struct{ fn func(kafka.Offset) }

// onHighWatermark registers fn, which must not block; it is called without
// locks, possibly from several goroutines at once.
func (r *Replica) onHighWatermark(fn func(kafka.Offset)) (cancel func()) {
	l := &listener{fn}
	r.syncMu.Lock()
	defer r.syncMu.Unlock()
	// A new slice each time, since notify reads the old one without the lock.
	r.listeners = append(slices.Clone(r.listeners), l)
	return func() {
		r.syncMu.Lock()
		defer r.syncMu.Unlock()
		r.listeners = slices.DeleteFunc(slices.Clone(r.listeners), func(other *listener) bool { return other == l })
	}
}
