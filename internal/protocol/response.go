package protocol

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// MaxResponseHeaderSize is the size prefix and the longest header.
const MaxResponseHeaderSize = 4 + 4 + 1

// AppendResponse appends the whole response to dst: size, header and body, in
// the version that the response carries.
func AppendResponse(dst []byte, correlationID int32, resp kmsg.Response) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if resp.Key() != APIVersionsKey && resp.IsFlexible() {
		dst = append(dst, 0)
	}
	dst = resp.AppendTo(dst)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// AppendResponseHeader appends the size and the header of a response whose
// body of bodySize bytes the caller writes by itself.
func AppendResponseHeader(dst []byte, h Header, bodySize int) []byte {
	flexible := h.Key != APIVersionsKey && Flexible(h.Key, h.Version)
	size := 4 + bodySize
	if flexible {
		size++
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.CorrelationID))
	if flexible {
		dst = append(dst, 0)
	}
	return dst
}
