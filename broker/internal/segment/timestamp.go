package segment

import (
	"errors"
	"fmt"
	"io"
	"time"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// Found is a record that a lookup by timestamp found.
type Found struct {
	Offset      kafka.Offset
	Timestamp   int64 // In ms.
	LeaderEpoch kafka.LeaderEpoch
}

// LargestTimestamp gives the largest timestamp, reading it from the time index
// of a segment that was not written by this process.
func (s *Segment) LargestTimestamp() (TimestampOffset, error) {
	if t := s.Largest(); t.Timestamp != unknownTimestamp {
		return t, nil
	}
	e, ok, err := s.timeEntryFor(1<<63 - 1)
	if err != nil {
		return TimestampOffset{}, err
	}
	t := TimestampOffset{Timestamp: e.timestamp, Offset: s.base + kafka.Offset(e.relative)}
	if !ok {
		if t, err = s.scanLargest(); err != nil {
			return TimestampOffset{}, err
		}
	}
	s.times.mu.Lock()
	s.largest = t
	s.times.mu.Unlock()
	return t, nil
}

// scanLargest looks at every batch, for a segment without time index: a very
// small one, or one without timestamps.
func (s *Segment) scanLargest() (TimestampOffset, error) {
	largest := TimestampOffset{Timestamp: record.NoTimestamp, Offset: s.base}
	f, err := s.openLog()
	if err != nil {
		return largest, err
	}
	defer s.dir.handles.unpin(&s.log)
	scan := newScanner(f, 0, s.Size())
	defer scan.release()
	for {
		h, err := scan.next()
		if errors.Is(err, io.EOF) {
			return largest, nil
		}
		if err != nil {
			return largest, err
		}
		if h.maxTimestamp > largest.Timestamp {
			largest = TimestampOffset{Timestamp: h.maxTimestamp, Offset: h.lastOffset}
		}
	}
}

// FindTimestamp gives the first record at or after offset from whose timestamp
// is at least target.
func (s *Segment) FindTimestamp(target int64, from kafka.Offset) (Found, bool, error) {
	largest, err := s.LargestTimestamp()
	if err != nil || largest.Timestamp < target {
		return Found{}, false, err
	}
	e, ok, err := s.timeEntryFor(target)
	if err != nil {
		return Found{}, false, err
	}
	start := from
	if ok {
		start = max(from, s.base+kafka.Offset(e.relative))
	}
	return s.firstRecord(start, func(h *header) bool {
		return h.maxTimestamp >= target && h.lastOffset >= from
	}, func(offset kafka.Offset, timestamp int64) bool {
		return timestamp >= target && offset >= from
	})
}

// FindLargest gives the first record that has the segment's largest timestamp.
func (s *Segment) FindLargest() (Found, bool, error) {
	largest, err := s.LargestTimestamp()
	if err != nil || largest.Timestamp < 0 {
		return Found{}, false, err
	}
	return s.firstRecord(largest.Offset, func(h *header) bool {
		return h.maxTimestamp >= largest.Timestamp
	}, func(_ kafka.Offset, timestamp int64) bool {
		return timestamp >= largest.Timestamp
	})
}

// firstRecord gives the first record that fits, looking only into batches that
// may hold one, from the batch of offset start on.
func (s *Segment) firstRecord(start kafka.Offset, batchFits func(*header) bool, fits func(kafka.Offset, int64) bool) (Found, bool, error) {
	size, next := s.tail.load()
	if size == 0 || s.base >= next {
		return Found{}, false, nil
	}
	position, err := s.positionFor(start)
	if err != nil {
		return Found{}, false, err
	}
	f, err := s.openLog()
	if err != nil {
		return Found{}, false, err
	}
	defer s.dir.handles.unpin(&s.log)
	scan := newScanner(f, position, size)
	defer scan.release()
	for {
		h, err := scan.next()
		if errors.Is(err, io.EOF) {
			return Found{}, false, nil
		}
		if err != nil {
			return Found{}, false, err
		}
		if !batchFits(&h) {
			continue
		}
		b := make([]byte, h.size)
		if _, err := f.ReadAt(b, h.position); err != nil {
			return Found{}, false, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		if found, ok, err := firstInBatch(h, b, fits); err != nil || ok {
			if err != nil {
				err = &CorruptError{File: f.Name(), Position: h.position, Err: err}
			}
			return found, ok, err
		}
	}
}

// firstInBatch looks at the records of one batch. Of an old message only the
// outer one is looked at.
func firstInBatch(h header, b []byte, fits func(kafka.Offset, int64) bool) (Found, bool, error) {
	if h.magic != record.Magic {
		return Found{Offset: h.lastOffset, Timestamp: h.maxTimestamp, LeaderEpoch: kafka.NoLeaderEpoch}, true, nil
	}
	batch := record.Batch(b)
	if err := batch.Check(); err != nil {
		return Found{}, false, err
	}
	for r, err := range batch.Records(record.DefaultMaxDecompressed) {
		if err != nil {
			return Found{}, false, err
		}
		if offset, timestamp := batch.Offset(&r), batch.Timestamp(&r); fits(offset, timestamp) {
			return Found{Offset: offset, Timestamp: timestamp, LeaderEpoch: batch.LeaderEpoch()}, true, nil
		}
	}
	return Found{}, false, nil
}

// Modified is when the .log file was last written.
func (s *Segment) Modified() (time.Time, error) {
	info, err := s.dir.fs.Stat(s.Path())
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
