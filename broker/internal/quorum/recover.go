package quorum

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// leaderEpochFile is Kafka's checkpoint of where each leader epoch began.
const leaderEpochFile = "leader-epoch-checkpoint"

// readChunk is how much of a segment is read at once during recovery.
const readChunk = 1 << 20

// folderContent is what lies in the metadata partition's folder.
type folderContent struct {
	segments  []kafka.Offset
	snapshots []snapshotID // Sorted by epoch and offset.
}

// listFolder reads the folder and removes what a crash left half done: partial
// snapshots, and snapshots already marked for deletion.
func listFolder(fsys vfs.FS, dir string) (folderContent, error) {
	var c folderContent
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return c, err
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasSuffix(name, partialSuffix), strings.HasSuffix(name, snapshotSuffix+deletedSuffix), strings.HasSuffix(name, deletedSuffix):
			if err := vfs.RemoveIfExists(fsys, filepath.Join(dir, name)); err != nil {
				return c, err
			}
		case strings.HasSuffix(name, snapshotSuffix):
			if id, ok := parseSnapshotName(name); ok {
				c.snapshots = append(c.snapshots, id)
			}
		case strings.HasSuffix(name, ".log"):
			base, err := strconv.ParseInt(strings.TrimSuffix(name, ".log"), 10, 64)
			if err == nil && base >= 0 {
				c.segments = append(c.segments, kafka.Offset(base))
			}
		}
	}
	slices.Sort(c.segments)
	slices.SortFunc(c.snapshots, snapshotID.compare)
	return c, nil
}

// openLog opens the log at the end of a snapshot that was loaded: it finds that
// place, checks every batch after it, and cuts off a torn tail. A log that ends
// before the snapshot is replaced by an empty one (a follower that crashed after
// it got the snapshot). An anchor that is not known is counted.
func openLog(fsys vfs.FS, dir string, limits logLimits, found folderContent, at logPosition, anchored bool, voters voterSet, logger *slog.Logger, now time.Time) (*metadataLog, error) {
	l := &metadataLog{fs: fsys, dir: dir, logger: logger, limits: limits, floor: at, end: at, voters: voterHistory{voters}}
	l.readEpochs(at.offset)
	if len(found.segments) == 0 {
		if at.offset > 0 && !anchored {
			l.floor.index = uint64(at.offset)
			l.end = l.floor
		}
		s, err := createSegment(fsys, dir, at.offset, now)
		if err != nil {
			return nil, err
		}
		l.segments = []*logSegment{s}
		return l, nil
	}
	if found.segments[0] > at.offset {
		return nil, fmt.Errorf("%s: the log starts at offset %d, but the newest valid snapshot ends at %d: records in between are missing", dir, found.segments[0], at.offset)
	}
	if err := l.openSegments(found.segments, now); err != nil {
		return nil, errors.Join(err, l.close())
	}
	if !anchored && at.offset > 0 {
		if err := l.countAnchor(); err != nil {
			return nil, errors.Join(err, l.close())
		}
	}
	if err := l.scan(now); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// openSegments opens the segment that holds floor and those after it; older
// ones are only remembered.
func (l *metadataLog) openSegments(bases []kafka.Offset, now time.Time) error {
	for i, base := range bases {
		if i+1 < len(bases) && bases[i+1] <= l.floor.offset {
			info, err := l.fs.Stat(segmentPath(l.dir, base, ".log"))
			if err != nil {
				return err
			}
			l.segments = append(l.segments, &logSegment{base: base, size: info.Size()})
			continue
		}
		s, err := openSegment(l.fs, l.dir, base, now)
		if err != nil {
			return err
		}
		l.segments = append(l.segments, s)
	}
	return nil
}

// countAnchor gives floor its raft index where no snapshot of ours tells it,
// because Apache Kafka wrote them all: the number of batches below it if the log
// still has them from the beginning, else the offset, which is at least that.
func (l *metadataLog) countAnchor() error {
	if l.segments[0].base > 0 {
		l.floor.index = uint64(l.floor.offset)
		l.end = l.floor
		return nil
	}
	var n uint64
	for _, s := range l.segments {
		if s.base >= l.floor.offset {
			break
		}
		f := s.file
		if f == nil {
			var err error
			if f, _, err = openSized(l.fs, segmentPath(l.dir, s.base, ".log")); err != nil {
				return err
			}
		}
		_, err := walk(f, s.size, 0, func(b record.Batch, _ int64) bool {
			if b.BaseOffset() >= l.floor.offset {
				return false
			}
			n++
			return true
		})
		if s.file == nil {
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return err
		}
	}
	l.floor.index = n
	l.end = l.floor
	return nil
}

// scan reads the log from floor to its end, checks every batch and notes where
// it is. The first batch that is not whole ends the log.
func (l *metadataLog) scan(now time.Time) error {
	for i, s := range l.segments {
		if s.file == nil {
			continue
		}
		if s.base > l.floor.offset && s.base != l.end.offset {
			return l.dropFrom(i)
		}
		last := i == len(l.segments)-1
		reached, torn, err := l.scanSegment(s, last)
		switch {
		case errors.Is(err, errDiverged):
			l.logger.Warn("Replacing a metadata log that an older leader wrote by the snapshot", "dir", l.dir, "offset", int64(l.floor.offset))
			return l.restart(l.floor, l.voters[0], now)
		case err != nil:
			return err
		case !reached && !last:
			return fmt.Errorf("%s: the metadata log has a gap below the snapshot at offset %d", l.dir, l.floor.offset)
		case !reached:
			return l.restart(l.floor, l.voters[0], now)
		case torn && !last:
			return l.dropFrom(i + 1)
		}
	}
	return nil
}

// dropFrom deletes the segments from the i-th on, which follow a gap: whatever
// is in them was never acknowledged.
func (l *metadataLog) dropFrom(i int) error {
	for _, later := range l.segments[i:] {
		l.logger.Warn("Deleting a segment of the metadata log that follows a torn one", "dir", l.dir, "baseOffset", int64(later.base))
		if err := later.remove(l.fs, l.dir); err != nil {
			return err
		}
	}
	l.segments = l.segments[:i]
	return l.fs.SyncDir(l.dir)
}

// errDiverged says that the log has a batch of an older leader where the snapshot
// ends: it was never committed, nor was what follows.
var errDiverged = errors.New("the log diverges from the snapshot")

// scanSegment notes the batches of one segment and cuts it after the last whole
// one. It tells whether the log reaches floor in it, and whether something was
// cut. The last segment may have a torn tail below floor: then the log ends there,
// and the snapshot has all of it.
func (l *metadataLog) scanSegment(s *logSegment, last bool) (reached, torn bool, err error) {
	lastOffset, start, n, err := s.lastEntryBefore(func(last kafka.Offset, _ int64) bool { return last < l.floor.offset })
	if err != nil {
		return false, false, err
	}
	times, rise, err := s.takeTimestamps(lastOffset)
	if err != nil {
		return false, false, err
	}
	if n > 0 && (!rise || !s.plausibleStart(start, l.floor.offset)) {
		start, n, times = 0, 0, 0
		s.forgetTimestamps()
	}
	if err := s.keepEntries(n, times); err != nil {
		return false, false, err
	}
	below := s.base // End of the part below floor.
	belowEpoch := l.floor.epoch
	valid, err := walk(s.file, s.size, start, func(b record.Batch, position int64) bool {
		if b.BaseOffset() < l.floor.offset {
			below, belowEpoch = b.NextOffset(), b.LeaderEpoch()
			if position > start || start == 0 {
				s.noteEntry(b, position) // The batch at start has its entry already.
			}
			return true
		}
		if b.BaseOffset() != l.end.offset || b.LeaderEpoch() < l.end.epoch || b.Check() != nil {
			return false
		}
		l.noteLocked(s, b, position)
		return true
	})
	switch {
	case err != nil:
		return false, false, err
	case below > l.floor.offset && belowEpoch < l.floor.epoch:
		return false, false, errDiverged
	case below > l.floor.offset && s.base < l.floor.offset:
		return false, false, fmt.Errorf("%s: the snapshot at offset %d ends within a batch of the log", l.dir, l.floor.offset)
	case below < l.floor.offset && valid < s.size && !last:
		return false, false, fmt.Errorf("%s at %d: corrupt batch below the snapshot at offset %d", s.file.Name(), valid, l.floor.offset)
	case below < l.floor.offset:
		return false, false, nil
	}
	if err := s.writeIndexes(); err != nil {
		l.logger.Debug("Writing the metadata log's indexes failed", "err", err)
	}
	if valid == s.size {
		return true, false, nil
	}
	l.logger.Warn("Cutting a torn tail off the metadata log", "file", s.file.Name(), "position", valid, "bytes", s.size-valid, "logEndOffset", int64(l.end.offset))
	s.size = valid
	if err := s.file.Truncate(valid); err != nil {
		return false, false, err
	}
	return true, true, s.file.Sync()
}

// plausibleStart checks that a batch below floor begins at the position that an
// index entry gave: the index is a hint.
func (s *logSegment) plausibleStart(position int64, floor kafka.Offset) bool {
	b, err := s.batchAt(position)
	return err == nil && b.BaseOffset() < floor
}

// walk hands the batches of a file, from position on, to visit until that says
// stop, the file ends or something there is no batch. It gives the position after the
// last batch accepted. Batches are only framed, not checked, and valid only during
// the visit.
func walk(f vfs.File, size, position int64, visit func(b record.Batch, position int64) bool) (int64, error) {
	buf := make([]byte, 0, readChunk)
	at := position // File position of buf[0].
	for {
		want := min(int64(cap(buf)), size-at)
		n, err := f.ReadAt(buf[:want], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return position, fmt.Errorf("read %s at %d: %w", f.Name(), at, err)
		}
		rest := buf[:n]
		for {
			b, next, err := record.Read(rest)
			if err != nil {
				break
			}
			if !visit(b, position) {
				return position, nil
			}
			position += int64(len(b))
			rest = next
		}
		switch {
		case int64(n) < want || at+int64(n) >= size:
			return position, nil
		case position == at: // Not one batch fits into the buffer.
			need, err := record.PeekSize(buf[:n])
			if err != nil || need > maxStoredBatchBytes || int64(need) > size-at {
				return position, nil
			}
			buf = make([]byte, 0, need)
		}
		at = position
	}
}

// readEpochs takes the epochs that began below offset from the checkpoint; those
// after it come from the batches.
func (l *metadataLog) readEpochs(offset kafka.Offset) {
	entries, err := checkpoint.ReadEntries(l.fs, filepath.Join(l.dir, leaderEpochFile), func(fields []string) (epochStart, bool) {
		if len(fields) != 2 {
			return epochStart{}, false
		}
		epoch, err1 := strconv.ParseInt(fields[0], 10, 32)
		start, err2 := strconv.ParseInt(fields[1], 10, 64)
		return epochStart{epoch: kafka.LeaderEpoch(epoch), offset: kafka.Offset(start)}, err1 == nil && err2 == nil
	})
	if err != nil {
		// The file is rebuilt from the batches as far as they go.
		l.logger.Warn("Ignoring an unreadable checkpoint of the metadata log's leader epochs", "dir", l.dir, "err", err)
		return
	}
	slices.SortFunc(entries, func(a, b epochStart) int { return cmp.Compare(a.epoch, b.epoch) })
	for _, e := range entries {
		if e.offset < offset && e.epoch <= l.floor.epoch {
			l.epochs = append(l.epochs, e)
		}
	}
}

// writeEpochs brings the checkpoint up to date.
func (l *metadataLog) writeEpochs() error {
	l.mu.Lock()
	if !l.epochsDirty {
		l.mu.Unlock()
		return nil
	}
	epochs := slices.Clone(l.epochs)
	l.epochsDirty = false
	l.mu.Unlock()
	data := checkpoint.AppendEntries(nil, epochs, func(dst []byte, e epochStart) []byte {
		dst = strconv.AppendInt(dst, int64(e.epoch), 10)
		dst = append(dst, ' ')
		return strconv.AppendInt(dst, int64(e.offset), 10)
	})
	err := vfs.WriteFileAtomic(l.fs, filepath.Join(l.dir, leaderEpochFile), data)
	if err != nil {
		l.mu.Lock()
		l.epochsDirty = true
		l.mu.Unlock()
	}
	return err
}
