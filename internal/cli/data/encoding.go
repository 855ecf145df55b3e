package data

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// encoding is how the bytes of a key or a value are written as text. It is the
// value of a flag. The numbers and the UUID are those of Kafka's serializers:
// big-endian, and of a fixed length.
type encoding string

const (
	// encodingText is the bytes as they are; on a terminal what would harm it is escaped.
	encodingText encoding = "text"
	// encodingRaw is the bytes as they are, wherever they go.
	encodingRaw     encoding = "raw"
	encodingHex     encoding = "hex"
	encodingBase64  encoding = "base64"
	encodingJSON    encoding = "json"
	encodingShort   encoding = "short"
	encodingInteger encoding = "integer"
	encodingLong    encoding = "long"
	encodingFloat   encoding = "float"
	encodingDouble  encoding = "double"
	encodingUUID    encoding = "uuid"
)

var encodings = []encoding{
	encodingText, encodingRaw, encodingHex, encodingBase64, encodingJSON, encodingShort, encodingInteger, encodingLong,
	encodingFloat, encodingDouble, encodingUUID,
}

func (e *encoding) String() string { return string(*e) }

// Type names the value in the help.
func (e *encoding) Type() string { return "encoding" }

// Set takes the flag's value.
func (e *encoding) Set(s string) error {
	if !slices.Contains(encodings, encoding(s)) {
		return fmt.Errorf("want one of %s", encodingNames())
	}
	*e = encoding(s)
	return nil
}

func encodingNames() string {
	names := make([]string, len(encodings))
	for i, e := range encodings {
		names[i] = string(e)
	}
	return strings.Join(names, ", ")
}

// size is the length in bytes that the encoding asks for, 0 if any will do.
func (e encoding) size() int {
	switch e {
	case encodingShort:
		return 2
	case encodingInteger, encodingFloat:
		return 4
	case encodingLong, encodingDouble:
		return 8
	case encodingUUID:
		return 16
	default:
		return 0
	}
}

// isNumber tells whether the text of the encoding is a JSON number.
func (e encoding) isNumber() bool {
	switch e {
	case encodingShort, encodingInteger, encodingLong, encodingFloat, encodingDouble:
		return true
	default:
		return false
	}
}

// fits tells whether b can be written in the encoding, so that parse gives b
// back.
func (e encoding) fits(b []byte) bool {
	size := e.size()
	return size == 0 || len(b) == size
}

// append appends the text of b. What does not fit the encoding is written in
// hexadecimal digits after 0x.
func (e encoding) append(dst, b []byte) []byte {
	if !e.fits(b) {
		return hex.AppendEncode(append(dst, "0x"...), b)
	}
	switch e {
	case encodingHex:
		return hex.AppendEncode(dst, b)
	case encodingBase64:
		return base64.StdEncoding.AppendEncode(dst, b)
	case encodingShort:
		return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(b))), 10)
	case encodingInteger:
		return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(b))), 10)
	case encodingLong:
		return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(b)), 10)
	case encodingFloat:
		return strconv.AppendFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(b))), 'g', -1, 32)
	case encodingDouble:
		return strconv.AppendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(b)), 'g', -1, 64)
	case encodingUUID:
		return appendUUID(dst, b)
	case encodingJSON:
		return appendIndented(dst, b)
	default:
		return append(dst, b...)
	}
}

func appendUUID(dst, b []byte) []byte {
	for i, group := range [...][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, group)
	}
	return dst
}

// appendIndented appends a JSON document over several lines, and anything else
// as it is.
func appendIndented(dst, b []byte) []byte {
	buf := bytes.NewBuffer(dst)
	if err := json.Indent(buf, b, "", "  "); err != nil {
		return append(dst, b...)
	}
	return buf.Bytes()
}

// parse gives the bytes that text stands for. The result may share memory with
// text.
func (e encoding) parse(text []byte) ([]byte, error) {
	switch e {
	case encodingHex:
		return wrapParse(e, text)(hex.DecodeString(strings.TrimPrefix(string(text), "0x")))
	case encodingBase64:
		return wrapParse(e, text)(base64.StdEncoding.DecodeString(string(text)))
	case encodingJSON:
		if !json.Valid(text) {
			return nil, fmt.Errorf("%s is not JSON", quoteShort(text))
		}
		return text, nil
	case encodingShort, encodingInteger, encodingLong:
		bits := e.size() * 8
		n, err := strconv.ParseInt(string(text), 10, bits)
		if err != nil {
			return nil, fmt.Errorf("%s is no %s: want a whole number of %d bits", quoteShort(text), e, bits)
		}
		return binary.BigEndian.AppendUint64(nil, uint64(n))[8-e.size():], nil
	case encodingFloat:
		f, err := strconv.ParseFloat(string(text), 32)
		if err != nil {
			return nil, fmt.Errorf("%s is no float", quoteShort(text))
		}
		return binary.BigEndian.AppendUint32(nil, math.Float32bits(float32(f))), nil
	case encodingDouble:
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return nil, fmt.Errorf("%s is no double", quoteShort(text))
		}
		return binary.BigEndian.AppendUint64(nil, math.Float64bits(f)), nil
	case encodingUUID:
		b, err := hex.DecodeString(strings.ReplaceAll(string(text), "-", ""))
		if err != nil || len(b) != 16 {
			return nil, fmt.Errorf("%s is no UUID", quoteShort(text))
		}
		return b, nil
	default:
		return text, nil
	}
}

func wrapParse(e encoding, text []byte) func([]byte, error) ([]byte, error) {
	return func(b []byte, err error) ([]byte, error) {
		if err != nil {
			return nil, fmt.Errorf("%s is no %s", quoteShort(text), e)
		}
		return b, nil
	}
}

// maxQuoted bounds in bytes what an error quotes of a record.
const maxQuoted = 60

func quoteShort(text []byte) string {
	if len(text) <= maxQuoted {
		return strconv.Quote(string(text))
	}
	return strconv.Quote(string(text[:maxQuoted])) + "…"
}
