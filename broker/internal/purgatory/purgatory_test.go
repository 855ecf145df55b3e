package purgatory

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counting is an operation that completes when ready is set, and counts.
type counting struct {
	Operation
	ready              atomic.Bool
	completed, expired atomic.Int32
}

func newCounting(deadline time.Time) *counting {
	c := &counting{}
	c.Deadline = deadline
	c.TryComplete = func() bool {
		if !c.ready.Load() {
			return false
		}
		c.completed.Add(1)
		return true
	}
	c.OnExpire = func() { c.expired.Add(1) }
	return c
}

// empty fails the test unless nothing is left behind anywhere.
func empty[K comparable](t testing.TB, p *Purgatory[K]) {
	t.Helper()
	if n := p.Size(); n != 0 {
		t.Errorf("size is %d", n)
	}
	for i := range p.shards {
		if n := len(p.shards[i].lists); n != 0 {
			t.Errorf("shard %d still has %d lists", i, n)
		}
		if n := p.shards[i].nodes.Load(); n != 0 {
			t.Errorf("shard %d counts %d nodes", i, n)
		}
	}
	if n := len(p.timers.heap); n != 0 {
		t.Errorf("%d timers are left", n)
	}
}

func TestWatchCompletesAtOnceWhenReady(t *testing.T) {
	p := New[string]("Produce")
	op := newCounting(time.Now().Add(time.Hour))
	op.ready.Store(true)
	if !p.Watch(&op.Operation, "a") || op.completed.Load() != 1 {
		t.Error("not completed")
	}
	empty(t, p)
}

func TestCheckCompletesOnAnyKeyOnce(t *testing.T) {
	p := New[string]("Produce")
	op := newCounting(time.Now().Add(time.Hour))
	if p.Watch(&op.Operation, "a", "b", "a") {
		t.Fatal("completed too early")
	}
	if p.Size() != 1 || p.Check("a") != 0 || p.Check("c") != 0 {
		t.Fatalf("size %d", p.Size())
	}
	op.ready.Store(true)
	if n := p.Check("b"); n != 1 {
		t.Errorf("check completed %d", n)
	}
	if n := p.Check("a"); n != 0 {
		t.Errorf("second check completed %d", n)
	}
	if op.completed.Load() != 1 || op.expired.Load() != 0 {
		t.Errorf("completed %d, expired %d", op.completed.Load(), op.expired.Load())
	}
	empty(t, p)
}

// Completed operations must leave the lists of keys that are never checked.
func TestNothingIsLeftOnHotOrSilentKeys(t *testing.T) {
	p := New[int]("Fetch")
	for i := range 10_000 {
		op := newCounting(time.Time{})
		p.Watch(&op.Operation, 0, i+1)
		op.ready.Store(true)
		p.Check(i + 1)
	}
	empty(t, p)
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New[string]("Fetch")
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = p.Run(ctx) })
		start := time.Now()
		var order []time.Duration
		for _, d := range []time.Duration{300, 100, 500, 100, 200} {
			op := &Operation{
				TryComplete: func() bool { return false },
				OnExpire:    func() { order = append(order, time.Since(start).Round(10*time.Millisecond)) },
				Deadline:    start.Add(d * time.Millisecond),
			}
			p.Watch(op, "key")
		}
		forever := newCounting(time.Time{})
		p.Watch(&forever.Operation, "key")
		time.Sleep(time.Second)
		synctest.Wait()
		want := []time.Duration{100, 100, 200, 300, 500}
		if len(order) != len(want) {
			t.Fatalf("expired at %v", order)
		}
		for i := range want {
			if order[i] != want[i]*time.Millisecond {
				t.Errorf("expired at %v, want %v ms", order, want)
			}
		}
		late := newCounting(time.Now().Add(time.Hour))
		p.Watch(&late.Operation, "key")
		cancel()
		run.Wait()
		if late.expired.Load() != 1 {
			t.Error("the end of Run did not expire what was waiting")
		}
		after := newCounting(time.Now().Add(time.Hour))
		if !p.Watch(&after.Operation, "key") || after.expired.Load() != 1 {
			t.Error("an operation hangs after the end of Run")
		}
		forever.ready.Store(true)
		p.Check("key")
		empty(t, p)
	})
}

// A TryComplete that itself calls Check on its key must not hang, and an
// operation must see a change that comes while it is being tried.
func TestReentrantCheckIsNotLost(t *testing.T) {
	p := New[string]("Fetch")
	tries := 0
	op := &Operation{}
	op.TryComplete = func() bool {
		if tries++; tries == 3 {
			p.Check("key") // As if the state had changed just after it was looked at.
			return false
		}
		return tries == 4
	}
	p.Watch(op, "key")
	p.Check("key")
	if tries != 4 {
		t.Errorf("%d tries", tries)
	}
	empty(t, p)
}

// Many goroutines change state, check, and expire; each operation must
// complete exactly once, and each whose condition came must not be left.
func TestExactlyOnceUnderRaces(t *testing.T) {
	p := New[int]("Produce")
	ctx, cancel := context.WithCancel(t.Context())
	var run, work sync.WaitGroup
	run.Go(func() { _ = p.Run(ctx) })
	const keys = 5
	var marks [keys]atomic.Int64
	for range 4 {
		work.Go(func() {
			for range 2000 {
				key := rand.IntN(keys)
				marks[key].Add(1)
				p.Check(key)
			}
		})
	}
	var ops [4][]*counting
	for i := range ops {
		work.Go(func() {
			for range 1000 {
				a, b := rand.IntN(keys), rand.IntN(keys)
				target := marks[a].Load() + rand.Int64N(3)
				op := newCounting(time.Now().Add(time.Duration(rand.IntN(3)) * time.Millisecond))
				complete := op.TryComplete
				op.TryComplete = func() bool {
					if marks[a].Load() >= target {
						op.ready.Store(true)
					}
					return complete()
				}
				ops[i] = append(ops[i], op)
				p.Watch(&op.Operation, a, b)
			}
		})
	}
	work.Wait()
	cancel()
	run.Wait()
	for i := range ops {
		for _, op := range ops[i] {
			if c, e := op.completed.Load(), op.expired.Load(); c+e != 1 {
				t.Fatalf("completed %d times, expired %d times", c, e)
			}
		}
	}
	empty(t, p)
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New[string]("Fetch")
		running, end := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = p.Run(running) })
		ready := atomic.Bool{}
		try := ready.Load
		start := time.Now()
		if p.Wait(t.Context(), start.Add(time.Second), try, "a") || time.Since(start) != time.Second {
			t.Errorf("returned after %v", time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if p.Wait(ctx, time.Time{}, try, "a") {
			t.Error("completed without cause")
		}
		go func() {
			time.Sleep(time.Second)
			p.Check("b")
			ready.Store(true)
			time.Sleep(time.Second)
			p.Check("a")
		}()
		start = time.Now()
		if !p.Wait(t.Context(), start.Add(time.Minute), try, "a", "b") || time.Since(start) != 2*time.Second {
			t.Errorf("returned after %v", time.Since(start))
		}
		end()
		run.Wait()
		empty(t, p)
	})
}

// reused is an operation that is watched again as soon as it is freed.
type reused struct {
	Operation
	inside atomic.Bool // Between Watch and Freed.
	freed  chan struct{}
}

func TestFreedOperationsAreWatchedAgain(t *testing.T) {
	p := New[int]("Fetch")
	ctx, cancel := context.WithCancel(t.Context())
	var run, watchers, checkers sync.WaitGroup
	run.Go(func() { _ = p.Run(ctx) })
	var value [4]atomic.Int64
	stop := make(chan struct{})
	for range 2 {
		checkers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				value[i%4].Add(1)
				p.Check(i % 4)
			}
		})
	}
	for i := range 4 {
		watchers.Go(func() {
			op := &reused{freed: make(chan struct{}, 1)}
			var want int64
			ended := 0
			op.TryComplete = func() bool {
				if !op.inside.Load() {
					t.Error("tried after it was freed")
				}
				if value[i].Load() < want {
					return false
				}
				ended++
				return true
			}
			op.OnExpire = func() { ended++ }
			op.Freed = func() {
				op.inside.Store(false)
				op.freed <- struct{}{}
			}
			for n := range 500 {
				op.inside.Store(true)
				want = value[i].Load() + 2
				op.Deadline = time.Now().Add(time.Duration(n%3) * time.Millisecond)
				p.Watch(&op.Operation, i, (i+1)%4)
				<-op.freed
				if ended != n+1 {
					t.Errorf("ended %d times after %d", ended, n+1)
					return
				}
			}
		})
	}
	watchers.Wait()
	close(stop)
	checkers.Wait()
	cancel()
	run.Wait()
	empty(t, p)
}

func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New[string]("Fetch")
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = p.Run(ctx) })
		for name, before := range map[string]bool{"before Watch": true, "while it waits": false} {
			op := newCounting(time.Now().Add(time.Hour))
			if before {
				p.Hurry(&op.Operation)
			}
			p.Watch(&op.Operation, "key")
			synctest.Wait()
			if got := op.expired.Load() == 1; got != before {
				t.Errorf("%s: expired %v", name, got)
			}
			p.Hurry(&op.Operation)
			time.Sleep(2 * minSleep)
			if op.expired.Load() != 1 || op.completed.Load() != 0 {
				t.Errorf("%s: expired %d times", name, op.expired.Load())
			}
		}
		op := newCounting(time.Now().Add(time.Minute))
		op.ready.Store(true)
		p.Hurry(&op.Operation)
		if !p.Watch(&op.Operation, "key") || op.completed.Load() != 1 {
			t.Error("a hurried operation that is ready does not complete")
		}
		if op.ready.Store(false); p.Watch(&op.Operation, "key") {
			t.Error("hurried once more")
		}
		cancel()
		run.Wait()
		empty(t, p)
	})
}

// The heap against a sorted list.
func TestTimersProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var timers timers
		timers.init()
		alive := map[*Operation]bool{}
		var ops []*Operation
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			if len(ops) > 0 && rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
				op := ops[rapid.IntRange(0, len(ops)-1).Draw(t, "which")]
				timers.remove(op)
				delete(alive, op)
				continue
			}
			op := &Operation{Deadline: timers.base.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "deadline")))}
			op.OnExpire = func() {
				if !alive[op] {
					t.Fatal("a removed operation expired")
				}
				delete(alive, op)
			}
			ops = append(ops, op)
			alive[op] = true
			timers.add(op)
		}
		for now := range time.Duration(51) {
			timers.expireDue(now)
			for op := range alive {
				if op.Deadline.Sub(timers.base) <= now {
					t.Fatalf("not expired at %d", now)
				}
			}
		}
	})
}

func BenchmarkCheckUnwatched(b *testing.B) {
	p := New[string]("Produce")
	b.ReportAllocs()
	for b.Loop() {
		p.Check("topic")
	}
}

func BenchmarkWatchAndCheck(b *testing.B) {
	p := New[string]("Produce")
	b.ReportAllocs()
	for b.Loop() {
		ready := false
		p.Watch(&Operation{TryComplete: func() bool { return ready }, Deadline: time.Now().Add(time.Hour)}, "topic")
		ready = true
		p.Check("topic")
	}
}

func TestWatchingAgainDoesNotAllocate(t *testing.T) {
	p := New[string]("Fetch")
	keys := []string{"a", "b"}
	ready := false
	op := &Operation{TryComplete: func() bool { return ready }, Deadline: time.Now().Add(time.Hour)}
	if n := testing.AllocsPerRun(100, func() {
		ready = false
		p.Watch(op, keys...)
		ready = true
		p.Check("b")
	}); n >= 1 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}
