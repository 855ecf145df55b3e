package compress

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

var packing = []Codec{Gzip, Snappy, LZ4, Zstd}

func levels(c Codec) []int {
	switch c {
	case Gzip:
		return []int{DefaultLevel, -1, 1, 5, 9, 100}
	case LZ4:
		return []int{DefaultLevel, 1, 8, 9, 10, 17, -5}
	case Zstd:
		return []int{DefaultLevel, ZstdMinLevel, -1, 0, 3, 6, 22, 99}
	default:
		return []int{DefaultLevel}
	}
}

func inputs() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	return map[string][]byte{
		"empty":    {},
		"byte":     {7},
		"text":     []byte("Der Moldau entlang"),
		"repeated": []byte(strings.Repeat("0123456789", 100_000)),
		"noise":    noise,
		"zeros":    make([]byte, 65536),
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range append([]Codec{None}, packing...) {
		for _, level := range levels(c) {
			for name, in := range inputs() {
				prefix := []byte("prefix")
				packed, err := Compress(prefix, c, level, in)
				if err != nil {
					t.Fatalf("%v level %d %s: %v", c, level, name, err)
				}
				if !bytes.HasPrefix(packed, prefix) {
					t.Fatalf("%v: Compress did not append", c)
				}
				out, err := Decompress([]byte("before"), c, packed[len(prefix):], len(in))
				if err != nil {
					t.Fatalf("%v level %d %s: %v", c, level, name, err)
				}
				if !bytes.Equal(out, append([]byte("before"), in...)) {
					t.Fatalf("%v level %d %s: got %d bytes, want %d", c, level, name, len(out), len(in)+6)
				}
			}
		}
	}
}

func TestDecompressStopsAtTheBound(t *testing.T) {
	t.Parallel()
	for _, c := range append([]Codec{None}, packing...) {
		for name, in := range inputs() {
			if len(in) == 0 {
				continue
			}
			packed, err := Compress(nil, c, DefaultLevel, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, limit := range []int{len(in) - 1, len(in) / 2, 0, -1} {
				dst := []byte("kept")
				out, err := Decompress(dst, c, packed, limit)
				if !errors.Is(err, ErrTooLarge) {
					t.Fatalf("%v %s with limit %d of %d: error %v", c, name, limit, len(in), err)
				}
				if string(out) != "kept" {
					t.Fatalf("%v %s: %d bytes came with the error", c, name, len(out))
				}
			}
		}
	}
}

// A frame may come without content size, and may claim a wrong one.
func TestZstdSizes(t *testing.T) {
	t.Parallel()
	bomb := make([]byte, 64<<20)
	var stream bytes.Buffer
	w, err := zstd.NewWriter(&stream, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(bomb); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Decompress(nil, Zstd, stream.Bytes(), 1<<20); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a stream of %d bytes into 1 MiB: %v", stream.Len(), err)
	}
	out, err := Decompress(nil, Zstd, stream.Bytes(), len(bomb))
	if err != nil || len(out) != len(bomb) {
		t.Errorf("the exact bound: %d bytes, %v", len(out), err)
	}

	// A single-segment frame with 8-byte content size of 100 MiB and one raw
	// block of 1 byte.
	liar := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0}
	liar = binary.LittleEndian.AppendUint64(liar, 100<<20)
	liar = append(liar, 1|1<<3, 0, 0, 'x')
	out, err = Decompress(nil, Zstd, liar, 1<<30)
	if err == nil {
		t.Errorf("a frame that is shorter than it says gave %d bytes", len(out))
	}
}

func TestZstdFramesConcatenated(t *testing.T) {
	t.Parallel()
	one := compressZstd(nil, 3, bytes.Repeat([]byte("a"), 100_000))
	both := compressZstd(one, 3, bytes.Repeat([]byte("b"), 100_000))
	out, err := Decompress(nil, Zstd, both, 1<<20)
	if err != nil || len(out) != 200_000 {
		t.Fatalf("%d bytes, %v", len(out), err)
	}
	if _, err := Decompress(nil, Zstd, both, 150_000); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("the bound counts one frame only: %v", err)
	}
}

func TestRawSnappy(t *testing.T) {
	t.Parallel()
	in := []byte(strings.Repeat("raw snappy ", 10_000))
	out, err := Decompress(nil, Snappy, s2.EncodeSnappy(nil, in), len(in))
	if err != nil || !bytes.Equal(out, in) {
		t.Fatalf("%d bytes, %v", len(out), err)
	}
}

func TestSnappyStreamsConcatenated(t *testing.T) {
	t.Parallel()
	packed := compressSnappy(compressSnappy(nil, []byte("one ")), []byte("two"))
	out, err := Decompress(nil, Snappy, packed, 100)
	if err != nil || string(out) != "one two" {
		t.Fatalf("%q, %v", out, err)
	}
}

// Blocks that use s2's extension are unreadable for snappy-java.
func TestSnappyRefusesS2(t *testing.T) {
	t.Parallel()
	// Literal "abcd", a copy of 4 at offset 4, then a copy with offset 0.
	block := []byte{12, 3 << 2, 'a', 'b', 'c', 'd', 1, 4, 1, 0}
	if _, err := s2.Decode(nil, block); err != nil {
		t.Fatalf("the test's block is not s2: %v", err)
	}
	if out, err := Decompress(nil, Snappy, block, 100); err == nil {
		t.Fatalf("accepted: %q", out)
	}
}

func TestCorruptInput(t *testing.T) {
	t.Parallel()
	for _, c := range packing {
		packed, err := Compress(nil, c, DefaultLevel, []byte(strings.Repeat("0123456789", 10_000)))
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range []int{0, 1, 5, len(packed) / 2, len(packed) - 1} {
			if c == Snappy && cut == 0 {
				continue
			}
			out, err := Decompress(nil, c, packed[:cut], 1<<20)
			if err == nil {
				t.Errorf("%v cut to %d of %d bytes gave %d bytes", c, cut, len(packed), len(out))
			}
			if errors.Is(err, ErrTooLarge) {
				t.Errorf("%v cut to %d bytes: %v", c, cut, err)
			}
		}
	}
}

func TestLZ4Header(t *testing.T) {
	t.Parallel()
	good := compressLZ4(nil, DefaultLevel, []byte("hello"))
	for name, test := range map[string]struct {
		at    int
		value byte
	}{
		"magic":            {0, 0},
		"version":          {4, 0xa0},
		"dependent blocks": {4, 0x40},
		"reserved bit":     {4, 0x61},
		"block size 3":     {5, 0x30},
		"checksum":         {6, 0},
	} {
		bad := bytes.Clone(good)
		bad[test.at] = test.value
		if out, err := Decompress(nil, LZ4, bad, 100); err == nil {
			t.Errorf("%s: accepted, %q", name, out)
		}
	}
}

// Frames with content size, block checksums and content checksum, as the
// reference tool writes them.
func TestLZ4OptionalFields(t *testing.T) {
	t.Parallel()
	descriptor := []byte{lz4Version | lz4Independent | lz4BlockSums | lz4ContentSize | lz4ContentSum, 0x70}
	descriptor = binary.LittleEndian.AppendUint64(descriptor, 5)
	frame := binary.LittleEndian.AppendUint32(nil, lz4Magic)
	frame = append(frame, descriptor...)
	frame = append(frame, byte(xxh32(descriptor)>>8))
	frame = binary.LittleEndian.AppendUint32(frame, 5|lz4Uncompressed)
	frame = append(frame, "hello"...)
	sum := len(frame)
	frame = binary.LittleEndian.AppendUint32(frame, xxh32([]byte("hello")))
	frame = append(frame, 0, 0, 0, 0, 1, 2, 3, 4)
	out, err := Decompress(nil, LZ4, frame, 5)
	if err != nil || string(out) != "hello" {
		t.Fatalf("%q, %v", out, err)
	}
	if _, err := Decompress(nil, LZ4, frame[:len(frame)-1], 5); err == nil {
		t.Fatal("a cut content checksum was accepted, at which Java fails")
	}
	frame[sum]++
	if _, err := Decompress(nil, LZ4, frame, 5); err == nil {
		t.Fatal("a wrong block checksum was accepted")
	}
}

func TestXXH32(t *testing.T) {
	t.Parallel()
	// Vectors of the reference implementation.
	for in, want := range map[string]uint32{
		"":    0x02cc5d05,
		"a":   0x550d7456,
		"abc": 0x32d153ff,
		"Nobody inspects the spammish repetition": 0xe2293b2f,
	} {
		if got := xxh32([]byte(in)); got != want {
			t.Errorf("%q: %#x, want %#x", in, got, want)
		}
	}
}

func TestXerialHeader(t *testing.T) {
	t.Parallel()
	got := hex.EncodeToString(compressSnappy(nil, nil))
	if got != "82534e41505059000000000100000001" {
		t.Fatal(got)
	}
}

func TestUnknownCodec(t *testing.T) {
	t.Parallel()
	for c := Codec(5); c < 8; c++ {
		if _, err := Compress(nil, c, DefaultLevel, nil); !errors.Is(err, ErrUnknownCodec) {
			t.Errorf("compress with %v: %v", c, err)
		}
		if _, err := Decompress(nil, c, nil, 1); !errors.Is(err, ErrUnknownCodec) {
			t.Errorf("decompress with %v: %v", c, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for c := None; c <= Zstd; c++ {
		got, err := ParseCodec(c.String())
		if err != nil || got != c {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
	if c, err := ParseCodec("uncompressed"); err != nil || c != None {
		t.Errorf("uncompressed: %v, %v", c, err)
	}
	for _, bad := range []string{"", "GZIP", "producer", "unknown(5)"} {
		if _, err := ParseCodec(bad); !errors.Is(err, ErrUnknownCodec) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCheckLevel(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		codec Codec
		level int
		ok    bool
	}{
		{Gzip, -1, true},
		{Gzip, 0, false},
		{Gzip, 1, true},
		{Gzip, 9, true},
		{Gzip, 10, false},
		{LZ4, 0, false},
		{LZ4, 17, true},
		{LZ4, 18, false},
		{Zstd, -131072, true},
		{Zstd, -131073, false},
		{Zstd, 0, true},
		{Zstd, 22, true},
		{Zstd, 23, false},
		{Snappy, 99, true},
		{Gzip, DefaultLevel, true},
		{Codec(7), 1, false},
	} {
		if err := CheckLevel(test.codec, test.level); (err == nil) != test.ok {
			t.Errorf("%v level %d: %v", test.codec, test.level, err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			in := bytes.Repeat([]byte{byte(i), 1, 2}, 10_000+i)
			for _, c := range packing {
				for range 5 {
					packed, err := Compress(nil, c, DefaultLevel, in)
					if err != nil {
						t.Error(err)
						return
					}
					out, err := Decompress(nil, c, packed, len(in))
					if err != nil || !bytes.Equal(out, in) {
						t.Errorf("%v: %d bytes, %v", c, len(out), err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestRoundTripProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(packing).Draw(t, "codec")
		level := rapid.SampledFrom(levels(c)).Draw(t, "level")
		unit := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "unit")
		in := bytes.Repeat(unit, rapid.IntRange(0, 300).Draw(t, "times"))
		packed, err := Compress(nil, c, level, in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Decompress(make([]byte, 0, rapid.IntRange(0, 100).Draw(t, "capacity")), c, packed, len(in))
		if err != nil || !bytes.Equal(out, in) {
			t.Fatalf("%d bytes of %d, %v", len(out), len(in), err)
		}
	})
}

func FuzzDecompress(f *testing.F) {
	for _, c := range append([]Codec{None}, packing...) {
		for _, in := range []string{"", "x", strings.Repeat("0123456789", 1000)} {
			packed, err := Compress(nil, c, DefaultLevel, []byte(in))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(int8(c), packed)
		}
	}
	f.Add(int8(Snappy), s2.EncodeSnappy(nil, []byte("raw raw raw")))
	f.Fuzz(func(t *testing.T, c int8, src []byte) {
		const limit = 1 << 16
		dst := []byte("dst")
		out, err := Decompress(dst, Codec(c), src, limit)
		if !bytes.HasPrefix(out, dst) {
			t.Fatal("dst is not kept")
		}
		if len(out) > len(dst)+limit || (err != nil && len(out) != len(dst)) {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	})
}

func BenchmarkDecompress(b *testing.B) {
	in := []byte(strings.Repeat(`{"id":12345,"name":"Moldau","tags":["river","go"]}`, 400))
	for _, c := range packing {
		b.Run(c.String(), func(b *testing.B) {
			packed, err := Compress(nil, c, DefaultLevel, in)
			if err != nil {
				b.Fatal(err)
			}
			var out []byte
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if out, err = Decompress(out[:0], c, packed, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompress(b *testing.B) {
	in := []byte(strings.Repeat(`{"id":12345,"name":"Moldau","tags":["river","go"]}`, 400))
	for _, c := range packing {
		b.Run(fmt.Sprint(c), func(b *testing.B) {
			var out []byte
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				out, _ = Compress(out[:0], c, DefaultLevel, in)
			}
		})
	}
}
