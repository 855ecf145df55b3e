package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
)

const testNow = 1_700_000_000_000

func validation() *Validation {
	return &Validation{
		Topic:           "orders-3",
		TargetCodec:     ProducerCodec,
		BeforeMaxMs:     math.MaxInt64,
		AfterMaxMs:      3_600_000,
		MaxMessageBytes: 1_048_588,
		NowMs:           testNow,
	}
}

// produced builds a batch as a producer sends it.
func produced(codec compress.Codec, count int) Batch {
	o := NewOptions(0)
	o.Codec = codec
	b := NewBuilder(o)
	for i := range count {
		b.Append(testNow-1000+int64(i%7), fmt.Appendf(nil, "key-%d", i), bytes.Repeat([]byte("v"), 20))
	}
	return b.Build()
}

// changed gives a batch with other header bytes and a right checksum.
func changed(b Batch, change func(b Batch)) Batch {
	change(b)
	b.updateCRC()
	return b
}

// raw gives an uncompressed batch around these bytes.
func raw(codec compress.Codec, count int32, records []byte) Batch {
	packed, err := compress.Compress(make([]byte, HeaderSize), codec, compress.DefaultLevel, records)
	if err != nil {
		panic(err)
	}
	o := NewOptions(0)
	o.Codec = codec
	h := header{Options: o, lastOffsetDelta: count - 1, baseTimestamp: testNow, maxTimestamp: testNow, count: count}
	h.write(packed)
	return packed
}

func encoded(records ...Record) []byte {
	var dst []byte
	for i := range records {
		dst = appendRecord(dst, &records[i])
	}
	return dst
}

func put32(at int, v int32) func(Batch) {
	return func(b Batch) { binary.BigEndian.PutUint32(b[at:], uint32(v)) }
}

func TestValidateInPlace(t *testing.T) {
	t.Parallel()
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		for _, target := range []compress.Codec{ProducerCodec, codec} {
			b := produced(codec, 10)
			want := b.Clone()
			v := validation()
			v.TargetCodec = target
			verdict, err := v.Validate(b)
			if err != nil {
				t.Fatalf("%v: %v", codec, err)
			}
			if &verdict.Batch[0] != &b[0] || !bytes.Equal(want, b) {
				t.Errorf("%v to %v: a valid batch was changed", codec, target)
			}
			if verdict.Count != 10 || verdict.MaxTimestamp != testNow-994 || verdict.OffsetOfMaxTimestamp != 6 || verdict.RecordErrors != nil {
				t.Errorf("%v: %+v", codec, verdict)
			}
		}
	}
}

func TestValidateCorrectsMaxTimestamp(t *testing.T) {
	t.Parallel()
	for _, codec := range []compress.Codec{compress.None, compress.Zstd} {
		b := changed(produced(codec, 3), func(b Batch) { binary.BigEndian.PutUint64(b[offMaxTimestamp:], 5) })
		verdict, err := validation().Validate(b)
		if err != nil {
			t.Fatal(err)
		}
		if verdict.MaxTimestamp != testNow-998 || b.MaxTimestamp() != testNow-998 || verdict.OffsetOfMaxTimestamp != 2 {
			t.Errorf("%v: %+v, %v", codec, verdict, b.MaxTimestamp())
		}
		if err := b.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestValidateWithoutTimestamps(t *testing.T) {
	t.Parallel()
	b := NewBuilder(NewOptions(0))
	b.Append(NoTimestamp, nil, nil)
	b.Append(NoTimestamp, nil, nil)
	v := validation()
	v.BeforeMaxMs = 1000
	verdict, err := v.Validate(b.Build())
	if err != nil || verdict.MaxTimestamp != NoTimestamp || verdict.OffsetOfMaxTimestamp != 0 {
		t.Errorf("%+v, %v", verdict, err)
	}
}

func TestValidateLogAppendTime(t *testing.T) {
	t.Parallel()
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		b := produced(codec, 4)
		v := validation()
		v.TimestampType, v.BeforeMaxMs, v.AfterMaxMs = LogAppendTime, 0, 0
		verdict, err := v.Validate(b)
		if err != nil {
			t.Fatal(err)
		}
		if verdict.MaxTimestamp != testNow || verdict.OffsetOfMaxTimestamp != 3 || &verdict.Batch[0] != &b[0] {
			t.Errorf("%v: %+v", codec, verdict)
		}
		if b.TimestampType() != LogAppendTime || b.MaxTimestamp() != testNow || b.Check() != nil {
			t.Errorf("%v: %v", codec, b)
		}
	}
}

func TestValidateRecompresses(t *testing.T) {
	t.Parallel()
	for from := compress.None; from <= compress.Zstd; from++ {
		for to := compress.None; to <= compress.Zstd; to++ {
			if from == to {
				continue
			}
			b := goldenBuilder(from).Build()
			b.SetBaseOffset(0)
			before := b.Clone()
			v := validation()
			v.TargetCodec = to
			verdict, err := v.Validate(b)
			if err != nil {
				t.Fatalf("%v to %v: %v", from, to, err)
			}
			got := verdict.Batch
			if !bytes.Equal(before, b) {
				t.Errorf("%v to %v: the producer's bytes were changed", from, to)
			}
			if got.Codec() != to || got.Check() != nil || got.Count() != 5 || got.ProducerID() != 7 || got.ProducerEpoch() != 3 ||
				got.BaseSequence() != 11 || !got.IsTransactional() || got.LastOffsetDelta() != 4 || got.MaxTimestamp() != 1700000000007 {
				t.Errorf("%v to %v: %v", from, to, got)
			}
			got.SetBaseOffset(42)
			if diff := cmp.Diff(goldenRecords(), readAll(t, got), ignoreDeltas); diff != "" {
				t.Errorf("%v to %v: %s", from, to, diff)
			}
		}
	}
}

// Offset deltas with gaps are counted anew.
func TestValidateRepairsOffsetDeltas(t *testing.T) {
	t.Parallel()
	for _, codec := range []compress.Codec{compress.None, compress.LZ4} {
		records := encoded(
			Record{OffsetDelta: 5, Key: []byte("a")},
			Record{OffsetDelta: 5, Value: []byte("b"), Headers: []Header{{Key: "h"}}, TimestampDelta: 9},
			Record{OffsetDelta: -1, Attributes: 3},
		)
		verdict, err := validation().Validate(raw(codec, 3, records))
		if err != nil {
			t.Fatal(err)
		}
		want := []stamped{
			{0, testNow, Record{Key: []byte("a")}},
			{1, testNow + 9, Record{OffsetDelta: 1, Value: []byte("b"), Headers: []Header{{Key: "h"}}, TimestampDelta: 9}},
			{2, testNow, Record{OffsetDelta: 2, Attributes: 3}},
		}
		if diff := cmp.Diff(want, readAll(t, verdict.Batch)); diff != "" {
			t.Errorf("%v: %s", codec, diff)
		}
		if verdict.Batch.Codec() != codec || verdict.MaxTimestamp != testNow+9 || verdict.OffsetOfMaxTimestamp != 1 || verdict.Batch.Check() != nil {
			t.Errorf("%v: %+v", codec, verdict)
		}
	}
}

func TestValidateRefusesHeaders(t *testing.T) {
	t.Parallel()
	none := func() Batch { return produced(compress.None, 3) }
	for name, test := range map[string]struct {
		batch Batch
		code  *kerr.Error
		words string
	}{
		"short":           {none()[:40], kerr.CorruptMessage, "whole"},
		"cut":             {none()[:len(none())-1], kerr.CorruptMessage, "whole"},
		"old magic":       {changed(none(), func(b Batch) { b[offMagic] = 1 }), kerr.InvalidRecord, "magic 1"},
		"checksum":        {Batch(append(none()[:len(none())-1], 'x')), kerr.CorruptMessage, "Record is corrupt (stored crc = "},
		"base offset":     {changed(none(), func(b Batch) { b.SetBaseOffset(1) }), kerr.InvalidRecord, "orders-3 should be 0, but it is 1"},
		"codec 5":         {changed(none(), func(b Batch) { b[offAttributes+1] = 5 }), kerr.UnsupportedCompressionType, "5"},
		"negative range":  {changed(none(), put32(offLastOffsetDelta, -1)), kerr.InvalidRecord, "invalid offset range: [0, -1] in topic partition orders-3"},
		"no records":      {changed(none(), put32(offCount, 0)), kerr.InvalidRecord, "Invalid reported count for record batch: 0"},
		"negative count":  {changed(none(), put32(offCount, -3)), kerr.InvalidRecord, "Invalid reported count for record batch: -3"},
		"count too large": {changed(none(), put32(offCount, 4)), kerr.InvalidRecord, "Inconsistent batch offset range [0, 2] and count of records 4"},
		"count too small": {changed(none(), put32(offCount, 2)), kerr.InvalidRecord, "Inconsistent batch offset range [0, 2] and count of records 2"},
		"control":         {changed(none(), func(b Batch) { b[offAttributes+1] |= byte(attrControl) }), kerr.InvalidRecord, "Clients are not allowed to write control records"},
		"no sequence": {
			changed(none(), func(b Batch) { binary.BigEndian.PutUint64(b[offProducerID:], 9) }), kerr.InvalidRecord,
			"Invalid sequence number -1 in record batch with producerId 9",
		},
	} {
		_, err := validation().Validate(test.batch)
		if !errors.Is(err, test.code) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateRefusesMalformedRecords(t *testing.T) {
	t.Parallel()
	good := encoded(Record{Key: []byte("k"), Value: []byte("v"), Headers: []Header{{Key: "h", Value: []byte("x")}}})
	body := func(b ...byte) []byte { return append(appendVarint(nil, int32(len(b))), b...) }
	for name, records := range map[string][]byte{
		"nothing":                     {},
		"cut":                         good[:len(good)-1],
		"trailing byte":               append(bytes.Clone(good), 0),
		"second record":               append(bytes.Clone(good), good...),
		"negative length":             {1, 0},
		"empty record":                {0},
		"endless length":              {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"huge length":                 {0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0},
		"endless timestamp":           body(0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 1, 1, 0),
		"key longer than record":      body(0, 0, 0, 100, 1, 0),
		"key length -2":               body(0, 0, 0, 3, 1, 0),
		"value longer than record":    body(0, 0, 0, 1, 100, 0),
		"no header count":             body(0, 0, 0, 1, 1),
		"negative header count":       body(0, 0, 0, 1, 1, 1),
		"huge header count":           body(0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f),
		"null header key":             body(0, 0, 0, 1, 1, 2, 1, 1),
		"header key beyond record":    body(0, 0, 0, 1, 1, 2, 20, 1),
		"header value beyond record":  body(0, 0, 0, 1, 1, 2, 0, 20),
		"bytes after headers":         body(0, 0, 0, 1, 1, 0, 7),
		"record longer than its body": body(0, 0, 0, 1, 1, 2, 0, 1, 0),
	} {
		for codec := compress.None; codec <= compress.Zstd; codec++ {
			b := raw(codec, 1, records)
			before := b.Clone()
			if verdict, err := validation().Validate(b); !errors.Is(err, kerr.InvalidRecord) {
				t.Errorf("%s, %v: %+v, %v", name, codec, verdict, err)
			}
			if !bytes.Equal(before, b) {
				t.Errorf("%s: a refused batch was changed", name)
			}
			var corrupt *CorruptError
			var last error
			for _, err := range b.Records(1000) {
				last = err
			}
			if !errors.As(last, &corrupt) {
				t.Errorf("%s, %v: iteration ends with %v", name, codec, last)
			}
		}
	}
}

func TestValidateRefusesUndecodable(t *testing.T) {
	t.Parallel()
	for codec := compress.Gzip; codec <= compress.Zstd; codec++ {
		b := changed(produced(compress.None, 3), func(b Batch) { b[offAttributes+1] |= byte(codec) })
		if _, err := validation().Validate(b); !errors.Is(err, kerr.InvalidRecord) || !strings.Contains(err.Error(), "decompress") {
			t.Errorf("%v: %v", codec, err)
		}
	}
}

func TestValidateBoundsDecompression(t *testing.T) {
	t.Parallel()
	for codec := compress.Gzip; codec <= compress.Zstd; codec++ {
		b := raw(codec, 1, encoded(Record{Value: make([]byte, 100_000)}))
		v := validation()
		v.MaxDecompressed = 50_000
		if _, err := v.Validate(b); !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("%v: %v", codec, err)
		}
		v.MaxDecompressed = 0
		if _, err := v.Validate(b); err != nil {
			t.Errorf("%v: %v", codec, err)
		}
	}
}

// max.decompressed.message.bytes bounds each record of a compressed batch, and not
// the batch.
func TestValidateBoundsDecompressedRecords(t *testing.T) {
	t.Parallel()
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		record := encoded(Record{Value: make([]byte, 1000)})
		b := raw(codec, 1, record)
		v := validation()
		_, body := readVarint(record, 0)
		v.MaxRecord = len(record) - body
		if _, err := v.Validate(b); err != nil {
			t.Errorf("%v: at the bound: %v", codec, err)
		}
		v.MaxRecord--
		if _, err := v.Validate(b); errors.Is(err, kerr.InvalidRecord) != (codec != compress.None) {
			t.Errorf("%v: over the bound: %v", codec, err)
		}
	}
}

// Large batches pass a gate; whoever is refused or done must leave it.
func TestValidateManyLargeBatches(t *testing.T) {
	t.Parallel()
	large := raw(compress.Zstd, 1, encoded(Record{Value: make([]byte, maxPooledScratch+1)}))
	bomb := raw(compress.Gzip, 1, encoded(Record{Value: make([]byte, 2*maxPooledScratch)}))
	small := produced(compress.LZ4, 10)
	broken := raw(compress.LZ4, 1, []byte("no record"))
	v := validation()
	v.MaxDecompressed = maxPooledScratch + 100
	var wg sync.WaitGroup
	for range 2 * cap(smallGate) {
		wg.Go(func() {
			for range 3 {
				if _, err := v.Validate(large.Clone()); err != nil {
					t.Error(err)
				}
				if _, err := v.Validate(bomb.Clone()); !errors.Is(err, kerr.MessageTooLarge) {
					t.Error(err)
				}
				if _, err := v.Validate(small.Clone()); err != nil {
					t.Error(err)
				}
				if _, err := v.Validate(broken.Clone()); !errors.Is(err, kerr.InvalidRecord) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestValidateSize(t *testing.T) {
	t.Parallel()
	b := produced(compress.None, 3)
	v := validation()
	v.MaxMessageBytes = len(b)
	if _, err := v.Validate(b); err != nil {
		t.Error(err)
	}
	v.MaxMessageBytes--
	if _, err := v.Validate(b); !errors.Is(err, kerr.MessageTooLarge) {
		t.Error(err)
	}
	v.Origin = Replication
	if _, err := v.Validate(b); err != nil {
		t.Errorf("followers store what their leader has: %v", err)
	}
	// A batch may outgrow the bound when it is unpacked.
	packed := raw(compress.Zstd, 1, encoded(Record{Value: make([]byte, 100_000)}))
	v = validation()
	v.MaxMessageBytes, v.TargetCodec = 50_000, compress.None
	if _, err := v.Validate(packed); !errors.Is(err, kerr.MessageTooLarge) {
		t.Error(err)
	}
}

func TestValidateRecordErrors(t *testing.T) {
	t.Parallel()
	batch := func(codec compress.Codec) Batch {
		o := NewOptions(0)
		o.Codec = codec
		b := NewBuilder(o)
		b.Append(testNow, []byte("k"), nil)
		b.Append(testNow, nil, []byte("no key"))
		b.Append(testNow-5001, []byte("old"), nil)
		b.Append(testNow+1001, []byte("young"), nil)
		b.Append(testNow-5000, []byte("k"), nil)
		b.Append(testNow+1000, []byte("k"), nil)
		b.Append(NoTimestamp, []byte("k"), nil)
		return b.Build()
	}
	noKey := RecordError{1, "Compacted topic cannot accept message without key in topic partition orders-3"}
	outOfRange := func(i int32, ms int64) RecordError {
		return RecordError{i, fmt.Sprintf("Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]",
			ms, i, int64(testNow-5000), int64(testNow+1000))}
	}
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		v := validation()
		v.Compacted, v.BeforeMaxMs, v.AfterMaxMs = true, 5000, 1000
		verdict, err := v.Validate(batch(codec))
		if !errors.Is(err, kerr.InvalidTimestamp) || !strings.Contains(err.Error(), "One or more records have been rejected due to invalid timestamp") {
			t.Errorf("%v: %v", codec, err)
		}
		want := []RecordError{noKey, outOfRange(2, testNow-5001), outOfRange(3, testNow+1001)}
		if diff := cmp.Diff(want, verdict.RecordErrors); diff != "" {
			t.Errorf("%v: %s", codec, diff)
		}

		v.TimestampType = LogAppendTime
		verdict, err = v.Validate(batch(codec))
		words := "One or more records have been rejected due to 1 record errors in total, and only showing the first three errors at most: " +
			"[RecordError(batchIndex=1, message='" + noKey.Message + "')]"
		if !errors.Is(err, kerr.InvalidRecord) || !strings.HasSuffix(err.Error(), words) {
			t.Errorf("%v: %v", codec, err)
		}
		if diff := cmp.Diff([]RecordError{noKey}, verdict.RecordErrors); diff != "" {
			t.Errorf("%v: %s", codec, diff)
		}
	}
}

func TestValidateBoundsRecordErrors(t *testing.T) {
	t.Parallel()
	o := NewOptions(0)
	b := NewBuilder(o)
	for range 5000 {
		b.Append(testNow, nil, nil)
	}
	v := validation()
	v.Compacted = true
	verdict, err := v.Validate(b.Build())
	if !strings.Contains(err.Error(), "due to 5000 record errors") || len(verdict.RecordErrors) != maxRecordErrors {
		t.Errorf("%d errors, %v", len(verdict.RecordErrors), err)
	}
}

func TestValidateRefusesClientsLogAppendTime(t *testing.T) {
	t.Parallel()
	for _, topic := range []TimestampType{CreateTime, LogAppendTime} {
		b := produced(compress.None, 1)
		b.SetMaxTimestamp(LogAppendTime, 77)
		v := validation()
		v.TimestampType = topic
		verdict, err := v.Validate(b)
		if !errors.Is(err, kerr.InvalidTimestamp) {
			t.Errorf("%v: %v", topic, err)
		}
		want := []RecordError{{0, "Invalid timestamp type in message DefaultRecord(offset=0, timestamp=77, key=5 bytes, value=20 bytes). " +
			"Producer should not set timestamp type to LogAppendTime."}}
		if diff := cmp.Diff(want, verdict.RecordErrors); diff != "" {
			t.Errorf("%v: %s", topic, diff)
		}
	}
}

func TestValidateOrigins(t *testing.T) {
	t.Parallel()
	marker := NewEndTxnBatch(EndTxnMarker{Commit: true}, testNow, 7, 3)
	for origin, ok := range map[Origin]bool{Client: false, Coordinator: true, RaftLeader: true, Replication: true} {
		v := validation()
		v.Origin, v.TargetCodec = origin, compress.Gzip
		verdict, err := v.Validate(marker.Clone())
		if (err == nil) != ok {
			t.Errorf("%v: %v", origin, err)
		}
		if ok && !bytes.Equal(verdict.Batch, marker) {
			t.Errorf("%v: control records came uncompressed and stay so", origin)
		}
	}
	// What compaction left is replicated as it is.
	holes := changed(goldenBuilder(compress.None).Build(), put32(offLastOffsetDelta, 100))
	for origin, ok := range map[Origin]bool{Coordinator: false, RaftLeader: true, Replication: true} {
		v := validation()
		v.Origin = origin
		if _, err := v.Validate(holes.Clone()); (err == nil) != ok {
			t.Errorf("%v: %v", origin, err)
		}
	}
	for _, origin := range []Origin{Coordinator, RaftLeader, Replication} {
		v := validation()
		v.Origin = origin
		b := marker.Clone()
		b[len(b)-1]++
		if _, err := v.Validate(b); !errors.Is(err, kerr.CorruptMessage) {
			t.Errorf("%v: %v", origin, err)
		}
	}
}

func TestReadProduce(t *testing.T) {
	t.Parallel()
	good := produced(compress.None, 2)
	zstd := produced(compress.Zstd, 2)
	for name, test := range map[string]struct {
		records []byte
		version int16
		code    *kerr.Error
	}{
		"good":        {good, 3, nil},
		"zstd":        {zstd, 7, nil},
		"zstd before": {zstd, 6, kerr.UnsupportedCompressionType},
		"nothing":     {nil, 9, kerr.InvalidRecord},
		"two":         {append(good.Clone(), good...), 9, kerr.InvalidRecord},
		"cut":         {good[:len(good)-1], 9, kerr.InvalidRecord},
		"cut header":  {good[:10], 9, kerr.InvalidRecord},
		"magic 0":     {golden(t)["legacy-v0"], 9, kerr.InvalidRecord},
		"magic 1":     {golden(t)["legacy-v1"], 9, kerr.InvalidRecord},
		"magic 9":     {changed(good.Clone(), func(b Batch) { b[offMagic] = 9 }), 9, kerr.CorruptMessage},
	} {
		b, err := ReadProduce(test.records, test.version)
		switch {
		case test.code == nil && (err != nil || !bytes.Equal(b, test.records)):
			t.Errorf("%s: %v", name, err)
		case test.code != nil && !errors.Is(err, test.code):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateAllocatesNothing(t *testing.T) {
	b := produced(compress.None, 100)
	v := validation()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := v.Validate(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for an uncompressed batch", n)
	}
	v.TimestampType = LogAppendTime
	if n := testing.AllocsPerRun(100, func() {
		v.NowMs++
		b.SetMaxTimestamp(CreateTime, v.NowMs)
		if _, err := v.Validate(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations with LogAppendTime", n)
	}
}

// Whatever a producer builds is accepted and comes out with the same records.
func TestValidateProperty(t *testing.T) {
	t.Parallel()
	codecs := rapid.SampledFrom([]compress.Codec{0, 1, 2, 3, 4})
	rapid.Check(t, func(rt *rapid.T) {
		records := genRecords(rt)
		for i := range records {
			records[i].Offset = kafka.Offset(i)
		}
		o := NewOptions(0)
		o.Codec = codecs.Draw(rt, "codec")
		v := validation()
		v.AfterMaxMs = math.MaxInt64
		v.TargetCodec = codecs.Draw(rt, "target")
		verdict, err := v.Validate(build(o, records))
		if err != nil {
			rt.Fatal(err)
		}
		if err := verdict.Batch.Check(); err != nil || verdict.Batch.Codec() != v.TargetCodec {
			rt.Fatal(err, verdict.Batch)
		}
		if diff := cmp.Diff(records, readAll(t, verdict.Batch), ignoreDeltas); diff != "" {
			rt.Fatal(diff)
		}
		if got := records[verdict.OffsetOfMaxTimestamp].Timestamp; got != verdict.MaxTimestamp || got != verdict.Batch.MaxTimestamp() {
			rt.Fatal(got, verdict.MaxTimestamp)
		}
	})
}
