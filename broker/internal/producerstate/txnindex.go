package producerstate

import (
	"encoding/binary"
	"fmt"
	"io"

	"moldau.dev/moldau/internal/kafka"
)

// AbortedTxnSize is the size of an entry of a transaction index (.txnindex):
//
//	version int16 | producer id int64 | first offset int64 | last offset int64 | last stable offset int64
const AbortedTxnSize = 2 + 4*8

// abortedTxnVersion is the only version that exists.
const abortedTxnVersion = 0

// AbortedTxn is an entry of a transaction index: a transaction whose records in
// [FirstOffset, LastOffset] readers of committed records must skip. Entries are in
// the order of their markers, so LastOffset rises strictly.
type AbortedTxn struct {
	ProducerID  kafka.ProducerID
	FirstOffset kafka.Offset
	// LastOffset is the marker's.
	LastOffset kafka.Offset
	// LastStableOffset is how far committed reads could go after the marker. A
	// search up to an offset not above it need not look at later entries.
	LastStableOffset kafka.Offset
}

// AppendTo appends the entry's bytes.
func (t AbortedTxn) AppendTo(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, abortedTxnVersion)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.ProducerID))
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.FirstOffset))
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.LastOffset))
	return binary.BigEndian.AppendUint64(dst, uint64(t.LastStableOffset))
}

// ParseAbortedTxn reads the entry that b begins with.
func ParseAbortedTxn(b []byte) (AbortedTxn, error) {
	if len(b) < AbortedTxnSize {
		return AbortedTxn{}, fmt.Errorf("transaction index entry: %w", io.ErrUnexpectedEOF)
	}
	if version := int16(binary.BigEndian.Uint16(b)); version != abortedTxnVersion {
		return AbortedTxn{}, fmt.Errorf("transaction index entry: unexpected version %d", version)
	}
	return AbortedTxn{
		ProducerID:       kafka.ProducerID(binary.BigEndian.Uint64(b[2:])),
		FirstOffset:      kafka.Offset(binary.BigEndian.Uint64(b[10:])),
		LastOffset:       kafka.Offset(binary.BigEndian.Uint64(b[18:])),
		LastStableOffset: kafka.Offset(binary.BigEndian.Uint64(b[26:])),
	}, nil
}
