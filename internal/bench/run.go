package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Window says how long a load runs and what of it is measured.
type Window struct {
	// Warmup comes first and is not counted.
	Warmup time.Duration `json:"warmupNs"`
	// Duration of what is measured; 0 is until Bytes are through.
	Duration time.Duration `json:"durationNs"`
	// Bytes ends the measurement when that many have been produced, or
	// fetched; 0 is no such end.
	Bytes int64 `json:"bytes,omitempty"`
	// MaxBytes bounds what a run produces in all, warm-up included; 0 is half of
	// what the brokers have free.
	MaxBytes int64 `json:"maxBytes,omitempty"`
	// Progress is called about once a second while the run lasts; nil is for nobody.
	Progress func(Progress) `json:"-"`
}

// Progress tells how a run goes.
type Progress struct {
	// WarmingUp is true before anything counts.
	WarmingUp bool
	// Elapsed is the time since the warm-up, or the measurement, began, and Total
	// how long it takes; 0 if nobody knows.
	Elapsed, Total time.Duration
	// Rates of the last second. They are zero while the run warms up.
	Requests, Records, Bytes float64
	// P50 and P99 are latencies of what was measured so far.
	P50, P99 time.Duration
}

// loop is what decides when a request is sent.
type loop int8

const (
	// closedLoop sends the next request when answers have come.
	closedLoop loop = iota
	// openLoop sends every request when it is due.
	openLoop
)

// Phases of a run.
const (
	warming int32 = iota
	measuring
	ended
)

// Why a run ended, in Result.Ended.
const (
	EndedByDuration  = "duration"
	EndedByBytes     = "bytes"
	EndedByLimit     = "byte limit"
	EndedByInterrupt = "interrupt"
)

// run is one load that is under way.
type run struct {
	window Window
	loop   loop
	usage  func() usage
	meter  *meter
	// wakes notes how late the senders of an open loop woke up that had slept.
	wakes shard

	phase atomic.Int32
	// left is how many bytes may still be sent.
	left atomic.Int64
	// begun is when the measurement began, and late the most that a sender of an
	// open loop was late at the end; both by the clock that counts from epoch.
	begun, late atomic.Int64
	epoch       time.Time

	// What the measurement found beside what the meter has.
	seconds   float64
	usedFrom  usage
	used      usage
	why       string
	perSecond []int64
}

// unlimited is a number of bytes that no run moves.
const unlimited = 1 << 62

// newRun prepares a run. limit bounds the bytes of the whole run; 0 is no bound.
func newRun(w Window, limit int64, l loop, used func() usage) *run {
	r := &run{window: w, loop: l, usage: used, meter: newMeter(), wakes: shard{hist: newHistogram()}, epoch: time.Now()}
	r.left.Store(unlimited)
	if limit > 0 {
		r.left.Store(limit)
	}
	return r
}

// now is the time since the run was made.
func (r *run) now() time.Duration { return time.Since(r.epoch) }

// stopped tells that nothing more is to be sent.
func (r *run) stopped() bool { return r.phase.Load() == ended || r.left.Load() <= 0 }

// spend takes n bytes out of what may be sent; false ends the sender.
func (r *run) spend(n int) bool {
	return r.phase.Load() != ended && r.left.Add(-int64(n)) > -int64(n)
}

// dueCounts tells whether what was due then belongs to the measurement of an open
// loop. It does however late it came: leaving out what is late at the end would
// leave out the worst.
func (r *run) dueCounts(due time.Duration) bool {
	return r.phase.Load() != warming && due >= time.Duration(r.begun.Load())
}

// sleep waits until something is due. Who wakes up late says nothing about the cluster,
// but about this process and its machine: that is noted.
func (r *run) sleep(p *pacer, due time.Duration) error {
	d := due - r.now()
	if err := p.sleep(d); err != nil {
		return err
	}
	if d > 0 && r.dueCounts(due) {
		r.wakes.observe(r.now() - due)
	}
	return nil
}

// answered counts an answer whose request was due at that time. A closed loop
// counts what is answered while it measures, an open one what was due then.
func (r *run) answered(s *shard, due time.Duration, c counts) {
	counted, timed := r.phase.Load() == measuring, r.dueCounts(due)
	if r.loop == openLoop {
		counted = timed
	}
	if counted {
		s.count(c)
		if timed {
			s.observe(r.now() - due)
		}
	}
}

// behind notes how late a sender of an open loop was at the end.
func (r *run) behind(late time.Duration) {
	for {
		most := r.late.Load()
		if int64(late) <= most || r.late.CompareAndSwap(most, int64(late)) {
			return
		}
	}
}

// execute runs the workers through warm-up and measurement. A worker returns when
// the run is stopped, or with an error, which ends the run. When outer ends, what was
// measured so far is the result.
func (r *run) execute(outer context.Context, workers []func(context.Context) error) error {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	if r.window.Warmup == 0 {
		r.begin() // Before the workers, so that all they do counts.
	}
	var group *errgroup.Group
	group, ctx = errgroup.WithContext(ctx)
	for _, w := range workers {
		group.Go(func() error { return w(ctx) })
	}
	finished := make(chan struct{})
	var failed error
	go func() {
		failed = group.Wait()
		close(finished)
	}()
	var watch sync.WaitGroup
	watched, stopWatching := context.WithCancel(ctx)
	watch.Go(func() { r.watch(watched) })

	if r.window.Warmup > 0 {
		wait(ctx, finished, r.window.Warmup)
		r.begin()
	}
	wait(ctx, finished, r.window.Duration)
	interrupted := outer.Err() != nil // The group's ctx ends with its workers, too.
	r.end(interrupted)
	stopWatching()
	watch.Wait()

	late := !wait(ctx, finished, drainTimeout)
	cancel()
	<-finished
	switch {
	case failed == nil, interrupted && errors.Is(failed, context.Canceled):
		return nil
	case late && errors.Is(failed, context.Canceled):
		return fmt.Errorf("some requests were not answered within %v after the end", drainTimeout)
	default:
		return failed
	}
}

// wait waits for d, or less if the run has finished or was interrupted, and tells
// whether it was less; 0 is for ever.
func wait(ctx context.Context, finished <-chan struct{}, d time.Duration) bool {
	var expired <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-ctx.Done():
	case <-finished:
	case <-expired:
		return false
	}
	return true
}

// begin ends the warm-up. Garbage is collected now rather than while it measures.
func (r *run) begin() {
	runtime.GC()
	if left := r.left.Load(); r.window.Bytes > 0 && left > 0 {
		r.left.Store(min(r.window.Bytes, left))
	}
	r.usedFrom = r.usage()
	r.begun.Store(int64(r.now()))
	r.phase.CompareAndSwap(warming, measuring)
}

// end ends the measurement.
func (r *run) end(interrupted bool) {
	out := r.left.Load() <= 0
	r.phase.Store(ended)
	r.seconds = (r.now() - time.Duration(r.begun.Load())).Seconds()
	r.used = r.usage().since(r.usedFrom)
	switch {
	case interrupted:
		r.why = EndedByInterrupt
	case out && r.window.Bytes > 0:
		r.why = EndedByBytes
	case out:
		r.why = EndedByLimit
	default:
		r.why = EndedByDuration
	}
}

// watch notes what happens in every second, and tells of it.
func (r *run) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before counts
	for last := r.now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, sum := r.now(), r.meter.counts()
		p := Progress{WarmingUp: r.phase.Load() == warming}
		if p.WarmingUp {
			p.Elapsed, p.Total = now, r.window.Warmup
		} else {
			r.perSecond = append(r.perSecond, sum.bytes-before.bytes)
			seconds := (now - last).Seconds()
			p.Elapsed, p.Total = now-time.Duration(r.begun.Load()), r.window.Duration
			p.Requests = float64(sum.requests-before.requests) / seconds
			p.Records = float64(sum.records-before.records) / seconds
			p.Bytes = float64(sum.bytes-before.bytes) / seconds
		}
		before, last = sum, now
		if r.window.Progress != nil {
			h := r.meter.latency()
			p.P50, p.P99 = time.Duration(h.ValueAtQuantile(50))*latencyUnit, time.Duration(h.ValueAtQuantile(99))*latencyUnit
			r.window.Progress(p)
		}
	}
}
