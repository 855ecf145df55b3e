package storage

import (
	"errors"
	"io/fs"
	"sort"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// Slice is a range of a segment's file; see segment.Slice.
type Slice = segment.Slice

// Found is the answer to a lookup by timestamp: all fields are -1 when there is
// no such record.
type Found = segment.Found

var notFound = Found{Offset: kafka.UnknownOffset, Timestamp: record.NoTimestamp, LeaderEpoch: kafka.NoLeaderEpoch}

// Read gives up to maxBytes of whole batches that starts with the batch of
// offset from, of one segment; the last batch may be cut, the first may begin
// before from. Batches that reach upTo or beyond are left out. With minOne the
// first batch comes whole whatever its size; without, and too large, nothing.
// OFFSET_OUT_OF_RANGE when from is not within log start and end offset.
func (l *Log) Read(from kafka.Offset, maxBytes int, upTo kafka.Offset, minOne bool) (Slice, error) {
	if err := l.usable(); err != nil {
		return Slice{}, err
	}
	slice, err := l.read(from, maxBytes, upTo, minOne)
	if err == nil || isProtocol(err) {
		return slice, err
	}
	err = l.settle(func() error {
		slice, err = l.read(from, maxBytes, upTo, minOne)
		return err
	})
	return slice, err
}

// settle tries a failed read again under the lock: a truncation or a deletion
// may have pulled the file away under it.
func (l *Log) settle(read func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.readError(read())
}

func isProtocol(err error) bool {
	protocol := (*kerr.Error)(nil)
	return errors.As(err, &protocol)
}

// readError gives CORRUPT_MESSAGE for bytes that make no sense, which concern
// this partition alone, and what ioError gives for the rest.
func (l *Log) readError(err error) error {
	if corrupt := (*segment.CorruptError)(nil); errors.As(err, &corrupt) {
		l.dir.env.logger.Error("Stored records are corrupt", "partition", l.name, "error", err)
		return kafka.Errorf(kerr.CorruptMessage, "the log of %v is corrupt", l.tp)
	}
	if errors.Is(err, fs.ErrNotExist) && l.closed.Load() {
		return errClosed
	}
	return l.ioError("read from", err)
}

func (l *Log) read(from kafka.Offset, maxBytes int, upTo kafka.Offset, minOne bool) (Slice, error) {
	if start, end := l.LogStartOffset(), l.LogEndOffset(); from < start || from > end {
		return Slice{}, kafka.Errorf(kerr.OffsetOutOfRange, "offset %d is not within %d and %d, the offsets of %v", from, start, end, l.tp)
	} else if from >= upTo || from == end {
		return Slice{}, nil
	}
	list := l.list()
	for i := floor(list, from); i < len(list) && list[i].BaseOffset() < upTo; i++ {
		slice, found, err := list[i].Read(from, maxBytes, upTo, minOne)
		if err != nil || found {
			return slice, err
		}
	}
	return Slice{}, nil
}

// floor gives the index of the segment that holds offset, or would.
func floor(list []*segment.Segment, offset kafka.Offset) int {
	n := len(list)
	if n == 0 || list[n-1].BaseOffset() <= offset {
		return max(n-1, 0) // Most reads are at the end.
	}
	return max(sort.Search(n, func(i int) bool { return list[i].BaseOffset() > offset })-1, 0)
}

// OffsetForTimestamp gives the first record whose timestamp is at least
// timestamp (ms). It may lie above the high watermark.
func (l *Log) OffsetForTimestamp(timestamp int64) (Found, error) {
	if err := l.usable(); err != nil {
		return notFound, err
	}
	found, err := l.findTimestamp(timestamp)
	if err == nil {
		return found, nil
	}
	err = l.settle(func() error {
		found, err = l.findTimestamp(timestamp)
		return err
	})
	return found, err
}

func (l *Log) findTimestamp(timestamp int64) (Found, error) {
	start := l.LogStartOffset()
	list := l.list()
	for _, s := range list[floor(list, start):] {
		found, ok, err := s.FindTimestamp(timestamp, max(start, s.BaseOffset()))
		if err != nil {
			return notFound, err
		}
		if ok {
			return found, nil
		}
	}
	return notFound, nil
}

// MaxTimestampOffset gives the first record that has the largest timestamp of
// the log.
func (l *Log) MaxTimestampOffset() (Found, error) {
	if err := l.usable(); err != nil {
		return notFound, err
	}
	found, err := l.findLargest()
	if err == nil {
		return found, nil
	}
	err = l.settle(func() error {
		found, err = l.findLargest()
		return err
	})
	return found, err
}

func (l *Log) findLargest() (Found, error) {
	var best *segment.Segment
	bestTimestamp := record.NoTimestamp
	for _, s := range l.list() {
		largest, err := s.LargestTimestamp()
		if err != nil {
			return notFound, err
		}
		if largest.Timestamp > bestTimestamp {
			best, bestTimestamp = s, largest.Timestamp
		}
	}
	if best == nil {
		return notFound, nil
	}
	found, ok, err := best.FindLargest()
	if err != nil || !ok {
		return notFound, err
	}
	return found, nil
}
