package quorum

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"time"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// Sizes of one entry of the index files, which are Kafka's:
//
//	.index      relative last offset (int32) | position of the batch (int32)
//	.timeindex  max timestamp so far (int64) | relative offset of it (int32)
const (
	indexEntrySize     = 8
	timeIndexEntrySize = 12
)

// mark remembers where a batch is.
type mark struct {
	index    uint64
	offset   kafka.Offset // The batch's base offset.
	position int64
}

// logSegment is one file of the metadata log with its indexes. The indexes on
// disk are for Kafka's tools and for a quick start; nothing rests on them.
type logSegment struct {
	base    kafka.Offset
	created time.Time
	file    vfs.File // nil for a segment below floor, which is only kept for its retention.
	size    int64
	// reserved is up to which position the disk's space is known to be taken.
	reserved int64
	marks    []mark // One per indexIntervalBytes, sorted.

	index, timeIndex sideFile
	sinceEntry       int64 // Bytes since the last entry.
	maxTimestamp     int64
	maxTimestampAt   kafka.Offset
	lastTimestamp    int64 // Of the last entry of the time index.
}

// sideFile is an index file that is appended to without ever being synced.
type sideFile struct {
	file vfs.File
	size int64
	buf  []byte
}

func (f *sideFile) flush() error {
	if len(f.buf) == 0 || f.file == nil {
		return nil
	}
	if _, err := f.file.WriteAt(f.buf, f.size); err != nil {
		return fmt.Errorf("append to %s: %w", f.file.Name(), err)
	}
	f.size += int64(len(f.buf))
	f.buf = f.buf[:0]
	return nil
}

func (f *sideFile) truncate(size int64) error {
	f.buf, f.size = f.buf[:0], size
	return f.file.Truncate(size)
}

func segmentPath(dir string, base kafka.Offset, suffix string) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", base, suffix))
}

// createSegment makes an empty segment durable.
func createSegment(fsys vfs.FS, dir string, base kafka.Offset, now time.Time) (*logSegment, error) {
	s, err := openSegment(fsys, dir, base, now)
	if err != nil {
		return nil, err
	}
	for _, err := range []error{s.file.Truncate(0), s.index.truncate(0), s.timeIndex.truncate(0)} {
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	s.size = 0
	if err := fsys.SyncDir(dir); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// openSegment opens a segment for appending, creating what is missing. The marks
// are not there yet.
func openSegment(fsys vfs.FS, dir string, base kafka.Offset, now time.Time) (*logSegment, error) {
	s := &logSegment{base: base, created: now}
	s.forgetTimestamps()
	var err error
	if s.file, s.size, err = openSized(fsys, segmentPath(dir, base, ".log")); err != nil {
		return nil, err
	}
	if s.index.file, s.index.size, err = openSized(fsys, segmentPath(dir, base, ".index")); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.timeIndex.file, s.timeIndex.size, err = openSized(fsys, segmentPath(dir, base, ".timeindex")); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func openSized(fsys vfs.FS, name string) (vfs.File, int64, error) {
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, 0, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size, nil
}

// full tells whether a batch of that size must go to a new segment.
func (s *logSegment) full(size int, limits logLimits, now time.Time) bool {
	if s.size == 0 {
		return false
	}
	return s.size+int64(size) > limits.segmentBytes || limits.segmentAge > 0 && now.Sub(s.created) >= limits.segmentAge
}

// note accounts for a batch that was written, or found, at that position.
func (s *logSegment) note(b record.Batch, position int64, index uint64) {
	if len(s.marks) == 0 || s.sinceEntry > indexIntervalBytes {
		s.marks = append(s.marks, mark{index: index, offset: b.BaseOffset(), position: position})
	}
	s.noteEntry(b, position)
}

// noteEntry does the part of the index files. The time index has no entry where the
// largest timestamp has not grown: Kafka's tools want it to rise.
func (s *logSegment) noteEntry(b record.Batch, position int64) {
	s.noteTimestamp(b.MaxTimestamp(), b.LastOffset())
	if s.sinceEntry > indexIntervalBytes {
		s.sinceEntry = 0
		s.index.buf = binary.BigEndian.AppendUint32(s.index.buf, uint32(b.LastOffset()-s.base))
		s.index.buf = binary.BigEndian.AppendUint32(s.index.buf, uint32(position))
		if s.maxTimestamp > s.lastTimestamp {
			s.lastTimestamp = s.maxTimestamp
			s.timeIndex.buf = binary.BigEndian.AppendUint64(s.timeIndex.buf, uint64(s.maxTimestamp))
			s.timeIndex.buf = binary.BigEndian.AppendUint32(s.timeIndex.buf, uint32(s.maxTimestampAt-s.base))
		}
	}
	s.sinceEntry += int64(len(b))
}

func (s *logSegment) noteTimestamp(timestamp int64, last kafka.Offset) {
	if timestamp > s.maxTimestamp {
		s.maxTimestamp, s.maxTimestampAt = timestamp, last
	}
}

func (s *logSegment) writeIndexes() error { return errors.Join(s.index.flush(), s.timeIndex.flush()) }

func (s *logSegment) sync() error { return s.file.Sync() }

// batchAt reads the batch at that position.
func (s *logSegment) batchAt(position int64) (record.Batch, error) {
	var header [record.HeaderSize]byte
	if _, err := s.file.ReadAt(header[:], position); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", s.file.Name(), position, err)
	}
	size, err := record.PeekSize(header[:])
	if err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", s.file.Name(), position, err)
	}
	if size > maxStoredBatchBytes || int64(size) > s.size-position {
		return nil, fmt.Errorf("read %s at %d: a batch of %d bytes does not fit", s.file.Name(), position, size)
	}
	data := make([]byte, size)
	if _, err := s.file.ReadAt(data, position); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s at %d: %w", s.file.Name(), position, err)
	}
	b, _, err := record.Read(data)
	if err == nil {
		err = b.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", s.file.Name(), position, err)
	}
	return b, nil
}

// truncate cuts the segment at the end of a batch that it holds.
func (s *logSegment) truncate(keep logPosition) error {
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].index > keep.index })
	position, newest, newestAt := int64(0), record.NoTimestamp, s.base
	if i > 0 {
		position = s.marks[i-1].position
		for index := s.marks[i-1].index; index <= keep.index; index++ {
			b, err := s.batchAt(position)
			if err != nil {
				return err
			}
			position += int64(len(b))
			if timestamp := b.MaxTimestamp(); timestamp > newest {
				newest, newestAt = timestamp, b.LastOffset()
			}
		}
	} else if s.base < keep.offset && len(s.marks) > 0 {
		position = s.marks[0].position // Everything known goes; what lies below floor stays.
	}
	s.marks = s.marks[:i]
	s.size, s.sinceEntry = position, 0
	if err := s.file.Truncate(position); err != nil {
		return err
	}
	s.reserved = position // The space behind is given back.
	if err := s.cutIndexes(position); err != nil {
		return err
	}
	s.noteTimestamp(newest, newestAt) // There is a mark for each entry: all above the last one were looked at.
	return s.file.Sync()
}

// cutIndexes drops the entries of the indexes that point at or past a position
// of the log, or make no sense.
func (s *logSegment) cutIndexes(position int64) error {
	last, _, n, err := s.lastEntryBefore(func(_ kafka.Offset, at int64) bool { return at < position })
	if err != nil {
		return err
	}
	times, _, err := s.takeTimestamps(last)
	if err != nil {
		return err
	}
	return s.keepEntries(n, times)
}

// keepEntries cuts the indexes after that many entries.
func (s *logSegment) keepEntries(n, times int) error {
	return errors.Join(s.index.truncate(int64(n)*indexEntrySize), s.timeIndex.truncate(int64(times)*timeIndexEntrySize))
}

// lastEntryBefore walks the offset index as long as its entries rise, lie in the
// file and satisfy keep. It gives the last such entry, -1 and 0 if there is none, and
// their number. Apache Kafka leaves index files padded with zeros.
func (s *logSegment) lastEntryBefore(keep func(last kafka.Offset, position int64) bool) (last kafka.Offset, position int64, n int, err error) {
	data := make([]byte, s.index.size/indexEntrySize*indexEntrySize)
	if len(data) > 0 {
		if _, err := s.index.file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, 0, fmt.Errorf("read %s: %w", s.index.file.Name(), err)
		}
	}
	last = kafka.UnknownOffset
	for ; len(data) >= indexEntrySize; data = data[indexEntrySize:] {
		offset := s.base + kafka.Offset(binary.BigEndian.Uint32(data))
		at := int64(binary.BigEndian.Uint32(data[4:]))
		if offset <= last || at <= position || at >= s.size || !keep(offset, at) {
			break
		}
		last, position = offset, at
		n++
	}
	return last, position, n, nil
}

func (s *logSegment) forgetTimestamps() {
	s.maxTimestamp, s.maxTimestampAt, s.lastTimestamp = record.NoTimestamp, kafka.UnknownOffset, record.NoTimestamp
}

// takeTimestamps takes the newest entry of the time index that is not above the offset
// last, and tells how many there are up to it, and whether they rise. Unless a crash
// has torn the file, they do.
func (s *logSegment) takeTimestamps(last kafka.Offset) (n int, rise bool, err error) {
	s.forgetTimestamps()
	data := make([]byte, s.timeIndex.size/timeIndexEntrySize*timeIndexEntrySize)
	if len(data) > 0 {
		if _, err := s.timeIndex.file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
			return 0, false, fmt.Errorf("read %s: %w", s.timeIndex.file.Name(), err)
		}
	}
	used := len(bytes.TrimRight(data, "\x00")) // Without padding, perhaps without the end of an offset.
	data = data[:(used+timeIndexEntrySize-1)/timeIndexEntrySize*timeIndexEntrySize]
	for ; len(data) > 0; data = data[timeIndexEntrySize:] {
		timestamp, offset := int64(binary.BigEndian.Uint64(data)), s.base+kafka.Offset(binary.BigEndian.Uint32(data[8:]))
		if timestamp <= s.maxTimestamp || offset <= s.maxTimestampAt {
			return n, false, nil
		}
		if offset > last {
			break
		}
		s.maxTimestamp, s.maxTimestampAt, s.lastTimestamp = timestamp, offset, timestamp
		n++
	}
	return n, true, nil
}

// remove deletes the segment's files.
func (s *logSegment) remove(fsys vfs.FS, dir string) error {
	if err := s.close(); err != nil {
		return err
	}
	for _, suffix := range []string{".log", ".index", ".timeindex", ".txnindex", ".snapshot"} {
		if err := vfs.RemoveIfExists(fsys, segmentPath(dir, s.base, suffix)); err != nil {
			return err
		}
	}
	return nil
}

func (s *logSegment) close() error {
	var errs []error
	for _, f := range []vfs.File{s.file, s.index.file, s.timeIndex.file} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
