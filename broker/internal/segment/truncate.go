package segment

import (
	"errors"
	"fmt"
	"io/fs"

	"moldau.dev/moldau/internal/kafka"
)

// TruncateTo drops the batches that reach offset or beyond, and gives the
// offset that is next then: offset, or less if it lay within a batch. Readers that are under way may see the end of the
// file before the end of their range.
func (s *Segment) TruncateTo(offset kafka.Offset, limits Limits) (kafka.Offset, error) {
	size, next := s.tail.load()
	if offset >= next {
		return next, nil
	}
	if size == 0 {
		s.forgetIndexes()
		s.tail.store(0, offset)
		return offset, nil
	}
	f, err := s.openLog()
	if err != nil {
		return 0, err
	}
	defer s.dir.handles.unpin(&s.log)
	position, err := s.positionFor(offset)
	if err != nil {
		return 0, err
	}
	h, found, err := find(f, position, size, offset)
	if err != nil {
		return 0, err
	}
	if !found {
		if consistent, err := s.LoadTail(limits); err != nil || !consistent {
			return 0, errors.Join(err, s.corrupt(size))
		}
		s.tail.store(size, offset)
		return offset, nil
	}
	// A batch is kept or dropped as a whole.
	newNext := max(min(offset, h.baseOffset), s.base)
	// The end moves first, so that no reader looks for what is being cut.
	s.tail.store(h.position, newNext)
	if err := s.truncateEntries(offset); err != nil {
		return 0, err
	}
	err = f.Truncate(h.position)
	s.log.changed()
	if err != nil {
		return 0, fmt.Errorf("truncate %s: %w", f.Name(), err)
	}
	s.reserved = 0
	if err := s.truncateTxns(offset); err != nil {
		return 0, err
	}
	if consistent, err := s.LoadTail(limits); err != nil || !consistent {
		return 0, errors.Join(err, s.corrupt(h.position))
	}
	s.tail.store(h.position, newNext)
	return newNext, nil
}

func (s *Segment) corrupt(position int64) error {
	return &CorruptError{File: s.Path(), Position: position, Err: errors.New("no whole batch before the end of a truncation")}
}

// truncateEntries drops the index entries at or above offset.
func (s *Segment) truncateEntries(offset kafka.Offset) error {
	if err := s.writeIndexes(); err != nil {
		return err
	}
	relative := int64(offset - s.base)
	below := func(e []byte) bool { return int64(parseOffsetEntry(e).relative) < relative }
	if err := s.cutIndex(&s.offsetFile, &s.offsets, IndexSuffix, offsetEntrySize, below); err != nil {
		return err
	}
	belowTime := func(e []byte) bool { return int64(parseTimeEntry(e).relative) < relative }
	return s.cutIndex(&s.timeFile, &s.times, TimeIndexSuffix, timeEntrySize, belowTime)
}

// cutIndex leaves the entries for which keep holds. Those that could not be
// written because the disk is full are dropped: a scan makes up for them.
func (s *Segment) cutIndex(h *handle, x *index, suffix string, width int, keep func([]byte) bool) error {
	inFile := x.bufferSnapshot(func([]byte) {})
	n, err := s.searchFile(h, x, suffix, width, inFile, keep, func([]byte) {})
	if err != nil {
		return err
	}
	x.reset(int32(n))
	return s.truncateIndex(h, suffix, int64(n)*int64(width))
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
		h.changed()
	}
	if err != nil {
		return fmt.Errorf("truncate %s: %w", f.Name(), err)
	}
	return nil
}

// Deleted tells whether MarkDeleted was called.
func (s *Segment) Deleted() bool { return s.deleted.Load() }

// MarkDeleted renames the files to their names with DeletedSuffix. Reads that
// are under way go on.
func (s *Segment) MarkDeleted() error {
	for _, suffix := range fileSuffixes {
		from := s.dir.Join(FileName(s.base, suffix))
		err := s.dir.fs.Rename(from, from+DeletedSuffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s.deleted.Store(true)
	return nil
}

var fileSuffixes = [...]string{LogSuffix, IndexSuffix, TimeIndexSuffix, TxnIndexSuffix}

// Discard closes the files of a segment that is deleted, those in use when they
// are released.
func (s *Segment) Discard() {
	s.dir.handles.discard(&s.log)
	s.dir.handles.discard(&s.offsetFile)
	s.dir.handles.discard(&s.timeFile)
}

// Remove unlinks the files, under whichever names they have. Files that are
// gone already are no error.
func (s *Segment) Remove() error {
	s.Discard()
	var all error
	for _, suffix := range fileSuffixes {
		err := s.dir.fs.Remove(s.path(suffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}
