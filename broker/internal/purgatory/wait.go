package purgatory

import (
	"context"
	"time"
)

// Wait blocks until try returns true, or the deadline (zero for none) or ctx
// ends, and returns whether try did. It is for handlers that have a goroutine of
// their own to block, such as a connection's.
//
// try is called at once, and then by each Check of one of the keys on the
// goroutine of the one that calls Check: the same rules hold as for
// Operation.TryComplete. It is never called after Wait has returned. Run is not
// needed for Wait, and no allocation is made for it.
func (p *Purgatory[K]) Wait(ctx context.Context, deadline time.Time, try func() bool, keys ...K) bool {
	if try() {
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	var timeout <-chan time.Time
	w := p.waiter()
	w.try = try
	if !deadline.IsZero() {
		w.timer.Reset(time.Until(deadline))
		timeout = w.timer.C
	}
	p.enlist(&w.op, &w.watching, keys)
	w.op.try()
	w.op.setListed()
	var completed bool
	select {
	case completed = <-w.result:
	case <-timeout:
		w.op.expire()
		completed = <-w.result
	case <-ctx.Done():
		w.op.expire()
		completed = <-w.result
	}
	p.putWaiter(w)
	return completed
}

// waiter is an Operation that wakes the goroutine in Wait. It is pooled with
// all it needs.
type waiter[K comparable] struct {
	op       Operation
	watching watching[K]
	try      func() bool
	result   chan bool
	timer    *time.Timer
}

func (p *Purgatory[K]) waiter() *waiter[K] {
	if w, ok := p.waiters.Get().(*waiter[K]); ok {
		return w
	}
	w := &waiter[K]{result: make(chan bool, 1), timer: time.NewTimer(time.Hour)}
	w.timer.Stop()
	w.watching.purgatory = p
	w.op.TryComplete = w.tryComplete
	w.op.OnExpire = w.onExpire
	return w
}

func (w *waiter[K]) tryComplete() bool {
	if !w.try() {
		return false
	}
	w.result <- true // There is room: this is said once.
	return true
}

func (w *waiter[K]) onExpire() { w.result <- false }

// putWaiter keeps the waiter for reuse unless some Check still holds it: then
// its operation may not even have left its lists yet.
func (p *Purgatory[K]) putWaiter(w *waiter[K]) {
	w.timer.Stop()
	if w.op.pins.Load() != 0 {
		return
	}
	w.try = nil
	clear(w.watching.nodes)
	w.op.state.Store(0)
	p.waiters.Put(w)
}
