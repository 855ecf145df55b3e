package segment

import "moldau.dev/moldau/internal/kafka"

// Sizes of the entries of the index files, in bytes.
const (
	OffsetIndexEntrySize = offsetEntrySize
	TimeIndexEntrySize   = timeEntrySize
)

// OffsetIndexEntry is one entry of an .index file, for those who inspect it.
type OffsetIndexEntry struct {
	// Offset is the last one of the batch at Position.
	Offset   kafka.Offset
	Position int64
}

// ParseOffsetIndexEntry reads an entry of the segment with that base offset; b
// holds OffsetIndexEntrySize bytes or more.
func ParseOffsetIndexEntry(base kafka.Offset, b []byte) OffsetIndexEntry {
	e := parseOffsetEntry(b)
	return OffsetIndexEntry{Offset: base + kafka.Offset(e.relative), Position: int64(e.position)}
}

// ParseTimeIndexEntry reads an entry of the segment with that base offset; b
// holds TimeIndexEntrySize bytes or more.
func ParseTimeIndexEntry(base kafka.Offset, b []byte) TimestampOffset {
	e := parseTimeEntry(b)
	return TimestampOffset{Timestamp: e.timestamp, Offset: base + kafka.Offset(e.relative)}
}
