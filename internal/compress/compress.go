package compress

import (
	"errors"
	"fmt"
	"slices"
)

// errCorrupt is what malformed input of the framings read here wraps.
var errCorrupt = errors.New("corrupt compressed data")

// Compress appends src, packed with codec c at that level, to dst. Levels
// outside the codec's bounds are taken as the nearest bound. The only error is
// ErrUnknownCodec.
func Compress(dst []byte, c Codec, level int, src []byte) ([]byte, error) {
	switch c {
	case None:
		return append(dst, src...), nil
	case Gzip:
		return compressGzip(dst, level, src)
	case Snappy:
		return compressSnappy(dst, src), nil
	case LZ4:
		return compressLZ4(dst, level, src), nil
	case Zstd:
		return compressZstd(dst, level, src), nil
	default:
		return dst, fmt.Errorf("%w: %v", ErrUnknownCodec, c)
	}
}

// Decompress appends the unpacked src to dst and returns the extended slice.
// No more than maxSize bytes are appended: ErrTooLarge beyond. Memory grows
// with what was really unpacked, not with sizes that the input claims; beyond
// maxSize, a block of the format (4 MiB) or zstd's window (128 MiB, usually 8)
// may be unpacked before the bound is noticed. On an
// error the returned slice is dst as it was passed, but perhaps in larger memory
// that the caller may use again; bytes between its length and its capacity may
// have been overwritten.
func Decompress(dst []byte, c Codec, src []byte, maxSize int) ([]byte, error) {
	maxSize = max(maxSize, 0)
	var (
		out []byte
		err error
	)
	switch c {
	case None:
		if len(src) > maxSize {
			return dst, ErrTooLarge
		}
		return append(dst, src...), nil
	case Gzip:
		out, err = decompressGzip(dst, src, maxSize)
	case Snappy:
		out, err = decompressSnappy(dst, src, maxSize)
	case LZ4:
		out, err = decompressLZ4(dst, src, maxSize)
	case Zstd:
		out, err = decompressZstd(dst, src, maxSize)
	default:
		err = fmt.Errorf("%w: %v", ErrUnknownCodec, c)
	}
	switch {
	case err == nil:
		return out, nil
	case cap(out) > cap(dst):
		return out[:len(dst)], err
	default:
		return dst, err
	}
}

// extend grows b by n bytes of any content.
func extend(b []byte, n int) []byte {
	return slices.Grow(b, n)[:len(b)+n]
}

// grow makes room for n bytes more. It doubles what there was, up to the limit that
// b is to have: append grows large slices by a quarter only, which on the way to a
// hundred megabytes leaves five times as much to the garbage collector.
func grow(b []byte, n, limit int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(make([]byte, 0, max(len(b)+n, min(2*cap(b), limit))), b...)
}
