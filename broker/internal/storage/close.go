package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// Close makes everything durable, writes the checkpoints, and leaves the marker
// of a clean shutdown with the broker's epoch in every directory where all of
// that succeeded; checkpoint.NoBrokerEpoch if the broker has none. Run must have
// returned. When ctx ends first, no marker is left and the next start recovers.
func (m *Manager) Close(ctx context.Context, epoch kafka.BrokerEpoch) error {
	m.creating.Lock()
	defer m.creating.Unlock()
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	m.mu.Unlock()
	errs := make([]error, len(m.dirs))
	var wg sync.WaitGroup
	for i, d := range m.dirs {
		wg.Go(func() { errs[i] = m.closeDir(ctx, d, epoch) })
	}
	wg.Wait()
	for _, l := range m.Logs() {
		if l.dir.err() == nil {
			l.closed.Store(true)
		}
	}
	m.env.handles.CloseAll()
	return errors.Join(append(errs, m.unlock())...)
}

func (m *Manager) closeDir(ctx context.Context, d *logDir, epoch kafka.BrokerEpoch) error {
	if d.err() != nil {
		d.flusher.wait()
		return nil
	}
	err := m.closeLogs(ctx, d)
	d.flusher.wait()
	if err == nil {
		err = errors.Join(m.writeRecoveryPoints(d), m.writeLogStarts(d), m.writeHighWatermarks(d))
	}
	if err == nil && d.incomplete.Load() {
		err = syscall.ENOSPC
	}
	if err == nil {
		err = checkpoint.WriteCleanShutdown(m.env.fs, d.path, epoch)
	}
	if segment.IsNoSpace(err) {
		m.env.logger.Warn("No space left for the marker of a clean shutdown: the next start recovers the logs", "dir", d.path)
		return nil
	}
	return err
}

// syncAllFrom is from how many logs on that were written to one sync of the whole
// file system is cheaper than one of each file.
const syncAllFrom = 64

// closersPerDir is how many logs of a directory are synced at the same time when
// they are closed.
const closersPerDir = 8

// closeLogs stops appends and makes all records of a directory durable.
func (m *Manager) closeLogs(ctx context.Context, d *logDir) error {
	dirty, err := m.sealLogs(ctx, d)
	if err != nil {
		return err
	}
	synced := false
	if len(dirty) >= syncAllFrom {
		if synced, err = syncTogether(d, dirty); err != nil {
			d.fail(err)
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(closersPerDir)
	if synced {
		dirty = nil
	}
	for _, l := range dirty {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return l.syncSealed()
		})
	}
	return g.Wait()
}

// sealLogs seals all logs of a directory and gives those that are to be synced.
func (m *Manager) sealLogs(ctx context.Context, d *logDir) ([]*Log, error) {
	logs := m.logsIn(d)
	dirty := make([]bool, len(logs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(m.opts.RecoveryThreads)
	const chunk = 64
	for from := 0; from < len(logs); from += chunk {
		g.Go(func() error {
			for i := from; i < min(from+chunk, len(logs)); i++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				var err error
				if dirty[i], err = logs[i].seal(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []*Log
	for i, l := range logs {
		if dirty[i] {
			all = append(all, l)
		}
	}
	return all, nil
}

// syncTogether syncs many logs with one sync of the file system. It gives false
// if that is not possible.
func syncTogether(d *logDir, logs []*Log) (bool, error) {
	whole, ok := openFileSystem(d.env.fs, d.path)
	if !ok {
		return false, nil
	}
	defer whole.close()
	d.bulk.unsynced.Store(true)
	defer d.bulk.unsynced.Store(false)
	var g errgroup.Group
	g.SetLimit(closersPerDir)
	for _, l := range logs {
		g.Go(func() error { return errorUnlessFull(l.epochs.FlushUpTo(l.LogEndOffset())) })
	}
	if err := g.Wait(); err != nil {
		return false, err
	}
	if err := whole.sync(); err != nil {
		return false, fmt.Errorf("sync the file system of %s: %w", d.path, err)
	}
	for _, l := range logs {
		l.recovery.Store(l.logEnd.Load())
	}
	return true, nil
}

// bulkFS is a file system that can leave syncs to one of the whole file system
// that follows. A crash in between may leave an empty or torn epoch file: it is
// built anew from the records then.
type bulkFS struct {
	vfs.FS
	unsynced atomic.Bool
}

// OpenFile opens a file whose Sync may do nothing.
func (b *bulkFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := b.FS.OpenFile(name, flag, perm)
	if err != nil || !b.unsynced.Load() {
		return f, err
	}
	return unsyncedFile{f}, nil
}

// SyncDir may do nothing.
func (b *bulkFS) SyncDir(name string) error {
	if b.unsynced.Load() {
		return nil
	}
	return b.FS.SyncDir(name)
}

type unsyncedFile struct{ vfs.File }

// Sync does nothing.
func (unsyncedFile) Sync() error { return nil }

// seal ends appends and completes the log's files. dirty says that there is
// something to sync.
func (l *Log) seal() (dirty bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Swap(true) {
		return false, nil
	}
	end := l.LogEndOffset()
	taken, err := l.snapshotLocked(end)
	if err != nil {
		return false, err
	}
	if unwritten, err := l.writeAborted(); err != nil || unwritten < end {
		if errorUnlessFull(err) != nil {
			return false, err
		}
		l.dir.incomplete.Store(true)
	}
	changed, err := l.active().SealTail(l.limitsLocked())
	return taken || changed || end > l.RecoveryPoint(), errorUnlessFull(err)
}

// syncSealed makes a sealed log durable, with all that a clean shutdown vouches
// for.
func (l *Log) syncSealed() error {
	l.newFiles.Store(true) // A snapshot or index may be new.
	err := l.syncFiles()
	if err != nil {
		l.dir.fail(err)
		return err
	}
	l.recovery.Store(l.logEnd.Load())
	return errorUnlessFull(l.epochs.FlushUpTo(l.LogEndOffset()))
}

func (l *Log) syncFiles() error {
	list := l.list()
	for _, s := range list[floor(list, l.RecoveryPoint()-1):] {
		if err := l.syncSegment(s, true); err != nil {
			return err
		}
	}
	return l.syncNames()
}

// snapshotSettled takes a snapshot of the producers at offset, if the log still
// ends there, in place of the one that was taken when it was idle before: with
// it, a start after a crash need not read the segment.
func (l *Log) snapshotSettled(offset kafka.Offset) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil || l.LogEndOffset() != offset {
		return err
	}
	fsys := l.dir.env.fs
	before := l.settledSnapshot
	if taken, err := l.producers.TakeSnapshot(fsys, l.Dir(), offset); err != nil || !taken {
		return errorUnlessFull(err)
	}
	l.settledSnapshot = offset
	for _, s := range l.list() {
		if before == s.BaseOffset() {
			return nil // Also the snapshot of a roll, which stays.
		}
	}
	if before == kafka.UnknownOffset {
		return nil
	}
	return l.producers.RemoveSnapshot(unsynced{fsys}, l.Dir(), before)
}

// snapshotWorthBytes is the size of a log from which on writing a file at a stop
// costs less than reading the log at a start.
const snapshotWorthBytes = 1 << 20

// snapshotLocked writes the producers' state at the log's end for a clean
// shutdown, after which a log without any snapshot is one without producers. A
// large one gets a snapshot even so: without it the next start after a crash
// would look for producers in all of it.
func (l *Log) snapshotLocked(end kafka.Offset) (taken bool, err error) {
	if _, ok := l.producers.LatestSnapshotOffset(); !ok && l.producers.IsEmpty() && l.Size() < snapshotWorthBytes {
		l.producers.SetMapEndOffset(end)
		return false, nil
	}
	taken, err = l.producers.TakeSnapshot(l.dir.env.fs, l.Dir(), end)
	if segment.IsNoSpace(err) {
		l.dir.incomplete.Store(true) // Without any snapshot there would be no producers.
	}
	return taken, errorUnlessFull(err)
}

// errorUnlessFull hides errors of a full disk where what could not be written is
// found again by the next start.
func errorUnlessFull(err error) error {
	if segment.IsNoSpace(err) {
		return nil
	}
	return err
}
