package soak

import (
	"fmt"
	"math"
	"sync"
	"time"

	"moldau.dev/moldau/test/history"
)

// deletions knows which records of a partition may be gone.
type deletions struct {
	mu sync.Mutex // Guards the fields below.
	// marks tell when records were made, about one for each second.
	marks map[history.Partition][]mark
	// trimmed are the offsets that DeleteRecords was asked for.
	trimmed map[history.Partition]int64
	// next is where the verifying consumer is.
	next map[history.Partition]int64
}

type mark struct {
	made   time.Time
	offset int64
}

func newDeletions() *deletions {
	return &deletions{marks: map[history.Partition][]mark{}, trimmed: map[history.Partition]int64{}, next: map[history.Partition]int64{}}
}

// written notes when a record was made.
func (d *deletions) written(p history.Partition, made time.Time, offset int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	marks := d.marks[p]
	if n := len(marks); n > 0 && (made.Sub(marks[n-1].made) < time.Second || offset < marks[n-1].offset) {
		return
	}
	if len(marks) > 1000 {
		marks = append(marks[:0], marks[500:]...)
	}
	d.marks[p] = append(marks, mark{made, offset})
}

// trim notes that DeleteRecords is about to be asked for.
func (d *deletions) trim(p history.Partition, before int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trimmed[p] = max(d.trimmed[p], before)
}

// verified notes how far a partition was read.
func (d *deletions) verified(p history.Partition, next int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next[p] = next
}

// behind names a partition that was not read up to the end, if there is any.
func (d *deletions) behind(ends map[history.Partition]int64) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for p, end := range ends {
		if d.next[p] < max(end, 0) && d.trimmed[p] < end && p.Topic != probeTopic && isLasting(p.Topic) {
			return fmt.Sprintf("%v was read up to %d of %d", p, d.next[p], end)
		}
	}
	return ""
}

func isLasting(topic string) bool {
	for _, t := range topics {
		if t.name == topic {
			return true
		}
	}
	return false
}

// allowed gives the offset below which records may be gone by now.
func (d *deletions) allowed(p history.Partition) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch p.Topic {
	case timedTopic:
		old, allowed := time.Now().Add(-timedRetention), int64(0)
		for _, m := range d.marks[p] {
			if m.made.Before(old) {
				allowed = m.offset + 1
			}
		}
		// What was made within a second of the mark is as old, or nearly.
		for _, m := range d.marks[p] {
			if m.offset >= allowed {
				return m.offset
			}
		}
		return allowed
	case sizedTopic:
		return math.MaxInt64 // The sizes are compared, see watchLogs.
	case trimmedTopic:
		return d.trimmed[p]
	default:
		return 0
	}
}
