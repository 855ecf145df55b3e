package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// LoadTail makes the last segment of a log ready to be appended to after a clean
// shutdown: it trusts the records and the indexes, and walks the batches after
// the last index entry. It gives false when the file does not end with a whole
// batch, or an index names a place where no batch is: then Recover has to look
// at everything.
func (s *Segment) LoadTail(limits Limits) (consistent bool, err error) {
	size := s.Size()
	if size == 0 {
		s.forgetIndexes()
		return true, nil
	}
	n, b, err := s.lastEntry(&s.offsetFile, IndexSuffix, offsetEntrySize)
	if err != nil {
		return false, err
	}
	last := offsetEntry{}
	if n > 0 {
		if last = parseOffsetEntry(b); last.position <= 0 || int64(last.position) >= size || last.relative < 0 {
			return false, nil
		}
	}
	k, b, err := s.lastEntry(&s.timeFile, TimeIndexSuffix, timeEntrySize)
	if err != nil {
		return false, err
	}
	s.setIndexes(n, k, b)
	f, err := s.openLog()
	if err != nil {
		return false, err
	}
	defer s.dir.handles.unpin(&s.log)
	scan := newScanner(f, int64(last.position), size)
	defer scan.release()
	return s.noteRest(&scan, last, limits)
}

// noteRest takes the batches that are left into the indexes, but for the one of
// the last entry which has its entry, and publishes the segment's end.
func (s *Segment) noteRest(scan *scanner, last offsetEntry, limits Limits) (consistent bool, err error) {
	next := s.base
	for first := true; ; first = false {
		h, err := scan.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, onlyIO(err)
		}
		if first && last.position > 0 && h.lastOffset != s.base+kafka.Offset(last.relative) || h.lastOffset < next || !s.Fits(h.lastOffset) {
			return false, nil
		}
		if err := s.note(h, limits.IndexInterval); err != nil {
			return false, err
		}
		next = h.lastOffset + 1
	}
	if s.Largest().Offset >= next {
		return false, nil // The time index knows of records that are gone.
	}
	// Files that are complete need nothing when they are closed again.
	s.sealed = s.offsets.buffered() == 0 && s.lastTime == s.Largest().Timestamp
	s.tail.store(scan.limit, next)
	return true, nil
}

// onlyIO hides errors about the bytes: recovery deals with them.
func onlyIO(err error) error {
	if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) {
		return nil
	}
	return err
}

// setIndexes says of how many entries the index files consist; lastTime is the
// last one of the time index. What else the files hold is cut off before they
// are written to.
func (s *Segment) setIndexes(offsets, times int, lastTime []byte) {
	s.offsets.reset(int32(offsets))
	s.times.reset(int32(times))
	s.lastTime = record.NoTimestamp
	s.sinceIndexEntry, s.firstTimestamp = 0, unknownTimestamp
	s.staleOffsets, s.staleTimes = true, true
	s.sealed = false
	s.times.mu.Lock()
	defer s.times.mu.Unlock()
	s.largest = TimestampOffset{Timestamp: record.NoTimestamp, Offset: s.base - 1}
	if times > 0 {
		e := parseTimeEntry(lastTime)
		s.lastTime = e.timestamp
		s.largest = TimestampOffset{Timestamp: e.timestamp, Offset: s.base + kafka.Offset(e.relative)}
	}
}

// forgetIndexes empties both indexes.
func (s *Segment) forgetIndexes() { s.setIndexes(0, 0, nil) }

// lastEntry gives the number of entries in an index file and the last one.
func (s *Segment) lastEntry(h *handle, suffix string, width int) (n int, entry []byte, err error) {
	if s.noIndexFiles {
		return 0, nil, nil
	}
	f, err := s.open(h, suffix, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	defer s.dir.handles.unpin(h)
	size, err := f.Size()
	if n = int(size) / width; err != nil || n == 0 {
		return 0, nil, err
	}
	entry = make([]byte, width)
	if _, err := f.ReadAt(entry, int64(n-1)*int64(width)); err != nil {
		return 0, nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return n, entry, nil
}

// readIndex reads a whole index file; nothing if there is none.
func (s *Segment) readIndex(h *handle, suffix string) ([]byte, error) {
	if s.noIndexFiles {
		return nil, nil
	}
	f, err := s.open(h, suffix, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.dir.handles.unpin(h)
	size, err := f.Size()
	if err != nil || size == 0 {
		return nil, err
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return b, nil
}

// Recover makes the last segment of a log ready after a crash: records below
// from are trusted, and nothing else. It checks every batch from there on, cuts
// the file at the first one that is torn, corrupt or out of order, and builds
// the rest of the indexes anew. each sees the good batches of magic 2 on the way,
// which begins somewhat before from; their memory is reused. Recover gives the
// number of bytes cut off.
func (s *Segment) Recover(limits Limits, from kafka.Offset, each func(record.Batch) error) (cut int64, err error) {
	f, err := s.openLog()
	if err != nil {
		return 0, err
	}
	defer s.dir.handles.unpin(&s.log)
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	last, err := s.loadIndexesBelow(from, size)
	if err != nil {
		return 0, err
	}
	next, position := s.base, int64(last.position)
	walk := newBatchReader(f, position, size)
	defer walk.release()
	for first := true; ; first = false {
		h, b, err := walk.next()
		if err != nil && !errors.Is(err, io.EOF) && onlyIO(err) != nil {
			return 0, err
		}
		if first && last.position > 0 && (err != nil || h.lastOffset != s.base+kafka.Offset(last.relative)) {
			return s.Recover(limits, s.base, each) // The index is wrong.
		}
		if err != nil || !s.follows(h, b, next) {
			break
		}
		if h.magic == record.Magic {
			if err := each(record.Batch(b)); err != nil {
				return 0, err
			}
		}
		if err := s.note(h, limits.IndexInterval); err != nil {
			return 0, err
		}
		next, position = h.lastOffset+1, h.end()
	}
	if s.Largest().Offset >= next {
		return s.Recover(limits, s.base, each) // The time index knows of records that are gone.
	}
	if cut = size - position; cut > 0 || position >= preallocateFrom {
		// A large segment may also carry space that was reserved before the crash.
		if err := f.Truncate(position); err != nil {
			return 0, fmt.Errorf("truncate %s: %w", f.Name(), err)
		}
	}
	if cut > 0 {
		// Or a second crash brought the bytes back, below a recovery point that
		// has moved on.
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("sync %s: %w", f.Name(), err)
		}
	}
	s.tail.store(position, next)
	return cut, nil
}

// loadIndexesBelow finds out which entries of the indexes can be trusted after a
// crash, and gives the last one of .index. They are in order, concern records
// below from, and .index ends where .timeindex does: of the records after that,
// a timestamp might not be accounted for.
func (s *Segment) loadIndexesBelow(from kafka.Offset, size int64) (last offsetEntry, err error) {
	if from <= s.base {
		s.forgetIndexes()
		return last, nil
	}
	times, err := s.readIndex(&s.timeFile, TimeIndexSuffix)
	if err != nil {
		return last, err
	}
	offsets, err := s.readIndex(&s.offsetFile, IndexSuffix)
	if err != nil {
		return last, err
	}
	k := validTimeEntries(times, int64(from-s.base))
	if k == 0 {
		s.forgetIndexes()
		return last, nil
	}
	lastTime := times[(k-1)*timeEntrySize : k*timeEntrySize]
	n := validOffsetEntries(offsets, size)
	end := min(int64(from-s.base), int64(parseTimeEntry(lastTime).relative)+1)
	for n > 0 && int64(parseOffsetEntry(offsets[(n-1)*offsetEntrySize:]).relative) >= end {
		n--
	}
	if n > 0 {
		last = parseOffsetEntry(offsets[(n-1)*offsetEntrySize:])
	}
	s.setIndexes(n, k, lastTime)
	return last, nil
}

// follows tells whether a batch is whole and continues the segment at next.
func (s *Segment) follows(h header, b []byte, next kafka.Offset) bool {
	return checkBatch(h, b) == nil && h.lastOffset >= next && (h.baseOffset >= next || h.magic != record.Magic) && s.Fits(h.lastOffset)
}

// checkBatch verifies checksum and header.
func checkBatch(h header, b []byte) error {
	if h.magic == record.Magic {
		return record.Batch(b).Check()
	}
	const crcAt, crcEnd = 12, 16
	if stored := binary.BigEndian.Uint32(b[crcAt:]); stored != crc32.ChecksumIEEE(b[crcEnd:]) {
		return &record.CorruptError{Reason: "wrong checksum", Position: crcAt}
	}
	return nil
}

// ScanNextOffset gives the offset after the last whole batch of a .log file
// that is not part of a log yet.
func ScanNextOffset(fsys vfs.FS, path string, base kafka.Offset) (kafka.Offset, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	scan := newScanner(f, 0, size)
	defer scan.release()
	for next := base; ; {
		h, err := scan.next()
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return next, onlyIO(err)
		}
		next = h.lastOffset + 1
	}
}

// SetNextOffset says where the next segment begins: compaction may have left a
// gap before it.
func (s *Segment) SetNextOffset(next kafka.Offset) { s.tail.store(s.Size(), next) }
