package storage

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
)

// LogStartOffset is the first offset that can be read.
func (l *Log) LogStartOffset() kafka.Offset { return kafka.Offset(l.logStart.Load()) }

// LogEndOffset is the offset that the next record gets.
func (l *Log) LogEndOffset() kafka.Offset { return kafka.Offset(l.logEnd.Load()) }

// HighWatermark is the offset below which every record is committed.
func (l *Log) HighWatermark() kafka.Offset { return kafka.Offset(l.highWatermark.Load()) }

// LastStableOffset is the offset below which no transaction is undecided.
func (l *Log) LastStableOffset() kafka.Offset {
	return kafka.Offset(min(l.highWatermark.Load(), l.firstUnstable.Load()))
}

// RecoveryPoint is the offset below which every record is on disk.
func (l *Log) RecoveryPoint() kafka.Offset { return kafka.Offset(l.recovery.Load()) }

// SetHighWatermark raises the high watermark to offset, at most to the log end
// offset, and gives what it is then. It never lowers it: only a truncation does.
func (l *Log) SetHighWatermark(offset kafka.Offset) kafka.Offset {
	for {
		// The end is loaded first: it may only grow meanwhile, or a truncation
		// lowers both under the lock and corrects what is stored here.
		truncations := l.truncations.Load()
		target := min(int64(offset), l.logEnd.Load())
		old := l.highWatermark.Load()
		if target <= old {
			return kafka.Offset(old)
		}
		if truncations&1 != 0 {
			return l.setHighWatermarkLocking(offset)
		}
		if !l.highWatermark.CompareAndSwap(old, target) {
			continue
		}
		l.dir.highWatermarksChanged.Store(true)
		if l.truncations.Load() != truncations {
			return l.setHighWatermarkLocking(offset)
		}
		if l.firstUnstable.Load() != none {
			l.mu.Lock()
			l.updateUnstableLocked()
			l.mu.Unlock()
		}
		return kafka.Offset(target)
	}
}

// setHighWatermarkLocking is the way beside a truncation.
func (l *Log) setHighWatermarkLocking(offset kafka.Offset) kafka.Offset {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := l.logEnd.Load()
	l.highWatermark.Store(min(max(l.highWatermark.Load(), int64(offset)), end))
	l.updateUnstableLocked()
	return l.HighWatermark()
}

// updateUnstableLocked finds the first unstable offset after the high watermark
// or the producers changed.
func (l *Log) updateUnstableLocked() {
	l.producers.OnHighWatermark(l.HighWatermark())
	first := int64(none)
	if o, ok := l.producers.FirstUnstableOffset(); ok {
		first = int64(max(o, l.LogStartOffset()))
	}
	l.firstUnstable.Store(first)
}

// IncrementLogStartOffset moves the log start offset up to offset, at most to
// the high watermark (OFFSET_OUT_OF_RANGE beyond); a lower one changes nothing.
// Segments that lie below it are deleted by DeleteOldSegments.
func (l *Log) IncrementLogStartOffset(offset kafka.Offset) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.incrementLogStartLocked(offset)
}

func (l *Log) incrementLogStartLocked(offset kafka.Offset) error {
	if high := l.HighWatermark(); offset > high {
		return kafka.Errorf(kerr.OffsetOutOfRange, "cannot move the log start offset of %v to %d: the high watermark is %d", l.tp, offset, high)
	}
	if offset <= l.LogStartOffset() {
		return nil
	}
	l.logStart.Store(int64(offset))
	l.epochs.TruncateFromStart(offset)
	l.updateUnstableLocked()
	l.dir.startOffsetsChanged.Store(true)
	l.checkLocked()
	return nil
}

// EndOffsetForEpoch answers where the largest epoch that is not above the given
// one ended, or NoLeaderEpoch and UnknownOffset (KIP-279).
func (l *Log) EndOffsetForEpoch(epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset) {
	return l.epochs.EndOffsetFor(epoch, l.LogEndOffset())
}

// LatestEpoch is the epoch of the newest records, or of a leader that was
// elected since.
func (l *Log) LatestEpoch() (kafka.LeaderEpoch, bool) { return l.epochs.Latest() }

// EpochForOffset is the epoch of the leader that appended the record at offset.
func (l *Log) EpochForOffset(offset kafka.Offset) (kafka.LeaderEpoch, bool) {
	return l.epochs.EpochForOffset(offset)
}

// AssignEpochStart notes that a leader epoch begins at offset: a new leader
// does so at its log end offset before it appends. The file follows with the
// first sync; an epoch without records needs none.
func (l *Log) AssignEpochStart(epoch kafka.LeaderEpoch, offset kafka.Offset) error {
	if err := l.usable(); err != nil {
		return err
	}
	l.epochs.Assign(epoch, offset)
	return nil
}
