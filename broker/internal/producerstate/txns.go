package producerstate

import (
	"cmp"
	"slices"

	"moldau.dev/moldau/internal/kafka"
)

// txn is a transaction's part in this partition.
type txn struct {
	producerID  kafka.ProducerID
	firstOffset kafka.Offset
	// lastOffset is that of the marker, UnknownOffset while the transaction is open.
	lastOffset kafka.Offset
}

// txnList is a set of transactions sorted by first offset. New ones come last,
// and there are few at a time.
type txnList []txn

func (l txnList) find(firstOffset kafka.Offset) (int, bool) {
	return slices.BinarySearchFunc(l, firstOffset, func(t txn, o kafka.Offset) int {
		return cmp.Compare(t.firstOffset, o)
	})
}

func (l *txnList) put(t txn) {
	i, found := l.find(t.firstOffset)
	if found {
		(*l)[i] = t
		return
	}
	*l = slices.Insert(*l, i, t)
}

func (l *txnList) remove(firstOffset kafka.Offset) {
	if i, found := l.find(firstOffset); found {
		*l = slices.Delete(*l, i, i+1)
	}
}

// CompletedTxn is a transaction that a marker has just ended.
type CompletedTxn struct {
	ProducerID kafka.ProducerID
	// FirstOffset is that of the transaction's first record in this partition.
	FirstOffset kafka.Offset
	// LastOffset is the marker's.
	LastOffset kafka.Offset
	// LastStableOffset is the bound of committed reads after this transaction: the
	// start of the oldest transaction still open, else LastOffset+1.
	LastStableOffset kafka.Offset
	// Aborted transactions belong into the transaction index.
	Aborted bool
}

// AbortedTxn gives the transaction index entry of an aborted transaction.
func (c *CompletedTxn) AbortedTxn() AbortedTxn {
	return AbortedTxn{
		ProducerID:       c.ProducerID,
		FirstOffset:      c.FirstOffset,
		LastOffset:       c.LastOffset,
		LastStableOffset: c.LastStableOffset,
	}
}
