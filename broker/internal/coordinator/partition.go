package coordinator

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
)

// partitionState is where a partition is in its life:
//
//	idle -> loading -> active -> idle
//	           |  ^       |
//	           v  |       | (an append failed)
//	          failed <----+--> loading
type partitionState int8

const (
	idle partitionState = iota
	loading
	active
	failed
)

// partition is the runtime's view of one partition of the internal topic. Only
// its loop's goroutine touches it, except for the fields said to be atomic.
type partition[S Shard[R], R any] struct {
	rt   *Runtime[S, R]
	loop *loop[S, R]
	tp   kafka.TopicPartition
	log  *slog.Logger

	state partitionState
	epoch kafka.LeaderEpoch
	// attempt numbers the loads, so that the end of an abandoned one is ignored.
	attempt int
	// retryAt is when a load that has failed is tried again, after loadBackoff;
	// zero if it is not.
	retryAt     time.Time
	loadBackoff time.Duration
	// closed says that the runtime has ended.
	closed bool
	// loadsQueued counts the queued calls of load (guarded by Runtime.mu).
	loadsQueued int

	// shard is valid while active.
	shard S
	// lastWritten is the offset after the last record appended.
	lastWritten kafka.Offset
	batch       batch[R]
	// parked are the operations in the log and not yet committed, by offset.
	// Invariant: offsets and deadlines do not decrease.
	parked []parked
	// writeErr is the failure of the last append; nil if it succeeded. No write is
	// tried before writeAgain, writeBackoff after the failure.
	writeErr     error
	writeAgain   time.Time
	writeBackoff time.Duration

	cancelListener func()
	// loadCancel cancels the load that runs, if any (atomic: Run cancels it too).
	loadCancel atomic.Pointer[context.CancelFunc]
	// highWatermark is the latest told by the log; hwQueued says that an event
	// to look at it is queued (both atomic: the log's goroutines set them).
	highWatermark atomic.Int64
	hwQueued      atomic.Bool
}

// waiter is an operation whose outcome is not yet known.
type waiter struct {
	hook     func(now time.Time, err error)
	done     func(error)
	deadline time.Time
}

func (w waiter) complete(now time.Time, err error) {
	if w.hook != nil {
		w.hook(now, err)
	}
	if w.done != nil {
		w.done(err)
	}
}

// parked is a waiter whose outcome is committed when the high watermark has
// reached offset.
type parked struct {
	waiter
	offset kafka.Offset
}

func newPartition[S Shard[R], R any](rt *Runtime[S, R], l *loop[S, R], tp kafka.TopicPartition) *partition[S, R] {
	return &partition[S, R]{
		rt: rt, loop: l, tp: tp, epoch: kafka.NoLeaderEpoch,
		log: rt.opts.Logger.With("coordinator", rt.opts.Name, "partition", tp.String()),
	}
}

// load handles the election of this broker.
func (p *partition[S, R]) load(epoch kafka.LeaderEpoch) {
	if p.closed || epoch < p.epoch {
		return
	}
	if epoch > p.epoch {
		p.writeErr, p.writeBackoff = nil, 0
	}
	p.epoch = epoch
	if p.state == idle || p.state == failed {
		p.loadBackoff = 0
		p.startLoad()
	}
}

// unload gives everything up with err.
func (p *partition[S, R]) unload(now time.Time, err error) {
	p.cancelLoad()
	p.attempt++
	wasActive := p.state == active
	p.state = idle
	p.retryAt = time.Time{}
	p.epoch = kafka.NoLeaderEpoch
	p.loop.partitions = slices.DeleteFunc(p.loop.partitions, func(other *partition[S, R]) bool { return other == p })
	if wasActive {
		p.giveUp(now, err)
		p.log.Log(context.Background(), p.routine(), "Unloaded the coordinator's state")
	}
}

// giveUp drops the shard and fails all that waits for it.
func (p *partition[S, R]) giveUp(now time.Time, err error) {
	p.cancelListener()
	p.failBatch(now, err)
	waiting := p.parked
	p.parked = nil
	for _, w := range waiting {
		w.complete(now, err)
	}
	p.shard.Unloaded(now, err)
	var none S
	p.shard = none
}

// execute runs one operation.
func (p *partition[S, R]) execute(now time.Time, op func(s S, now time.Time) (Result[R], error), done func(error)) {
	if err := p.refusal(); err != nil {
		done(err)
		return
	}
	result, err := op(p.shard, now)
	if err != nil {
		done(err)
		return
	}
	p.write(now, result, done)
}

// refusal is why an operation cannot run now; nil if it can.
func (p *partition[S, R]) refusal() error {
	switch {
	case p.closed:
		return kerr.CoordinatorNotAvailable
	case p.state == active:
		return nil
	case p.state == loading:
		return kerr.CoordinatorLoadInProgress
	default:
		return kerr.NotCoordinator
	}
}

// write puts the records of a decision into the batch and its waiter behind it.
func (p *partition[S, R]) write(now time.Time, r Result[R], done func(error)) {
	w := waiter{hook: r.Done, done: done, deadline: now.Add(p.rt.opts.WriteTimeout)}
	if len(r.Records) == 0 {
		p.park(now, w)
		return
	}
	if err := p.writable(now); err != nil {
		w.complete(now, err)
		return
	}
	p.append(now, r, w)
}

// park lets the waiter wait for all that was written before.
func (p *partition[S, R]) park(now time.Time, w waiter) {
	switch {
	case p.batch.builder.Count() > 0:
		p.batch.waiters = append(p.batch.waiters, w)
	case kafka.Offset(p.highWatermark.Load()) < p.lastWritten:
		p.parked = append(p.parked, parked{waiter: w, offset: p.lastWritten})
	default:
		w.complete(now, nil)
	}
}

// release completes what the high watermark has passed.
func (p *partition[S, R]) release(now time.Time) {
	highWatermark := kafka.Offset(p.highWatermark.Load())
	p.completeParked(now, nil, func(w *parked) bool { return w.offset <= highWatermark })
}

// completeParked completes parked operations from the front while ready says
// so. Each is taken out first: its hook may give the whole partition up.
func (p *partition[S, R]) completeParked(now time.Time, err error, ready func(*parked) bool) {
	for len(p.parked) > 0 && ready(&p.parked[0]) {
		w := p.parked[0]
		p.parked[0] = parked{}
		p.parked = p.parked[1:]
		w.complete(now, err)
	}
}

// onHighWatermark is the log's listener. One queued event serves many calls.
func (p *partition[S, R]) onHighWatermark(highWatermark kafka.Offset) {
	p.raiseHighWatermark(highWatermark)
	if p.hwQueued.CompareAndSwap(false, true) {
		p.loop.post(func(now time.Time) {
			p.hwQueued.Store(false)
			if p.state == active {
				p.release(now)
			}
		})
	}
}

func (p *partition[S, R]) raiseHighWatermark(highWatermark kafka.Offset) {
	for {
		old := p.highWatermark.Load()
		if int64(highWatermark) <= old || p.highWatermark.CompareAndSwap(old, int64(highWatermark)) {
			return
		}
	}
}

// tick is the partition's share of the loop's tick.
func (p *partition[S, R]) tick(now time.Time) (next time.Time, some bool) {
	if !p.retryAt.IsZero() && !p.retryAt.After(now) {
		p.startLoad()
	}
	for p.state == active {
		r, ok := p.shard.FireTimer(now)
		if !ok {
			break
		}
		p.write(now, r, func(err error) {
			if err != nil {
				p.log.Warn("What a timer decided was not written", "error", err)
			}
		})
	}
	if p.state == active && p.batch.due(now, p.rt.opts.AppendLinger) {
		// The failure is told to all who wait for the batch.
		_ = p.flush(now)
	}
	p.completeParked(now, kerr.RequestTimedOut, func(w *parked) bool { return !w.deadline.After(now) })
	return p.next()
}

// next is when tick has something to do.
func (p *partition[S, R]) next() (next time.Time, some bool) {
	earliest := func(at time.Time) {
		if !some || at.Before(next) {
			next, some = at, true
		}
	}
	if p.state != active {
		return p.retryAt, !p.retryAt.IsZero()
	}
	if at, ok := p.shard.NextTimer(); ok {
		earliest(at)
	}
	if p.batch.builder.Count() > 0 {
		earliest(p.batch.begun.Add(max(p.rt.opts.AppendLinger, 0)))
	}
	if len(p.parked) > 0 {
		earliest(p.parked[0].deadline)
	}
	return next, some
}

// notLeader tells whether the log has refused because of a change of leader.
func notLeader(err error) bool {
	return errors.Is(err, kerr.NotLeaderForPartition) || errors.Is(err, kerr.FencedLeaderEpoch) ||
		errors.Is(err, kerr.UnknownTopicOrPartition)
}
