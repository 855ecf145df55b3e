package purgatory

import (
	"context"
	"time"
)

// Wait blocks until try returns true, or the deadline or ctx ends, and returns
// whether try did. It is for handlers that have a goroutine of their own to block,
// and rare: it allocates.
//
// try is called at once, and then by each Check of one of the keys on the
// goroutine of the one that calls Check: the same rules hold as for
// Operation.TryComplete. It is never called after Wait has returned.
func (p *Purgatory[K]) Wait(ctx context.Context, deadline time.Time, try func() bool, keys ...K) bool {
	result := make(chan bool, 1)
	op := &Operation{
		TryComplete: func() bool {
			completed := try()
			if completed {
				result <- true // There is room: one of the two is said, once.
			}
			return completed
		},
		OnExpire: func() { result <- false },
		Deadline: deadline,
	}
	p.Watch(op, keys...)
	select {
	case completed := <-result:
		return completed
	case <-ctx.Done():
		op.expire()
		return <-result
	}
}
