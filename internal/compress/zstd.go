package compress

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"moldau.dev/moldau/internal/invariant"
)

const (
	// zstdMaxWindow is the largest window that libzstd reads by default. No
	// window is allocated for it: frames are unpacked straight into the
	// output, which the caller bounds.
	zstdMaxWindow = 128 << 20
	// zstdMinOutput is the first guess of the unpacked size.
	zstdMinOutput = 16 << 10
	// zstdTrustedRatio is up to which expansion the frame's own content size
	// is believed before anything was unpacked.
	zstdTrustedRatio = 16
)

// zstdEncoders has one pool per speed of the library, which knows four.
var zstdEncoders [zstd.SpeedBestCompression + 1]sync.Pool

func compressZstd(dst []byte, level int, src []byte) []byte {
	if level == DefaultLevel {
		level = ZstdDefaultLevel
	}
	speed := zstd.EncoderLevelFromZstd(min(max(level, ZstdMinLevel), ZstdMaxLevel))
	pool := &zstdEncoders[speed]
	e, ok := pool.Get().(*zstd.Encoder)
	if !ok {
		var err error
		e, err = zstd.NewWriter(nil,
			zstd.WithEncoderLevel(speed),
			zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderCRC(false),
			zstd.WithZeroFrames(true))
		invariant.Assert(err == nil, "zstd encoder of constant options: %v", err)
	}
	dst = e.EncodeAll(src, dst)
	pool.Put(e)
	return dst
}

var zstdDecoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdMaxWindow),
		zstd.WithDecodeAllCapLimit(true))
	invariant.Assert(err == nil, "zstd decoder of constant options: %v", err)
	return d
}}

// decompressZstd unpacks within the capacity of the output, which grows until
// the data fits or the bound is reached.
func decompressZstd(dst, src []byte, maxSize int) ([]byte, error) {
	d := zstdDecoders.Get().(*zstd.Decoder)
	defer zstdDecoders.Put(d)
	start := len(dst)
	room := max(cap(dst)-start, zstdMinOutput, 4*len(src))
	var header zstd.Header
	if err := header.Decode(src); err != nil {
		return nil, fmt.Errorf("%w: zstd: %w", errCorrupt, err)
	}
	if header.HasFCS && !header.Skippable {
		if header.FrameContentSize > uint64(maxSize) {
			return nil, ErrTooLarge
		}
		if size := int(header.FrameContentSize); size <= zstdTrustedRatio*len(src) {
			room = max(room, size)
		}
	}
	for {
		room = min(room, maxSize)
		if cap(dst)-start < room {
			dst = slices.Grow(dst[:start], room)
		}
		out, err := d.DecodeAll(src, dst[:start:start+room])
		switch {
		case err == nil && len(out)-start > maxSize:
			return nil, ErrTooLarge
		case err == nil:
			return out, nil
		case !errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return nil, fmt.Errorf("%w: zstd: %w", errCorrupt, err)
		case room == maxSize:
			return nil, ErrTooLarge
		}
		room *= 4
	}
}
