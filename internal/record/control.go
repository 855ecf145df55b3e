package record

import (
	"encoding/binary"
	"fmt"

	"moldau.dev/moldau/internal/kafka"
)

// ControlType says what a control record is about. It is in the record's key.
type ControlType int16

// The types of control records. Readers skip those they do not know.
const (
	ControlAbort          ControlType = 0
	ControlCommit         ControlType = 1
	ControlLeaderChange   ControlType = 2
	ControlSnapshotHeader ControlType = 3
	ControlSnapshotFooter ControlType = 4
	ControlKRaftVersion   ControlType = 5
	ControlVoters         ControlType = 6
)

const (
	controlKeySize    = 4
	controlKeyVersion = 0
)

// String gives Kafka's name of the type.
func (t ControlType) String() string {
	names := [...]string{"ABORT", "COMMIT", "LEADER_CHANGE", "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER", "KRAFT_VERSION", "KRAFT_VOTERS"}
	if t < 0 || int(t) >= len(names) {
		return fmt.Sprintf("UNKNOWN(%d)", int16(t))
	}
	return names[t]
}

// Key encodes the key of a control record of that type.
func (t ControlType) Key() []byte {
	key := make([]byte, 0, controlKeySize)
	key = binary.BigEndian.AppendUint16(key, controlKeyVersion)
	return binary.BigEndian.AppendUint16(key, uint16(t))
}

// ParseControlKey reads the key of a control record: *CorruptError if it is too
// short or has a negative version. Later versions may add to the key, so they
// are read as far as they are known.
func ParseControlKey(key []byte) (ControlType, error) {
	if len(key) < controlKeySize {
		return 0, corruptf(NoPosition, "control record key of %d bytes", len(key))
	}
	if version := int16(binary.BigEndian.Uint16(key)); version < 0 {
		return 0, corruptf(NoPosition, "control record key of version %d", version)
	}
	return ControlType(binary.BigEndian.Uint16(key[2:])), nil
}

// EndTxnMarker ends a producer's transaction in a partition. Its batch carries
// the producer id and epoch and is transactional.
type EndTxnMarker struct {
	// Commit is false for an abort.
	Commit bool
	// CoordinatorEpoch is the leader epoch of the transaction coordinator.
	CoordinatorEpoch int32
}

const (
	endTxnMarkerSize    = 6
	endTxnMarkerVersion = 0
)

// Type is ControlCommit or ControlAbort.
func (m EndTxnMarker) Type() ControlType {
	if m.Commit {
		return ControlCommit
	}
	return ControlAbort
}

// Value encodes the value of the marker's record; its key is Type().Key().
func (m EndTxnMarker) Value() []byte {
	value := make([]byte, 0, endTxnMarkerSize)
	value = binary.BigEndian.AppendUint16(value, endTxnMarkerVersion)
	return binary.BigEndian.AppendUint32(value, uint32(m.CoordinatorEpoch))
}

// ParseEndTxnMarker reads a marker from its record's key and value:
// *CorruptError if they are not one.
func ParseEndTxnMarker(key, value []byte) (EndTxnMarker, error) {
	t, err := ParseControlKey(key)
	if err != nil {
		return EndTxnMarker{}, err
	}
	if t != ControlAbort && t != ControlCommit {
		return EndTxnMarker{}, corruptf(NoPosition, "control record %v does not end a transaction", t)
	}
	if len(value) < endTxnMarkerSize {
		return EndTxnMarker{}, corruptf(NoPosition, "end transaction marker of %d bytes", len(value))
	}
	if version := int16(binary.BigEndian.Uint16(value)); version < 0 {
		return EndTxnMarker{}, corruptf(NoPosition, "end transaction marker of version %d", version)
	}
	return EndTxnMarker{Commit: t == ControlCommit, CoordinatorEpoch: int32(binary.BigEndian.Uint32(value[2:]))}, nil
}

// NewEndTxnBatch builds the batch of a transaction marker.
func NewEndTxnBatch(m EndTxnMarker, timestampMs int64, id kafka.ProducerID, epoch kafka.ProducerEpoch) Batch {
	o := NewOptions(0)
	o.ProducerID, o.ProducerEpoch = id, epoch
	o.Transactional, o.Control = true, true
	b := NewBuilder(o)
	b.Append(timestampMs, m.Type().Key(), m.Value())
	return b.Build()
}
