package history

import (
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Reader goes through partitions and compares what is there with a Ledger. It is
// not safe for concurrent use; the Ledger is.
type Reader struct {
	ledger *Ledger
	// next is the offset that has to come, last the newest record of each stream.
	next map[Partition]int64
	last map[Partition]map[string]int64
	// Records counts what was read.
	Records int64
}

// Reader returns one that starts at offset 0 of every partition.
func (l *Ledger) Reader() *Reader {
	return &Reader{ledger: l, next: map[Partition]int64{}, last: map[Partition]map[string]int64{}}
}

// Next gives the offset that has to come next.
func (r *Reader) Next(p Partition) int64 { return r.next[p] }

// Read compares the next record of a partition, and goes on after it in any case.
func (r *Reader) Read(record *kgo.Record) error {
	p := Partition{record.Topic, record.Partition}
	next := r.next[p]
	r.next[p] = record.Offset + 1
	r.Records++
	if record.Offset != next {
		return fmt.Errorf("%v: offset %d follows %d", p, record.Offset, next-1)
	}
	i, err := identify(record)
	if err != nil {
		return err
	}
	if r.last[p] == nil {
		r.last[p] = map[string]int64{}
	}
	switch last, known := r.last[p][i.producer]; {
	case known && last == i.number:
		return fmt.Errorf("%v: offset %d holds %v a second time", p, record.Offset, i)
	case known && last > i.number:
		return fmt.Errorf("%v: offset %d holds %v after record %d: it is there twice, or out of order", p, record.Offset, i, last)
	}
	r.last[p][i.producer] = i.number
	return r.ledger.read(i, record.Offset)
}

// read notes that a record was read at an offset.
func (l *Ledger) read(i id, offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.told(i.Partition)
	if at, acked := t.offsets[i]; acked && at != offset {
		return fmt.Errorf("%v was acknowledged with offset %d, and is at %d", i, at, offset)
	}
	if other, acked := t.acked[offset]; acked && other != i {
		return fmt.Errorf("%v was acknowledged with offset %d, where %v is", other, offset, i)
	}
	if !l.forgetful[i.Topic] || offset < t.verified {
		return nil
	}
	if _, acked := t.acked[offset]; !acked {
		t.read[i] = offset // Its answer is on its way, or never comes.
	}
	delete(t.acked, offset)
	delete(t.offsets, i)
	t.verified = offset + 1
	return nil
}

// Jump goes on at an offset, because what is before was deleted. Unless that is
// so for all records below allowed, acknowledged ones among them are lost.
func (r *Reader) Jump(p Partition, to, allowed int64) error {
	from := r.next[p]
	r.next[p] = to
	l := r.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.told(p)
	if to < from {
		return fmt.Errorf("%v: offset %d follows %d", p, to, from-1)
	}
	lost := t.lost(max(from, allowed), to)
	if l.forgetful[p.Topic] {
		for offset, i := range t.acked {
			if offset < to {
				delete(t.acked, offset)
				delete(t.offsets, i)
			}
		}
		t.deletedBelow = max(t.deletedBelow, to)
	}
	if lost != nil {
		return fmt.Errorf("%v: offsets %d to %d are gone: %w", p, from, to-1, lost)
	}
	return nil
}

// AtEnd compares the end of a partition with what was acknowledged: nothing may
// be missing.
func (r *Reader) AtEnd(p Partition) error {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	if err := r.ledger.told(p).lost(r.next[p], math.MaxInt64); err != nil {
		return fmt.Errorf("%v ends at offset %d: %w", p, r.next[p], err)
	}
	return nil
}

// Partitions gives the partitions with acknowledged records, and the end of those.
func (l *Ledger) Partitions() map[Partition]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := map[Partition]int64{}
	for p, t := range l.partitions {
		ends[p] = t.ackedEnd
	}
	return ends
}
