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

// ScanAbortedTxns calls visit for each whole entry in the first size bytes of an
// index with its position, until visit returns false. A cut entry at the end,
// which a crash may leave, is not visited.
func ScanAbortedTxns(index io.ReaderAt, size int64, visit func(position int64, t AbortedTxn) bool) error {
	var chunk [128 * AbortedTxnSize]byte
	for position := int64(0); size-position >= AbortedTxnSize; {
		n := min(int64(len(chunk)), (size-position)/AbortedTxnSize*AbortedTxnSize)
		if _, err := io.ReadFull(io.NewSectionReader(index, position, n), chunk[:n]); err != nil {
			return fmt.Errorf("read transaction index at position %d: %w", position, err)
		}
		for at := int64(0); at < n; at += AbortedTxnSize {
			t, err := ParseAbortedTxn(chunk[at:n])
			if err != nil {
				return fmt.Errorf("position %d: %w", position+at, err)
			}
			if !visit(position+at, t) {
				return nil
			}
		}
		position += n
	}
	return nil
}

// CollectAbortedTxns appends to dst the transactions that overlap
// [fetchOffset, upperBound). complete says that later segments have none: else
// their indexes must be searched too.
func CollectAbortedTxns(dst []AbortedTxn, index io.ReaderAt, size int64, fetchOffset, upperBound kafka.Offset) (txns []AbortedTxn, complete bool, err error) {
	err = ScanAbortedTxns(index, size, func(_ int64, t AbortedTxn) bool {
		if t.LastOffset >= fetchOffset && t.FirstOffset < upperBound {
			dst = append(dst, t)
		}
		complete = t.LastStableOffset >= upperBound
		return !complete
	})
	return dst, complete, err
}

// TruncatePosition is the size to cut an index to when its log is truncated to
// offset: up to the first entry whose marker is at or after it.
func TruncatePosition(index io.ReaderAt, size int64, offset kafka.Offset) (int64, error) {
	end := size / AbortedTxnSize * AbortedTxnSize
	err := ScanAbortedTxns(index, size, func(position int64, t AbortedTxn) bool {
		if t.LastOffset >= offset {
			end = position
			return false
		}
		return true
	})
	return end, err
}
