package purgatory

import (
	"sync/atomic"
	"time"
)

// Operation is one delayed operation. The caller fills in the exported fields,
// gives it to Watch once, and does not touch it afterwards.
type Operation struct {
	// TryComplete tells whether what the operation waits for has come, and if
	// so does what is to be done then. It is never called again after it has
	// returned true, nor after OnExpire, and never twice at the same time. It
	// runs on the goroutine of whoever calls Watch or Check, must not block, and
	// must not take a lock that a caller of Check holds. It may call Check.
	TryComplete func() bool
	// OnExpire runs instead when the deadline passes first. It runs on the
	// goroutine of Run, or on that of a TryComplete which was under way at the
	// deadline and returned false; it must not block. It may be nil.
	OnExpire func()
	// Freed is called once when nobody here holds the operation any more, which
	// may be before Watch returns or long after it is complete: from then on its
	// memory may be used again, for another Watch too. It may be nil.
	Freed func()
	// Deadline is when to give up. Zero means never.
	Deadline time.Time

	// state has the bits below. It is what keeps the promise of exactly once
	// without a lock around the callbacks.
	state atomic.Uint32
	// lists is where the operation is to be removed when it is done. It is
	// written before the operation is listed, and used by whoever of completion
	// and Watch comes second.
	lists interface{ leave(op *Operation) }
	// pins counts who holds the operation: Watch, whoever has found it on a list, and
	// the lists themselves until it is done.
	pins atomic.Int32
	// timerIndex is the place in the heap plus one, and hurried what Hurry has asked
	// for. Both are guarded by the mutex of timers.
	timerIndex int
	hurried    bool
}

// The bits of Operation.state. An operation rests with none but listed, and
// ends with done.
const (
	running  uint32 = 1 << iota // A goroutine is in TryComplete.
	again                       // Something changed meanwhile: it must be tried once more.
	expiring                    // The deadline passed meanwhile.
	listed                      // Watch has finished.
	done
)

// try calls TryComplete unless the operation is done, and returns whether this
// call completed it. If another goroutine is in TryComplete, that one will
// call it again: what this goroutine changed may have come too late for it.
func (op *Operation) try() bool {
	for {
		state := op.state.Load()
		switch {
		case state&done != 0:
			return false
		case state&running != 0:
			if op.state.CompareAndSwap(state, state|again) {
				return false
			}
		case op.state.CompareAndSwap(state, state|running):
			return op.run()
		}
	}
}

// run calls TryComplete until it returns true or nothing has changed
// meanwhile. The caller has set running.
func (op *Operation) run() bool {
	for {
		if op.TryComplete() {
			op.finish()
			return true
		}
		switch op.rest() {
		case expiring:
			op.expired()
			op.finish()
			return false
		case 0:
			return false
		}
	}
}

// rest clears running and returns 0, or returns why the operation may not rest:
// again, which it clears, or expiring.
func (op *Operation) rest() uint32 {
	for {
		state := op.state.Load()
		switch {
		case state&again != 0:
			if op.state.CompareAndSwap(state, state&^again) {
				return again
			}
		case state&expiring != 0:
			return expiring
		case op.state.CompareAndSwap(state, state&^running):
			return 0
		}
	}
}

// expire ends the operation unless it is done, or leaves that to the goroutine
// that is in TryComplete.
func (op *Operation) expire() {
	for {
		state := op.state.Load()
		switch {
		case state&done != 0:
			return
		case state&running != 0:
			if op.state.CompareAndSwap(state, state|expiring) {
				return
			}
		case op.state.CompareAndSwap(state, state|running):
			op.expired()
			op.finish()
			return
		}
	}
}

func (op *Operation) expired() {
	if op.OnExpire != nil {
		op.OnExpire()
	}
}

// finish marks the operation done and takes it off its lists, unless Watch is
// still putting it there. The caller has set running, and holds a pin of its own.
func (op *Operation) finish() {
	if op.state.Or(done)&listed != 0 {
		op.leave()
	}
}

// setListed ends putting the operation on lists; it leaves them if it is done
// already. It returns whether it is.
func (op *Operation) setListed() bool {
	if op.state.Or(listed)&done == 0 {
		return false
	}
	op.leave()
	return true
}

func (op *Operation) leave() {
	op.lists.leave(op)
	op.unpin()
}

// begin makes the operation ready to be watched, also if it was before. It belongs
// to the caller, who gets a pin.
func (op *Operation) begin() {
	op.state.Store(0)
	op.pins.Store(1)
}

func (op *Operation) unpin() {
	if op.pins.Add(-1) == 0 && op.Freed != nil {
		op.Freed()
	}
}
