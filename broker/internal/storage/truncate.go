package storage

import (
	"slices"

	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// TruncateTo drops all records at and above offset, and with them a batch that
// offset lies in: a follower does so when its leader's epochs show that its own
// tail was never committed. The high watermark goes no higher than the new end.
// An offset at or above the end changes nothing; one below the log start offset
// empties the log.
func (l *Log) TruncateTo(offset kafka.Offset) error {
	l.mu.Lock()
	if err := l.usable(); err != nil {
		l.mu.Unlock()
		return err
	}
	if offset >= l.LogEndOffset() {
		l.mu.Unlock()
		// A truncation before may have met a full disk.
		return l.ioError("truncate", l.dir.lowerCheckpoints(l))
	}
	var err error
	if offset <= l.list()[0].BaseOffset() || offset < l.LogStartOffset() {
		err = l.restartLocked(offset)
	} else {
		err = l.truncateLocked(offset)
	}
	if err == nil {
		l.checkLocked()
	}
	l.mu.Unlock()
	if err == nil {
		err = l.settleTruncation()
	}
	return l.ioError("truncate", err)
}

// settleTruncation makes a truncation durable before anything is appended: a
// crash must not bring back records that would overlap with new ones, nor leave
// a recovery point or log start offset above them.
func (l *Log) settleTruncation() error {
	l.failWaiters(l.LogEndOffset())
	if err := l.active().SyncTruncation(); err != nil {
		return err
	}
	if err := l.dir.env.fs.SyncDir(l.Dir()); err != nil {
		return err
	}
	return l.dir.lowerCheckpoints(l)
}

// TruncateFullyAndStartAt drops everything and begins anew at offset: a follower
// does so when its leader has no record that follows its own.
func (l *Log) TruncateFullyAndStartAt(offset kafka.Offset) error {
	l.mu.Lock()
	if err := l.usable(); err != nil {
		l.mu.Unlock()
		return err
	}
	err := l.restartLocked(offset)
	if err == nil {
		l.checkLocked()
	}
	l.mu.Unlock()
	if err == nil {
		err = l.settleTruncation()
	}
	return l.ioError("truncate", err)
}

func (l *Log) truncateLocked(offset kafka.Offset) error {
	l.truncations.Add(1)
	defer l.truncations.Add(1)
	list := l.list()
	keep := floor(list, offset) + 1
	dropped := list[keep:]
	kept := slices.Clone(list[:keep])
	active := kept[keep-1]
	// The end moves first: readers must not look for what is about to go.
	l.highWatermark.Store(min(l.highWatermark.Load(), int64(offset)))
	l.logEnd.Store(int64(offset))
	l.recovery.Store(min(l.recovery.Load(), int64(offset)))
	l.segments.Store(&kept)
	for _, s := range dropped {
		if err := s.Remove(); err != nil {
			return err
		}
	}
	end, err := active.TruncateTo(offset, l.limitsLocked())
	if err != nil {
		return err
	}
	end = max(min(end, offset), l.LogStartOffset())
	l.highWatermark.Store(min(l.highWatermark.Load(), int64(end)))
	l.recovery.Store(min(l.recovery.Load(), int64(end)))
	l.logEnd.Store(int64(end))
	l.newFiles.Store(true)
	l.epochs.TruncateFromEnd(end)
	return l.reloadProducersLocked(end)
}

// reloadProducersLocked brings the producers' state back to the records below
// end, after a truncation.
func (l *Log) reloadProducersLocked(end kafka.Offset) error {
	l.producers.SetMapEndOffset(kafka.UnknownOffset) // The state is of records that are gone.
	from, err := l.producers.Load(l.dir.env.fs, l.Dir(), l.LogStartOffset(), end, l.dir.env.nowMs())
	if err != nil {
		return err
	}
	if err := l.replayProducers(from, end); err != nil {
		return err
	}
	l.updateUnstableLocked()
	return nil
}

// replayProducers reads the records from from to end into the producers' state.
func (l *Log) replayProducers(from, end kafka.Offset) error {
	list := l.list()
	for _, s := range list[floor(list, from):] {
		if s.BaseOffset() >= end {
			break
		}
		err := s.Batches(max(from, s.BaseOffset()), func(b record.Batch) (bool, error) {
			if b.BaseOffset() >= end {
				return false, nil
			}
			if b.HasProducerID() {
				if _, err := l.producers.Replay(b); err != nil {
					return false, &segment.CorruptError{File: s.Path(), Err: err}
				}
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	l.producers.SetMapEndOffset(end)
	return nil
}

// restartLocked empties the log, which then starts and ends at offset.
func (l *Log) restartLocked(offset kafka.Offset) error {
	l.truncations.Add(1)
	defer l.truncations.Add(1)
	env := l.dir.env
	old := l.list()
	var next *segment.Segment
	for _, s := range old {
		if s.BaseOffset() == offset {
			if _, err := s.TruncateTo(offset, l.limitsLocked()); err != nil {
				return err
			}
			next = s
		}
	}
	if next == nil {
		var err error
		if next, err = segment.Create(l.path, offset, l.limitsLocked(), env.nowMs()); err != nil {
			return err
		}
		next.NoTxnIndex()
	}
	l.segments.Store(&[]*segment.Segment{next})
	l.logStart.Store(int64(offset))
	l.highWatermark.Store(int64(offset))
	l.logEnd.Store(int64(offset))
	l.recovery.Store(int64(offset))
	l.firstUnstable.Store(none)
	l.newFiles.Store(true)
	l.dir.startOffsetsChanged.Store(true)
	for _, s := range old {
		if s == next {
			continue
		}
		if err := s.Remove(); err != nil {
			return err
		}
	}
	l.epochs.Clear()
	return l.producers.TruncateFullyAndStartAt(env.fs, l.Dir(), offset)
}
