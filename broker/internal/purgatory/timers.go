package purgatory

import (
	"context"
	"sync"
	"time"
)

// minSleep bounds how often the timers wake up: deadlines that are closer
// together expire together, the earlier ones that much too late.
const minSleep = time.Millisecond

// timers is the deadlines of a purgatory's operations, as a heap.
type timers struct {
	base time.Time
	wake chan struct{} // Has a token when the earliest deadline came closer.

	mu     sync.Mutex
	heap   []timer // A binary heap by deadline.
	closed bool
}

// timer is an operation with its deadline relative to timers.base.
type timer struct {
	deadline time.Duration
	op       *Operation
}

func (t *timers) init() {
	t.base = time.Now()
	t.wake = make(chan struct{}, 1)
}

// run expires operations until ctx ends, then all.
func (t *timers) run(ctx context.Context) {
	sleep := time.NewTimer(0)
	defer sleep.Stop()
	for {
		select {
		case <-sleep.C:
		case <-t.wake:
		case <-ctx.Done():
			t.close()
			return
		}
		next, ok := t.expireDue(time.Since(t.base))
		if ok {
			sleep.Reset(max(minSleep, next-time.Since(t.base)))
		}
	}
}

// expireDue expires what is due at now, and returns the next deadline.
func (t *timers) expireDue(now time.Duration) (next time.Duration, ok bool) {
	for {
		t.mu.Lock()
		if len(t.heap) == 0 {
			t.mu.Unlock()
			return 0, false
		}
		first := t.heap[0]
		if first.deadline > now {
			t.mu.Unlock()
			return first.deadline, true
		}
		t.removeLocked(0)
		first.op.pins.Add(1)
		t.mu.Unlock()
		first.op.expire()
		first.op.unpin()
	}
}

func (t *timers) close() {
	t.mu.Lock()
	t.closed = true
	all := t.heap
	t.heap = nil
	for _, timer := range all {
		timer.op.timerIndex = 0
		timer.op.pins.Add(1)
	}
	t.mu.Unlock()
	for _, timer := range all {
		timer.op.expire()
		timer.op.unpin()
	}
}

// add returns false if the operation has to expire at once: it was hurried, or the
// timers run no more.
func (t *timers) add(op *Operation) bool {
	t.mu.Lock()
	if t.closed || op.hurried {
		op.hurried = false
		t.mu.Unlock()
		return false
	}
	t.heap = append(t.heap, timer{op.Deadline.Sub(t.base), op})
	earliest := t.up(len(t.heap)-1) == 0
	t.mu.Unlock()
	if earliest {
		t.wakeUp()
	}
	return true
}

func (t *timers) wakeUp() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// hurry makes the operation due, or notes it for add.
func (t *timers) hurry(op *Operation) {
	t.mu.Lock()
	if op.timerIndex == 0 {
		op.hurried = true
	} else {
		t.heap[op.timerIndex-1].deadline = 0
		t.up(op.timerIndex - 1)
	}
	t.mu.Unlock()
	t.wakeUp()
}

// remove forgets the operation if it is there.
func (t *timers) remove(op *Operation) {
	t.mu.Lock()
	op.hurried = false
	if op.timerIndex > 0 {
		t.removeLocked(op.timerIndex - 1)
	}
	t.mu.Unlock()
}

func (t *timers) removeLocked(i int) {
	t.heap[i].op.timerIndex = 0
	last := len(t.heap) - 1
	moved := t.heap[last]
	t.heap[last] = timer{}
	t.heap = t.heap[:last]
	if i < last {
		t.heap[i] = moved
		t.down(t.up(i))
	}
}

// up moves the timer at i towards the root and returns where it ends.
func (t *timers) up(i int) int {
	moving := t.heap[i]
	for i > 0 {
		parent := (i - 1) / 2
		if t.heap[parent].deadline <= moving.deadline {
			break
		}
		t.set(i, t.heap[parent])
		i = parent
	}
	t.set(i, moving)
	return i
}

// down moves the timer at i away from the root.
func (t *timers) down(i int) {
	moving := t.heap[i]
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			break
		}
		if right := child + 1; right < len(t.heap) && t.heap[right].deadline < t.heap[child].deadline {
			child = right
		}
		if moving.deadline <= t.heap[child].deadline {
			break
		}
		t.set(i, t.heap[child])
		i = child
	}
	t.set(i, moving)
}

func (t *timers) set(i int, timer timer) {
	t.heap[i] = timer
	timer.op.timerIndex = i + 1
}
