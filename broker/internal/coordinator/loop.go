package coordinator

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// loop is one event loop: a goroutine, a queue, and the partitions hashed to it.
type loop[S Shard[R], R any] struct {
	wake chan struct{}

	mu struct {
		sync.Mutex
		queue  []func(now time.Time)
		closed bool
	}

	// partitions are those with a shard, loading or failed. Only the loop's
	// goroutine touches them.
	partitions []*partition[S, R]
}

// post queues an event; false when the loop has ended.
func (l *loop[S, R]) post(event func(now time.Time)) bool {
	l.mu.Lock()
	if l.mu.closed {
		l.mu.Unlock()
		return false
	}
	l.mu.queue = append(l.mu.queue, event)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return true
}

// run handles what is queued, then appends the open batches, then fires timers,
// until ctx ends.
func (l *loop[S, R]) run(ctx context.Context) {
	sleep := time.NewTimer(0)
	defer sleep.Stop()
	var events []func(time.Time)
	for ctx.Err() == nil {
		events = l.take(events)
		for i, event := range events {
			event(time.Now())
			events[i] = nil
		}
		next, some := l.tick(time.Now())
		if some {
			sleep.Reset(time.Until(next))
		} else {
			sleep.Stop()
		}
		select {
		case <-l.wake:
		case <-sleep.C:
		case <-ctx.Done():
		}
	}
	l.close()
}

// take swaps the queue for the emptied slice of the last round.
func (l *loop[S, R]) take(emptied []func(time.Time)) []func(time.Time) {
	const keep = 1024 // a burst's backing array is not kept for ever.
	if cap(emptied) > keep {
		emptied = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.mu.queue
	l.mu.queue = emptied[:0]
	return events
}

// tick appends the batches that are due, expires what waits too long, and fires
// timers. It tells when it must run again.
func (l *loop[S, R]) tick(now time.Time) (next time.Time, some bool) {
	for _, p := range l.partitions {
		at, ok := p.tick(now)
		if ok && (!some || at.Before(next)) {
			next, some = at, true
		}
	}
	return next, some
}

// close unloads every partition and fails what was still queued.
func (l *loop[S, R]) close() {
	l.mu.Lock()
	l.mu.closed = true
	events := l.mu.queue
	l.mu.queue = nil
	l.mu.Unlock()
	now := time.Now()
	for _, p := range append([]*partition[S, R](nil), l.partitions...) {
		p.unload(now, kerr.CoordinatorNotAvailable)
		p.closed = true
	}
	for _, event := range events {
		event(now)
	}
}
