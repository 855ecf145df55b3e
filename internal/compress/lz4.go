package compress

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// The LZ4 frame format, in the subset that Kafka's Java client reads and
// writes: version 1, independent blocks, no dictionary. Content checksums are
// skipped as Java skips them; block and header checksums are verified.
const (
	lz4Magic        = 0x184D2204
	lz4Version      = 1 << 6
	lz4Independent  = 1 << 5
	lz4BlockSums    = 1 << 4
	lz4ContentSize  = 1 << 3
	lz4ContentSum   = 1 << 2
	lz4Reserved     = 0x03
	lz4Uncompressed = 1 << 31
	lz4BlockSize    = 64 << 10
	lz4MaxRatio     = 255
)

// lz4Header is the frame header that Java writes: 64 KiB blocks, no checksums.
var lz4Header = []byte{0x04, 0x22, 0x4d, 0x18, lz4Version | lz4Independent, 0x40, 0x82}

var (
	lz4Fast = sync.Pool{New: func() any { return new(lz4.Compressor) }}
	lz4High = sync.Pool{New: func() any { return new(lz4.CompressorHC) }}
)

func compressLZ4(dst []byte, level int, src []byte) []byte {
	// Java takes its fast compressor for the default level only.
	var pack func(src, dst []byte) (int, error)
	if level == DefaultLevel || level == LZ4DefaultLevel {
		c := lz4Fast.Get().(*lz4.Compressor)
		defer lz4Fast.Put(c)
		pack = c.CompressBlock
	} else {
		c := lz4High.Get().(*lz4.CompressorHC)
		defer lz4High.Put(c)
		// The library's levels end at 9, as bits from 9 on.
		c.Level = lz4.CompressionLevel(1 << (8 + min(max(level, 1), 9)))
		pack = c.CompressBlock
	}
	dst = append(dst, lz4Header...)
	for len(src) > 0 {
		block := src[:min(len(src), lz4BlockSize)]
		src = src[len(block):]
		at := len(dst)
		dst = extend(dst, 4+lz4.CompressBlockBound(len(block)))
		n, err := pack(block, dst[at+4:])
		if err != nil || n == 0 || n >= len(block) {
			binary.LittleEndian.PutUint32(dst[at:], uint32(len(block))|lz4Uncompressed)
			dst = append(dst[:at+4], block...)
			continue
		}
		binary.LittleEndian.PutUint32(dst[at:], uint32(n))
		dst = dst[:at+4+n]
	}
	return append(dst, 0, 0, 0, 0)
}

// lz4Frame is what a frame's header says.
type lz4Frame struct {
	blockMax   int
	blockSums  bool
	contentSum bool
}

func parseLZ4Header(src []byte) (lz4Frame, []byte, error) {
	if len(src) < 7 || binary.LittleEndian.Uint32(src) != lz4Magic {
		return lz4Frame{}, nil, fmt.Errorf("%w: lz4: no frame header", errCorrupt)
	}
	flags, descriptor := src[4], src[5]
	size := 2
	if flags&lz4ContentSize != 0 {
		size += 8
	}
	blockSize := descriptor >> 4 & 7
	switch {
	case len(src) < 4+size+1:
		return lz4Frame{}, nil, fmt.Errorf("%w: lz4: cut frame header", errCorrupt)
	case flags>>6 != 1 || flags&lz4Reserved != 0 || descriptor&0x8f != 0 || blockSize < 4:
		return lz4Frame{}, nil, fmt.Errorf("%w: lz4: unsupported frame descriptor %#02x %#02x", errCorrupt, flags, descriptor)
	case flags&lz4Independent == 0:
		// Java consumers cannot read them, so they must not get into the log.
		return lz4Frame{}, nil, fmt.Errorf("%w: lz4: dependent blocks are not supported", errCorrupt)
	case byte(xxh32(src[4:4+size])>>8) != src[4+size]:
		return lz4Frame{}, nil, fmt.Errorf("%w: lz4: frame header checksum mismatch", errCorrupt)
	}
	return lz4Frame{blockMax: 1 << (2*blockSize + 8), blockSums: flags&lz4BlockSums != 0, contentSum: flags&lz4ContentSum != 0}, src[4+size+1:], nil
}

// decompressLZ4 stops at the end mark of the first frame, as Java does.
func decompressLZ4(dst, src []byte, maxSize int) ([]byte, error) {
	frame, src, err := parseLZ4Header(src)
	if err != nil {
		return nil, err
	}
	start := len(dst)
	for {
		if len(src) < 4 {
			return nil, fmt.Errorf("%w: lz4: no end mark", errCorrupt)
		}
		word := binary.LittleEndian.Uint32(src)
		size := int(word &^ lz4Uncompressed)
		src = src[4:]
		if size == 0 {
			if frame.contentSum && len(src) < 4 {
				// Java does not verify it, but fails if it is not there.
				return nil, fmt.Errorf("%w: lz4: no content checksum", errCorrupt)
			}
			return dst, nil
		}
		if size > frame.blockMax || size > len(src) {
			return nil, fmt.Errorf("%w: lz4: block of %d bytes", errCorrupt, size)
		}
		block := src[:size]
		src = src[size:]
		if frame.blockSums {
			if len(src) < 4 || binary.LittleEndian.Uint32(src) != xxh32(block) {
				return nil, fmt.Errorf("%w: lz4: block checksum mismatch", errCorrupt)
			}
			src = src[4:]
		}
		dst = grow(dst, min(frame.blockMax, len(block)*lz4MaxRatio), start+maxSize+frame.blockMax)
		if dst, err = appendLZ4Block(dst, block, word&lz4Uncompressed == 0, frame.blockMax); err != nil {
			return nil, err
		}
		if len(dst)-start > maxSize {
			return dst, ErrTooLarge
		}
	}
}

func appendLZ4Block(dst, block []byte, packed bool, blockMax int) ([]byte, error) {
	if !packed {
		return append(dst, block...), nil
	}
	at := len(dst)
	room := min(blockMax, len(block)*lz4MaxRatio)
	dst = extend(dst, room)
	n, err := lz4.UncompressBlock(block, dst[at:at+room:at+room])
	if err != nil {
		return nil, fmt.Errorf("%w: lz4: %w", errCorrupt, err)
	}
	return dst[:at+n], nil
}

// xxh32 is the XXH32 hash with seed 0, the checksum of LZ4 frames.
func xxh32(p []byte) uint32 {
	const (
		prime1 uint32 = 2654435761
		prime2 uint32 = 2246822519
		prime3 uint32 = 3266489917
		prime4 uint32 = 668265263
		prime5 uint32 = 374761393
	)
	n := uint32(len(p))
	h := prime5
	if len(p) >= 16 {
		p1, p2 := prime1, prime2
		lanes := [4]uint32{p1 + p2, p2, 0, -p1}
		for ; len(p) >= 16; p = p[16:] {
			for i := range lanes {
				lanes[i] += binary.LittleEndian.Uint32(p[4*i:]) * prime2
				lanes[i] = bits.RotateLeft32(lanes[i], 13) * prime1
			}
		}
		h = bits.RotateLeft32(lanes[0], 1) + bits.RotateLeft32(lanes[1], 7) +
			bits.RotateLeft32(lanes[2], 12) + bits.RotateLeft32(lanes[3], 18)
	}
	h += n
	for ; len(p) >= 4; p = p[4:] {
		h += binary.LittleEndian.Uint32(p) * prime3
		h = bits.RotateLeft32(h, 17) * prime4
	}
	for _, c := range p {
		h += uint32(c) * prime5
		h = bits.RotateLeft32(h, 11) * prime1
	}
	h ^= h >> 15
	h *= prime2
	h ^= h >> 13
	h *= prime3
	return h ^ h>>16
}
