package producerstate

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"

	"moldau.dev/moldau/internal/kafka"
)

// A snapshot file (ProducerSnapshot, version 1, big endian):
//
//	version int16 | crc uint32 | count int32 | count entries
//
//	entry: producer id int64 | epoch int16 | last sequence int32 | last offset int64 |
//	       offset delta int32 | timestamp int64 | coordinator epoch int32 |
//	       first offset of the open transaction int64, -1 if none
//
// The CRC-32C covers everything after it.
//
// A producer has an entry for each batch that is remembered of it, oldest first:
// a client whose requests were written and not answered before the node went down
// sends all of them again, and each must be recognised. Apache Kafka takes the
// last entry of a producer, which says what its own snapshots say; only that one
// has the open transaction.
//
// Differs from Kafka: it writes the last batch alone, and after a restart refuses
// those before it with OUT_OF_ORDER_SEQUENCE_NUMBER, upon which clients may write
// them once more with a new epoch.
const (
	snapshotVersion    = 1
	snapshotHeaderSize = 2 + 4 + 4
	snapshotCRCEnd     = 2 + 4
	snapshotEntrySize  = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CorruptSnapshotError says why a snapshot file cannot be used.
type CorruptSnapshotError struct{ Reason string }

func (e *CorruptSnapshotError) Error() string { return "corrupt producer snapshot: " + e.Reason }

func corruptSnapshotf(format string, args ...any) error {
	return &CorruptSnapshotError{Reason: fmt.Sprintf(format, args...)}
}

// encodeSnapshot writes the producers by id.
func encodeSnapshot(producers map[kafka.ProducerID]*producer) []byte {
	b := make([]byte, 0, snapshotHeaderSize+len(producers)*snapshotEntrySize)
	b = binary.BigEndian.AppendUint16(b, snapshotVersion)
	b = binary.BigEndian.AppendUint32(b, 0) // The CRC and the count follow below.
	b = binary.BigEndian.AppendUint32(b, 0)
	for _, id := range slices.SortedFunc(maps.Keys(producers), cmp.Compare[kafka.ProducerID]) {
		b = appendSnapshotEntries(b, id, producers[id])
	}
	binary.BigEndian.PutUint32(b[snapshotCRCEnd:], uint32((len(b)-snapshotHeaderSize)/snapshotEntrySize))
	binary.BigEndian.PutUint32(b[2:], crc32.Checksum(b[snapshotCRCEnd:], castagnoli))
	return b
}

func appendSnapshotEntries(b []byte, id kafka.ProducerID, p *producer) []byte {
	for i := range int(p.n) - 1 {
		m := p.batch(i)
		b = appendSnapshotEntry(b, id, p, *m, m.Timestamp, kafka.UnknownOffset)
	}
	last := BatchMeta{LastSequence: kafka.NoSequence, LastOffset: kafka.UnknownOffset}
	if l := p.last(); l != nil {
		last = *l
	}
	return appendSnapshotEntry(b, id, p, last, p.lastTimestamp, p.txnFirstOffset)
}

func appendSnapshotEntry(b []byte, id kafka.ProducerID, p *producer, m BatchMeta, timestamp int64, txnFirstOffset kafka.Offset) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(id))
	b = binary.BigEndian.AppendUint16(b, uint16(p.epoch))
	b = binary.BigEndian.AppendUint32(b, uint32(m.LastSequence))
	b = binary.BigEndian.AppendUint64(b, uint64(m.LastOffset))
	b = binary.BigEndian.AppendUint32(b, uint32(m.OffsetDelta))
	b = binary.BigEndian.AppendUint64(b, uint64(timestamp))
	b = binary.BigEndian.AppendUint32(b, uint32(p.coordinatorEpoch))
	return binary.BigEndian.AppendUint64(b, uint64(txnFirstOffset))
}

// snapshotEntry is one producer of a snapshot.
type snapshotEntry struct {
	id    kafka.ProducerID
	state producer
}

// decodeSnapshot reads a snapshot file; errors are *CorruptSnapshotError.
func decodeSnapshot(b []byte) ([]snapshotEntry, error) {
	if len(b) < snapshotHeaderSize {
		return nil, corruptSnapshotf("only %d bytes", len(b))
	}
	if version := int16(binary.BigEndian.Uint16(b)); version != snapshotVersion {
		return nil, corruptSnapshotf("unknown file version %d", version)
	}
	stored, computed := binary.BigEndian.Uint32(b[2:]), crc32.Checksum(b[snapshotCRCEnd:], castagnoli)
	if stored != computed {
		return nil, corruptSnapshotf("CRC is no longer valid, stored %d, computed %d", stored, computed)
	}
	count, rest := int32(binary.BigEndian.Uint32(b[snapshotCRCEnd:])), b[snapshotHeaderSize:]
	if count < 0 || int(count) > len(rest)/snapshotEntrySize {
		return nil, corruptSnapshotf("%d entries in %d bytes", count, len(rest))
	}
	var entries []snapshotEntry
	seen := map[kafka.ProducerID]bool{}
	for i := range int(count) {
		e := decodeSnapshotEntry(rest[i*snapshotEntrySize:])
		if err := checkSnapshotEntry(&e); err != nil {
			return nil, err
		}
		if n := len(entries); n > 0 && entries[n-1].id == e.id {
			if err := entries[n-1].follow(&e.state); err != nil {
				return nil, err
			}
			continue
		}
		if seen[e.id] {
			return nil, corruptSnapshotf("the entries of producer %d do not stand together", e.id)
		}
		seen[e.id] = true
		entries = append(entries, e)
	}
	return entries, nil
}

// checkSnapshotEntry refuses what no log can lead to, so that the rest of the
// package may rely on it.
func checkSnapshotEntry(e *snapshotEntry) error {
	switch last := e.state.last(); {
	case e.id < 0:
		return corruptSnapshotf("producer id %d is negative", e.id)
	case last != nil && (last.OffsetDelta < 0 || last.FirstOffset() < 0):
		return corruptSnapshotf("impossible last batch of producer %d", e.id)
	}
	return nil
}

// follow takes over the producer's next entry, which is that of a later batch.
func (e *snapshotEntry) follow(next *producer) error {
	older, newer := e.state.last(), next.last()
	if older == nil || newer == nil || next.epoch != e.state.epoch {
		return corruptSnapshotf("two entries of producer %d are not those of batches of one epoch", e.id)
	}
	e.state.addBatch(next.epoch, *newer)
	e.state.coordinatorEpoch, e.state.txnFirstOffset = next.coordinatorEpoch, next.txnFirstOffset
	return nil
}

func decodeSnapshotEntry(b []byte) snapshotEntry {
	p := newProducer()
	id := kafka.ProducerID(binary.BigEndian.Uint64(b))
	p.epoch = kafka.ProducerEpoch(binary.BigEndian.Uint16(b[8:]))
	last := BatchMeta{
		LastSequence: int32(binary.BigEndian.Uint32(b[10:])),
		LastOffset:   kafka.Offset(binary.BigEndian.Uint64(b[14:])),
		OffsetDelta:  int32(binary.BigEndian.Uint32(b[22:])),
		Timestamp:    int64(binary.BigEndian.Uint64(b[26:])),
	}
	p.lastTimestamp = last.Timestamp
	p.coordinatorEpoch = int32(binary.BigEndian.Uint32(b[34:]))
	if first := binary.BigEndian.Uint64(b[38:]); first <= math.MaxInt64 {
		p.txnFirstOffset = kafka.Offset(first)
	}
	if last.LastOffset >= 0 {
		p.addBatch(p.epoch, last)
	}
	return snapshotEntry{id: id, state: *p}
}
