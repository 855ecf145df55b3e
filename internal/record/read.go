package record

import (
	"encoding/binary"
	"io"
	"math"

	"moldau.dev/moldau/internal/kafka"
)

// Smallest sizes of a batch (or message, before magic 2) with its overhead.
const (
	minSizeV0 = LogOverhead + 14
	minSizeV1 = LogOverhead + 22
)

// Peeked is what the first PeekLen bytes of any batch tell, whatever its magic.
type Peeked struct {
	// Offset is the base offset for magic 2, the last offset for 0 and 1.
	Offset kafka.Offset
	// Size is the size in bytes with LogOverhead.
	Size int
	// Magic is 0, 1 or 2.
	Magic int8
}

// Peek reads the start of a batch or of an old message. It needs PeekLen
// bytes: io.ErrUnexpectedEOF with fewer, *CorruptError when they make no sense.
func Peek(header []byte) (Peeked, error) {
	if len(header) < PeekLen {
		return Peeked{}, io.ErrUnexpectedEOF
	}
	length := int32(binary.BigEndian.Uint32(header[offLength:]))
	magic := int8(header[offMagic])
	smallest := HeaderSize
	switch magic {
	case 0:
		smallest = minSizeV0
	case 1:
		smallest = minSizeV1
	case Magic:
	default:
		return Peeked{}, corruptf(offMagic, "unknown magic %d", magic)
	}
	if int64(length)+LogOverhead < int64(smallest) || int64(length)+LogOverhead > math.MaxInt32 {
		return Peeked{}, corruptf(offLength, "length %d is impossible for magic %d", length, magic)
	}
	return Peeked{
		Offset: kafka.Offset(binary.BigEndian.Uint64(header)),
		Size:   int(length) + LogOverhead,
		Magic:  magic,
	}, nil
}

// PeekSize gives the size in bytes, with LogOverhead, of the batch that starts
// with header, of any magic. Errors as Peek's.
func PeekSize(header []byte) (int, error) {
	p, err := Peek(header)
	return p.Size, err
}

// Read cuts the first batch off b. The batch aliases b; its capacity ends with
// it. io.ErrUnexpectedEOF when b ends within the batch, io.EOF when b is empty,
// *CorruptError when length or magic make no sense. The checksum is not
// verified: see Batch.Check.
func Read(b []byte) (batch Batch, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, io.EOF
	}
	p, err := Peek(b)
	if err != nil {
		return nil, b, err
	}
	if p.Magic != Magic {
		return nil, b, corruptf(offMagic, "magic %d is not %d", p.Magic, Magic)
	}
	if p.Size > len(b) {
		return nil, b, io.ErrUnexpectedEOF
	}
	return Batch(b[:p.Size:p.Size]), b[p.Size:], nil
}
