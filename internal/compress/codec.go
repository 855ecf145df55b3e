package compress

import (
	"errors"
	"fmt"
	"math"
)

// Codec names a compression algorithm by its number in the lowest three bits
// of a batch's attributes.
type Codec int8

// The codecs of the wire format.
const (
	None   Codec = 0
	Gzip   Codec = 1
	Snappy Codec = 2
	LZ4    Codec = 3
	Zstd   Codec = 4
)

// DefaultLevel asks for the codec's own default level: gzip -1 (6), lz4 9,
// zstd 3. Snappy and None have no levels and ignore the argument.
const DefaultLevel = math.MinInt32

// Bounds of the levels, as in Kafka's compression.<codec>.level.
const (
	GzipMinLevel     = 1
	GzipMaxLevel     = 9
	GzipDefaultLevel = -1
	LZ4MinLevel      = 1
	LZ4MaxLevel      = 17
	LZ4DefaultLevel  = 9
	ZstdMinLevel     = -131072
	ZstdMaxLevel     = 22
	ZstdDefaultLevel = 3
)

var (
	// ErrTooLarge says that the data would decompress to more than the caller
	// allows.
	ErrTooLarge = errors.New("decompressed data exceeds the allowed size")
	// ErrUnknownCodec says that a codec number means nothing (5, 6 and 7 fit
	// into the attributes but are not assigned).
	ErrUnknownCodec = errors.New("unknown compression codec")
)

// Valid tells whether c is one of the codecs of the wire format.
func (c Codec) Valid() bool { return c >= None && c <= Zstd }

// String gives Kafka's name of the codec.
func (c Codec) String() string {
	switch c {
	case None:
		return "none"
	case Gzip:
		return "gzip"
	case Snappy:
		return "snappy"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	default:
		return fmt.Sprintf("unknown(%d)", int8(c))
	}
}

// ParseCodec reads a codec's name. "uncompressed", the topic config's word for
// none, is understood; "producer" is not a codec and is the caller's to handle.
func ParseCodec(name string) (Codec, error) {
	switch name {
	case "none", "uncompressed":
		return None, nil
	case "gzip":
		return Gzip, nil
	case "snappy":
		return Snappy, nil
	case "lz4":
		return LZ4, nil
	case "zstd":
		return Zstd, nil
	default:
		return None, fmt.Errorf("%w %q: must be one of none, gzip, snappy, lz4, zstd", ErrUnknownCodec, name)
	}
}

// CheckLevel says whether the codec takes that level.
func CheckLevel(c Codec, level int) error {
	if level == DefaultLevel {
		return nil
	}
	lo, hi := 0, 0
	switch c {
	case Gzip:
		if level == GzipDefaultLevel {
			return nil
		}
		lo, hi = GzipMinLevel, GzipMaxLevel
	case LZ4:
		lo, hi = LZ4MinLevel, LZ4MaxLevel
	case Zstd:
		lo, hi = ZstdMinLevel, ZstdMaxLevel
	case None, Snappy:
		return nil
	default:
		return fmt.Errorf("%w: %v", ErrUnknownCodec, c)
	}
	if level < lo || level > hi {
		return fmt.Errorf("compression level %d of %v is outside [%d, %d]", level, c, lo, hi)
	}
	return nil
}
