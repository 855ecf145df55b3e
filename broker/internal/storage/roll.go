package storage

import (
	"slices"

	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
)

// Roll begins a new segment at the log end offset, unless the active one is
// still empty.
func (l *Log) Roll() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.ioError("roll", l.rollLocked(l.LogEndOffset(), l.dir.env.nowMs()))
}

// rollLocked seals the active segment and adds a new one whose first record is
// base, which may lie above the log end offset on a follower. The sealed segment
// is synced in the background.
func (l *Log) rollLocked(base kafka.Offset, nowMs int64) error {
	list := l.list()
	active := list[len(list)-1]
	if active.Size() == 0 && active.BaseOffset() == base {
		return nil
	}
	limits := l.limitsLocked()
	if active.Size() == 0 {
		return l.replaceEmptyLocked(base, nowMs)
	}
	// The snapshot is what a restart begins at instead of reading the segments
	// before. Until the segment is synced it needs no sync: a torn one is recognised, and
	// costs time only.
	if _, err := l.producers.TakeSnapshot(l.dir.env.fs, l.Dir(), l.LogEndOffset()); err != nil && !segment.IsNoSpace(err) {
		return err
	}
	// On a full disk the active segment goes on. So it must not be followed by a file
	// already, which would cut off at its name what is appended meanwhile.
	if err := active.Seal(); err != nil {
		return err
	}
	next, err := segment.Create(l.path, base, limits, nowMs)
	if err != nil {
		return err
	}
	next.NoTxnIndex()
	if err := next.MakeIndexFiles(); err != nil {
		return err
	}
	l.newFiles.Store(true)
	grown := append(slices.Clip(list), next)
	l.segments.Store(&grown)
	l.requestSync(l.LogEndOffset())
	return nil
}

// replaceEmptyLocked puts an empty active segment at another base offset.
func (l *Log) replaceEmptyLocked(base kafka.Offset, nowMs int64) error {
	list := l.list()
	last := len(list) - 1
	next, err := segment.Create(l.path, base, l.limitsLocked(), nowMs)
	if err != nil {
		return err
	}
	next.NoTxnIndex()
	if err := next.MakeIndexFiles(); err != nil {
		return err
	}
	replaced := slices.Clone(list)
	replaced[last] = next
	l.segments.Store(&replaced)
	l.newFiles.Store(true)
	return list[last].Remove()
}
