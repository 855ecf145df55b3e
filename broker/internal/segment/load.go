package segment

import (
	"bytes"
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

// LoadTail makes the last segment of a log ready to be appended to: it trusts
// the records, the index up to its last sensible entry, and walks the batches
// from there on, indexing them. It gives false when the file does not end with
// a whole batch or an index names a place where no batch is: then Recover has
// to look at everything.
//
// With doubt, as after a crash, each entry of the indexes is checked against
// the order they must have; without it only the last ones.
func (s *Segment) LoadTail(doubt bool, limits Limits) (consistent bool, err error) {
	size := s.Size()
	if size == 0 {
		return true, s.resetIndexes()
	}
	last, err := s.loadOffsets(doubt, size)
	if err != nil {
		return false, err
	}
	f, err := s.openLog()
	if err != nil {
		return false, err
	}
	defer s.dir.handles.unpin(&s.log)
	scan := newScanner(f, int64(last.position), size)
	defer scan.release()
	first, err := scan.next()
	if err != nil {
		return false, onlyIO(err)
	}
	if last.position > 0 && first.lastOffset != s.base+kafka.Offset(last.relative) || first.baseOffset < s.base {
		return false, nil
	}
	if err := s.loadTimes(doubt); err != nil {
		return false, err
	}
	return s.noteRest(&scan, first, limits)
}

// noteRest takes the batches from first on into the indexes, but for first
// which needs no entry or has it, and publishes the segment's end.
func (s *Segment) noteRest(scan *scanner, first header, limits Limits) (consistent bool, err error) {
	h := first
	next := s.base
	s.sinceIndexEntry = 0
	for {
		if h.lastOffset < next || !s.Fits(h.lastOffset) {
			return false, nil
		}
		next = h.lastOffset + 1
		if err := s.note(h, limits.IndexInterval); err != nil {
			return false, err
		}
		h, err = scan.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, onlyIO(err)
		}
	}
	if s.Largest().Offset >= next {
		return false, nil // The time index knows of records that are gone.
	}
	s.sealed = false
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

// loadOffsets finds out how many entries of .index can be used, and gives the
// last of them.
func (s *Segment) loadOffsets(doubt bool, size int64) (last offsetEntry, err error) {
	count := func(b []byte) int { return validOffsetEntries(b, size) }
	n, tail, err := s.loadIndex(&s.offsetFile, IndexSuffix, offsetEntrySize, doubt, count)
	if err != nil {
		return last, err
	}
	if n > 0 {
		last = parseOffsetEntry(tail)
		if last.position <= 0 || int64(last.position) >= size || last.relative < 0 {
			n, last = 0, offsetEntry{}
			if err := s.truncateIndex(&s.offsetFile, IndexSuffix, 0); err != nil {
				return last, err
			}
		}
	}
	s.offsets.reset(int32(n))
	return last, nil
}

// loadTimes finds out how many entries of .timeindex can be used.
func (s *Segment) loadTimes(doubt bool) error {
	count := func(b []byte) int { return validTimeEntries(b, maxRelative) }
	n, tail, err := s.loadIndex(&s.timeFile, TimeIndexSuffix, timeEntrySize, doubt, count)
	if err != nil {
		return err
	}
	s.times.reset(int32(n))
	s.times.mu.Lock()
	defer s.times.mu.Unlock()
	s.lastTime = record.NoTimestamp
	s.largest = TimestampOffset{Timestamp: record.NoTimestamp, Offset: s.base}
	if n > 0 {
		e := parseTimeEntry(tail)
		s.lastTime = e.timestamp
		s.largest = TimestampOffset{Timestamp: e.timestamp, Offset: s.base + kafka.Offset(e.relative)}
	}
	return nil
}

// maxRelative bounds relative offsets.
const maxRelative = 1<<31 - 1

// loadIndex gives the number of usable entries of an index file and the bytes
// of the last one. What follows them is cut off.
func (s *Segment) loadIndex(h *handle, suffix string, width int, doubt bool, count func([]byte) int) (n int, last []byte, err error) {
	f, err := s.open(h, suffix, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	defer s.dir.handles.unpin(h)
	size, err := f.Size()
	if err != nil || size == 0 {
		return 0, nil, err
	}
	n = int(size) / width
	if doubt {
		b := make([]byte, n*width)
		if _, err := f.ReadAt(b, 0); err != nil {
			return 0, nil, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		n = count(b)
		if n > 0 {
			last = b[(n-1)*width : n*width]
		}
	} else if n > 0 {
		last = make([]byte, width)
		if _, err := f.ReadAt(last, int64(n-1)*int64(width)); err != nil {
			return 0, nil, fmt.Errorf("read %s: %w", f.Name(), err)
		}
	}
	if int64(n*width) != size {
		if err := f.Truncate(int64(n * width)); err != nil {
			return 0, nil, fmt.Errorf("truncate %s: %w", f.Name(), err)
		}
	}
	return n, last, nil
}

// truncateIndex cuts an index file, if there is one, to n bytes.
func (s *Segment) truncateIndex(h *handle, suffix string, n int64) error {
	f, err := s.open(h, suffix, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer s.dir.handles.unpin(h)
	size, err := f.Size()
	if err == nil && size > n {
		err = f.Truncate(n)
	}
	if err != nil {
		return fmt.Errorf("truncate %s: %w", f.Name(), err)
	}
	return nil
}

// resetIndexes empties both indexes.
func (s *Segment) resetIndexes() error {
	if err := s.truncateIndex(&s.offsetFile, IndexSuffix, 0); err != nil {
		return err
	}
	if err := s.truncateIndex(&s.timeFile, TimeIndexSuffix, 0); err != nil {
		return err
	}
	s.offsets.reset(0)
	s.times.reset(0)
	s.times.mu.Lock()
	s.largest = TimestampOffset{Timestamp: record.NoTimestamp, Offset: s.base}
	s.times.mu.Unlock()
	s.lastTime, s.sinceIndexEntry, s.firstTimestamp = record.NoTimestamp, 0, unknownTimestamp
	s.sealed = false
	return nil
}

// Recover trusts nothing: it checks every batch, cuts the file at the first one
// that is torn, corrupt or out of order, and builds both indexes anew. each
// sees every good batch of magic 2; the memory is reused. It gives the number
// of bytes cut off.
func (s *Segment) Recover(limits Limits, each func(record.Batch) error) (cut int64, err error) {
	if err := s.resetIndexes(); err != nil {
		return 0, err
	}
	f, err := s.openLog()
	if err != nil {
		return 0, err
	}
	defer s.dir.handles.unpin(&s.log)
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	next, position := s.base, int64(0)
	walk := newBatchReader(f, 0, size)
	defer walk.release()
	for {
		h, b, err := walk.next()
		if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) || errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		if checkBatch(h, b) != nil || h.baseOffset < next && h.magic == record.Magic || h.lastOffset < next || !s.Fits(h.lastOffset) {
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
	if cut = size - position; cut > 0 || position >= preallocateFrom {
		// A large segment may also carry space that was reserved before the crash.
		if err := f.Truncate(position); err != nil {
			return 0, fmt.Errorf("truncate %s: %w", f.Name(), err)
		}
	}
	s.tail.store(position, next)
	return cut, nil
}

// checkBatch verifies checksum and header.
func checkBatch(h header, b []byte) error {
	if h.magic == record.Magic {
		return record.Batch(b).Check()
	}
	const crcAt, crcEnd = 12, 16
	if stored := uint32(b[crcAt])<<24 | uint32(b[crcAt+1])<<16 | uint32(b[crcAt+2])<<8 | uint32(b[crcAt+3]); stored != crc32.ChecksumIEEE(b[crcEnd:]) {
		return &record.CorruptError{Reason: "wrong checksum", Position: crcAt}
	}
	return nil
}

// Batches walks the whole batches from the one that holds offset from up to
// the published end, or until each gives false. Batches older than magic 2 are
// skipped. The memory is reused.
func (s *Segment) Batches(from kafka.Offset, each func(record.Batch) (more bool, err error)) error {
	size, next := s.tail.load()
	if from >= next || size == 0 {
		return nil
	}
	f, err := s.openLog()
	if err != nil {
		return err
	}
	defer s.dir.handles.unpin(&s.log)
	start, err := s.positionFor(from)
	if err != nil {
		return err
	}
	walk := newBatchReader(f, start, size)
	defer walk.release()
	for {
		h, b, err := walk.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.lastOffset < from || h.magic != record.Magic {
			continue
		}
		if more, err := each(record.Batch(b)); err != nil || !more {
			return err
		}
	}
}

// batchReader reads whole batches in sequence through one buffer.
type batchReader struct {
	file     vfs.File
	position int64 // Of the next batch.
	limit    int64
	buf      *bytes.Buffer
	start    int64 // Position of the buffer's first byte.
}

func newBatchReader(f vfs.File, position, limit int64) batchReader {
	buf := bufferPool.Get().(*bytes.Buffer)
	buf.Reset()
	return batchReader{file: f, position: position, limit: limit, buf: buf, start: position}
}

// next gives the next batch, valid until the following call; errors as those
// of scanner.next.
func (r *batchReader) next() (header, []byte, error) {
	if r.position == r.limit {
		return header{}, nil, io.EOF
	}
	b, err := r.atLeast(record.HeaderSize)
	if err != nil {
		return header{}, nil, err
	}
	h, err := parseHeader(b, r.position)
	if err == nil && h.end() > r.limit {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return header{}, nil, &CorruptError{File: r.file.Name(), Position: r.position, Err: err}
	}
	if b, err = r.atLeast(h.size); err != nil {
		return header{}, nil, err
	}
	if len(b) < h.size {
		return header{}, nil, &CorruptError{File: r.file.Name(), Position: r.position, Err: io.ErrUnexpectedEOF}
	}
	r.position = h.end()
	return h, b[:h.size:h.size], nil
}

// recoverChunk is how much is read at once.
const recoverChunk = 256 << 10

// atLeast gives the bytes from position on: n, or fewer where the file ends.
func (r *batchReader) atLeast(n int) ([]byte, error) {
	r.buf.Next(int(r.position - r.start))
	r.start = r.position
	if r.buf.Len() >= n {
		return r.buf.Bytes(), nil
	}
	at := r.start + int64(r.buf.Len())
	want := int(min(int64(max(n-r.buf.Len(), recoverChunk)), r.limit-at))
	if want <= 0 {
		return r.buf.Bytes(), nil
	}
	r.buf.Grow(want)
	free := r.buf.AvailableBuffer()[:want]
	got, err := r.file.ReadAt(free, at)
	if got < want && err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", r.file.Name(), err)
	}
	_, _ = r.buf.Write(free[:got]) // Never fails; the bytes are in place.
	return r.buf.Bytes(), nil
}

func (r *batchReader) release() {
	if r.buf.Cap() <= 4*recoverChunk {
		bufferPool.Put(r.buf)
	}
	r.buf = nil
}

// ScanNextOffset gives the offset after the last whole batch of a .log file
// that is not part of a log yet.
func ScanNextOffset(fsys vfs.FS, path string, base kafka.Offset) (kafka.Offset, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // Only read.
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
