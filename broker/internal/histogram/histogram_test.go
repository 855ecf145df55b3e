package histogram

import (
	"testing"
	"time"
)

func TestValuesFallIntoTheBucketOfTheirUpperBound(t *testing.T) {
	var h Durations
	for _, d := range []time.Duration{-time.Second, 0, 100 * time.Microsecond, 100*time.Microsecond + 1, time.Second, time.Minute} {
		h.Observe(d)
	}
	s := h.Snapshot()
	want := map[float64]uint64{0.1: 3, 0.25: 4, 500: 4, 1000: 5, 30000: 5}
	for _, b := range s.Buckets {
		if n, ok := want[b.UpperBound]; ok && n != b.Count {
			t.Errorf("%d values up to %v ms, want %d", b.Count, b.UpperBound, n)
		}
		delete(want, b.UpperBound)
	}
	if len(want) > 0 {
		t.Errorf("no buckets with the bounds %v", want)
	}
	if s.Count != 6 || s.Sum < 61000.2 || s.Sum > 61000.21 {
		t.Errorf("count %d and sum %v ms, want 6 and 61000.2", s.Count, s.Sum)
	}
}

func TestSizes(t *testing.T) {
	var h Sizes
	for _, n := range []int64{64, 65, 1 << 30} {
		h.Observe(n)
	}
	s := h.Snapshot()
	if s.Buckets[0].Count != 1 || s.Buckets[1].Count != 2 || s.Buckets[len(s.Buckets)-1].Count != 2 || s.Count != 3 || s.Sum != 1<<30+129 {
		t.Errorf("%+v", s)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	var d Durations
	var s Sizes
	if n := testing.AllocsPerRun(100, func() { d.Observe(time.Millisecond); s.Observe(100) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	var h Durations
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			h.Observe(300 * time.Microsecond)
		}
	})
}
