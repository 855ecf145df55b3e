package producerstate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// SnapshotSuffix ends the names of snapshot files.
const SnapshotSuffix = ".snapshot"

// SnapshotFileName is the name of the snapshot of the records below offset.
func SnapshotFileName(offset kafka.Offset) string {
	return fmt.Sprintf("%020d%s", offset, SnapshotSuffix)
}

// ParseSnapshotFileName reads the offset out of a snapshot's name.
func ParseSnapshotFileName(name string) (kafka.Offset, bool) {
	digits, ok := strings.CutSuffix(name, SnapshotSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	offset, err := strconv.ParseInt(digits, 10, 64)
	return kafka.Offset(offset), err == nil && offset >= 0
}

// Load brings the state to what the snapshots in dir tell of the records in
// [logStartOffset, logEndOffset), after a start or a truncation of the log to
// logEndOffset. Snapshots outside (logStartOffset, logEndOffset] are removed;
// corrupt ones too, and an older one is taken.
//
// It returns MapEndOffset: the caller replays the batches from there to
// logEndOffset and calls SetMapEndOffset(logEndOffset). The state is kept if it
// ends at logEndOffset already, or later without any producer. Transactions that ended before the snapshot
// are no longer seen as unreplicated, since a log is never truncated below its
// high watermark.
func (m *Manager) Load(fsys vfs.FS, dir string, logStartOffset, logEndOffset kafka.Offset, nowMs int64) (kafka.Offset, error) {
	if err := m.listSnapshots(fsys, dir); err != nil {
		return m.mapEnd, err
	}
	return m.loadListed(fsys, dir, logStartOffset, logEndOffset, nowMs)
}

// LoadListed is Load for a caller that has just listed the snapshots of dir.
func (m *Manager) LoadListed(fsys vfs.FS, dir string, snapshots []kafka.Offset, logStartOffset, logEndOffset kafka.Offset, nowMs int64) (kafka.Offset, error) {
	m.snapshots = m.snapshots[:0]
	for _, offset := range snapshots {
		m.noteSnapshot(offset)
	}
	return m.loadListed(fsys, dir, logStartOffset, logEndOffset, nowMs)
}

func (m *Manager) loadListed(fsys vfs.FS, dir string, logStartOffset, logEndOffset kafka.Offset, nowMs int64) (kafka.Offset, error) {
	err := m.removeSnapshots(fsys, dir, func(offset kafka.Offset) bool {
		return offset > logEndOffset || offset <= logStartOffset
	})
	if err != nil {
		return m.mapEnd, err
	}
	// Without producers a shorter log is known too: nothing of it need be read.
	if m.mapEnd == logEndOffset || m.mapEnd > logEndOffset && m.IsEmpty() {
		m.mapEnd = logEndOffset
		m.OnLogStartOffsetIncremented(logStartOffset)
		return m.mapEnd, nil
	}
	m.clear()
	for len(m.snapshots) > 0 {
		offset := m.snapshots[len(m.snapshots)-1]
		entries, err := readSnapshot(fsys, filepath.Join(dir, SnapshotFileName(offset)))
		if corrupt := (*CorruptSnapshotError)(nil); errors.As(err, &corrupt) || errors.Is(err, fs.ErrNotExist) {
			if err := m.RemoveSnapshot(fsys, dir, offset); err != nil {
				return m.mapEnd, err
			}
			continue
		}
		if err != nil {
			return m.mapEnd, err
		}
		m.restore(entries, nowMs)
		m.mapEnd, m.snapEnd = offset, offset
		return m.mapEnd, nil
	}
	m.mapEnd, m.snapEnd = logStartOffset, logStartOffset
	return m.mapEnd, nil
}

func readSnapshot(fsys vfs.FS, name string) ([]snapshotEntry, error) {
	data, err := vfs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	return decodeSnapshot(data)
}

func (m *Manager) restore(entries []snapshotEntry, nowMs int64) {
	expirationMs := m.config.expirationMs()
	for i := range entries {
		e := &entries[i]
		if e.state.expired(nowMs, expirationMs) {
			continue
		}
		*m.producer(e.id) = e.state
		if e.state.inTxn() {
			m.ongoing.put(txn{producerID: e.id, firstOffset: e.state.txnFirstOffset, lastOffset: kafka.UnknownOffset})
		}
	}
}

// TakeSnapshot writes the state of the records below offset, which becomes
// MapEndOffset, unless the newest snapshot is as new. It does not sync:
// SyncSnapshot does, for those who want a short restart after a power failure.
// It reports whether a file was written.
func (m *Manager) TakeSnapshot(fsys vfs.FS, dir string, offset kafka.Offset) (bool, error) {
	m.mapEnd = offset
	if offset <= m.snapEnd {
		return false, nil
	}
	if err := vfs.WriteFile(fsys, filepath.Join(dir, SnapshotFileName(offset)), encodeSnapshot(m.producers)); err != nil {
		return false, err
	}
	m.snapEnd = offset
	m.noteSnapshot(offset)
	return true, nil
}

func (m *Manager) noteSnapshot(offset kafka.Offset) {
	if i, found := slices.BinarySearch(m.snapshots, offset); !found {
		m.snapshots = slices.Insert(m.snapshots, i, offset)
	}
}

// SyncSnapshot makes a snapshot durable. One that is gone is no error. It uses
// nothing of a Manager, so that the log's lock need not be held over it.
func SyncSnapshot(fsys vfs.FS, dir string, offset kafka.Offset) error {
	f, err := fsys.OpenFile(filepath.Join(dir, SnapshotFileName(offset)), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

// LatestSnapshotOffset is that of the newest snapshot file; false if there is
// none.
func (m *Manager) LatestSnapshotOffset() (kafka.Offset, bool) {
	if len(m.snapshots) == 0 {
		return kafka.UnknownOffset, false
	}
	return m.snapshots[len(m.snapshots)-1], true
}

// OldestSnapshotOffset is that of the oldest snapshot file; false if there is
// none.
func (m *Manager) OldestSnapshotOffset() (kafka.Offset, bool) {
	if len(m.snapshots) == 0 {
		return kafka.UnknownOffset, false
	}
	return m.snapshots[0], true
}

// DeleteSnapshotsBefore removes the snapshots below offset.
func (m *Manager) DeleteSnapshotsBefore(fsys vfs.FS, dir string, offset kafka.Offset) error {
	return m.removeSnapshots(fsys, dir, func(o kafka.Offset) bool { return o < offset })
}

// RemoveSnapshot removes the snapshot of a segment that is deleted; a missing one
// is no error.
func (m *Manager) RemoveSnapshot(fsys vfs.FS, dir string, offset kafka.Offset) error {
	return m.removeSnapshots(fsys, dir, func(o kafka.Offset) bool { return o == offset })
}

// RemoveStraySnapshots lists the snapshots in dir and removes those that belong
// to no segment, but the newest of them if it is newer than all segments: that
// one was taken at the log's end by a shutdown.
func (m *Manager) RemoveStraySnapshots(fsys vfs.FS, dir string, segmentBaseOffsets []kafka.Offset) error {
	if err := m.listSnapshots(fsys, dir); err != nil {
		return err
	}
	bases := make(map[kafka.Offset]bool, len(segmentBaseOffsets))
	newestBase := kafka.UnknownOffset
	for _, base := range segmentBaseOffsets {
		bases[base] = true
		newestBase = max(newestBase, base)
	}
	newestStray := kafka.UnknownOffset
	for _, offset := range m.snapshots {
		if !bases[offset] {
			newestStray = offset
		}
	}
	return m.removeSnapshots(fsys, dir, func(offset kafka.Offset) bool {
		return !bases[offset] && (offset != newestStray || offset < newestBase)
	})
}

// TruncateFullyAndStartAt forgets everything, for a log that starts anew at
// offset, and removes all snapshots.
func (m *Manager) TruncateFullyAndStartAt(fsys vfs.FS, dir string, offset kafka.Offset) error {
	if err := m.listSnapshots(fsys, dir); err != nil {
		return err
	}
	if err := m.removeSnapshots(fsys, dir, func(kafka.Offset) bool { return true }); err != nil {
		return err
	}
	m.clear()
	m.mapEnd, m.snapEnd = offset, 0
	return nil
}

// listSnapshots reads the offsets of the snapshot files from the directory.
func (m *Manager) listSnapshots(fsys vfs.FS, dir string) error {
	files, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	m.snapshots = m.snapshots[:0]
	for _, file := range files {
		if offset, ok := ParseSnapshotFileName(file.Name()); ok && !file.IsDir() {
			m.noteSnapshot(offset)
		}
	}
	return nil
}

// removeSnapshots removes the files durably: one that came back after a power
// failure could be taken for the state of records written since.
func (m *Manager) removeSnapshots(fsys vfs.FS, dir string, remove func(kafka.Offset) bool) error {
	kept, removed := m.snapshots[:0:0], false
	for i, offset := range m.snapshots {
		if !remove(offset) {
			kept = append(kept, offset)
			continue
		}
		if err := vfs.RemoveIfExists(fsys, filepath.Join(dir, SnapshotFileName(offset))); err != nil {
			m.snapshots = append(kept, m.snapshots[i:]...)
			return err
		}
		removed = true
	}
	m.snapshots = kept
	if removed {
		return fsys.SyncDir(dir)
	}
	return nil
}
