package storage

import (
	"io/fs"
	"sync/atomic"

	"moldau.dev/moldau/broker/internal/histogram"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// Loading tells how far Open is. The zero value is ready to use.
type Loading struct {
	found, opened atomic.Int64
}

// Logs gives the number of logs that are open, and of those that were found in the
// log directories so far. They are equal in the end, but for directories that
// have failed.
func (l *Loading) Logs() (opened, found int) {
	return int(l.opened.Load()), int(l.found.Load())
}

// begin counts the logs among the entries of a log directory.
func (l *Loading) begin(entries []fs.DirEntry) (logs int) {
	for _, e := range entries {
		if tp, ok := parseFolder(e.Name()); ok && tp.Topic != kafka.ClusterMetadataTopic {
			logs++
		}
	}
	l.found.Add(int64(logs))
	return logs
}

// FlushTimes is how long the syncs of segments took.
func (m *Manager) FlushTimes() histogram.Snapshot { return m.env.flushes.Snapshot() }

// NumSegments is the number of segments.
func (l *Log) NumSegments() int { return len(l.list()) }

// NumProducers is the number of producers whose state the log keeps.
func (l *Log) NumProducers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.producers.Len()
}

// TimestampAt gives the timestamp (ms) of the batch that holds the record at
// offset, or of the next one if there is none: of its first record or, with
// LogAppendTime, of its append. It is -1 if there is nothing at offset or the
// batch has no timestamp. It reads the batch's header.
func (l *Log) TimestampAt(offset kafka.Offset) (int64, error) {
	slice, err := l.Read(offset, record.HeaderSize, l.LogEndOffset(), true)
	if err != nil || slice.Size < record.HeaderSize {
		slice.Release()
		return record.NoTimestamp, err
	}
	defer slice.Release()
	var header [record.HeaderSize]byte
	if _, err := slice.ReadAt(header[:], 0); err != nil {
		return record.NoTimestamp, l.readError(err)
	}
	b := record.Batch(header[:])
	switch {
	case b.Magic() != record.Magic:
		return record.NoTimestamp, nil
	case b.TimestampType() == record.LogAppendTime:
		return b.MaxTimestamp(), nil
	}
	return b.BaseTimestamp(), nil
}
