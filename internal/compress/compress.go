package compress

import (
	"fmt"
)

// Compress appends src, packed with codec c at that level, to dst. Levels
// outside the codec's bounds are taken as the nearest bound.
func Compress(dst []byte, c Codec, level int, src []byte) ([]byte, error) {
	if c == None {
		return append(dst, src...), nil
	}
	return dst, fmt.Errorf("%w: %v", ErrUnknownCodec, c)
}

// Decompress appends the unpacked src to dst and returns the extended slice.
// No more than maxSize bytes are appended: ErrTooLarge beyond. On an error the
// returned slice is dst as it was passed.
func Decompress(dst []byte, c Codec, src []byte, maxSize int) ([]byte, error) {
	if c == None {
		if len(src) > maxSize {
			return dst, ErrTooLarge
		}
		return append(dst, src...), nil
	}
	return dst, fmt.Errorf("%w: %v", ErrUnknownCodec, c)
}
