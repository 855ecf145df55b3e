package record

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
)

func addSeeds(f *testing.F) {
	for _, b := range golden(f) {
		f.Add(b)
	}
	for c := compress.None; c <= compress.Zstd; c++ {
		f.Add([]byte(produced(c, 3)))
	}
	f.Add([]byte(raw(compress.None, 1, []byte{0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0})))
}

func FuzzRead(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		b, rest, err := Read(in)
		var corrupt *CorruptError
		if err != nil {
			if !errors.As(err, &corrupt) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			return
		}
		if len(b)+len(rest) != len(in) || b.Size() != len(b) || len(b) < HeaderSize {
			t.Fatal(b)
		}
		_ = b.String()
		_ = b.LastSequence()
		if err := b.Check(); err != nil && !errors.As(err, &corrupt) {
			t.Fatal(err)
		}
	})
}

func FuzzRecords(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		b, _, err := Read(in)
		if err != nil {
			return
		}
		n := int32(0)
		for r, err := range b.Records(1 << 16) {
			if err != nil {
				var corrupt *CorruptError
				if !errors.As(err, &corrupt) && !errors.Is(err, compress.ErrTooLarge) && !errors.Is(err, compress.ErrUnknownCodec) {
					t.Fatal(err)
				}
				return
			}
			_ = r.Clone()
			n++
		}
		if n != b.Count() {
			t.Fatalf("%d records of %d without error", n, b.Count())
		}
	})
}

// What is accepted can be stored: its records read back, and it is accepted
// again without change.
func FuzzValidate(f *testing.F) {
	for c := compress.None; c <= compress.Zstd; c++ {
		f.Add([]byte(produced(c, 3)), int8(ProducerCodec), false)
		f.Add([]byte(produced(c, 3)), int8(compress.Zstd), true)
	}
	f.Add([]byte(raw(compress.None, 2, encoded(Record{OffsetDelta: 1}, Record{OffsetDelta: 1}))), int8(-1), false)
	f.Fuzz(func(t *testing.T, in []byte, target int8, compacted bool) {
		b, _, err := Read(bytes.Clone(in))
		if err != nil || target < -1 || target > 4 {
			return
		}
		b.SetBaseOffset(0)
		b.updateCRC()
		v := Validation{
			Topic: "t-0", Compacted: compacted, TargetCodec: compress.Codec(target),
			BeforeMaxMs: math.MaxInt64, AfterMaxMs: math.MaxInt64, MaxDecompressed: 1 << 16,
		}
		verdict, err := v.Validate(b)
		if err != nil {
			var code *kerr.Error
			if !errors.As(err, &code) {
				t.Fatal(err)
			}
			return
		}
		stored := verdict.Batch
		if err := stored.Check(); err != nil {
			t.Fatal(err)
		}
		n := int32(0)
		for r, err := range stored.Records(1 << 20) {
			if err != nil || r.OffsetDelta != n {
				t.Fatal(r, err)
			}
			n++
		}
		if n != stored.Count() || n != verdict.Count || stored.NextOffset() != kafka.Offset(n) {
			t.Fatal(n, stored)
		}
		before := stored.Clone()
		again, err := v.Validate(stored)
		if err != nil || !bytes.Equal(again.Batch, before) {
			t.Fatal("accepted once, not as it was stored:", err)
		}
	})
}

func FuzzControl(f *testing.F) {
	for _, in := range golden(f) {
		b, _, err := Read(in)
		if err != nil {
			continue
		}
		for r := range b.Records(1 << 20) {
			f.Add(r.Key, r.Value)
		}
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if m, err := ParseEndTxnMarker(key, value); err == nil {
			if again, err := ParseEndTxnMarker(m.Type().Key(), m.Value()); err != nil || again != m {
				t.Fatal(m, again, err)
			}
		}
		if m, err := ParseLeaderChange(value); err == nil {
			if _, err := ParseLeaderChange(m.Value()); err != nil {
				t.Fatal(err)
			}
		}
		if m, err := ParseVoters(value); err == nil {
			if _, err := ParseVoters(m.Value()); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = ParseSnapshotHeader(value)
		_, _ = ParseSnapshotFooter(value)
		_, _ = ParseKRaftVersion(value)
	})
}
