package coordinator

import (
	"container/heap"
	"time"
)

// Timers is a set of deadlines by key, as data: nothing runs by itself. The
// zero value is not usable; see NewTimers. Not safe for concurrent use.
type Timers[K comparable] struct {
	heap  timerHeap[K]
	byKey map[K]*timer[K]
	order int64
}

type timer[K comparable] struct {
	key   K
	at    time.Time
	order int64 // breaks ties, so that runs are reproducible.
	index int
}

// NewTimers gives an empty set.
func NewTimers[K comparable]() *Timers[K] {
	return &Timers[K]{byKey: make(map[K]*timer[K])}
}

// Set arms the key's timer for that time, in place of an earlier setting.
func (t *Timers[K]) Set(key K, at time.Time) {
	t.order++
	if x, ok := t.byKey[key]; ok {
		x.at, x.order = at, t.order
		heap.Fix(&t.heap, x.index)
		return
	}
	x := &timer[K]{key: key, at: at, order: t.order}
	t.byKey[key] = x
	heap.Push(&t.heap, x)
}

// Cancel disarms the key's timer, if any.
func (t *Timers[K]) Cancel(key K) {
	if x, ok := t.byKey[key]; ok {
		heap.Remove(&t.heap, x.index)
		delete(t.byKey, key)
	}
}

// Get tells when the key's timer is due.
func (t *Timers[K]) Get(key K) (at time.Time, ok bool) {
	x, ok := t.byKey[key]
	if !ok {
		return time.Time{}, false
	}
	return x.at, true
}

// Next gives the earliest time.
func (t *Timers[K]) Next() (at time.Time, ok bool) {
	if len(t.heap) == 0 {
		return time.Time{}, false
	}
	return t.heap[0].at, true
}

// Pop takes out the earliest timer that is due at now.
func (t *Timers[K]) Pop(now time.Time) (key K, ok bool) {
	if len(t.heap) == 0 || t.heap[0].at.After(now) {
		return key, false
	}
	x := heap.Pop(&t.heap).(*timer[K])
	delete(t.byKey, x.key)
	return x.key, true
}

// Len is the number of armed timers.
func (t *Timers[K]) Len() int { return len(t.heap) }

type timerHeap[K comparable] []*timer[K]

func (h timerHeap[K]) Len() int { return len(h) }

func (h timerHeap[K]) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].order < h[j].order
}

func (h timerHeap[K]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap[K]) Push(x any) {
	t := x.(*timer[K])
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap[K]) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}
