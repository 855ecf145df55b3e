package data

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/compress"
)

// prose compresses better the more is made of it.
func prose() []byte {
	var text []byte
	for i := range 4000 {
		text = fmt.Appendf(text, "the %d guests of table %d drank %d beers;", i*7919%101, i*104729%37, i*31337%13)
	}
	return text
}

func TestLevelsOfCompressionCount(t *testing.T) {
	size := func(s string, flags ...kgo.CompressFlag) int {
		t.Helper()
		c, err := parseCompressor(s)
		if err != nil {
			t.Fatal(err)
		}
		packed, codec := c.Compress(new(bytes.Buffer), prose(), flags...)
		if packed == nil {
			return -1
		}
		back, err := compress.Decompress(nil, compress.Codec(codec), packed, 1<<20)
		if err != nil || !bytes.Equal(back, prose()) {
			t.Errorf("%s does not come back: %v", s, err)
		}
		return len(packed)
	}
	// 9 is the default of lz4, and as in Java the only level that is fast.
	for codec, levels := range map[string][2]int{"gzip": {1, 9}, "lz4": {9, 17}, "zstd": {1, 19}} {
		low, high := size(fmt.Sprintf("%s:%d", codec, levels[0])), size(fmt.Sprintf("%s:%d", codec, levels[1]))
		if high >= low {
			t.Errorf("%s makes %d bytes of it at level %d, and %d at level %d", codec, low, levels[0], high, levels[1])
		}
	}
	if size("snappy") <= 0 {
		t.Error("snappy compresses nothing")
	}
	if size("none") >= 0 || size("zstd", kgo.CompressDisableZstd) >= 0 {
		t.Error("something is compressed that must not be")
	}
}

func TestParseCompressor(t *testing.T) {
	for in, want := range map[string]string{
		"brotli": "want none", "": "want none", "zstd:": "a number", "zstd:x": "a number", "snappy:1": "a number", "none:1": "a number",
		"gzip:10": "outside [1, 9]", "zstd:23": "outside [-131072, 22]", "lz4:18": "outside [1, 17]",
	} {
		if c, err := parseCompressor(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", in, c, err, want)
		}
	}
}
