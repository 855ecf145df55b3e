package record

import (
	"bytes"
	"slices"
)

// Record is one record of a batch. Offsets and timestamps count from the
// batch's: see Batch.Offset and Batch.Timestamp.
type Record struct {
	// Attributes has no bits assigned.
	Attributes int8
	// TimestampDelta counts from the batch's base timestamp, milliseconds.
	TimestampDelta int64
	// OffsetDelta counts from the batch's base offset.
	OffsetDelta int32
	// Key and Value are nil for Kafka's null, which is not the empty value.
	Key, Value []byte
	// Headers keep their order; keys may repeat.
	Headers []Header
}

// Header is one header of a record.
type Header struct {
	Key string
	// Value is nil for null.
	Value []byte
}

// Clone gives a copy with memory of its own.
func (r Record) Clone() Record {
	r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	r.Headers = slices.Clone(r.Headers)
	for i := range r.Headers {
		r.Headers[i].Value = bytes.Clone(r.Headers[i].Value)
	}
	return r
}
