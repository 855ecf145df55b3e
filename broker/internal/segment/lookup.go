package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// positionFor gives a position from which a scan forwards meets the first
// batch whose last offset is at least target: the batch of the last index
// entry that is not above target.
func (s *Segment) positionFor(target kafka.Offset) (int64, error) {
	relative := int64(target - s.base)
	keep := func(e []byte) bool { return int64(parseOffsetEntry(e).relative) <= relative }
	position := int64(-1)
	inFile := s.offsets.bufferSnapshot(func(b []byte) {
		if e, ok := searchBuffer(b, offsetEntrySize, keep); ok {
			position = int64(parseOffsetEntry(e).position)
		}
	})
	if position >= 0 || inFile == 0 {
		return max(position, 0), nil
	}
	var entry offsetEntry
	_, err := s.searchFile(&s.offsetFile, &s.offsets, IndexSuffix, offsetEntrySize, inFile, keep, func(e []byte) { entry = parseOffsetEntry(e) })
	return int64(entry.position), err
}

// timeEntryFor gives the last entry of the time index whose timestamp is not
// above target; false when there is none.
func (s *Segment) timeEntryFor(target int64) (entry timeEntry, ok bool, err error) {
	keep := func(e []byte) bool { return parseTimeEntry(e).timestamp <= target }
	inFile := s.times.bufferSnapshot(func(b []byte) {
		var e []byte
		if e, ok = searchBuffer(b, timeEntrySize, keep); ok {
			entry = parseTimeEntry(e)
		}
	})
	if ok || inFile == 0 {
		return entry, ok, nil
	}
	n, err := s.searchFile(&s.timeFile, &s.times, TimeIndexSuffix, timeEntrySize, inFile, keep, func(e []byte) { entry = parseTimeEntry(e) })
	return entry, n > 0, err
}

// searchFile counts the leading entries of an index file for which keep holds,
// and hands the last of them to found.
func (s *Segment) searchFile(h *handle, x *index, suffix string, width int, inFile int32, keep func([]byte) bool, found func([]byte)) (int, error) {
	f, err := s.open(h, suffix, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // A segment without entries has no file yet.
	}
	if err != nil {
		return 0, err
	}
	defer s.dir.handles.unpin(h)
	if inFile == unknownEntries {
		size, err := f.Size()
		if err != nil {
			return 0, err
		}
		inFile = int32(size / int64(width))
		x.mu.Lock()
		if x.inFile == unknownEntries {
			x.inFile = inFile
		}
		x.mu.Unlock()
	}
	return searchEntries(f, width, int(inFile), keep, found)
}

func searchEntries(f vfs.File, width, n int, keep func([]byte) bool, found func([]byte)) (int, error) {
	buf := scratchPool.Get().(*scratch)
	defer scratchPool.Put(buf)
	perBlock := len(buf) / width
	lo, hi := 0, n // keep holds below lo, and does not from hi on.
	for hi-lo > perBlock {
		mid := int(uint(lo+hi) >> 1)
		if _, err := f.ReadAt(buf[:width], int64(mid)*int64(width)); err != nil {
			return 0, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		if keep(buf[:width]) {
			found(buf[:width])
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	block := buf[:(hi-lo)*width]
	if len(block) == 0 {
		return lo, nil
	}
	if _, err := f.ReadAt(block, int64(lo)*int64(width)); err != nil {
		return 0, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	k := sort.Search(hi-lo, func(i int) bool { return !keep(block[i*width:]) })
	if k > 0 {
		found(block[(k-1)*width : k*width])
	}
	return lo + k, nil
}

// open pins one of the segment's files; the caller unpins.
func (s *Segment) open(h *handle, suffix string, flag int) (vfs.File, error) {
	if f, ok := h.pin(); ok {
		return f, nil
	}
	return s.dir.handles.open(h, s.dir.fs, func() string { return s.path(suffix) }, flag)
}

// openLog pins the .log file, which always exists; the caller unpins.
func (s *Segment) openLog() (vfs.File, error) { return s.open(&s.log, LogSuffix, 0) }

// openIndex pins an index file and creates it if need be; the caller unpins.
func (s *Segment) openIndex(h *handle, suffix string) (vfs.File, error) {
	return s.open(h, suffix, os.O_CREATE)
}
