package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// SyncToken names a point in a log; it is reached when everything before it is
// on disk. The zero token is always reached.
type SyncToken struct{ offset kafka.Offset }

// groupCommit gathers who waits for a sync of one log. A log has at most one
// sync under way: what is appended meanwhile is for the next one, which then
// serves all of it.
type groupCommit struct {
	mu      sync.Mutex // Guards the fields below; below Log.mu.
	target  kafka.Offset
	queued  bool // The log is in its directory's queue, or a flusher works on it.
	waiters []syncWaiter
	// served is how many waiters the last sync served, and gathering says that the
	// next one was put off once, so that as many can come together again.
	served    int
	gathering bool
	// truncated are those whose records are gone.
	truncated []syncWaiter
	next      *Log // In the queue; guarded by flusher.mu.
}

type syncWaiter struct {
	offset kafka.Offset
	done   func(error)
}

// flushersPerDir is how many syncs a slow directory has under way at most. File
// systems commit the syncs of several files together, so that four take little longer
// than one.
//
// A fast directory has one at a time. What costs there is each sync, not the wait for
// it, and the more are under way, the fewer clients each of them serves: with 64 clients
// on 8 logs and 0.3 ms a sync, one flusher acknowledged 30,000 records a second for
// 26 µs of processor time each, four flushers 20,000 for 39 µs.
const flushersPerDir = 4

// slowSync is how long the syncs of a slow directory take.
const slowSync = time.Millisecond

// flusher syncs the logs of one directory that asked for it, on as many
// goroutines as there is work for; without any it has none.
type flusher struct {
	mu          sync.Mutex // Guards the fields below; leaf lock.
	first, last *Log
	running     int
	// took is about how long a sync takes.
	took time.Duration
	wg   sync.WaitGroup
}

// OnSynced calls done once: when the token is reached, or with
// KAFKA_STORAGE_ERROR when it will not be. It may be called before OnSynced
// returns; otherwise it runs on a flusher's goroutine and must not block.
func (l *Log) OnSynced(token SyncToken, done func(error)) {
	if token.offset <= l.RecoveryPoint() {
		done(nil)
		return
	}
	if err := l.usable(); err != nil {
		done(err)
		return
	}
	l.commit.mu.Lock()
	l.commit.waiters = append(l.commit.waiters, syncWaiter{token.offset, done})
	l.commit.mu.Unlock()
	l.requestSync(token.offset)
}

// WaitSynced waits until the token is reached. The error is KAFKA_STORAGE_ERROR
// when it will not be, or that of ctx.
func (l *Log) WaitSynced(ctx context.Context, token SyncToken) error {
	result := make(chan error, 1)
	l.OnSynced(token, func(err error) { result <- err })
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Flush waits until everything below upTo, at most the log end offset, is on
// disk.
func (l *Log) Flush(ctx context.Context, upTo kafka.Offset) error {
	return l.WaitSynced(ctx, SyncToken{min(upTo, l.LogEndOffset())})
}

// requestSync queues the log for a sync up to offset, if it is not on its way.
func (l *Log) requestSync(offset kafka.Offset) {
	l.commit.mu.Lock()
	l.commit.target = max(l.commit.target, offset)
	queue := !l.commit.queued
	l.commit.queued = true
	l.commit.mu.Unlock()
	if queue {
		l.dir.flusher.push(l)
	}
}

func (f *flusher) push(l *Log) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.commit.next = nil
	if f.last == nil {
		f.first = l
	} else {
		f.last.commit.next = l
	}
	f.last = l
	if f.running == 0 || f.running < flushersPerDir && f.took > slowSync {
		f.running++
		f.wg.Go(f.run)
	}
}

// observe notes how long a sync took, the last ones counting most.
func (f *flusher) observe(took time.Duration) {
	f.mu.Lock()
	f.took += (took - f.took) / 8
	f.mu.Unlock()
}

func (f *flusher) pop() *Log {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.first
	if l == nil {
		f.running--
		return nil
	}
	if f.first = l.commit.next; f.first == nil {
		f.last = nil
	}
	l.commit.next = nil
	return l
}

// run works until the queue is empty.
func (f *flusher) run() {
	for l := f.pop(); l != nil; l = f.pop() {
		if l.gather() && f.putOff(l) {
			continue
		}
		if l.syncQueued() {
			f.push(l)
		}
	}
}

// putOff moves the log to the end of the queue, unless there is no other.
func (f *flusher) putOff(l *Log) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first == nil {
		return false
	}
	f.last.commit.next = l
	f.last = l
	return true
}

// gather tells whether the sync had better wait for the other logs' in the queue:
// the clients that the last one served are sending their next records now, and
// a sync costs as much for one as for all of them.
func (l *Log) gather() bool {
	l.commit.mu.Lock()
	defer l.commit.mu.Unlock()
	l.commit.gathering = !l.commit.gathering && len(l.commit.waiters) < l.commit.served
	return l.commit.gathering
}

// wait waits until all work that was asked for is done.
func (f *flusher) wait() { f.wg.Wait() }

// syncQueued serves the log that came out of the queue. again says that it must
// go back into it.
func (l *Log) syncQueued() (again bool) {
	l.commit.mu.Lock()
	target := l.commit.target
	l.commit.mu.Unlock()
	err := l.usable()
	if err == nil {
		if syncErr := l.syncTo(target); syncErr != nil {
			// Final, whatever the cause: the kernel may have dropped the bytes, and
			// a second sync would say that all is well.
			l.dir.fail(fmt.Errorf("sync %v: %w", l.tp, syncErr))
			err = l.dir.offline()
		}
	}
	l.commit.mu.Lock()
	synced := l.RecoveryPoint()
	var served, waiting []syncWaiter
	for _, w := range l.commit.waiters {
		if err != nil || w.offset <= synced {
			served = append(served, w)
		} else {
			waiting = append(waiting, w)
		}
	}
	l.commit.waiters = waiting
	l.commit.served = len(served)
	truncated := l.commit.truncated
	l.commit.truncated = nil
	again = err == nil && (len(waiting) > 0 || l.commit.target > synced)
	l.commit.queued = again
	l.commit.mu.Unlock()
	for _, w := range served {
		if w.offset <= synced {
			w.done(nil)
		} else {
			w.done(err)
		}
	}
	for _, w := range truncated {
		w.done(errTruncated)
	}
	return again
}

// failWaiters has those who wait for records at or above end told that these
// were truncated. A flusher tells them: the caller may hold locks that they take.
func (l *Log) failWaiters(end kafka.Offset) {
	l.commit.mu.Lock()
	l.commit.target = min(l.commit.target, end)
	var waiting []syncWaiter
	for _, w := range l.commit.waiters {
		if w.offset > end {
			l.commit.truncated = append(l.commit.truncated, w)
		} else {
			waiting = append(waiting, w)
		}
	}
	l.commit.waiters = waiting
	queue := len(l.commit.truncated) > 0 && !l.commit.queued
	l.commit.queued = l.commit.queued || queue
	l.commit.mu.Unlock()
	if queue {
		l.dir.flusher.push(l)
	}
}

// syncTo syncs what lies between the recovery point and target. If that reaches
// into the active segment, everything appended so far goes along.
func (l *Log) syncTo(target kafka.Offset) error {
	truncations := l.truncations.Load()
	// The end is loaded before the list: what lies below it is in these segments.
	end, list := l.LogEndOffset(), l.list()
	from := l.RecoveryPoint()
	if target <= from || truncations&1 != 0 {
		return nil
	}
	active := list[len(list)-1]
	if target <= active.BaseOffset() {
		end = min(end, active.BaseOffset())
	}
	// A segment that ends at the recovery point may have been sealed since: its
	// indexes are synced now.
	for i := floor(list, from-1); i < len(list) && list[i].BaseOffset() < end; i++ {
		s := list[i]
		if err := l.syncSegment(s, s != active); err != nil {
			return l.ignoreDeleted(s, err)
		}
		if s == active {
			break
		}
		// A torn one would be recognised when it is needed, which it never is if there
		// are newer ones: it would lie there until its segment goes.
		snapshot := filepath.Join(l.Dir(), producerstate.SnapshotFileName(list[i+1].BaseOffset()))
		if err := syncFile(l.dir.env.fs, snapshot); err != nil {
			return l.ignoreDeleted(s, err)
		}
	}
	if err := l.syncNames(); err != nil {
		if l.deleted.Load() {
			return nil // The folder has another name by now.
		}
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.truncations.Load() == truncations && end > l.RecoveryPoint() {
		l.recovery.Store(int64(end))
		l.dir.recoveryPointsChanged.Store(true)
	}
	l.lastFlush.Store(l.dir.env.nowMs())
	return nil
}

func (l *Log) syncSegment(s *segment.Segment, sealed bool) error {
	began := time.Now()
	if err := s.Sync(); err != nil {
		return err
	}
	took := time.Since(began)
	l.dir.env.flushes.Observe(took)
	l.dir.flusher.observe(took)
	if !sealed {
		return nil
	}
	return s.SyncIndexes()
}

// ignoreDeleted hides the error of a segment that retention or a truncation took
// out of the log meanwhile: its records need not be on disk any more.
func (l *Log) ignoreDeleted(s *segment.Segment, err error) error {
	if l.deleted.Load() || !slices.Contains(l.list(), s) {
		return nil
	}
	return err
}

// syncNames makes the names of new files durable, and the folder's own.
func (l *Log) syncNames() error {
	fsys := l.dir.env.fs
	if l.newFiles.Swap(false) {
		if err := fsys.SyncDir(l.Dir()); err != nil {
			return err
		}
	}
	if !l.newDir.Swap(false) {
		return nil
	}
	if err := syncFile(fsys, filepath.Join(l.Dir(), checkpoint.PartitionMetadataFile)); err != nil {
		return err
	}
	return fsys.SyncDir(l.dir.path)
}

func syncFile(fsys vfs.FS, name string) error {
	f, err := fsys.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // There is nothing to sync, or it was deleted meanwhile.
	}
	if err != nil {
		return err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
