package histogram

import (
	"sync/atomic"
	"time"
)

// Durations is a histogram of durations. The zero value is empty and ready to
// use. It is safe for concurrent use, and must not be copied.
type Durations struct {
	counts [len(durationBounds) + 1]atomic.Uint64
	sum    atomic.Int64 // Nanoseconds.
}

// durationBounds are inclusive upper bounds, in nanoseconds.
var durationBounds = [...]int64{
	1e5, 25e4, 5e5, 1e6, 25e5, 5e6, 1e7, 25e6, 5e7, 1e8, 25e7, 5e8, 1e9, 25e8, 5e9, 1e10, 3e10,
}

// Observe counts one duration; negative ones, of a clock that was set back,
// count as none.
func (h *Durations) Observe(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(durationBounds[:], int64(d))].Add(1)
	h.sum.Add(int64(d))
}

// Snapshot gives what was observed until now, in milliseconds.
func (h *Durations) Snapshot() Snapshot {
	const perMs = float64(time.Millisecond)
	return snapshot(h.counts[:], durationBounds[:], perMs, &h.sum)
}

// Sizes is a histogram of sizes in bytes. The zero value is empty and ready to
// use. It is safe for concurrent use, and must not be copied.
type Sizes struct {
	counts [len(sizeBounds) + 1]atomic.Uint64
	sum    atomic.Int64
}

// sizeBounds are inclusive upper bounds: powers of four from 64 bytes to 64 MiB.
var sizeBounds = [...]int64{1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26}

// Observe counts one size.
func (h *Sizes) Observe(n int64) {
	n = max(n, 0)
	h.counts[bucket(sizeBounds[:], n)].Add(1)
	h.sum.Add(n)
}

// Snapshot gives what was observed until now, in bytes.
func (h *Sizes) Snapshot() Snapshot { return snapshot(h.counts[:], sizeBounds[:], 1, &h.sum) }

// Snapshot is the state of a histogram.
type Snapshot struct {
	Buckets []Bucket
	// Count is the number of all values, Sum their sum.
	Count uint64
	Sum   float64
}

// Bucket counts the values that are not above its bound. The last bucket of a
// Snapshot is below infinity, which Count stands for.
type Bucket struct {
	UpperBound float64
	Count      uint64
}

// bucket finds a value's bucket. Most values are small, so that a search from
// the bottom is over soon.
func bucket(bounds []int64, v int64) int {
	for i, bound := range bounds {
		if v <= bound {
			return i
		}
	}
	return len(bounds)
}

// snapshot adds the counts up. Each count is read once and the total is their
// sum, so that it is never less than a bucket.
func snapshot(counts []atomic.Uint64, bounds []int64, unit float64, sum *atomic.Int64) Snapshot {
	s := Snapshot{Buckets: make([]Bucket, len(bounds))}
	for i := range counts {
		s.Count += counts[i].Load()
		if i < len(bounds) {
			s.Buckets[i] = Bucket{UpperBound: float64(bounds[i]) / unit, Count: s.Count}
		}
	}
	s.Sum = float64(sum.Load()) / unit
	return s
}
