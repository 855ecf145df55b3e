package storage

import (
	"errors"
	"io"
	"math"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// AppendInfo tells what became of an append.
type AppendInfo struct {
	// FirstOffset and LastOffset are the offsets that the records got, inclusive;
	// -1 when nothing was appended.
	FirstOffset, LastOffset kafka.Offset
	// LogAppendTime is the time of the append in ms with message.timestamp.type
	// LogAppendTime, else -1.
	LogAppendTime int64
	// LogStartOffset is the log start offset after the append.
	LogStartOffset kafka.Offset
	// Duplicate says that the batch had been appended before: the other fields
	// are those of then, and nothing was written.
	Duplicate bool
	// RecordErrors names the records for which a batch was refused; filled
	// together with an error only.
	RecordErrors []record.RecordError
	// NeedsSync says that flush.messages forbids an acknowledgement before Sync
	// is reached.
	NeedsSync bool
	// Sync is reached when everything up to LastOffset is on disk.
	Sync SyncToken
}

func nothingAppended() AppendInfo {
	return AppendInfo{FirstOffset: kafka.UnknownOffset, LastOffset: kafka.UnknownOffset, LogAppendTime: record.NoTimestamp}
}

// validations spares an allocation per append.
var validations = sync.Pool{New: func() any { return new(record.Validation) }}

// AppendAsLeader validates a batch, gives it the next offsets and writes it.
// The batch's memory is changed in place and not kept. Errors are protocol
// errors; KAFKA_STORAGE_ERROR when the disk is full or has failed.
func (l *Log) AppendAsLeader(b record.Batch, epoch kafka.LeaderEpoch, origin record.Origin) (AppendInfo, error) {
	return l.AppendTransactional(b, epoch, producerstate.Append{Origin: origin})
}

// AppendTransactional is AppendAsLeader with what belongs to transactions.
func (l *Log) AppendTransactional(b record.Batch, epoch kafka.LeaderEpoch, a producerstate.Append) (AppendInfo, error) {
	info := nothingAppended()
	if err := l.usable(); err != nil {
		return info, err
	}
	s := l.settings.Load()
	v := validations.Get().(*record.Validation)
	defer validations.Put(v)
	*v = s.validation
	v.Topic, v.NowMs, v.Origin = l.name, l.dir.env.nowMs(), a.Origin
	verdict, err := v.Validate(b)
	if err != nil {
		info.RecordErrors = verdict.RecordErrors
		return info, err
	}
	b = verdict.Batch
	if int64(len(b)) > s.limits.SegmentBytes {
		return info, kafka.Errorf(kerr.RecordListTooLarge,
			"the batch of %d bytes is larger than segment.bytes of %v, %d", len(b), l.tp, s.limits.SegmentBytes)
	}
	if v.TimestampType == record.LogAppendTime {
		info.LogAppendTime = v.NowMs
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return nothingAppended(), err
	}
	base := l.LogEndOffset()
	b.SetBaseOffset(base)
	b.SetLeaderEpoch(epoch)
	duplicate, err := l.producers.CheckAppend(b, a)
	if err != nil {
		return nothingAppended(), err
	}
	if duplicate != nil {
		return l.duplicateLocked(duplicate, info), nil
	}
	if err := l.appendLocked(b, v.NowMs); err != nil {
		return nothingAppended(), l.ioError("append to", err)
	}
	info.FirstOffset, info.LastOffset = base, b.LastOffset()
	l.appendedLocked(&info)
	return info, nil
}

// AppendAsFollower copies whole batches that the leader has appended. A partial
// batch at the end is left out, and so is everything from the first batch on
// whose epoch is newer than that of the leader they were fetched from, since
// that leader no longer vouches for them (KAFKA-18723). Batches that do not
// continue the log give OFFSET_OUT_OF_RANGE, broken ones CORRUPT_MESSAGE; then
// nothing is appended.
func (l *Log) AppendAsFollower(batches []byte, currentLeaderEpoch kafka.LeaderEpoch) (AppendInfo, error) {
	info := nothingAppended()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return info, err
	}
	size, first, next, err := l.checkFollowerLocked(batches, currentLeaderEpoch)
	if err != nil || size == 0 {
		return info, err
	}
	if err := l.appendLocked(batches[:size], l.dir.env.nowMs()); err != nil {
		return info, l.ioError("append to", err)
	}
	info.FirstOffset, info.LastOffset = first, next-1
	l.appendedLocked(&info)
	return info, nil
}

// checkFollowerLocked checks batches before anything is written, and gives the
// size of those to append.
func (l *Log) checkFollowerLocked(batches []byte, currentLeaderEpoch kafka.LeaderEpoch) (size int, first, next kafka.Offset, err error) {
	first, next = kafka.UnknownOffset, l.LogEndOffset()
	for rest := batches; len(rest) > 0; {
		b, after, err := record.Read(rest)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err == nil {
			err = b.Check()
		}
		if err == nil {
			_, err = l.producers.CheckAppend(b, producerstate.Append{Origin: record.Replication})
		}
		if err != nil {
			return 0, 0, 0, kafka.Errorf(kerr.CorruptMessage, "a batch fetched for %v at offset %d: %v", l.tp, next, err)
		}
		if currentLeaderEpoch != kafka.NoLeaderEpoch && b.LeaderEpoch() > currentLeaderEpoch {
			break
		}
		if b.BaseOffset() < next {
			return 0, 0, 0, kafka.Errorf(kerr.OffsetOutOfRange,
				"the batch at offset %d does not continue %v, which ends at %d", b.BaseOffset(), l.tp, next)
		}
		if first == kafka.UnknownOffset {
			first = b.BaseOffset()
		}
		if b.LastOffset()-first > math.MaxInt32 {
			break // One segment cannot hold both: the next fetch brings the rest.
		}
		rest, next = after, b.NextOffset()
		size += len(b)
	}
	return size, first, next, nil
}

// appendLocked writes batches that have been checked, rolling the segment
// before if need be, and takes them into the state of producers and epochs.
func (l *Log) appendLocked(batches []byte, nowMs int64) error {
	first := record.Batch(batches)
	last, maxTimestamp := first.LastOffset(), record.NoTimestamp
	for rest := batches; len(rest) > 0; rest = rest[record.Batch(rest).Size():] {
		last, maxTimestamp = record.Batch(rest).LastOffset(), max(maxTimestamp, record.Batch(rest).MaxTimestamp())
	}
	limits := l.limitsLocked()
	roll, err := l.active().ShouldRoll(len(batches), last, maxTimestamp, nowMs, limits)
	if err != nil {
		return err
	}
	if roll {
		if err := l.rollLocked(first.BaseOffset(), nowMs); err != nil {
			return err
		}
	}
	active := l.active()
	if err := active.Append(batches, limits); err != nil {
		return err
	}
	for rest := batches; len(rest) > 0; {
		b := record.Batch(rest)
		b, rest = b[:b.Size()], rest[b.Size():]
		if err := l.takeLocked(b, active); err != nil {
			return err
		}
	}
	l.logEnd.Store(int64(last + 1))
	return nil
}

// takeLocked updates epochs, producers and the transaction index for a batch
// that is in the file.
func (l *Log) takeLocked(b record.Batch, s *segment.Segment) error {
	l.takeEpoch(b)
	if !b.HasProducerID() {
		return nil
	}
	completed, err := l.producers.Replay(b)
	if err != nil {
		return kafka.Errorf(kerr.CorruptMessage, "%v", err)
	}
	if completed != nil && completed.Aborted {
		if err := l.appendAborted(s, completed.AbortedTxn()); err != nil {
			return err
		}
	}
	if completed != nil || b.IsTransactional() {
		l.updateUnstableLocked()
	}
	return nil
}

// appendAborted adds an aborted transaction to a segment's index, whose name may be
// new.
func (l *Log) appendAborted(s *segment.Segment, t producerstate.AbortedTxn) error {
	if err := s.AppendAborted(t); err != nil {
		return err
	}
	l.newFiles.Store(true)
	if _, unwritten := s.UnwrittenAborted(); unwritten {
		l.abortedUnwritten.Store(true)
	}
	return nil
}

// writeAborted writes the aborted transactions that a full disk had kept out of
// their index, and gives up to where all are there: a recovery finds those above in
// the records.
func (l *Log) writeAborted() (complete kafka.Offset, err error) {
	if !l.abortedUnwritten.Swap(false) {
		return math.MaxInt64, nil
	}
	for _, s := range l.list() {
		if _, unwritten := s.UnwrittenAborted(); !unwritten {
			continue
		}
		if err := s.WriteAborted(); err != nil {
			l.abortedUnwritten.Store(true)
			if !segment.IsNoSpace(err) {
				return 0, err
			}
			if offset, unwritten := s.UnwrittenAborted(); unwritten {
				return offset, nil
			}
		}
	}
	return math.MaxInt64, l.dir.env.fs.SyncDir(l.Dir())
}

// appendedLocked fills the info of a successful append and asks for a sync if
// flush.messages is reached.
func (l *Log) appendedLocked(info *AppendInfo) {
	l.dir.recoveryPointsChanged.Store(true)
	info.LogStartOffset = l.LogStartOffset()
	info.Sync = SyncToken{offset: info.LastOffset + 1}
	unsynced := int64(info.LastOffset + 1 - l.RecoveryPoint())
	if unsynced >= l.settings.Load().config.FlushMessages {
		info.NeedsSync = true
		l.requestSync(info.Sync.offset)
	}
}

// duplicateLocked gives the answer that the batch got the first time. With
// flush.messages it must not be acknowledged earlier than the original.
func (l *Log) duplicateLocked(d *producerstate.BatchMeta, info AppendInfo) AppendInfo {
	info.Duplicate = true
	info.FirstOffset, info.LastOffset = d.FirstOffset(), d.LastOffset
	info.LogStartOffset = l.LogStartOffset()
	if info.LogAppendTime != record.NoTimestamp {
		info.LogAppendTime = d.Timestamp
	}
	info.Sync = SyncToken{offset: d.LastOffset + 1}
	unsynced := int64(l.LogEndOffset() - l.RecoveryPoint())
	info.NeedsSync = info.Sync.offset > l.RecoveryPoint() && unsynced >= l.settings.Load().config.FlushMessages
	if info.NeedsSync {
		l.requestSync(info.Sync.offset)
	}
	return info
}
