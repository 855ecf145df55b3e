package history

import (
	"fmt"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Ledger is what producers were told. It is safe for concurrent use.
type Ledger struct {
	mu         sync.Mutex
	next       map[stream]int64
	partitions map[Partition]*told
	forgetful  map[string]bool
	acked      int64
}

// told is what is known of one partition.
type told struct {
	// acked are acknowledged records by their offsets, and offsets the reverse. Of a
	// forgetful topic they are those that no Reader has come to.
	acked   map[int64]id
	offsets map[id]int64
	// read are records of a forgetful topic that were read before their answer came.
	read map[id]int64
	// verified is where the first Reader of a forgetful topic has come to.
	verified int64
	// deletedBelow is the highest offset below which records of a forgetful topic
	// were gone before they were read.
	deletedBelow int64
	// ackedEnd is the end of what was acknowledged.
	ackedEnd int64
}

// NewLedger returns an empty Ledger. Of forgetful topics, whose records may go by
// retention, it remembers only what has not been read.
func NewLedger(forgetful ...string) *Ledger {
	l := &Ledger{next: map[stream]int64{}, partitions: map[Partition]*told{}, forgetful: map[string]bool{}}
	for _, topic := range forgetful {
		l.forgetful[topic] = true
	}
	return l
}

func (l *Ledger) told(p Partition) *told {
	t := l.partitions[p]
	if t == nil {
		t = &told{acked: map[int64]id{}, offsets: map[id]int64{}, read: map[id]int64{}}
		l.partitions[p] = t
	}
	return t
}

// Attempt is a record whose answer is awaited.
type Attempt struct {
	Record *kgo.Record
	id     id
}

// Attempt makes the producer's next record for a partition, of about that many
// bytes. Each producer of a Ledger needs its own name without spaces, and has to
// send its records of a partition in this order.
func (l *Ledger) Attempt(producer string, p Partition, size int) Attempt {
	l.mu.Lock()
	s := stream{producer, p}
	i := id{s, l.next[s]}
	l.next[s]++
	l.mu.Unlock()
	return Attempt{Record: i.record(size), id: i}
}

// Acked notes that a record was acknowledged with that offset. The error is one
// of the broker's: it is not what was read there, or the offset was given twice.
func (l *Ledger) Acked(a Attempt, offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked++
	t := l.told(a.id.Partition)
	t.ackedEnd = max(t.ackedEnd, offset+1)
	if at, done := t.read[a.id]; done {
		delete(t.read, a.id)
		if at != offset {
			return fmt.Errorf("%v is acknowledged with offset %d, and was read at %d", a.id, offset, at)
		}
		return nil
	}
	if offset < t.deletedBelow {
		return nil
	}
	if offset < t.verified {
		return fmt.Errorf("%v is acknowledged with offset %d, where something else was read", a.id, offset)
	}
	if other, taken := t.acked[offset]; taken {
		return fmt.Errorf("%v and %v are both acknowledged with offset %d", other, a.id, offset)
	}
	t.acked[offset], t.offsets[a.id] = a.id, offset
	return nil
}

// Failed notes that a record was not acknowledged, and never will be: it may be
// there or not.
func (l *Ledger) Failed(a Attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.told(a.id.Partition).read, a.id)
}

// Forget drops what is known of a topic that is deleted.
func (l *Ledger) Forget(topic string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.partitions {
		if p.Topic == topic {
			delete(l.partitions, p)
		}
	}
	for s := range l.next {
		if s.Topic == topic {
			delete(l.next, s)
		}
	}
}

// AckedRecords counts the records that were acknowledged.
func (l *Ledger) AckedRecords() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

// Snapshot returns what was acknowledged up to now, for a comparison with the
// state of this moment.
func (l *Ledger) Snapshot() *Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := NewLedger()
	s.acked = l.acked
	for p, t := range l.partitions {
		c := s.told(p)
		c.ackedEnd, c.verified = t.ackedEnd, t.verified
		for offset, i := range t.acked {
			c.acked[offset], c.offsets[i] = i, offset
		}
	}
	return s
}

// lost gives an error if an acknowledged record has an offset in [from, to).
// Callers hold the lock.
func (t *told) lost(from, to int64) error {
	var offsets []int64
	for offset := range t.acked {
		if offset >= from && offset < to {
			offsets = append(offsets, offset)
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	slices.Sort(offsets)
	return fmt.Errorf("%d acknowledged records are lost, the first is %v at offset %d", len(offsets), t.acked[offsets[0]], offsets[0])
}
