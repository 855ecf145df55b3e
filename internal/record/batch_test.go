package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
)

func TestReadCutAndBroken(t *testing.T) {
	t.Parallel()
	whole := []byte(goldenBuilder(compress.None).Build())
	for cut := range whole {
		want := io.ErrUnexpectedEOF
		if cut == 0 {
			want = io.EOF
		}
		if _, _, err := Read(whole[:cut]); !errors.Is(err, want) {
			t.Fatalf("cut to %d bytes: %v", cut, err)
		}
	}
	for name, change := range map[string]func(b []byte){
		"negative length": func(b []byte) { binary.BigEndian.PutUint32(b[offLength:], 0xffffffff) },
		"length too small": func(b []byte) {
			binary.BigEndian.PutUint32(b[offLength:], HeaderSize-LogOverhead-1)
		},
		"length beyond int32": func(b []byte) { binary.BigEndian.PutUint32(b[offLength:], math.MaxInt32) },
		"magic 3":             func(b []byte) { b[offMagic] = 3 },
		"magic -1":            func(b []byte) { b[offMagic] = 0xff },
	} {
		b := bytes.Clone(whole)
		change(b)
		var corrupt *CorruptError
		if _, _, err := Read(b); !errors.As(err, &corrupt) || corrupt.Position < 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	one := goldenBuilder(compress.None).Build()
	two := goldenBuilder(compress.LZ4).Build()
	two.SetBaseOffset(47)
	log := append(one.Clone(), two...)
	var got []kafka.Offset
	for b, err := range Batches(log) {
		if err != nil {
			t.Fatal(err)
		}
		if cap(b) != len(b) {
			t.Error("appending to a batch would write into the next one")
		}
		got = append(got, b.BaseOffset())
	}
	if diff := cmp.Diff([]kafka.Offset{42, 47}, got); diff != "" {
		t.Error(diff)
	}
	var last error
	for _, err := range Batches(log[:len(log)-1]) {
		last = err
	}
	if !errors.Is(last, io.ErrUnexpectedEOF) {
		t.Errorf("a cut log ends with %v", last)
	}
}

func TestSetters(t *testing.T) {
	t.Parallel()
	b := goldenBuilder(compress.Snappy).Build()
	crc := b.CRC()
	b.SetBaseOffset(1 << 40)
	b.SetLeaderEpoch(99)
	b.SetMaxTimestamp(CreateTime, b.MaxTimestamp())
	if b.CRC() != crc {
		t.Error("base offset, leader epoch or an unchanged timestamp touched the checksum")
	}
	if b.BaseOffset() != 1<<40 || b.LastOffset() != 1<<40+4 || b.LeaderEpoch() != 99 {
		t.Error(b)
	}
	b.SetMaxTimestamp(LogAppendTime, 123)
	if b.TimestampType() != LogAppendTime || b.MaxTimestamp() != 123 || !b.IsTransactional() || b.Codec() != compress.Snappy {
		t.Error(b)
	}
	if err := b.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b Batch){
		"checksum":             func(b Batch) { b[len(b)-1]++ },
		"length":               func(b Batch) { b[offLength+3]++ },
		"magic":                func(b Batch) { b[offMagic] = 1 },
		"codec":                func(b Batch) { b[offAttributes+1] |= 7; b.updateCRC() },
		"last offset delta":    func(b Batch) { b[offLastOffsetDelta] = 0x80; b.updateCRC() },
		"count":                func(b Batch) { b[offCount] = 0x80; b.updateCRC() },
		"negative base offset": func(b Batch) { b.SetBaseOffset(-1) },
		"last offset overflow": func(b Batch) { b.SetBaseOffset(math.MaxInt64 - 3) },
	} {
		b := goldenBuilder(compress.None).Build()
		change(b)
		var corrupt *CorruptError
		if err := b.Check(); !errors.As(err, &corrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var corrupt *CorruptError
	if err := Batch("short").Check(); !errors.As(err, &corrupt) {
		t.Error(err)
	}
}

func TestDeleteHorizon(t *testing.T) {
	t.Parallel()
	o := NewOptions(10)
	o.DeleteHorizonMs, o.HasDeleteHorizon = 5000, true
	builder := NewBuilder(o)
	builder.AppendAt(12, 1000, []byte("k"), nil)
	builder.SetLastOffset(20)
	b := builder.Build()
	horizon, ok := b.DeleteHorizon()
	if !ok || horizon != 5000 || b.LastOffset() != 20 || b.MaxTimestamp() != 1000 {
		t.Error(b, horizon, ok)
	}
	want := []stamped{{12, 1000, Record{Key: []byte("k"), TimestampDelta: -4000, OffsetDelta: 2}}}
	if diff := cmp.Diff(want, readAll(t, b)); diff != "" {
		t.Error(diff)
	}
	if _, ok := goldenBuilder(compress.None).Build().DeleteHorizon(); ok {
		t.Error("a fresh batch has a delete horizon")
	}
}

func TestAddSequence(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ sequence, increment, want int32 }{
		{0, 0, 0},
		{5, 10, 15},
		{math.MaxInt32, 0, math.MaxInt32},
		{math.MaxInt32, 1, 0},
		{math.MaxInt32 - 1, 3, 1},
	} {
		if got := AddSequence(test.sequence, test.increment); got != test.want {
			t.Errorf("%d + %d = %d, want %d", test.sequence, test.increment, got, test.want)
		}
	}
}

func TestVarints(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v32, v64 := rapid.Int32().Draw(t, "v32"), rapid.Int64().Draw(t, "v64")
		p := appendVarint(nil, v32)
		if got, at := readVarint(p, 0); got != v32 || at != len(p) || varintSize(v32) != len(p) {
			t.Fatalf("%d: %d at %d of %x", v32, got, at, p)
		}
		if _, at := readVarint(p[:len(p)-1], 0); at != -1 {
			t.Fatalf("cut %x was read", p)
		}
		p = appendVarlong(nil, v64)
		if got, at := readVarlong(p, 0); got != v64 || at != len(p) || varlongSize(v64) != len(p) {
			t.Fatalf("%d: %d at %d of %x", v64, got, at, p)
		}
		if want := binary.AppendVarint(nil, v64); !bytes.Equal(want, p) {
			t.Fatalf("%d: %x, want %x", v64, p, want)
		}
	})
	for _, bad := range []string{"\xff\xff\xff\xff\x10", "\x80\x80\x80\x80\x80\x01", "\x80"} {
		if _, at := readVarint([]byte(bad), 0); at != -1 {
			t.Errorf("%x was read", bad)
		}
	}
	for _, bad := range []string{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"} {
		if _, at := readVarlong([]byte(bad), 0); at != -1 {
			t.Errorf("%x was read", bad)
		}
	}
}

// genRecords draws the records of a batch.
func genRecords(t *rapid.T) []stamped {
	nullable := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 200))
	offset := kafka.Offset(rapid.Int64Range(0, 1<<50).Draw(t, "base"))
	var all []stamped
	for range rapid.IntRange(1, 20).Draw(t, "count") {
		s := stamped{Offset: offset, Timestamp: rapid.Int64Range(-1, 1<<45).Draw(t, "timestamp")}
		s.Record.Key = nullable.Draw(t, "key")
		s.Record.Value = nullable.Draw(t, "value")
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			s.Record.Headers = append(s.Record.Headers, Header{rapid.StringN(0, 10, -1).Draw(t, "header"), nullable.Draw(t, "header value")})
		}
		all = append(all, s)
		offset += 1 + kafka.Offset(rapid.IntRange(0, 2).Draw(t, "gap"))
	}
	return all
}

func build(o Options, records []stamped) Batch {
	o.BaseOffset = records[0].Offset
	b := NewBuilder(o)
	for _, s := range records {
		b.AppendAt(s.Offset, s.Timestamp, s.Record.Key, s.Record.Value, s.Record.Headers...)
	}
	return b.Build()
}

func TestBuildAndReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		records := genRecords(rt)
		o := NewOptions(0)
		o.Codec = rapid.SampledFrom([]compress.Codec{0, 1, 2, 3, 4}).Draw(rt, "codec")
		o.ProducerID = kafka.ProducerID(rapid.Int64().Draw(rt, "producer"))
		o.BaseSequence = rapid.Int32Range(-1, math.MaxInt32).Draw(rt, "sequence")
		o.Transactional = rapid.Bool().Draw(rt, "transactional")
		o.Control = rapid.Bool().Draw(rt, "control")
		b := build(o, records)
		if err := b.Check(); err != nil {
			rt.Fatal(err)
		}
		if b.ProducerID() != o.ProducerID || b.BaseSequence() != o.BaseSequence || b.IsControl() != o.Control || b.IsTransactional() != o.Transactional {
			rt.Fatal(b)
		}
		read, rest, err := Read(append(b.Clone(), 1, 2, 3))
		if err != nil || len(rest) != 3 || !bytes.Equal(read, b) {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(records, readAll(t, read), ignoreDeltas); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// kmsg's record types are written independently of ours.
func TestBuilderAgainstKmsg(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := genRecords(t)
		b := build(NewOptions(0), records)
		var batch kmsg.RecordBatch
		if err := batch.ReadFrom(b); err != nil {
			t.Fatal(err)
		}
		if batch.FirstOffset != int64(b.BaseOffset()) || batch.NumRecords != b.Count() || batch.LastOffsetDelta != b.LastOffsetDelta() ||
			batch.FirstTimestamp != b.BaseTimestamp() || batch.MaxTimestamp != b.MaxTimestamp() || batch.CRC != int32(b.CRC()) ||
			batch.Length != int32(len(b)-LogOverhead) || batch.ProducerID != -1 || batch.PartitionLeaderEpoch != -1 {
			t.Fatalf("%+v\n%v", batch, b)
		}
		again := batch.AppendTo(nil)
		if !bytes.Equal(again, b) {
			t.Fatalf("kmsg writes\n%x\nwe\n%x", again, []byte(b))
		}
		rest := batch.Records
		for _, want := range records {
			var r kmsg.Record
			if err := r.ReadFrom(rest); err != nil {
				t.Fatal(err)
			}
			if r.OffsetDelta != int32(want.Offset-b.BaseOffset()) || r.TimestampDelta64 != want.Timestamp-b.BaseTimestamp() ||
				!bytes.Equal(r.Key, want.Record.Key) || (r.Key == nil) != (want.Record.Key == nil) ||
				!bytes.Equal(r.Value, want.Record.Value) || (r.Value == nil) != (want.Record.Value == nil) ||
				len(r.Headers) != len(want.Record.Headers) {
				t.Fatalf("%+v\n%+v", r, want)
			}
			rest = rest[varintSize(r.Length)+int(r.Length):]
		}
		if len(rest) != 0 {
			t.Fatalf("%d bytes left", len(rest))
		}
	})
}

func TestBuilderReset(t *testing.T) {
	t.Parallel()
	b := goldenBuilder(compress.None)
	want := b.Build().Clone()
	b.Reset(NewOptions(0))
	if b.Count() != 0 || b.Len() != HeaderSize || b.Build() != nil {
		t.Error("Reset left something")
	}
	b.Append(1, nil, []byte("x"))
	if got := readAll(t, b.Build()); len(got) != 1 || got[0].Offset != 0 {
		t.Errorf("%+v", got)
	}
	b.Reset(goldenBuilder(compress.None).opts)
	for _, r := range goldenRecords() {
		b.Append(r.Timestamp, r.Record.Key, r.Record.Value, r.Record.Headers...)
	}
	if diff := cmp.Diff(want, b.Build()); diff != "" {
		t.Error(diff)
	}
}

// A step's records stay intact while the loop goes on, and after the loop if
// they were cloned.
func TestClonedRecordsSurvive(t *testing.T) {
	t.Parallel()
	b := goldenBuilder(compress.Zstd).Build()
	first := readAll(t, b)
	for range 10 {
		other := NewBuilder(Options{Codec: compress.Zstd})
		other.Append(0, nil, bytes.Repeat([]byte("x"), 5000))
		readAll(t, other.Build())
	}
	if diff := cmp.Diff(goldenRecords(), first, ignoreDeltas); diff != "" {
		t.Error(diff)
	}
}

func TestRecordsStop(t *testing.T) {
	t.Parallel()
	for c := compress.None; c <= compress.Zstd; c++ {
		n := 0
		for _, err := range goldenBuilder(c).Build().Records(1 << 20) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			t.Errorf("%v: %d steps", c, n)
		}
	}
}

func TestBuilderAllocatesNothing(t *testing.T) {
	b := NewBuilder(NewOptions(0))
	key, value := []byte("key"), bytes.Repeat([]byte("v"), 1000)
	fill := func() {
		b.Reset(NewOptions(1 << 40))
		for range 10 {
			b.Append(testNow, key, value)
		}
		b.Build()
	}
	fill()
	if n := testing.AllocsPerRun(100, fill); n != 0 {
		t.Errorf("%v allocations in memory of the right size", n)
	}
}

func TestBuilderAssertsOffsets(t *testing.T) {
	t.Parallel()
	for name, misuse := range map[string]func(b *Builder){
		"going back":        func(b *Builder) { b.AppendAt(45, 0, nil, nil) },
		"too far":           func(b *Builder) { b.AppendAt(42+math.MaxInt32+1, 0, nil, nil) },
		"last offset below": func(b *Builder) { b.SetLastOffset(45) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s went unnoticed", name)
				}
			}()
			misuse(goldenBuilder(compress.None))
		}()
	}
}
