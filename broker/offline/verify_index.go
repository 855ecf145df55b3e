package offline

import (
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// indexedFrom is the size of a segment, in bytes, from which on it has index files: the
// default of index.interval.bytes.
const indexedFrom = 4096

// indexCursor reads an index file along with its .log file, whose order it has.
type indexCursor struct {
	*window
	path  string
	width int
	// at is the position of the entry that is next.
	at int64
	// broken says that the file makes no sense from here on.
	broken     bool
	lastOffset *segment.OffsetIndexEntry
	lastTime   *segment.TimestampOffset
}

func (s *segmentCheck) openIndexes() {
	s.maxTimestamp = record.NoTimestamp
	s.offsets = s.openIndex(segment.IndexSuffix, segment.OffsetIndexEntrySize, s.index)
	s.times = s.openIndex(segment.TimeIndexSuffix, segment.TimeIndexEntrySize, s.timeIndex)
}

func (s *segmentCheck) openIndex(suffix string, width int, size int64) indexCursor {
	x := indexCursor{path: s.partitionCheck.folder.file(s.base, suffix), width: width, broken: true}
	if size < 0 {
		if s.size > indexedFrom && !s.unsure {
			s.report(found(codeIndexMissing, x.path, "the file is missing"))
		}
		return x
	}
	win, err := openWindow(s.v.fs, x.path)
	if err != nil {
		s.report(found(codeUnreadable, x.path, "%v", err))
		return x
	}
	x.window, x.broken = win, false
	if rest := win.size % int64(width); rest != 0 {
		s.report(found(codeIndexSize, x.path, "%d bytes are not a whole number of entries of %d", win.size, width).at(win.size - rest))
	}
	return x
}

func (s *segmentCheck) close() {
	for _, x := range []*indexCursor{&s.offsets, &s.times} {
		if x.window != nil {
			x.close()
		}
	}
}

// peek gives the bytes of the next entry; false at the end. What was preallocated and not used
// is no entry.
func (x *indexCursor) peek(s *segmentCheck) ([]byte, bool) {
	if x.broken || x.at+int64(x.width) > x.window.size {
		return nil, false
	}
	b, err := x.window.at(x.at, x.width)
	if err != nil {
		return nil, x.fail(s, found(codeUnreadable, x.path, "%v", err))
	}
	if !allZero(b) {
		return b, true
	}
	zeros, err := x.zeros(x.at)
	if err != nil {
		return nil, x.fail(s, found(codeUnreadable, x.path, "%v", err))
	}
	if zeros && (x.at > 0 || x.window.size > int64(x.width)) {
		f := found(codeZeros, x.path, "the last %d bytes are zero", x.window.size-x.at).at(x.at)
		// Apache Kafka leaves the indexes of the metadata log as they are when it stops.
		if x.broken = true; !s.unsure && !s.isMetadata() {
			s.report(f)
		}
		return nil, false
	}
	b, err = x.window.at(x.at, x.width)
	if err != nil {
		return nil, x.fail(s, found(codeUnreadable, x.path, "%v", err))
	}
	return b, true
}

// fail reports what makes the rest of the file useless.
func (x *indexCursor) fail(s *segmentCheck, f *Finding) bool {
	x.broken = true
	s.reportIndex(f)
	return false
}

// reportIndex takes a finding about an index; the next start repairs one that may be torn.
func (s *segmentCheck) reportIndex(f *Finding) {
	if s.unsure && f.Severity == Error {
		f.as(Warning).Cure = cureStart
	}
	s.report(f)
}

// offsetEntry gives the next entry of an .index.
func (x *indexCursor) offsetEntry(s *segmentCheck) (segment.OffsetIndexEntry, bool) {
	b, ok := x.peek(s)
	if !ok {
		return segment.OffsetIndexEntry{}, false
	}
	e := segment.ParseOffsetIndexEntry(s.base, b)
	if p := disorder(x.lastOffset, e, s.base); p != "" {
		return e, x.fail(s, found(codeIndexOrder, x.path, "%s", p).at(x.at))
	}
	return e, true
}

func (x *indexCursor) timeEntry(s *segmentCheck) (segment.TimestampOffset, bool) {
	b, ok := x.peek(s)
	if !ok {
		return segment.TimestampOffset{}, false
	}
	e := segment.ParseTimeIndexEntry(s.base, b)
	if p := timeDisorder(x.lastTime, e, s.base); p != "" {
		return e, x.fail(s, found(codeIndexOrder, x.path, "%s", p).at(x.at))
	}
	return e, true
}

// position checks the entries up to the position of a batch.
func (x *indexCursor) position(s *segmentCheck, b *batch) {
	for {
		e, ok := x.offsetEntry(s)
		if !ok || e.Position > b.position {
			return
		}
		switch {
		case e.Position < b.position && e.Position < s.lostFrom:
			s.reportIndex(found(codeIndexPosition, x.path, "the entry names byte %d, where no batch begins", e.Position).at(x.at).offset(int64(e.Offset)))
		case e.Position == b.position && b.Magic == record.Magic && b.valid() && b.v2().LastOffset() != e.Offset:
			f := found(codeIndexOffset, x.path, "the entry says offset %d, but the batch at byte %d has offsets %d to %d",
				e.Offset, e.Position, b.v2().BaseOffset(), b.v2().LastOffset()).at(x.at).offset(int64(e.Offset))
			if e.Offset >= b.v2().BaseOffset() {
				f.as(Warning) // Lookups still find the batch.
			}
			s.reportIndex(f)
		}
		x.lastOffset = &e
		x.at += int64(x.width)
	}
}

// offset checks the entries up to the last offset of a batch.
func (x *indexCursor) offset(s *segmentCheck, v2 record.Batch) {
	for {
		e, ok := x.timeEntry(s)
		if !ok || e.Offset > v2.LastOffset() {
			return
		}
		x.checkTime(s, e, v2)
		x.lastTime = &e
		x.at += int64(x.width)
	}
}

func (x *indexCursor) checkTime(s *segmentCheck, e segment.TimestampOffset, v2 record.Batch) {
	f := (*Finding)(nil)
	switch {
	case s.damaged:
		return
	case e.Offset < v2.BaseOffset():
		if s.retention == retentionDelete {
			f = found(codeTimeIndex, x.path, "the entry names offset %d, which is in no batch", e.Offset)
		}
	case s.maxTimestamp > e.Timestamp:
		f = found(codeTimeIndex, x.path, "the entry says that no record up to offset %d is later than %d, but one has %d", e.Offset, e.Timestamp, s.maxTimestamp)
	case v2.MaxTimestamp() != e.Timestamp:
		f = found(codeTimeIndex, x.path, "the entry says timestamp %d, but the batch of offset %d has %d", e.Timestamp, e.Offset, v2.MaxTimestamp())
	}
	if f != nil {
		s.reportIndex(f.at(x.at).offset(int64(e.Offset)))
	}
}

// finish checks the entries beyond the last batch, which ends at end.
func (x *indexCursor) finish(s *segmentCheck, end int64) {
	if x.broken || s.damaged {
		return
	}
	if x.width == segment.OffsetIndexEntrySize {
		e, ok := x.offsetEntry(s)
		switch {
		case !ok || e.Position >= s.lostFrom:
		case e.Position < end:
			s.reportIndex(found(codeIndexPosition, x.path, "the entry names byte %d, where no batch begins", e.Position).at(x.at).offset(int64(e.Offset)))
		default:
			s.reportIndex(found(codeIndexPosition, x.path, "the entry names byte %d, but the records end at %d", e.Position, end).at(x.at).offset(int64(e.Offset)))
		}
		return
	}
	if e, ok := x.timeEntry(s); ok && s.lostFrom > end {
		s.reportIndex(found(codeTimeIndex, x.path, "the entry names offset %d, but the segment ends at %d", e.Offset, s.next-1).at(x.at).offset(int64(e.Offset)))
	}
}

// checkTxnIndex compares the .txnindex with the transactions that the records abort.
func (s *segmentCheck) checkTxnIndex() {
	path := s.partitionCheck.folder.file(s.base, segment.TxnIndexSuffix)
	entries, ok := s.readTxnIndex(path)
	if !ok || s.lost {
		return
	}
	inFile := map[int64]AbortedTxn{}
	for _, e := range entries {
		inFile[e.LastOffset] = e
	}
	expected := map[int64]bool{}
	for _, want := range s.aborted {
		expected[want.LastOffset] = true
		got, ok := inFile[want.LastOffset]
		if !ok || got.ProducerID != want.ProducerID || got.FirstOffset > want.FirstOffset {
			s.reportIndex(found(codeTxnMissing, path, "the transaction of producer %d from offset %d, aborted at %d, is not in it", want.ProducerID, want.FirstOffset, want.LastOffset).
				offset(want.LastOffset))
		}
	}
	for i, e := range entries {
		if s.unsure && kafka.Offset(e.LastOffset) >= s.next {
			continue // Its marker was lost in the crash: the next start forgets it.
		}
		// A transaction that began before the first record is not seen, nor one that compaction removed.
		if !expected[e.LastOffset] && kafka.Offset(e.FirstOffset) >= s.first && s.retention != retentionCompact && !s.gaps {
			s.reportIndex(found(codeTxnExtra, path, "no transaction of producer %d was aborted at offset %d", e.ProducerID, e.LastOffset).
				at(int64(i) * txnEntrySize).offset(e.LastOffset))
		}
	}
}
