package record

import (
	"bytes"
	"fmt"
	"testing"

	"moldau.dev/moldau/internal/compress"
)

func benchBatch(codec compress.Codec, records, size int) Batch {
	o := NewOptions(0)
	o.Codec = codec
	b := NewBuilder(o)
	value := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
	for i := range records {
		b.Append(testNow+int64(i), fmt.Appendf(nil, "key-%06d", i), value)
	}
	return b.Build()
}

func BenchmarkValidate(b *testing.B) {
	for _, codec := range []compress.Codec{compress.None, compress.LZ4, compress.Zstd} {
		for _, size := range []int{100, 1024} {
			b.Run(fmt.Sprintf("%v/%dB", codec, size), func(b *testing.B) {
				plain := benchBatch(compress.None, 65536/size, size)
				batch := benchBatch(codec, 65536/size, size)
				v := validation()
				b.SetBytes(int64(len(plain)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := v.Validate(batch); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkFraming is BenchmarkValidate without the checksum.
func BenchmarkFraming(b *testing.B) {
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			batch := benchBatch(compress.None, 65536/size, size)
			v := validation()
			b.SetBytes(int64(len(batch)))
			for b.Loop() {
				c := check{v: v, batch: batch, payload: batch.Payload(), maxTimestamp: NoTimestamp}
				if err := c.records(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCRC(b *testing.B) {
	batch := benchBatch(compress.None, 64, 1024)
	b.SetBytes(int64(len(batch)))
	for b.Loop() {
		batch.computeCRC()
	}
}

func BenchmarkRecords(b *testing.B) {
	for _, codec := range []compress.Codec{compress.None, compress.Zstd} {
		b.Run(codec.String(), func(b *testing.B) {
			batch := benchBatch(codec, 600, 100)
			b.SetBytes(int64(600 * 120))
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range batch.Records(1 << 20) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	value := bytes.Repeat([]byte("x"), 100)
	builder := NewBuilder(NewOptions(0))
	b.SetBytes(600 * 120)
	b.ReportAllocs()
	for b.Loop() {
		builder.Reset(NewOptions(0))
		for range 600 {
			builder.Append(testNow, value[:10], value)
		}
		builder.Build()
	}
}
