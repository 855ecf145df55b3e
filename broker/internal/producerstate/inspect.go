package producerstate

import (
	"cmp"
	"slices"

	"moldau.dev/moldau/internal/kafka"
)

// SnapshotEntry is the state of one producer as a snapshot holds it.
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

// ParseSnapshot reads the content of a snapshot file, for those who inspect it.
// Errors are *CorruptSnapshotError.
func ParseSnapshot(b []byte) ([]SnapshotEntry, error) {
	decoded, err := decodeSnapshot(b)
	if err != nil {
		return nil, err
	}
	entries := make([]SnapshotEntry, len(decoded))
	for i := range decoded {
		entries[i] = snapshotEntryOf(decoded[i].id, &decoded[i].state)
	}
	return entries, nil
}

// SnapshotEntries gives what a snapshot would hold now, by producer id.
func (m *Manager) SnapshotEntries() []SnapshotEntry {
	entries := make([]SnapshotEntry, 0, len(m.producers))
	for id, p := range m.producers {
		entries = append(entries, snapshotEntryOf(id, p))
	}
	slices.SortFunc(entries, func(a, b SnapshotEntry) int { return cmp.Compare(a.ProducerID, b.ProducerID) })
	return entries
}
