package producerstate

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// maxMarkerBytes bounds what a control batch may decompress to.
const maxMarkerBytes = 64 << 10

// marker is a transaction's end as it stands in a control batch.
type marker struct {
	record.EndTxnMarker
	// timestamp is the marker's, in milliseconds.
	timestamp int64
}

// readMarker reads the first record of a control batch. A batch without records
// is what compaction leaves of a transaction that is gone: not found, no error.
func readMarker(b record.Batch) (mk marker, found bool, err error) {
	for r, err := range b.Records(maxMarkerBytes) {
		if err == nil {
			mk.EndTxnMarker, err = record.ParseEndTxnMarker(r.Key, r.Value)
		}
		if err != nil {
			return marker{}, false, kafka.Errorf(kerr.InvalidRecord, "Malformed end transaction marker: %v", err)
		}
		mk.timestamp = b.Timestamp(&r)
		return mk, true, nil
	}
	return marker{}, false, nil
}
