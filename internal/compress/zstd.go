package compress

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"moldau.dev/moldau/internal/invariant"
)

const (
	// zstdMaxWindow is the largest window that libzstd reads by default. No
	// window is allocated: frames are unpacked straight into the output.
	zstdMaxWindow = 128 << 20
	// zstdMinBlock is the size of the smallest block, zstdMaxBlock what any
	// block unpacks to at most, in bytes.
	zstdMinBlock = 3
	zstdMaxBlock = 128 << 10
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
	if ok || !inBubble() {
		pool.Put(e)
	}
	return dst
}

// inBubble tells whether this is a bubble of testing/synctest, whose time begins in
// the year 2000. The library's encoders and decoders have channels; one that was
// made in a bubble would end the process if it were used outside of it.
func inBubble() bool { return time.Now().Year() < 2020 }

// zstdDecoder remembers the bound that its decoder is set to.
type zstdDecoder struct {
	d       *zstd.Decoder
	maxSize int
}

var zstdDecoders sync.Pool

func newZstdDecoder(maxSize int) *zstdDecoder {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdMaxWindow),
		zstd.WithDecoderMaxMemory(uint64(max(maxSize, 1))))
	invariant.Assert(err == nil, "zstd decoder of constant options: %v", err)
	return &zstdDecoder{d: d, maxSize: maxSize}
}

// limit sets the bound of what DecodeAll gives.
func (z *zstdDecoder) limit(maxSize int) {
	if z.maxSize == maxSize {
		return
	}
	err := z.d.ResetWithOptions(nil, zstd.WithDecoderMaxMemory(uint64(max(maxSize, 1))))
	invariant.Assert(err == nil, "bound of a zstd decoder: %v", err)
	z.maxSize = maxSize
}

func decompressZstd(dst, src []byte, maxSize int) ([]byte, error) {
	window, err := checkZstdHeader(src, maxSize)
	if err != nil {
		return nil, err
	}
	// The decoder does not read frames whose window is beyond its bound, even
	// if what they hold is small.
	bound := max(maxSize, window)
	z, ok := zstdDecoders.Get().(*zstdDecoder)
	if !ok {
		z = newZstdDecoder(bound)
	}
	if ok || !inBubble() {
		defer zstdDecoders.Put(z)
	}
	z.limit(bound)
	start := len(dst)
	out, err := z.d.DecodeAll(src, dst[start:start:cap(dst)])
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded) || (err == nil && len(out) > maxSize):
		return nil, ErrTooLarge
	case err != nil:
		return nil, fmt.Errorf("%w: zstd: %w", errCorrupt, err)
	case start == 0 && len(out) > 0:
		return out, nil
	default:
		return append(dst, out...), nil // A copy onto itself, if it had room.
	}
}

// checkZstdHeader gives the window of the first frame. It refuses a frame whose
// content size is beyond the bound, or beyond what so many bytes can hold: the
// decoder allocates by it.
func checkZstdHeader(src []byte, maxSize int) (window int, err error) {
	var header zstd.Header
	if err := header.Decode(src); err != nil {
		return 0, fmt.Errorf("%w: zstd: %w", errCorrupt, err)
	}
	switch {
	case header.Skippable:
		return zstdMaxWindow, nil
	case header.WindowSize > zstdMaxWindow && !header.SingleSegment:
		return 0, fmt.Errorf("%w: zstd: window of %d bytes", errCorrupt, header.WindowSize)
	case !header.HasFCS:
	case header.FrameContentSize > uint64(maxSize):
		return 0, ErrTooLarge
	case header.FrameContentSize > uint64(len(src)/zstdMinBlock+1)*zstdMaxBlock:
		return 0, fmt.Errorf("%w: zstd: %d bytes cannot hold %d", errCorrupt, len(src), header.FrameContentSize)
	}
	return int(min(max(header.WindowSize, zstd.MinWindowSize), zstdMaxWindow)), nil
}
