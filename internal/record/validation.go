package record

import (
	"moldau.dev/moldau/internal/compress"
)

// Origin says who appends, which decides what is trusted.
type Origin int8

// The origins of an append.
const (
	// Client is a produce request: everything is checked.
	Client Origin = iota
	// Coordinator is a group or transaction coordinator of this node.
	Coordinator
	// RaftLeader is the metadata quorum's leader.
	RaftLeader
	// Replication is a follower copying its leader's log.
	Replication
)

// ProducerCodec as a Validation's TargetCodec keeps the codec of the producer
// (compression.type=producer).
const ProducerCodec compress.Codec = -1

// RecordError is the complaint about one record of a refused batch.
type RecordError struct {
	// Index is the record's place in its batch, from 0.
	Index int32
	// Message is for the client.
	Message string
}

// Validation checks batches against a topic's configuration before they are
// appended. It holds no state: fill it once per configuration, set NowMs per
// call.
type Validation struct {
	// Topic is the topic-partition's name, for messages.
	Topic string
	// Compacted topics refuse records without key.
	Compacted     bool
	TimestampType TimestampType
	// BeforeMaxMs and AfterMaxMs bound how far a record's timestamp may lie
	// before and after NowMs (message.timestamp.before.max.ms, after.max.ms).
	BeforeMaxMs, AfterMaxMs int64
	// TargetCodec is the codec to store with, or ProducerCodec. Mind that the
	// zero value stores everything uncompressed.
	TargetCodec compress.Codec
	// Level is the level of TargetCodec.
	Level int
	// MaxMessageBytes bounds the size of a stored batch (max.message.bytes).
	MaxMessageBytes int
	// MaxDecompressed bounds what a batch may decompress to; 0 means
	// DefaultMaxDecompressed.
	MaxDecompressed int
	// NowMs is the time of the append in milliseconds.
	NowMs  int64
	Origin Origin
}

// Verdict is a valid batch and what was learnt of it.
type Verdict struct {
	// Batch is what is to be stored: the same memory if it could be kept.
	Batch Batch
	// MaxTimestamp is the largest timestamp, NoTimestamp if no record has one.
	MaxTimestamp int64
	// OffsetOfMaxTimestamp is the offset delta of the first record with
	// MaxTimestamp; of the last record with LogAppendTime.
	OffsetOfMaxTimestamp int32
	// Count is the number of records.
	Count int32
	// RecordErrors is filled only together with an error.
	RecordErrors []RecordError
}

// DefaultMaxDecompressed is the default bound of what one batch may decompress
// to.
const DefaultMaxDecompressed = 128 << 20

// Validate checks one batch.
func (v *Validation) Validate(b Batch) (Verdict, error) {
	return Verdict{Batch: b, MaxTimestamp: b.MaxTimestamp(), Count: b.Count(), OffsetOfMaxTimestamp: b.LastOffsetDelta()}, nil
}
