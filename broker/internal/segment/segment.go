package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"

	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// Preallocation. A segment that has grown past preallocateFrom reserves space
// ahead of its end, in chunks that grow with it: the append then only fills
// blocks. Small and idle partitions reserve nothing.
const (
	preallocateFrom = 1 << 20
	preallocateMax  = 16 << 20
)

// Limits are the parts of a topic's configuration that a segment needs.
type Limits struct {
	// SegmentBytes is segment.bytes.
	SegmentBytes int64
	// SegmentMs is segment.ms less the segment's jitter.
	SegmentMs int64
	// IndexBytes is segment.index.bytes.
	IndexBytes int
	// IndexInterval is index.interval.bytes.
	IndexInterval int
	// Preallocate reserves SegmentBytes when the segment is created.
	Preallocate bool
}

// tail is the published end of a segment and the batch before it, which readers load
// without a lock and always see as the one writer stored them.
type tail struct {
	sequence atomic.Uint32 // Odd while the writer changes the rest.
	size     atomic.Int64
	next     atomic.Int64
	lastBase atomic.Int64 // Base offset of the last batch.
	lastSize atomic.Int64 // Its size, or 0 if it was not appended since the segment was opened or cut.
}

func (t *tail) load() (size int64, next kafka.Offset) {
	size, next, _ = t.loadLast()
	return size, next
}

// loadLast also gives what a Read needs of the last batch, nothing if that is not known.
func (t *tail) loadLast() (size int64, next kafka.Offset, last header) {
	for {
		before := t.sequence.Load()
		size, next = t.size.Load(), kafka.Offset(t.next.Load())
		last = header{size: int(t.lastSize.Load()), baseOffset: kafka.Offset(t.lastBase.Load())}
		if before&1 == 0 && t.sequence.Load() == before {
			last.position, last.lastOffset = size-int64(last.size), next-1
			return size, next, last
		}
		runtime.Gosched()
	}
}

func (t *tail) store(size int64, next kafka.Offset) { t.storeLast(size, next, header{}) }

func (t *tail) storeLast(size int64, next kafka.Offset, last header) {
	t.sequence.Add(1)
	t.size.Store(size)
	t.next.Store(int64(next))
	t.lastBase.Store(int64(last.baseOffset))
	t.lastSize.Store(int64(last.size))
	t.sequence.Add(1)
}

// Segment is one segment of a log. Methods that change it must be called under
// the log's lock; the others may run concurrently with them.
type Segment struct {
	dir  *Dir
	base kafka.Offset
	tail tail
	// deleted says that the files carry DeletedSuffix.
	deleted atomic.Bool
	// indexesCut says that entries were cut off the index files since they were
	// synced. If a crash brought them back they would name other records.
	indexesCut atomic.Bool

	log        handle
	offsetFile handle
	timeFile   handle
	offsets    index
	times      index

	// largest is the largest timestamp so far; guarded by times.mu.
	largest TimestampOffset

	// The rest belongs to the writer.

	sinceIndexEntry int   // Bytes appended after the batch of the last index entry.
	lastTime        int64 // Timestamp of the last entry of the time index.
	firstTimestamp  int64 // Of the first batch, unknownTimestamp before it was read.
	created         int64 // When the segment was created or opened, ms.
	reserved        int64 // Space is preallocated up to this position.
	sealed          bool
	noFile          bool // The .log file is yet to be created.
	noIndexFiles    bool // There are no index files.
	// The index files may hold more than the entries that count: it is cut off
	// before the next write.
	staleOffsets, staleTimes bool

	txns txnIndex
}

// TimestampOffset is a timestamp in ms and the last offset of the batch with it.
type TimestampOffset struct {
	Timestamp int64
	Offset    kafka.Offset
}

// unknownTimestamp says that the file was not looked at yet.
const unknownTimestamp int64 = math.MinInt64

// Create makes the .log file of a new segment; index files follow with their
// first entries. An empty file of that name is taken over.
func Create(dir *Dir, base kafka.Offset, limits Limits, nowMs int64) (*Segment, error) {
	s := New(dir, base, nowMs)
	// Not through Handles: most new segments of a node with many partitions are
	// not written to for long.
	f, err := dir.fs.OpenFile(s.Path(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return nil, err
	}
	s.noFile = false
	if limits.Preallocate {
		if err := f.Preallocate(0, limits.SegmentBytes); err == nil {
			s.reserved = limits.SegmentBytes
		}
	}
	return s, f.Close()
}

// New gives an empty segment that has no file before the first append, for a
// folder in which none can be created just now.
func New(dir *Dir, base kafka.Offset, nowMs int64) *Segment {
	s := newSegment(dir, base, nowMs)
	s.forgetIndexes()
	s.tail.store(0, base)
	s.noFile, s.noIndexFiles = true, true
	return s
}

// Open gives an existing segment of that size without touching its files. next
// is the offset after its last record, or the base offset of the segment that
// follows. The last segment of a log must be loaded with LoadTail or Recover
// before it is used.
func Open(dir *Dir, base kafka.Offset, size int64, next kafka.Offset, nowMs int64) *Segment {
	s := newSegment(dir, base, nowMs)
	s.offsets.inFile, s.times.inFile = unknownEntries, unknownEntries
	s.largest.Timestamp = unknownTimestamp
	s.firstTimestamp = unknownTimestamp
	s.sealed = true
	s.tail.store(size, next)
	return s
}

func newSegment(dir *Dir, base kafka.Offset, nowMs int64) *Segment {
	return &Segment{dir: dir, base: base, created: nowMs, firstTimestamp: unknownTimestamp}
}

// BaseOffset is the offset in the names of the files.
func (s *Segment) BaseOffset() kafka.Offset { return s.base }

// Size is the size of the .log file's content in bytes.
func (s *Segment) Size() int64 { return s.tail.size.Load() }

// NextOffset is the offset after the last record.
func (s *Segment) NextOffset() kafka.Offset { return kafka.Offset(s.tail.next.Load()) }

// path gives the current path of one of the files.
func (s *Segment) path(suffix string) string {
	if s.deleted.Load() {
		suffix += DeletedSuffix
	}
	return s.dir.Join(FileName(s.base, suffix))
}

// Path is the path of the .log file.
func (s *Segment) Path() string { return s.path(LogSuffix) }

// Fits tells whether an offset can be stored relative to the base offset.
func (s *Segment) Fits(offset kafka.Offset) bool {
	return offset >= s.base && offset-s.base <= math.MaxInt32
}

// ShouldRoll tells whether batches of that many bytes, with that last offset
// and largest timestamp, belong into a new segment.
func (s *Segment) ShouldRoll(bytes int, last kafka.Offset, maxTimestamp, nowMs int64, limits Limits) (bool, error) {
	size := s.Size()
	if size > limits.SegmentBytes-int64(bytes) || !s.Fits(last) {
		return true, nil
	}
	if s.offsets.entries(offsetEntrySize) >= limits.IndexBytes/offsetEntrySize ||
		s.times.entries(timeEntrySize) >= limits.IndexBytes/timeEntrySize-1 {
		return size > 0, nil
	}
	if size == 0 {
		return false, nil
	}
	first, err := s.FirstTimestamp()
	if err != nil {
		return false, err
	}
	waited := nowMs - s.created
	if first >= 0 {
		waited = maxTimestamp - first
	}
	return waited > limits.SegmentMs, nil
}

// FirstTimestamp is the largest timestamp of the first batch in ms;
// record.NoTimestamp for an empty segment.
func (s *Segment) FirstTimestamp() (int64, error) {
	if s.firstTimestamp != unknownTimestamp {
		return s.firstTimestamp, nil
	}
	if s.Size() == 0 {
		return record.NoTimestamp, nil
	}
	f, err := s.openLog()
	if err != nil {
		return 0, err
	}
	defer s.dir.handles.unpin(&s.log)
	h, _, err := find(f, 0, s.Size(), s.base)
	if err != nil {
		return 0, err
	}
	s.firstTimestamp = h.maxTimestamp
	return h.maxTimestamp, nil
}

// Append writes whole batches at the end: the bytes given, in one write. The
// offsets must continue the segment and fit it. After an error the segment is
// as it was, whatever part of the bytes reached the file.
func (s *Segment) Append(batches []byte, limits Limits) error {
	flag := 0
	if s.noFile {
		flag = os.O_CREATE
	}
	f, err := s.open(&s.log, LogSuffix, flag)
	if err != nil {
		return err
	}
	defer s.dir.handles.unpin(&s.log)
	s.noFile = false
	size := s.Size()
	s.reserve(f, size+int64(len(batches)), limits)
	_, err = f.WriteAt(batches, size)
	s.log.changed()
	if err != nil {
		if f.Truncate(size) != nil {
			// The bytes beyond the size are never read, but must go before others
			// read the file: Seal cuts them off.
			s.reserved, s.sealed = max(s.reserved, size+int64(len(batches))), false
		}
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	s.sealed = false
	last := header{position: size, lastOffset: s.NextOffset() - 1}
	for rest := batches; len(rest) > 0; rest = rest[last.size:] {
		last, err = parseHeader(rest, last.end())
		invariant.Assert(err == nil && last.size <= len(rest), "append of a batch that was not checked: %v", err)
		if err := s.note(last, limits.IndexInterval); err != nil {
			return err
		}
	}
	s.tail.storeLast(last.end(), last.lastOffset+1, last)
	return nil
}

// reserve preallocates ahead of an append that ends at end.
func (s *Segment) reserve(f vfs.File, end int64, limits Limits) {
	if end <= s.reserved || end < preallocateFrom {
		return
	}
	to := min(end+min(end, preallocateMax), limits.SegmentBytes)
	if to <= end {
		return
	}
	// It is a hint: whether there is space is for the write to find out. The
	// position is moved on either way, so that a full disk is not asked again
	// for each batch.
	_ = f.Preallocate(end, to-end)
	s.reserved = to
}

// note takes a batch that is in the file into the indexes and the largest
// timestamp.
func (s *Segment) note(h header, interval int) error {
	if h.position == 0 {
		s.firstTimestamp = h.maxTimestamp
	}
	s.times.mu.Lock()
	if h.maxTimestamp > s.largest.Timestamp {
		s.largest = TimestampOffset{Timestamp: h.maxTimestamp, Offset: h.lastOffset}
	}
	largest := s.largest
	s.times.mu.Unlock()
	if s.sinceIndexEntry > interval {
		s.sinceIndexEntry = 0
		buffered := s.offsets.addOffset(offsetEntry{relative: int32(h.lastOffset - s.base), position: int32(h.position)})
		full := s.noteTime(largest) || buffered >= indexBufferSize
		if full {
			if err := s.writeIndexes(); err != nil {
				return err
			}
		}
	}
	s.sinceIndexEntry += h.size
	return nil
}

// noteTime adds an entry to the time index if the largest timestamp has grown,
// and tells whether the buffer is full.
func (s *Segment) noteTime(largest TimestampOffset) (full bool) {
	if largest.Timestamp <= s.lastTime {
		return false
	}
	s.lastTime = largest.Timestamp
	return s.times.addTime(timeEntry{timestamp: largest.Timestamp, relative: int32(largest.Offset - s.base)}) >= indexBufferSize
}

// writeIndexes moves the buffers of both indexes to their files. Without space on
// the disk they stay in memory until there is some.
func (s *Segment) writeIndexes() error {
	if err := s.writeAllEntries(); err != nil && !IsNoSpace(err) {
		return err
	}
	return nil
}

// writeAllEntries is writeIndexes that needs the space.
func (s *Segment) writeAllEntries() error {
	s.noIndexFiles = false
	if err := s.writeEntries(&s.timeFile, &s.times, TimeIndexSuffix, timeEntrySize, &s.staleTimes); err != nil {
		return err
	}
	return s.writeEntries(&s.offsetFile, &s.offsets, IndexSuffix, offsetEntrySize, &s.staleOffsets)
}

func (s *Segment) writeEntries(h *handle, x *index, suffix string, width int, stale *bool) error {
	f, err := s.openIndex(h, suffix)
	if err != nil {
		return err
	}
	defer s.dir.handles.unpin(h)
	x.mu.Lock()
	b, at := x.buffer, int64(max(x.inFile, 0))*int64(width)
	x.mu.Unlock() // The writer alone changes the buffer: it may be read on.
	if *stale {
		size, err := f.Size()
		if err == nil && size > at {
			err = f.Truncate(at)
		}
		if err != nil {
			return fmt.Errorf("truncate %s: %w", f.Name(), err)
		}
		s.indexesCut.Store(s.indexesCut.Load() || size > at)
		*stale = false
	}
	if len(b) == 0 {
		return nil
	}
	if _, err := f.WriteAt(b, at); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	x.written(len(b), width)
	return nil
}

// IsNoSpace tells whether an operation failed for want of space, or of file
// descriptors, which heals when there are some again: the disk itself is in order.
func IsNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || isNoDescriptor(err)
}

// Seal completes the files of a segment that is not appended to any more, or
// whose log is closed: all index entries, the largest timestamp as the time
// index's last entry, and no space reserved beyond the end. It syncs nothing. It fails
// when the disk is full; the segment can be used on.
func (s *Segment) Seal() error {
	if s.sealed {
		return nil
	}
	size := s.Size()
	if s.reserved > size {
		f, err := s.openLog()
		if err != nil {
			return err
		}
		err = f.Truncate(size)
		s.log.changed()
		s.dir.handles.unpin(&s.log)
		if err != nil {
			return fmt.Errorf("truncate %s: %w", s.Path(), err)
		}
		s.reserved = 0
	}
	if size > 0 {
		s.noteTime(s.Largest())
		if err := s.writeAllEntries(); err != nil {
			return err
		}
	}
	s.sealed = true
	return nil
}

// SealTail is Seal for the last segment of a log that is closed. changed says that
// something was written.
//
// Differs from Kafka: an only segment that is too small for an index entry goes
// without index files, which would cost more to create than to do without. Apache
// Kafka makes them when it opens the log, and logs an error for each.
func (s *Segment) SealTail(limits Limits) (changed bool, err error) {
	if s.sealed || s.noIndexFiles && s.Size() <= int64(limits.IndexInterval) {
		return false, nil
	}
	return true, s.Seal()
}

// TrimIndexes cuts off what the index files hold besides the entries, such as the
// zeros of a file that Apache Kafka had preallocated when it was killed: its
// tools take them for entries.
func (s *Segment) TrimIndexes() error {
	if s.noIndexFiles {
		return nil
	}
	return s.writeIndexes()
}

// MakeIndexFiles creates the index files now and not with their first entries. A
// segment that follows others needs them: without, Apache Kafka recovers it
// before it recovers those after a crash, and then takes the leader epochs of its
// records to begin there.
func (s *Segment) MakeIndexFiles() error { return s.writeIndexes() }

// NoIndexFiles tells a segment that was opened that it has no index files.
func (s *Segment) NoIndexFiles() { s.noIndexFiles = true }

// Sync makes the records durable and with them the aborted transactions, and the
// other index files only if what they lost must not come back.
func (s *Segment) Sync() error {
	if s.Size() > 0 { // Or there may be no file yet.
		if err := s.syncLog(); err != nil {
			return err
		}
	}
	if s.indexesCut.Load() {
		return s.SyncIndexes()
	}
	return s.syncTxns()
}

func (s *Segment) syncLog() error {
	if _, err := s.openLog(); err != nil {
		return err
	}
	defer s.dir.handles.unpin(&s.log)
	return s.dir.handles.sync(&s.log)
}

// SyncTruncation makes a truncation durable.
func (s *Segment) SyncTruncation() error {
	if err := s.syncLog(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.SyncIndexes()
}

// SyncIndexes makes the index files durable, if there are any.
func (s *Segment) SyncIndexes() error {
	s.indexesCut.Store(false)
	for _, x := range []struct {
		h      *handle
		suffix string
	}{{&s.offsetFile, IndexSuffix}, {&s.timeFile, TimeIndexSuffix}} {
		_, err := s.open(x.h, x.suffix, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = s.dir.handles.sync(x.h)
		s.dir.handles.unpin(x.h)
		if err != nil {
			return err
		}
	}
	return s.syncTxns()
}

// Largest is the largest timestamp so far and the last offset of its batch,
// as far as it is known without reading.
func (s *Segment) Largest() TimestampOffset {
	s.times.mu.Lock()
	defer s.times.mu.Unlock()
	return s.largest
}

// CloseFiles closes the files that nobody uses just now. The segment stays
// usable: they are opened again on demand.
func (s *Segment) CloseFiles() error {
	return errors.Join(s.dir.handles.close(&s.log), s.dir.handles.close(&s.offsetFile), s.dir.handles.close(&s.timeFile))
}
