package compress

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
)

// The framing of snappy-java: a header of magic, version and lowest readable
// version, then blocks of raw snappy, each behind its size (big endian).
const (
	xerialHeaderSize = 16
	xerialBlockSize  = 32 << 10
	xerialMaxVersion = 1
)

var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

var xerialHeader = append(append([]byte(nil), xerialMagic...), 0, 0, 0, xerialMaxVersion, 0, 0, 0, xerialMaxVersion)

// snappyMaxRatio bounds what raw snappy can expand to: three bytes copy 64.
const snappyMaxRatio = 22

func compressSnappy(dst, src []byte) []byte {
	dst = append(dst, xerialHeader...)
	for len(src) > 0 {
		block := src[:min(len(src), xerialBlockSize)]
		src = src[len(block):]
		at := len(dst)
		dst = extend(dst, 4+s2.MaxEncodedLen(len(block)))
		packed := s2.EncodeSnappy(dst[at+4:], block)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(packed)))
		dst = dst[:at+4+len(packed)]
	}
	return dst
}

func decompressSnappy(dst, src []byte, maxSize int) ([]byte, error) {
	if !bytes.HasPrefix(src, xerialMagic) {
		return appendSnappyBlock(dst, src, maxSize)
	}
	start := len(dst)
	for len(src) > 0 {
		if bytes.HasPrefix(src, xerialMagic) { // Streams may be concatenated.
			if len(src) < xerialHeaderSize {
				return nil, fmt.Errorf("%w: snappy: cut header", errCorrupt)
			}
			if lowest := binary.BigEndian.Uint32(src[12:]); lowest > xerialMaxVersion {
				return nil, fmt.Errorf("%w: snappy: framing needs version %d", errCorrupt, lowest)
			}
			src = src[xerialHeaderSize:]
			continue
		}
		if len(src) < 4 {
			return nil, fmt.Errorf("%w: snappy: cut block size", errCorrupt)
		}
		size := binary.BigEndian.Uint32(src)
		src = src[4:]
		if uint64(size) > uint64(len(src)) {
			return nil, fmt.Errorf("%w: snappy: block of %d bytes in %d", errCorrupt, size, len(src))
		}
		var err error
		if dst, err = appendSnappyBlock(dst, src[:size], maxSize-(len(dst)-start)); err != nil {
			return nil, err
		}
		src = src[size:]
	}
	return dst, nil
}

// appendSnappyBlock unpacks one raw block. Extensions of the format that
// snappy-java would refuse are refused.
func appendSnappyBlock(dst, block []byte, maxSize int) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: snappy: %w", errCorrupt, err)
	case n > len(block)*snappyMaxRatio:
		return nil, fmt.Errorf("%w: snappy: %d bytes cannot expand to %d", errCorrupt, len(block), n)
	case n > maxSize:
		return nil, ErrTooLarge
	}
	at := len(dst)
	dst = extend(dst, n)
	out, err := snappy.DecodeStrict(dst[at:at+n:at+n], block)
	if err != nil {
		return nil, fmt.Errorf("%w: snappy: %w", errCorrupt, err)
	}
	if len(out) != n {
		return nil, fmt.Errorf("%w: snappy: block of %d bytes instead of %d", errCorrupt, len(out), n)
	}
	return dst, nil
}
