package producerstate

import (
	"cmp"
	"slices"

	"moldau.dev/moldau/internal/kafka"
)

// SnapshotEntry is the state of one producer as a snapshot holds it, after one of
// the batches that are remembered.
type SnapshotEntry struct {
	Entry
	// LastOffset is that of the last batch, UnknownOffset if there is none of the
	// current epoch; OffsetDelta is the batch's last offset minus its first.
	LastOffset  kafka.Offset
	OffsetDelta int32
}

func snapshotEntryOf(id kafka.ProducerID, p *producer) SnapshotEntry {
	e := SnapshotEntry{LastOffset: kafka.UnknownOffset, Entry: Entry{
		ProducerID:            id,
		ProducerEpoch:         p.epoch,
		LastSequence:          p.lastSequence(),
		LastTimestamp:         p.lastTimestamp,
		CoordinatorEpoch:      p.coordinatorEpoch,
		CurrentTxnFirstOffset: p.txnFirstOffset,
	}}
	if last := p.last(); last != nil {
		e.LastOffset, e.OffsetDelta = last.LastOffset, last.OffsetDelta
	}
	return e
}

// ParseSnapshot reads the content of a snapshot file, for those who inspect it:
// of each producer an entry for every batch, of which the last is its state.
// Errors are *CorruptSnapshotError.
func ParseSnapshot(b []byte) ([]SnapshotEntry, error) {
	decoded, err := decodeSnapshot(b)
	if err != nil {
		return nil, err
	}
	var entries []SnapshotEntry
	for i := range decoded {
		p := &decoded[i].state
		for k := range int(p.n) - 1 {
			older := producer{epoch: p.epoch, coordinatorEpoch: p.coordinatorEpoch, txnFirstOffset: kafka.UnknownOffset}
			older.addBatch(p.epoch, *p.batch(k))
			entries = append(entries, snapshotEntryOf(decoded[i].id, &older))
		}
		entries = append(entries, snapshotEntryOf(decoded[i].id, p))
	}
	return entries, nil
}

// SnapshotEntries gives the state of every producer now, by producer id.
func (m *Manager) SnapshotEntries() []SnapshotEntry {
	entries := make([]SnapshotEntry, 0, len(m.producers))
	for id, p := range m.producers {
		entries = append(entries, snapshotEntryOf(id, p))
	}
	slices.SortFunc(entries, func(a, b SnapshotEntry) int { return cmp.Compare(a.ProducerID, b.ProducerID) })
	return entries
}
