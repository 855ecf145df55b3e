package compat

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// headerSize is the size of a record batch without its records.
const headerSize = 61

// rec is one record of a batch under test.
type rec struct {
	key, value []byte
	ms         int64 // After the first record's time.
	delta      int32 // Added to its offset delta, to make it wrong.
	headers    []kmsg.Header
}

func value(s string) rec          { return rec{value: []byte(s)} }
func keyed(key, value string) rec { return rec{key: []byte(key), value: []byte(value)} }

// newBatch is a right batch of plain records, one millisecond apart.
func newBatch(records ...rec) *kmsg.RecordBatch {
	b := &kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		FirstTimestamp: epoch - 10_000, NumRecords: int32(len(records)), LastOffsetDelta: int32(len(records)) - 1,
	}
	b.MaxTimestamp = b.FirstTimestamp
	for i, r := range records {
		b.MaxTimestamp = max(b.MaxTimestamp, b.FirstTimestamp+r.ms)
		record := kmsg.Record{TimestampDelta64: r.ms, OffsetDelta: int32(i) + r.delta, Key: r.key, Value: r.value, Headers: r.headers}
		record.Length = int32(len(record.AppendTo(nil)) - 1) // One byte is that of the length 0.
		b.Records = record.AppendTo(b.Records)
	}
	return b
}

// idempotent makes the batch one of a producer's.
func idempotent(b *kmsg.RecordBatch, id int64, epoch int16, sequence int32) *kmsg.RecordBatch {
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = id, epoch, sequence
	return b
}

// compressed compresses the records of a batch.
func compressed(b *kmsg.RecordBatch, codec kgo.CompressionCodec, attribute int16) *kmsg.RecordBatch {
	compressor, err := kgo.DefaultCompressor(codec)
	if err != nil {
		panic(err) // The codecs are constants.
	}
	b.Records, _ = compressor.Compress(new(bytes.Buffer), b.Records)
	b.Attributes |= attribute
	return b
}

// seal gives the batch's bytes with the right length and CRC.
func seal(b *kmsg.RecordBatch) []byte {
	b.Length = int32(headerSize - 12 + len(b.Records))
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}
