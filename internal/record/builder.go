package record

import (
	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
)

// Options describes the batch that a Builder builds. The zero value is not
// useful for producer fields: NewOptions gives a plain batch.
type Options struct {
	BaseOffset  kafka.Offset
	LeaderEpoch kafka.LeaderEpoch
	Codec       compress.Codec
	// Level is the codec's level, compress.DefaultLevel for its default. The
	// zero value is taken as the default too.
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

// Builder builds one batch record by record.
type Builder struct {
	opts Options
	buf  []byte
	n    int32
}

// NewBuilder gives a Builder for one batch.
func NewBuilder(o Options) *Builder { return &Builder{opts: o} }

// Append adds a record at the next offset.
func (b *Builder) Append(timestampMs int64, key, value []byte, headers ...Header) {
	b.AppendAt(b.opts.BaseOffset+kafka.Offset(b.n), timestampMs, key, value, headers...)
}

// AppendAt adds a record at that offset, which must be above the last one's.
func (b *Builder) AppendAt(offset kafka.Offset, timestampMs int64, key, value []byte, headers ...Header) {
}

// Len is the size in bytes the batch would have now, uncompressed.
func (b *Builder) Len() int { return HeaderSize + len(b.buf) }

// Count is the number of records appended.
func (b *Builder) Count() int { return int(b.n) }

// Build gives the finished batch. The builder must not be appended to after
// that, only Reset.
func (b *Builder) Build() Batch { return nil }
