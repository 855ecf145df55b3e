package producerstate

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// The control records that end a transaction:
//
//	key:   version int16 | type int16 (0 abort, 1 commit)
//	value: version int16 | coordinator epoch int32
const (
	markerAbort  = 0
	markerCommit = 1

	markerKeySize   = 4
	markerValueSize = 6
)

// maxMarkerBytes bounds what a control batch may decompress to.
const maxMarkerBytes = 64 << 10

// marker is a transaction's end as it stands in a control batch.
type marker struct {
	commit           bool
	coordinatorEpoch int32
	timestamp        int64
}

// readMarker reads the first record of a control batch. A batch without records
// is what compaction leaves of a transaction that is gone: not found, no error.
func readMarker(b record.Batch) (mk marker, found bool, err error) {
	for r, err := range b.Records(maxMarkerBytes) {
		if err != nil {
			return marker{}, false, kafka.Errorf(kerr.InvalidRecord, "Malformed control record: %v", err)
		}
		mk, err := parseMarker(r.Key, r.Value)
		mk.timestamp = b.Timestamp(&r)
		return mk, err == nil, err
	}
	return marker{}, false, nil
}

func parseMarker(key, value []byte) (marker, error) {
	if len(key) < markerKeySize || len(value) < markerValueSize {
		return marker{}, kafka.Errorf(kerr.InvalidRecord, "Malformed control record: key of %d bytes, value of %d bytes", len(key), len(value))
	}
	if version := int16(binary.BigEndian.Uint16(key)); version < 0 {
		return marker{}, kafka.Errorf(kerr.InvalidRecord, "Invalid version found for control record: %d", version)
	}
	if version := int16(binary.BigEndian.Uint16(value)); version < 0 {
		return marker{}, kafka.Errorf(kerr.InvalidRecord, "Invalid version found for control record value: %d", version)
	}
	kind := int16(binary.BigEndian.Uint16(key[2:]))
	if kind != markerAbort && kind != markerCommit {
		return marker{}, kafka.Errorf(kerr.InvalidRecord, "Invalid control record type %d for an end transaction marker", kind)
	}
	return marker{commit: kind == markerCommit, coordinatorEpoch: int32(binary.BigEndian.Uint32(value[2:]))}, nil
}
