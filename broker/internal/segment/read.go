package segment

import (
	"errors"
	"fmt"
	"io"
	"os"

	"moldau.dev/moldau/internal/kafka"
)

// Slice is a range of a segment's file that starts with a whole batch. It pins
// the open file: Release must be called once, after which it is useless. The
// zero Slice is empty and needs no Release.
type Slice struct {
	seg *Segment
	// Position is where the range starts in the file, in bytes.
	Position int64
	// Size is the length of the range in bytes; 0 when there is nothing to
	// read. The last batch may be cut.
	Size int
	// BaseOffset is the base offset of the first batch, which may lie before
	// the offset that was asked for.
	BaseOffset kafka.Offset
	// SegmentBase is the base offset of the segment.
	SegmentBase kafka.Offset
	// UpperBound lies above every record of the range: the smaller of the bound
	// that was asked for and the segment's end.
	UpperBound kafka.Offset
}

// File gives the open file for sendfile, valid until Release, and the range in
// it. It is nil when the file is not the operating system's.
func (s *Slice) File() (f *os.File, position int64, size int) {
	if s.seg == nil {
		return nil, 0, 0
	}
	return s.seg.log.file.OSFile(), s.Position, s.Size
}

// ReadAll appends the range's bytes to dst.
func (s *Slice) ReadAll(dst []byte) ([]byte, error) {
	if s.Size == 0 {
		return dst, nil
	}
	at := len(dst)
	if cap(dst)-at < s.Size {
		grown := make([]byte, at, at+s.Size)
		copy(grown, dst)
		dst = grown
	}
	dst = dst[:at+s.Size]
	n, err := s.ReadAt(dst[at:], 0)
	if err != nil {
		return dst[:at+n], err
	}
	return dst, nil
}

// ReadAt reads a part of the range into p, which must lie within it.
func (s *Slice) ReadAt(p []byte, offset int64) (int, error) {
	f := s.seg.log.file
	n, err := f.ReadAt(p, s.Position+offset)
	if n == len(p) {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, fmt.Errorf("read %s: %w", f.Name(), err)
}

// Release lets go of the file.
func (s *Slice) Release() {
	if s.seg != nil {
		s.seg.dir.handles.unpin(&s.seg.log)
		s.seg = nil
	}
}

// Read gives the batches from the one that holds offset from (or the next one,
// if compaction left a gap) to the last one below upTo, no more than maxBytes
// of them; with minOne at least the first batch whatever its size. found is
// false when the segment ends before from.
func (s *Segment) Read(from kafka.Offset, maxBytes int, upTo kafka.Offset, minOne bool) (slice Slice, found bool, err error) {
	size, next, first := s.tail.loadLast()
	if from >= next || size == 0 {
		return Slice{}, false, nil
	}
	f, err := s.openLog()
	if err != nil {
		return Slice{}, false, err
	}
	pinned := true
	defer func() {
		if pinned {
			s.dir.handles.unpin(&s.log)
		}
	}()
	if first.size == 0 || from < first.baseOffset { // Who waits for records wants the last batch.
		start, err := s.positionFor(from)
		if err != nil {
			return Slice{}, false, err
		}
		if first, found, err = find(f, start, size, from); err != nil || !found {
			return Slice{}, false, err
		}
	}
	end := size
	if upTo < next {
		if end, err = s.endFor(first, size, upTo); err != nil {
			return Slice{}, false, err
		}
	}
	if minOne {
		maxBytes = max(maxBytes, first.size)
	}
	if first.end() > end || first.size > maxBytes {
		return Slice{}, true, nil
	}
	pinned = false
	return Slice{
		seg: s, Position: first.position, Size: int(min(end-first.position, int64(maxBytes))),
		BaseOffset: first.baseOffset, SegmentBase: s.base, UpperBound: min(upTo, next),
	}, true, nil
}

// endFor gives the position of the first batch that reaches upTo, searched
// from the batch first on.
func (s *Segment) endFor(first header, size int64, upTo kafka.Offset) (int64, error) {
	if first.lastOffset >= upTo {
		return first.position, nil
	}
	position, err := s.positionFor(upTo)
	if err != nil {
		return 0, err
	}
	f, err := s.openLog()
	if err != nil {
		return 0, err
	}
	defer s.dir.handles.unpin(&s.log)
	h, found, err := find(f, max(position, first.end()), size, upTo)
	if err != nil {
		return 0, err
	}
	if !found {
		return size, nil
	}
	return h.position, nil
}
