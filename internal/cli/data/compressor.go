package data

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/compress"
)

// compressor compresses batches at a level of Kafka's: the client library has
// its own numbers for levels, and takes one that it does not know for the default.
type compressor struct {
	codec compress.Codec
	level int
}

// parseCompressor reads the name of a codec, with a level if it has any: zstd:9.
func parseCompressor(s string) (compressor, error) {
	name, level, hasLevel := strings.Cut(s, ":")
	codec, err := compress.ParseCodec(name)
	if err != nil {
		return compressor{}, fmt.Errorf("want none, gzip, snappy, lz4 or zstd")
	}
	c := compressor{codec, compress.DefaultLevel}
	if !hasLevel {
		return c, nil
	}
	if c.level, err = strconv.Atoi(level); err != nil || codec == compress.None || codec == compress.Snappy {
		return compressor{}, fmt.Errorf("want gzip, lz4 or zstd with a number as its level")
	}
	return c, compress.CheckLevel(codec, c.level)
}

// Compress implements kgo.Compressor. Nil leaves a batch as it is.
func (c compressor) Compress(dst *bytes.Buffer, src []byte, flags ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	if c.codec == compress.None || c.codec == compress.Zstd && slices.Contains(flags, kgo.CompressDisableZstd) {
		return nil, kgo.CodecNone
	}
	out, err := compress.Compress(dst.AvailableBuffer(), c.codec, c.level, src)
	if err != nil {
		return nil, kgo.CodecNone
	}
	return out, kgo.CompressionCodecType(c.codec)
}
