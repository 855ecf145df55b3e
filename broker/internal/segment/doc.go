// Package segment is one segment of a partition's log: the records in .log,
// and what finds them again, .index, .timeindex and .txnindex, in Apache
// Kafka's formats.
//
//	.index      relative offset int32 | position int32     one entry every index.interval.bytes
//	.timeindex  timestamp int64 | relative offset int32    the largest timestamp up to that offset
//
// Both are sorted, big endian, and relative to the base offset in the file's
// name; an entry of .index names the last offset of the batch at its position.
//
// A Segment has one writer at a time (its log's lock) and any number of readers
// without lock: they see the pair of size and next offset that the writer last
// published, and everything below is immutable until a truncation.
//
// Files are opened on demand through Handles, which bounds how many are open in
// the whole process and closes those that idle. Nothing is mapped into memory.
// Index entries gather in a small buffer and reach their file 4 KiB at a time,
// at a roll and at a close, since what is missing after a crash is built again.
//
// Invariants: positions and next offset only grow but for a truncation; every
// index entry names a batch below the published size; after Seal the files are
// complete and as long as their content.
//
// It does not know about leader epochs, producers, or the order of segments:
// that is package storage. Kafka's classes: LogSegment, FileRecords,
// OffsetIndex, TimeIndex, LazyIndex, LogFileUtils.
package segment
