package record

import (
	"encoding/binary"
	"math"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/kafka"
)

// Options describes the batch that a Builder builds. Start from NewOptions: in
// the zero value, producer 0 and leader epoch 0 are set, which are real ids.
type Options struct {
	BaseOffset  kafka.Offset
	LeaderEpoch kafka.LeaderEpoch
	Codec       compress.Codec
	// Level is the codec's level; 0 and compress.DefaultLevel ask for the
	// codec's default.
	Level         int
	TimestampType TimestampType
	// LogAppendTimeMs is the batch's max timestamp with LogAppendTime.
	LogAppendTimeMs int64
	ProducerID      kafka.ProducerID
	ProducerEpoch   kafka.ProducerEpoch
	BaseSequence    int32
	Transactional   bool
	Control         bool
	// DeleteHorizonMs becomes the base timestamp, and the flag is set, if
	// HasDeleteHorizon (KIP-534).
	DeleteHorizonMs  int64
	HasDeleteHorizon bool
}

// NewOptions gives the options of an uncompressed batch at that offset without
// producer id and leader epoch.
func NewOptions(base kafka.Offset) Options {
	return Options{
		BaseOffset:    base,
		LeaderEpoch:   kafka.NoLeaderEpoch,
		ProducerID:    kafka.NoProducerID,
		ProducerEpoch: kafka.NoProducerEpoch,
		BaseSequence:  kafka.NoSequence,
	}
}

// Builder builds one batch record by record. It is for our own data: what
// cannot be encoded (an offset below the last one, a batch of 2 GiB) is a
// broken invariant. Not safe for concurrent use.
type Builder struct {
	opts Options
	// buf holds room for the header, then the records.
	buf           []byte
	count         int32
	nextOffset    kafka.Offset
	baseTimestamp int64
	maxTimestamp  int64
	// maxTimestampSet says that maxTimestamp was overridden.
	maxTimestampSet bool
	lastOffset      kafka.Offset
	lastOffsetSet   bool
}

// NewBuilder gives a Builder for one batch.
func NewBuilder(o Options) *Builder {
	b := &Builder{}
	b.Reset(o)
	return b
}

// Reset starts another batch in the same memory. A batch without codec that
// Build returned before is overwritten.
func (b *Builder) Reset(o Options) {
	buf := b.buf
	if cap(buf) < HeaderSize {
		buf = make([]byte, HeaderSize, 512)
	}
	*b = Builder{
		opts:          o,
		buf:           buf[:HeaderSize],
		nextOffset:    o.BaseOffset,
		baseTimestamp: NoTimestamp,
		maxTimestamp:  NoTimestamp,
	}
	if o.HasDeleteHorizon {
		b.baseTimestamp = o.DeleteHorizonMs
	}
}

// Append adds a record at the offset after the last one.
func (b *Builder) Append(timestampMs int64, key, value []byte, headers ...Header) {
	b.AppendAt(b.nextOffset, timestampMs, key, value, headers...)
}

// AppendAt adds a record at that offset, which must be above the last one's;
// gaps are what compaction leaves. Nil key or value is Kafka's null.
func (b *Builder) AppendAt(offset kafka.Offset, timestampMs int64, key, value []byte, headers ...Header) {
	delta := offset - b.opts.BaseOffset
	// The arguments of Assert are allocated whether or not it holds.
	if offset < b.nextOffset || delta > math.MaxInt32 {
		invariant.Assert(false, "record at offset %d in a batch at %d whose next offset is %d", offset, b.opts.BaseOffset, b.nextOffset)
	}
	if b.count == 0 && !b.opts.HasDeleteHorizon {
		b.baseTimestamp = timestampMs
	}
	if !b.maxTimestampSet {
		b.maxTimestamp = max(b.maxTimestamp, timestampMs)
	}
	b.buf = appendRecord(b.buf, &Record{
		TimestampDelta: timestampMs - b.baseTimestamp,
		OffsetDelta:    int32(delta),
		Key:            key,
		Value:          value,
		Headers:        headers,
	})
	if len(b.buf) > math.MaxInt32 {
		invariant.Assert(false, "batch of %d bytes", len(b.buf))
	}
	b.count++
	b.nextOffset = offset + 1
}

// SetLastOffset makes the batch end at that offset although its last records
// are gone: compaction keeps the offsets of a batch. With it, Build gives a
// batch even if there is no record.
func (b *Builder) SetLastOffset(o kafka.Offset) {
	invariant.Assert(o >= b.nextOffset-1 && o >= b.opts.BaseOffset && o-b.opts.BaseOffset <= math.MaxInt32,
		"last offset %d of a batch at %d whose next offset is %d", o, b.opts.BaseOffset, b.nextOffset)
	b.lastOffset, b.lastOffsetSet = o, true
}

// SetMaxTimestamp overrides the largest timestamp, in milliseconds: compaction
// keeps that of a batch that became empty.
func (b *Builder) SetMaxTimestamp(ms int64) { b.maxTimestamp, b.maxTimestampSet = ms, true }

// Len is the size in bytes the batch would have now, uncompressed.
func (b *Builder) Len() int { return len(b.buf) }

// Count is the number of records appended.
func (b *Builder) Count() int { return int(b.count) }

// NextOffset is where Append would put the next record.
func (b *Builder) NextOffset() kafka.Offset { return b.nextOffset }

// Build gives the finished batch; nil if it has no records and no last offset
// was set. Until Reset nothing may be appended; without a codec the batch lies
// in the builder's memory.
func (b *Builder) Build() Batch {
	if b.count == 0 && !b.lastOffsetSet {
		return nil
	}
	last := b.nextOffset - 1
	if b.lastOffsetSet {
		last = b.lastOffset
	}
	h := header{
		Options:         b.opts,
		lastOffsetDelta: int32(last - b.opts.BaseOffset),
		baseTimestamp:   b.baseTimestamp,
		maxTimestamp:    b.maxTimestamp,
		count:           b.count,
	}
	if b.opts.TimestampType == LogAppendTime && !b.maxTimestampSet {
		h.maxTimestamp = b.opts.LogAppendTimeMs
	}
	if b.count == 0 {
		h.Codec = compress.None
	}
	out := Batch(b.buf)
	if h.Codec != compress.None {
		packed := make([]byte, HeaderSize, HeaderSize+len(b.buf)/2)
		packed, err := compress.Compress(packed, h.Codec, levelOf(b.opts.Level), b.buf[HeaderSize:])
		invariant.Assert(err == nil, "compress a batch: %v", err)
		out = packed
	}
	h.write(out)
	return out
}

// levelOf lets the zero value of a config stand for the codec's default.
func levelOf(level int) int {
	if level == 0 {
		return compress.DefaultLevel
	}
	return level
}

// header is what a batch's header says, besides its size.
type header struct {
	Options
	lastOffsetDelta             int32
	baseTimestamp, maxTimestamp int64
	count                       int32
}

func (h *header) attributes() Attributes {
	a := Attributes(h.Codec) & attrCodecMask
	if h.TimestampType == LogAppendTime {
		a |= attrLogAppendTime
	}
	if h.Transactional {
		a |= attrTransactional
	}
	if h.Control {
		a |= attrControl
	}
	if h.HasDeleteHorizon {
		a |= attrDeleteHorizon
	}
	return a
}

// write fills in the header of b, whose payload is in place, and its checksum.
func (h *header) write(b Batch) {
	be := binary.BigEndian
	be.PutUint64(b[offBaseOffset:], uint64(h.BaseOffset))
	be.PutUint32(b[offLength:], uint32(len(b)-LogOverhead))
	be.PutUint32(b[offLeaderEpoch:], uint32(h.LeaderEpoch))
	b[offMagic] = Magic
	be.PutUint16(b[offAttributes:], uint16(h.attributes()))
	be.PutUint32(b[offLastOffsetDelta:], uint32(h.lastOffsetDelta))
	be.PutUint64(b[offBaseTimestamp:], uint64(h.baseTimestamp))
	be.PutUint64(b[offMaxTimestamp:], uint64(h.maxTimestamp))
	be.PutUint64(b[offProducerID:], uint64(h.ProducerID))
	be.PutUint16(b[offProducerEpoch:], uint16(h.ProducerEpoch))
	be.PutUint32(b[offBaseSequence:], uint32(h.BaseSequence))
	be.PutUint32(b[offCount:], uint32(h.count))
	b.updateCRC()
}

// appendRecord encodes one record.
func appendRecord(dst []byte, r *Record) []byte {
	size := 1 + varlongSize(r.TimestampDelta) + varintSize(r.OffsetDelta) +
		bytesSize(r.Key) + bytesSize(r.Value) + varintSize(int32(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		size += varintSize(int32(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	if size > math.MaxInt32 {
		invariant.Assert(false, "record of %d bytes", size)
	}
	dst = appendVarint(dst, int32(size))
	dst = append(dst, byte(r.Attributes))
	dst = appendVarlong(dst, r.TimestampDelta)
	dst = appendVarint(dst, r.OffsetDelta)
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	dst = appendVarint(dst, int32(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		dst = appendVarint(dst, int32(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendBytes(dst, h.Value)
	}
	return dst
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int32(len(b))) + len(b)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return appendVarint(dst, -1)
	}
	return append(appendVarint(dst, int32(len(b))), b...)
}
