package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
)

// Sizes in bytes.
const (
	// HeaderSize is the size of the header of a v2 batch, up to the records.
	HeaderSize = 61
	// LogOverhead is the size of base offset and length, which the length
	// field does not count.
	LogOverhead = 12
	// PeekLen is how many bytes Peek and PeekSize need: up to the magic byte,
	// which every version has at the same place.
	PeekLen = 17
)

// Magic is the only version of the batch format that is written.
const Magic = 2

// NoTimestamp is the timestamp of a record without one, in milliseconds.
const NoTimestamp int64 = -1

// Positions in the header.
const (
	offBaseOffset      = 0
	offLength          = 8
	offLeaderEpoch     = 12
	offMagic           = 16
	offCRC             = 17
	offAttributes      = 21
	offLastOffsetDelta = 23
	offBaseTimestamp   = 27
	offMaxTimestamp    = 35
	offProducerID      = 43
	offProducerEpoch   = 51
	offBaseSequence    = 53
	offCount           = 57
)

// Attributes are the flags of a batch.
type Attributes int16

// The bits of Attributes; the rest is unused.
const (
	attrCodecMask     Attributes = 0x07
	attrLogAppendTime Attributes = 0x08
	attrTransactional Attributes = 0x10
	attrControl       Attributes = 0x20
	attrDeleteHorizon Attributes = 0x40
	attrKnown                    = attrCodecMask | attrLogAppendTime | attrTransactional | attrControl | attrDeleteHorizon
)

// TimestampType says who set the timestamps of a batch.
type TimestampType int8

// The timestamp types, numbered as on the wire.
const (
	// CreateTime is the time the producer set.
	CreateTime TimestampType = 0
	// LogAppendTime is the time at which the leader appended the batch.
	LogAppendTime TimestampType = 1
)

// String gives the value of the topic config message.timestamp.type.
func (t TimestampType) String() string {
	if t == LogAppendTime {
		return "LogAppendTime"
	}
	return "CreateTime"
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is exactly one whole v2 batch, a view over the memory it was read from.
// Its methods are valid for what Read or Builder.Build returned; the setters
// write into that memory.
type Batch []byte

func (b Batch) int16(at int) int16 { return int16(binary.BigEndian.Uint16(b[at:])) }
func (b Batch) int32(at int) int32 { return int32(binary.BigEndian.Uint32(b[at:])) }
func (b Batch) int64(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }

// BaseOffset is the offset of the first record of the batch as it was
// produced; compaction may since have removed that record.
func (b Batch) BaseOffset() kafka.Offset { return kafka.Offset(b.int64(offBaseOffset)) }

// LastOffset is the offset of the last record of the batch as it was produced.
func (b Batch) LastOffset() kafka.Offset {
	return b.BaseOffset() + kafka.Offset(b.LastOffsetDelta())
}

// NextOffset is the offset that follows the batch.
func (b Batch) NextOffset() kafka.Offset { return b.LastOffset() + 1 }

// Size is the size of the batch in bytes, by its length field; it equals
// len(b) for every batch that Read returned.
func (b Batch) Size() int { return int(b.int32(offLength)) + LogOverhead }

// LeaderEpoch is the epoch of the leader that appended the batch.
func (b Batch) LeaderEpoch() kafka.LeaderEpoch { return kafka.LeaderEpoch(b.int32(offLeaderEpoch)) }

// Magic is the version of the format: 2.
func (b Batch) Magic() int8 { return int8(b[offMagic]) }

// CRC is the stored CRC-32C of everything from the attributes on.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[offCRC:]) }

// Attributes gives the raw flags.
func (b Batch) Attributes() Attributes { return Attributes(b.int16(offAttributes)) }

// Codec is the codec of the payload. It may be one that does not exist; Check
// refuses such a batch.
func (b Batch) Codec() compress.Codec { return compress.Codec(b.Attributes() & attrCodecMask) }

// TimestampType says who set the timestamps.
func (b Batch) TimestampType() TimestampType {
	if b.Attributes()&attrLogAppendTime != 0 {
		return LogAppendTime
	}
	return CreateTime
}

// IsTransactional tells whether the batch belongs to a transaction.
func (b Batch) IsTransactional() bool { return b.Attributes()&attrTransactional != 0 }

// IsControl tells whether the records are control records, which consumers
// never see.
func (b Batch) IsControl() bool { return b.Attributes()&attrControl != 0 }

// HasProducerID tells whether an idempotent or transactional producer wrote
// the batch.
func (b Batch) HasProducerID() bool { return b.ProducerID() > kafka.NoProducerID }

// DeleteHorizon is the time in milliseconds at which compaction may remove the
// tombstones and markers of the batch; false when none was set.
func (b Batch) DeleteHorizon() (int64, bool) {
	if b.Attributes()&attrDeleteHorizon == 0 {
		return NoTimestamp, false
	}
	return b.BaseTimestamp(), true
}

// LastOffsetDelta is LastOffset minus BaseOffset.
func (b Batch) LastOffsetDelta() int32 { return b.int32(offLastOffsetDelta) }

// BaseTimestamp is what the timestamp deltas of the records count from, in
// milliseconds.
func (b Batch) BaseTimestamp() int64 { return b.int64(offBaseTimestamp) }

// MaxTimestamp is the largest timestamp of the batch in milliseconds, or the
// append time with LogAppendTime.
func (b Batch) MaxTimestamp() int64 { return b.int64(offMaxTimestamp) }

// ProducerID is kafka.NoProducerID for producers that are not idempotent.
func (b Batch) ProducerID() kafka.ProducerID { return kafka.ProducerID(b.int64(offProducerID)) }

// ProducerEpoch goes with ProducerID.
func (b Batch) ProducerEpoch() kafka.ProducerEpoch {
	return kafka.ProducerEpoch(b.int16(offProducerEpoch))
}

// BaseSequence is the producer's sequence number of the first record, or
// kafka.NoSequence.
func (b Batch) BaseSequence() int32 { return b.int32(offBaseSequence) }

// LastSequence is the producer's sequence number of the last record, or
// kafka.NoSequence. Sequences wrap from the largest int32 to 0.
func (b Batch) LastSequence() int32 {
	base := b.BaseSequence()
	if base == kafka.NoSequence {
		return kafka.NoSequence
	}
	return AddSequence(base, b.LastOffsetDelta())
}

// Count is the number of records in the batch by its header.
func (b Batch) Count() int32 { return b.int32(offCount) }

// Payload is the records as stored, compressed if Codec says so.
func (b Batch) Payload() []byte { return b[HeaderSize:] }

// Offset is the offset of one of the batch's records.
func (b Batch) Offset(r *Record) kafka.Offset {
	return b.BaseOffset() + kafka.Offset(r.OffsetDelta)
}

// Timestamp is the timestamp of one of the batch's records in milliseconds:
// the batch's append time with LogAppendTime.
func (b Batch) Timestamp(r *Record) int64 {
	if b.TimestampType() == LogAppendTime {
		return b.MaxTimestamp()
	}
	return b.BaseTimestamp() + r.TimestampDelta
}

// SetBaseOffset stamps the batch's place in the log. The checksum does not
// cover it.
func (b Batch) SetBaseOffset(o kafka.Offset) {
	binary.BigEndian.PutUint64(b[offBaseOffset:], uint64(o))
}

// SetLeaderEpoch stamps the leader's epoch. The checksum does not cover it.
func (b Batch) SetLeaderEpoch(e kafka.LeaderEpoch) {
	binary.BigEndian.PutUint32(b[offLeaderEpoch:], uint32(e))
}

// SetMaxTimestamp sets the timestamp type and the largest timestamp, and
// recomputes the checksum if that changed anything.
func (b Batch) SetMaxTimestamp(t TimestampType, ms int64) {
	if b.TimestampType() == t && b.MaxTimestamp() == ms {
		return
	}
	attrs := b.Attributes() & attrKnown &^ attrLogAppendTime
	if t == LogAppendTime {
		attrs |= attrLogAppendTime
	}
	binary.BigEndian.PutUint16(b[offAttributes:], uint16(attrs))
	binary.BigEndian.PutUint64(b[offMaxTimestamp:], uint64(ms))
	b.updateCRC()
}

func (b Batch) updateCRC() { binary.BigEndian.PutUint32(b[offCRC:], b.computeCRC()) }

func (b Batch) computeCRC() uint32 { return crc32.Checksum(b[offAttributes:], castagnoli) }

// Check verifies the checksum and what must hold of every header, wherever the
// batch comes from: *CorruptError otherwise. The records are not looked at.
func (b Batch) Check() error {
	switch {
	case len(b) < HeaderSize:
		return corruptf(NoPosition, "%d bytes are less than the header's %d", len(b), HeaderSize)
	case b.Magic() != Magic:
		return corruptf(offMagic, "magic %d is not %d", b.Magic(), Magic)
	case b.Size() != len(b):
		return corruptf(offLength, "the length field says %d bytes, the batch has %d", b.Size(), len(b))
	}
	if crc := b.computeCRC(); crc != b.CRC() {
		return corruptf(offCRC, "stored crc = %d, computed crc = %d", b.CRC(), crc)
	}
	switch {
	case !b.Codec().Valid():
		return corruptf(offAttributes, "unknown compression codec %d", b.Codec())
	case b.LastOffsetDelta() < 0:
		return corruptf(offLastOffsetDelta, "negative last offset delta %d", b.LastOffsetDelta())
	case b.Count() < 0:
		return corruptf(offCount, "negative record count %d", b.Count())
	case b.BaseOffset() < 0 || b.BaseOffset() > math.MaxInt64-kafka.Offset(b.LastOffsetDelta())-1:
		return corruptf(offBaseOffset, "base offset %d out of range", b.BaseOffset())
	}
	return nil
}

// Clone gives a copy with memory of its own.
func (b Batch) Clone() Batch { return append(Batch(nil), b...) }

// String describes the header, for logs.
func (b Batch) String() string {
	if len(b) < HeaderSize {
		return fmt.Sprintf("Batch(%d bytes)", len(b))
	}
	return fmt.Sprintf("Batch(offsets=[%d, %d], count=%d, sequence=[%d, %d], producer=%d/%d, leaderEpoch=%d, transactional=%t, control=%t, codec=%v, timestampType=%v, crc=%d)",
		b.BaseOffset(), b.LastOffset(), b.Count(), b.BaseSequence(), b.LastSequence(), b.ProducerID(), b.ProducerEpoch(),
		b.LeaderEpoch(), b.IsTransactional(), b.IsControl(), b.Codec(), b.TimestampType(), b.CRC())
}

// AddSequence advances a sequence number, which wraps from the largest int32
// to 0. The increment must not be negative.
func AddSequence(sequence, increment int32) int32 {
	if sequence > math.MaxInt32-increment {
		return increment - (math.MaxInt32 - sequence) - 1
	}
	return sequence + increment
}
