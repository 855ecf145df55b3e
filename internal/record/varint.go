package record

import "math/bits"

// The varints of the record format are zigzag-encoded, at most 5 bytes for 32
// bits and 10 for 64. The readers below take and give a position in p; a
// position of -1 means that p was cut or malformed and passes through every
// reader, so that a chain of reads is checked once, at its end.
//
// Differs from Kafka: bits beyond the width are refused, where Java drops them.

func readVarint(p []byte, at int) (int32, int) {
	if uint(at) < uint(len(p)) && p[at] < 0x80 {
		u := uint32(p[at])
		return int32(u>>1) ^ -int32(u&1), at + 1
	}
	return readLongVarint(p, at)
}

func readLongVarint(p []byte, at int) (int32, int) {
	if at < 0 {
		return 0, -1
	}
	var u uint32
	for shift := uint(0); at < len(p); shift += 7 {
		c := p[at]
		at++
		if shift == 28 && c > 0x0f {
			return 0, -1
		}
		u |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return int32(u>>1) ^ -int32(u&1), at
		}
	}
	return 0, -1
}

func readVarlong(p []byte, at int) (int64, int) {
	if at < 0 {
		return 0, -1
	}
	var u uint64
	for shift := uint(0); at < len(p); shift += 7 {
		c := p[at]
		at++
		if shift == 63 && c > 1 {
			return 0, -1
		}
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), at
		}
	}
	return 0, -1
}

// readLength reads the length of nullable bytes and gives where they begin and
// end; a null has length -1 and ends where it begins.
func readLength(p []byte, at int) (length int32, begin, end int) {
	length, begin = readVarint(p, at)
	switch {
	case begin < 0 || length < -1 || int(length) > len(p)-begin:
		return 0, -1, -1
	case length < 0:
		return -1, begin, begin
	default:
		return length, begin, begin + int(length)
	}
}

func appendVarint(dst []byte, v int32) []byte {
	return appendUvarint(dst, uint64(uint32(v)<<1^uint32(v>>31)))
}

func appendVarlong(dst []byte, v int64) []byte {
	return appendUvarint(dst, uint64(v)<<1^uint64(v>>63))
}

func appendUvarint(dst []byte, u uint64) []byte {
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

func varintSize(v int32) int { return uvarintSize(uint64(uint32(v)<<1 ^ uint32(v>>31))) }

func varlongSize(v int64) int { return uvarintSize(uint64(v)<<1 ^ uint64(v>>63)) }

func uvarintSize(u uint64) int { return (bits.Len64(u|1) + 6) / 7 }
