package storage

import (
	"errors"
	"io/fs"
	"sync"
	"time"

	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/vfs"
)

// doomed is what has been renamed for deletion and waits until nobody can be
// reading it any more (file.delete.delay.ms).
type doomed struct {
	mu    sync.Mutex // Guards items; leaf lock.
	items []doomedItem
}

type doomedItem struct {
	atMs   int64
	dir    *logDir
	remove func() error
}

func (d *doomed) add(item doomedItem) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.items = append(d.items, item)
}

// due takes out the items whose time has come; all of them with everything.
func (d *doomed) due(nowMs int64, everything bool) []doomedItem {
	d.mu.Lock()
	defer d.mu.Unlock()
	var due []doomedItem
	kept := d.items[:0]
	for _, item := range d.items {
		if everything || item.atMs <= nowMs {
			due = append(due, item)
		} else {
			kept = append(kept, item)
		}
	}
	clear(d.items[len(kept):])
	d.items = kept
	return due
}

// DeleteOldSegments deletes the oldest segments that retention allows to go:
// those below the log start offset in any case, and with cleanup.policy=delete
// those beyond retention.bytes and retention.ms. Only committed records are
// deleted, and the log start offset moves up to the first that is kept. It gives
// the number of segments; their files go after file.delete.delay.ms.
func (l *Log) DeleteOldSegments(now time.Time) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return 0, err
	}
	n, err := l.deletableLocked(now.UnixMilli())
	if err == nil && n == len(l.list()) {
		n, err = l.rollForDeletionLocked(n, now.UnixMilli())
	}
	if err == nil && n > 0 {
		err = l.deleteLocked(n, now.UnixMilli())
	}
	if err != nil {
		return 0, l.readError(err)
	}
	return n, nil
}

// deletableLocked counts the leading segments that may go.
func (l *Log) deletableLocked(nowMs int64) (int, error) {
	list, c := l.list(), l.settings.Load().config
	start, high := l.LogStartOffset(), l.HighWatermark()
	excess := int64(-1)
	if c.Cleanup.Delete && c.RetentionBytes >= 0 {
		excess = l.Size() - c.RetentionBytes
	}
	n := 0
	for i, s := range list {
		end := l.LogEndOffset()
		if i+1 < len(list) {
			end = list[i+1].BaseOffset()
		}
		last := i+1 == len(list)
		if end > high || last && s.Size() == 0 {
			break
		}
		breached := !last && end <= start
		if excess -= s.Size(); excess >= 0 {
			breached = true
		}
		if !breached && c.Cleanup.Delete && c.RetentionMs >= 0 {
			old, err := olderThan(s, nowMs-c.RetentionMs)
			if err != nil {
				return 0, err
			}
			breached = old
		}
		if !breached {
			break
		}
		n++
	}
	return n, nil
}

// olderThan tells whether the newest record of a segment is older than cutoff
// (ms). Records without timestamp are as old as the file.
func olderThan(s *segment.Segment, cutoff int64) (bool, error) {
	largest, err := s.LargestTimestamp()
	if err != nil {
		return false, err
	}
	if largest.Timestamp >= 0 {
		return largest.Timestamp < cutoff, nil
	}
	modified, err := s.Modified()
	if err != nil {
		return false, err
	}
	return modified.UnixMilli() < cutoff, nil
}

// rollForDeletionLocked begins a new segment before all are deleted, and gives the
// number of those that may go. The new name is on disk before the old ones leave it:
// it alone tells where the offsets go on. The lock is let go during the sync.
func (l *Log) rollForDeletionLocked(n int, nowMs int64) (int, error) {
	if err := l.rollLocked(l.LogEndOffset(), nowMs); err != nil {
		return 0, err
	}
	l.mu.Unlock()
	err := l.dir.env.fs.SyncDir(l.Dir())
	l.mu.Lock()
	if err == nil {
		err = l.usable()
	}
	if err != nil {
		return 0, err
	}
	again, err := l.deletableLocked(nowMs) // The log may have been truncated meanwhile.
	return min(n, again, len(l.list())-1), err
}

// deleteLocked deletes the first n segments; at least one must stay.
func (l *Log) deleteLocked(n int, nowMs int64) error {
	list := l.list()
	gone, kept := list[:n:n], list[n:len(list):len(list)]
	if err := l.incrementLogStartLocked(kept[0].BaseOffset()); err != nil {
		return err
	}
	l.segments.Store(&kept)
	if l.RecoveryPoint() < kept[0].BaseOffset() {
		l.recovery.Store(int64(kept[0].BaseOffset()))
	}
	l.dir.env.logger.Info("Deleting old segments", "partition", l.name,
		"segments", n, "logStartOffset", int64(kept[0].BaseOffset()))
	return l.doomSegmentsLocked(gone, nowMs)
}

// doomSegmentsLocked renames segments that are out of the list already, and
// removes them later.
func (l *Log) doomSegmentsLocked(gone []*segment.Segment, nowMs int64) error {
	env := l.dir.env
	atMs := nowMs + l.settings.Load().config.FileDeleteDelayMs
	for _, s := range gone {
		if err := s.MarkDeleted(); err != nil {
			return err
		}
		env.doomed.add(doomedItem{atMs: atMs, dir: l.dir, remove: s.Remove})
	}
	// The snapshot of the first segment that stays is what a replay starts at.
	// Should an older one come back after a power failure, it is below the log
	// start offset and ignored: there is nothing to sync.
	return l.producers.DeleteSnapshotsBefore(unsynced{env.fs}, l.Dir(), l.list()[0].BaseOffset())
}

// unsynced is a file system whose folders are synced by somebody else, or need
// not be.
type unsynced struct{ vfs.FS }

// SyncDir does nothing.
func (unsynced) SyncDir(string) error { return nil }

// removeDoomed unlinks what is due.
func (e *env) removeDoomed(nowMs int64, everything bool) {
	for _, item := range e.doomed.due(nowMs, everything) {
		if item.dir.err() != nil {
			continue
		}
		if err := item.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			item.dir.fail(err)
		}
	}
}

// expireProducers forgets producers that have been silent for too long.
func (l *Log) expireProducers(nowMs int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed.Load() {
		l.producers.RemoveExpired(nowMs)
	}
}
