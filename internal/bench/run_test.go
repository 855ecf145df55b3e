package bench

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func noUsage() usage { return usage{} }

func TestWarmupIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(Window{Warmup: 2 * time.Second, Duration: 3 * time.Second}, 0, closedLoop, noUsage)
		worker := func(context.Context) error {
			for !r.stopped() {
				due := r.now()
				time.Sleep(100 * time.Millisecond)
				r.answered(r.meter.shard(0), due, counts{requests: 1, records: 2, bytes: 3})
			}
			return nil
		}
		if err := r.execute(t.Context(), []func(context.Context) error{worker}); err != nil {
			t.Fatal(err)
		}
		got := r.meter.counts()
		if got.requests < 29 || got.requests > 31 || got.records != 2*got.requests || got.bytes != 3*got.requests {
			t.Errorf("counted %+v in 3 s at 10/s", got)
		}
		if r.seconds != 3 || r.why != EndedByDuration {
			t.Errorf("%v s, ended by %s", r.seconds, r.why)
		}
		if h := r.meter.latency(); h.ValueAtQuantile(50)/1000 != 1000 {
			t.Errorf("p50 is %d units of %v", h.ValueAtQuantile(50), latencyUnit)
		}
	})
}

// TestOpenLoopCountsWhatWasLate shows the correction for coordinated omission: a
// server that pauses for a second delays everything that is due meanwhile, and all
// of it is counted, also what is answered after the end.
func TestOpenLoopCountsWhatWasLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(Window{Duration: 2 * time.Second}, 0, openLoop, noUsage)
		worker := func(context.Context) error {
			const interval = 10 * time.Millisecond
			for due := time.Duration(0); due < 2*time.Second; due += interval {
				time.Sleep(due - r.now())
				if due == time.Second {
					time.Sleep(1500 * time.Millisecond)
				}
				r.answered(r.meter.shard(0), due, counts{requests: 1})
			}
			return nil
		}
		if err := r.execute(t.Context(), []func(context.Context) error{worker}); err != nil {
			t.Fatal(err)
		}
		if got := r.meter.counts().requests; got < 198 || got > 200 {
			t.Errorf("%d of 200 requests were counted", got)
		}
		h := r.meter.latency()
		if p50, p90 := units(h.ValueAtQuantile(50)), units(h.ValueAtQuantile(90)); p50 > 520*time.Millisecond || p90 < time.Second {
			t.Errorf("p50 %v, p90 %v: the pause is not seen by those that waited for it", p50, p90)
		}
	})
}

func units(n int64) time.Duration { return time.Duration(n) * latencyUnit }

func TestBytesEndARun(t *testing.T) {
	for _, test := range []struct {
		name   string
		window Window
		limit  int64
		why    string
		sent   int64
	}{
		{"bytes", Window{Bytes: 1000}, 0, EndedByBytes, 1000},
		{"bytes below the limit", Window{Bytes: 1000}, 5000, EndedByBytes, 1000},
		{"limit", Window{Duration: time.Hour}, 500, EndedByLimit, 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRun(test.window, test.limit, closedLoop, noUsage)
				var sent atomic.Int64
				worker := func(context.Context) error {
					for r.spend(100) {
						sent.Add(100)
						time.Sleep(time.Millisecond)
						r.answered(r.meter.shard(0), r.now(), counts{bytes: 100})
					}
					return nil
				}
				if err := r.execute(t.Context(), slices.Repeat([]func(context.Context) error{worker}, 3)); err != nil {
					t.Fatal(err)
				}
				if sent.Load() != test.sent || r.meter.counts().bytes != test.sent || r.why != test.why {
					t.Errorf("sent %d, counted %d, ended by %s", sent.Load(), r.meter.counts().bytes, r.why)
				}
			})
		})
	}
}

func TestAnErrorEndsARunAndItsOtherWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		r := newRun(Window{Warmup: time.Hour, Duration: time.Hour}, 0, closedLoop, noUsage)
		err := r.execute(t.Context(), []func(context.Context) error{
			func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			func(context.Context) error { time.Sleep(time.Second); return broken },
		})
		if !errors.Is(err, broken) || r.now() > time.Minute {
			t.Errorf("after %v: %v", r.now(), err)
		}
	})
}

func TestAnInterruptKeepsWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRun(Window{Duration: time.Hour}, 0, closedLoop, noUsage)
		time.AfterFunc(5*time.Second, cancel)
		err := r.execute(ctx, []func(context.Context) error{func(ctx context.Context) error {
			for ctx.Err() == nil {
				time.Sleep(time.Second)
				r.answered(r.meter.shard(0), r.now(), counts{requests: 1})
			}
			return ctx.Err()
		}})
		if err != nil || r.why != EndedByInterrupt || r.meter.counts().requests < 4 {
			t.Errorf("%v, ended by %s after %d requests", err, r.why, r.meter.counts().requests)
		}
	})
}

func TestAnswersThatNeverComeAreAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(Window{Duration: time.Second}, 0, closedLoop, noUsage)
		err := r.execute(t.Context(), []func(context.Context) error{func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
		if err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestProgressIsToldEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Progress
		w := Window{Warmup: 1500 * time.Millisecond, Duration: 3 * time.Second, Progress: func(p Progress) { told = append(told, p) }}
		r := newRun(w, 0, closedLoop, noUsage)
		err := r.execute(t.Context(), []func(context.Context) error{func(context.Context) error {
			for !r.stopped() {
				due := r.now()
				time.Sleep(10 * time.Millisecond)
				r.answered(r.meter.shard(0), due, counts{requests: 1, bytes: 1000})
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if len(told) != 4 || !told[0].WarmingUp || told[1].WarmingUp {
			t.Fatalf("told %+v", told)
		}
		if p := told[3]; p.Requests < 95 || p.Requests > 105 || p.P50 < 9*time.Millisecond || p.P50 > 11*time.Millisecond {
			t.Errorf("told %+v", p)
		}
		if n := len(r.perSecond); n != 3 {
			t.Errorf("the curve has %d points", n)
		}
	})
}
