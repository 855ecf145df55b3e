package protocol

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// APIVersionsKey is the one API whose response header is never flexible.
const APIVersionsKey int16 = 18

// MaxKey is the highest API key known.
const MaxKey int16 = kmsg.MaxKey

// controlledShutdownKey's version 0 has a header without client id.
const controlledShutdownKey int16 = 7

// A MalformedError says what is wrong with a frame. The connection it came by
// is not worth keeping: what follows cannot be trusted to be a frame.
type MalformedError struct {
	// Key and Version are the API's, or -1 if the frame ends before them.
	Key, Version int16
	// Reason is a sentence fragment for the log.
	Reason string
}

func (e *MalformedError) Error() string {
	if e.Key < 0 {
		return "malformed request: " + e.Reason
	}
	return fmt.Sprintf("malformed %s request version %d: %s", KeyName(e.Key), e.Version, e.Reason)
}

// Header is the header of one request.
type Header struct {
	Key, Version  int16
	CorrelationID int32
	// ClientID is the client's name for itself; empty also when it is null on the wire.
	ClientID string
}

// ParseHeader splits a frame (without its size) into header and body. The body
// aliases the frame, the header does not.
func ParseHeader(frame []byte) (Header, []byte, error) {
	var h Header
	body, err := h.Parse(frame)
	return h, body, err
}

// Parse is ParseHeader into h, which may hold the header of the connection's
// previous request: its ClientID is kept when the new one is the same, so that
// a connection's requests do not allocate a string each.
func (h *Header) Parse(frame []byte) (body []byte, err error) {
	if len(frame) < 8 {
		return nil, &MalformedError{Key: -1, Version: -1, Reason: fmt.Sprintf("the frame has only %d bytes, less than the smallest header", len(frame))}
	}
	h.Key = int16(binary.BigEndian.Uint16(frame))
	h.Version = int16(binary.BigEndian.Uint16(frame[2:]))
	h.CorrelationID = int32(binary.BigEndian.Uint32(frame[4:]))
	rest := frame[8:]
	if h.Key < 0 || h.Key > MaxKey {
		return nil, &MalformedError{Key: -1, Version: -1, Reason: fmt.Sprintf("unknown API key %d", h.Key)}
	}
	if h.Version < 0 {
		return nil, &MalformedError{Key: h.Key, Version: h.Version, Reason: "negative version"}
	}
	if h.Key == controlledShutdownKey && h.Version == 0 {
		h.ClientID = ""
		return rest, nil
	}
	if len(rest) < 2 {
		return nil, h.malformed("the frame ends before the client id")
	}
	size := int(int16(binary.BigEndian.Uint16(rest)))
	rest = rest[2:]
	switch {
	case size > len(rest):
		return nil, h.malformed("the client id is longer than the frame")
	case size < -1:
		return nil, h.malformed("the client id has a negative length")
	case size < 0:
		h.ClientID = ""
	default:
		if string(rest[:size]) != h.ClientID {
			h.ClientID = string(rest[:size])
		}
		rest = rest[size:]
	}
	if Flexible(h.Key, h.Version) {
		w := walker{rest: rest}
		if !w.tags(nil) {
			return nil, h.malformed("header: " + w.reason)
		}
		rest = w.rest
	}
	return rest, nil
}

func (h *Header) malformed(reason string) error {
	return &MalformedError{Key: h.Key, Version: h.Version, Reason: reason}
}

// Flexible tells whether requests and responses of that version have tagged
// fields and compact lengths (KIP-482). It is false for unknown keys.
func Flexible(key, version int16) bool {
	return key >= 0 && key <= MaxKey && version >= firstFlexible[key]
}

// firstFlexible maps an API key to its first flexible version.
var firstFlexible = func() (first [MaxKey + 1]int16) {
	const never = 1<<15 - 1
	for key := range first {
		first[key] = never
		req := kmsg.RequestForKey(int16(key))
		if req == nil {
			continue
		}
		for version := int16(0); version <= req.MaxVersion(); version++ {
			if req.SetVersion(version); req.IsFlexible() {
				first[key] = version
				break
			}
		}
	}
	return first
}()

// kafkaNames turns kmsg's names into Kafka's.
var kafkaNames = strings.NewReplacer("ProducerID", "ProducerId", "SCRAM", "Scram", "ACL", "Acl", "SASL", "Sasl",
	"AlterPartitionAssignments", "AlterPartitionReassignments", "AndISR", "AndIsr")

// KeyName is Kafka's name of an API, such as Produce, or its number if unknown.
func KeyName(key int16) string {
	if key < 0 || key > MaxKey {
		return fmt.Sprintf("API %d", key)
	}
	return kafkaNames.Replace(kmsg.NameForKey(key))
}
