package record

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
)

// Origin says who appends, which decides what is trusted.
type Origin int8

// The origins of an append.
const (
	// Client is a produce request: everything is checked.
	Client Origin = iota
	// Coordinator is a group or transaction coordinator of this node: as a
	// client, but it may write control records and offsets other than 0.
	Coordinator
	// RaftLeader is the metadata quorum's leader: checksum and header only.
	RaftLeader
	// Replication is a follower copying its leader's log: checksum and header
	// only, and no bound on the size.
	Replication
)

// String gives the origin's name for logs.
func (o Origin) String() string {
	switch o {
	case Client:
		return "client"
	case Coordinator:
		return "coordinator"
	case RaftLeader:
		return "raft leader"
	case Replication:
		return "replication"
	default:
		return fmt.Sprintf("origin(%d)", int8(o))
	}
}

// ProducerCodec as a Validation's TargetCodec keeps the codec of the producer
// (compression.type=producer).
const ProducerCodec compress.Codec = -1

// DefaultMaxDecompressed is the default bound, in bytes, of what one batch may
// decompress to.
const DefaultMaxDecompressed = 128 << 20

// maxRecordErrors bounds how many complaints one refused batch can cause.
// Differs from Kafka: there the list is as long as the batch.
const maxRecordErrors = 1000

// RecordError is the complaint about one record of a refused batch.
type RecordError struct { //nolint:revive // Kafka's name.
	// Index is the record's place in its batch, from 0.
	Index int32
	// Message is for the client.
	Message string
}

// Validation checks batches against a topic's configuration before they are
// appended. It holds no state and may be used concurrently: fill it once per
// configuration, copy it and set NowMs per call.
type Validation struct {
	// Topic is the name of the topic partition (kafka.TopicPartition.String),
	// for messages.
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
	// Level is the level of TargetCodec; 0 and compress.DefaultLevel ask for
	// the codec's default.
	Level int
	// MaxMessageBytes bounds the size of a stored batch (max.message.bytes);
	// 0 means no bound.
	MaxMessageBytes int
	// MaxDecompressed bounds what a batch may decompress to, in bytes; 0 means
	// DefaultMaxDecompressed.
	MaxDecompressed int
	// MaxRecord bounds the size of each record in a compressed batch, in bytes once
	// it is decompressed (max.decompressed.message.bytes); 0 means no bound.
	MaxRecord int
	// NowMs is the time of the append in milliseconds since the epoch.
	NowMs  int64
	Origin Origin
}

// Verdict is a valid batch and what was learnt of it.
type Verdict struct {
	// Batch is what is to be stored: the same memory if it could be kept.
	Batch Batch
	// MaxTimestamp is the largest timestamp, NoTimestamp if no record has one;
	// NowMs with LogAppendTime.
	MaxTimestamp int64
	// OffsetOfMaxTimestamp is the offset delta of the first record that has
	// MaxTimestamp; of the last record with LogAppendTime, and where records
	// are not looked at (RaftLeader, Replication). Kafka's time index holds the
	// batch's last offset instead.
	OffsetOfMaxTimestamp int32
	// Count is the number of records.
	Count int32
	// RecordErrors is filled only together with an error, with the first 1000
	// complaints in the records' order.
	RecordErrors []RecordError
}

// Validate checks one batch and gives what is to be stored in its place: the
// batch itself, with the max timestamp and timestamp type corrected in place,
// or a new one if the codec or the offsets had to change. Base offset and
// leader epoch are the caller's to set afterwards.
//
// Errors carry the protocol error: CORRUPT_MESSAGE for a wrong checksum,
// MESSAGE_TOO_LARGE, UNSUPPORTED_COMPRESSION_TYPE, INVALID_TIMESTAMP, and
// INVALID_RECORD for everything else. A batch that was refused is not changed.
func (v *Validation) Validate(b Batch) (Verdict, error) {
	if err := v.checkIntegrity(b); err != nil {
		return Verdict{}, err
	}
	if v.Origin == RaftLeader || v.Origin == Replication {
		return Verdict{
			Batch:                b,
			MaxTimestamp:         b.MaxTimestamp(),
			OffsetOfMaxTimestamp: b.LastOffsetDelta(),
			Count:                b.Count(),
		}, nil
	}
	if err := v.checkHeader(b); err != nil {
		return Verdict{}, err
	}
	payload, scratch, err := b.unpackGated(v.maxDecompressed())
	defer scratch.release()
	if err != nil {
		return Verdict{}, v.unpackError(b, err)
	}
	c := check{v: v, batch: b, payload: payload, maxTimestamp: NoTimestamp}
	if err := c.records(); err != nil {
		return Verdict{RecordErrors: c.errors}, err
	}
	return v.accept(&c)
}

// checkIntegrity verifies what holds for every origin. A client's base offset
// and the size come before the checksum, as in Kafka, so that the error is the
// same for a batch with several faults.
func (v *Validation) checkIntegrity(b Batch) error {
	if len(b) < HeaderSize || b.Size() != len(b) {
		return v.refuse(kerr.CorruptMessage, "Record batch of %d bytes is not whole", len(b))
	}
	if b.Magic() != Magic {
		return v.refuse(kerr.InvalidRecord, "Record batch has magic %d where only %d can be appended", b.Magic(), Magic)
	}
	if v.Origin == Client && b.BaseOffset() != 0 {
		return kafka.Errorf(kerr.InvalidRecord,
			"The baseOffset of the record batch in the append to %s should be 0, but it is %d", v.Topic, b.BaseOffset())
	}
	if v.Origin != Replication && v.MaxMessageBytes > 0 && len(b) > v.MaxMessageBytes {
		return kafka.Errorf(kerr.MessageTooLarge,
			"The record batch size in the append to %s is %d bytes which exceeds the maximum configured value of %d.",
			v.Topic, len(b), v.MaxMessageBytes)
	}
	if crc := b.computeCRC(); crc != b.CRC() {
		return v.refuse(kerr.CorruptMessage, "Record is corrupt (stored crc = %d, computed crc = %d)", b.CRC(), crc)
	}
	if !b.Codec().Valid() {
		return v.refuse(kerr.UnsupportedCompressionType, "Unknown compression type id %d", b.Codec())
	}
	if v.Origin == Client {
		return nil // checkHeader knows better words.
	}
	if err := b.Check(); err != nil {
		return v.refuse(kerr.CorruptMessage, "%v", err)
	}
	return nil
}

// checkHeader verifies what the header promises, before any record is read.
func (v *Validation) checkHeader(b Batch) error {
	first, last := b.BaseOffset(), b.LastOffset()
	switch {
	case b.LastOffsetDelta() < 0:
		return v.refuse(kerr.InvalidRecord, "Batch has an invalid offset range: [%d, %d]", first, last)
	case b.Count() <= 0:
		return v.refuse(kerr.InvalidRecord, "Invalid reported count for record batch: %d", b.Count())
	case int64(b.LastOffsetDelta())+1 != int64(b.Count()):
		return v.refuse(kerr.InvalidRecord, "Inconsistent batch offset range [%d, %d] and count of records %d", first, last, b.Count())
	}
	if v.Origin != Client {
		return nil
	}
	switch {
	case b.IsControl():
		return v.refuse(kerr.InvalidRecord, "Clients are not allowed to write control records")
	case b.HasProducerID() && b.BaseSequence() < 0:
		return v.refuse(kerr.InvalidRecord, "Invalid sequence number %d in record batch with producerId %d", b.BaseSequence(), b.ProducerID())
	}
	return nil
}

// refuse makes the error of a batch; like Kafka's, its message ends in the
// partition.
func (v *Validation) refuse(code *kerr.Error, format string, args ...any) error {
	return kafka.Errorf(code, "%s in topic partition %s", fmt.Sprintf(format, args...), v.Topic)
}

func (v *Validation) maxDecompressed() int {
	if v.MaxDecompressed > 0 {
		return v.MaxDecompressed
	}
	return DefaultMaxDecompressed
}

// unpackError gives the client's error for records that do not decompress.
//
// Differs from Kafka: it answers UNKNOWN_SERVER_ERROR to undecodable records,
// and has no bound on what a batch decompresses to. MESSAGE_TOO_LARGE makes
// producers split the batch.
func (v *Validation) unpackError(b Batch, err error) error {
	if errors.Is(err, compress.ErrTooLarge) {
		return v.refuse(kerr.MessageTooLarge, "Record batch decompresses to more than %d bytes", v.maxDecompressed())
	}
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		return v.refuse(kerr.InvalidRecord, "Failed to %s", corrupt.Reason)
	}
	return v.refuse(kerr.InvalidRecord, "Failed to read %v records: %v", b.Codec(), err)
}

// accept brings a valid batch into the form that is stored.
func (v *Validation) accept(c *check) (Verdict, error) {
	verdict := Verdict{
		Batch:                c.batch,
		MaxTimestamp:         c.maxTimestamp,
		OffsetOfMaxTimestamp: c.indexOfMax,
		Count:                c.batch.Count(),
	}
	if v.TimestampType == LogAppendTime {
		verdict.MaxTimestamp = v.NowMs
		verdict.OffsetOfMaxTimestamp = verdict.Count - 1
	}
	target := v.TargetCodec
	source := c.batch.Codec()
	// Control records are compressed only if they came compressed.
	if target == ProducerCodec || (source == compress.None && c.batch.IsControl()) {
		target = source
	}
	if target == source && c.dense {
		c.batch.SetMaxTimestamp(v.TimestampType, verdict.MaxTimestamp)
		return verdict, nil
	}
	rebuilt, err := v.rebuild(c, target, verdict.MaxTimestamp)
	if err != nil {
		return Verdict{}, err
	}
	if v.MaxMessageBytes > 0 && len(rebuilt) > v.MaxMessageBytes {
		return Verdict{}, kafka.Errorf(kerr.MessageTooLarge,
			"Message batch size is %d bytes in append to partition %s which exceeds the maximum configured size of %d.",
			len(rebuilt), v.Topic, v.MaxMessageBytes)
	}
	verdict.Batch = rebuilt
	return verdict, nil
}

// rebuild packs the records with another codec, and counts their offset deltas
// anew if they had gaps: what it returns has memory of its own.
//
// Differs from Kafka: broken offset deltas are stored there if the batch is
// uncompressed, and answered with UNKNOWN_SERVER_ERROR if it keeps its codec.
func (v *Validation) rebuild(c *check, target compress.Codec, maxTimestamp int64) (Batch, error) {
	records := c.payload
	if !c.dense {
		records = c.renumbered()
	}
	out := make(Batch, HeaderSize, HeaderSize+len(records))
	out, err := compress.Compress(out, target, levelOf(v.Level), records)
	if err != nil {
		return nil, v.refuse(kerr.UnsupportedCompressionType, "%v", err)
	}
	horizon, hasHorizon := c.batch.DeleteHorizon()
	h := header{
		Options: Options{
			BaseOffset:       c.batch.BaseOffset(),
			LeaderEpoch:      c.batch.LeaderEpoch(),
			Codec:            target,
			TimestampType:    v.TimestampType,
			ProducerID:       c.batch.ProducerID(),
			ProducerEpoch:    c.batch.ProducerEpoch(),
			BaseSequence:     c.batch.BaseSequence(),
			Transactional:    c.batch.IsTransactional(),
			Control:          c.batch.IsControl(),
			DeleteHorizonMs:  horizon,
			HasDeleteHorizon: hasHorizon,
		},
		lastOffsetDelta: c.batch.LastOffsetDelta(),
		baseTimestamp:   c.batch.BaseTimestamp(),
		maxTimestamp:    maxTimestamp,
		count:           c.batch.Count(),
	}
	h.write(out)
	return out, nil
}

// check is one pass over the records of a batch.
type check struct {
	v       *Validation
	batch   Batch
	payload []byte
	// dense says that the offset deltas are 0, 1, 2 and so on.
	dense        bool
	maxTimestamp int64
	indexOfMax   int32
	// errors holds the first complaints, total counts them all.
	errors       []RecordError
	total        int
	badTimestamp bool
}

// records checks that the payload is exactly as many well-formed records as the
// header counts, and each of them against the topic's configuration.
//
// Differs from Kafka: the sizes within a record must fit the record's size in
// compressed batches too, where Kafka skips over them unchecked, and null has
// the length -1 only.
func (c *check) records() error {
	var (
		f        frame
		at       int
		baseTime = c.batch.BaseTimestamp()
		appended = c.batch.TimestampType() == LogAppendTime
		largest  = c.v.maxRecord(c.batch)
	)
	c.dense = true
	for i := range c.batch.Count() {
		if reason := f.scan(c.payload, at); reason != "" {
			return c.malformed(reason, i, at)
		}
		if f.size > largest {
			return c.v.refuse(kerr.InvalidRecord, "Invalid record size: %d exceeds the configured maximum record size of %d", f.size, largest)
		}
		at = f.end
		if f.offsetDelta != i {
			c.dense = false
		}
		timestamp := baseTime + f.timestampDelta
		if timestamp > c.maxTimestamp {
			c.maxTimestamp, c.indexOfMax = timestamp, i
		}
		if f.keyLen < 0 && c.v.Compacted {
			c.keyMissing(i)
		} else if appended || (timestamp != NoTimestamp && c.v.TimestampType == CreateTime && c.v.outOfRange(timestamp)) {
			c.timestampRefused(i, timestamp, &f)
		}
	}
	if at != len(c.payload) {
		return c.malformed(reasonTrailing, c.batch.Count(), at)
	}
	if c.total > 0 {
		return c.refusal()
	}
	return nil
}

// maxRecord bounds the size of the batch's records.
func (v *Validation) maxRecord(b Batch) int32 {
	if v.MaxRecord > 0 && b.Codec() != compress.None {
		return int32(min(v.MaxRecord, math.MaxInt32))
	}
	return math.MaxInt32
}

// outOfRange compares as Kafka does, including what wraps around.
func (v *Validation) outOfRange(timestamp int64) bool {
	age := v.NowMs - timestamp
	return age > v.BeforeMaxMs || -age > v.AfterMaxMs
}

func (c *check) malformed(reason string, index int32, at int) error {
	return c.v.refuse(kerr.InvalidRecord, "Record %d of the batch is malformed at byte %d of its records: %s", index, at, reason)
}

func (c *check) add(index int32, format string, args ...any) {
	c.total++
	if len(c.errors) < maxRecordErrors {
		c.errors = append(c.errors, RecordError{Index: index, Message: fmt.Sprintf(format, args...)})
	}
}

func (c *check) keyMissing(index int32) {
	c.add(index, "Compacted topic cannot accept message without key in topic partition %s", c.v.Topic)
}

// timestampRefused complains about a record's timestamp. The type LogAppendTime
// is the broker's to set.
//
// Differs from Kafka: with message.timestamp.type=CreateTime it lets such a
// batch pass, and stores a max timestamp that no record has.
func (c *check) timestampRefused(index int32, timestamp int64, f *frame) {
	c.badTimestamp = true
	offset := c.batch.BaseOffset() + kafka.Offset(f.offsetDelta)
	if c.batch.TimestampType() == LogAppendTime {
		c.add(index, "Invalid timestamp type in message DefaultRecord(offset=%d, timestamp=%d, key=%d bytes, value=%d bytes). "+
			"Producer should not set timestamp type to LogAppendTime.",
			offset, c.batch.MaxTimestamp(), max(f.keyLen, 0), max(f.valueLen, 0))
		return
	}
	c.add(index, "Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]",
		timestamp, offset, c.v.NowMs-c.v.BeforeMaxMs, c.v.NowMs+c.v.AfterMaxMs)
}

// refusal sums up the complaints about records; one about a timestamp decides
// the code.
func (c *check) refusal() error {
	if c.badTimestamp {
		return kafka.Errorf(kerr.InvalidTimestamp, "One or more records have been rejected due to invalid timestamp")
	}
	shown := make([]string, 0, 3)
	for _, e := range c.errors[:min(3, len(c.errors))] {
		shown = append(shown, fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", e.Index, e.Message))
	}
	return kafka.Errorf(kerr.InvalidRecord,
		"One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: [%s]",
		c.total, strings.Join(shown, ", "))
}

// renumbered encodes the records again with dense offset deltas.
func (c *check) renumbered() []byte {
	var (
		f       frame
		headers []Header
		at      int
		out     = make([]byte, 0, len(c.payload))
	)
	for i := range c.batch.Count() {
		f.scan(c.payload, at) // It was scanned before: the payload is well formed.
		r := f.record(c.payload, headers)
		if r.Headers != nil {
			headers = r.Headers
		}
		r.OffsetDelta = i
		out = appendRecord(out, &r)
		at = f.end
	}
	return out
}
