package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms count in units of 100 ns, so that three digits are honest down to
// 100 µs, and up to 10 minutes.
const (
	latencyUnit   = 100 * time.Nanosecond
	latencyMax    = 10 * time.Minute
	latencyDigits = 3
)

// meterShards is how many shards a meter has: connections that answer at the
// same time seldom meet.
const meterShards = 8

// meter counts what is answered while a run measures.
type meter struct {
	shards [meterShards]shard
}

type shard struct {
	mu    sync.Mutex // Guards the fields below; nothing happens while it is held.
	total counts
	hist  *hdrhistogram.Histogram
	_     [64]byte // Keeps shards on cache lines of their own.
}

// counts are what a run counts.
type counts struct{ requests, records, bytes int64 }

func (c *counts) add(d counts) {
	c.requests += d.requests
	c.records += d.records
	c.bytes += d.bytes
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(latencyMax/latencyUnit), latencyDigits)
}

func newMeter() *meter {
	m := &meter{}
	for i := range m.shards {
		m.shards[i].hist = newHistogram()
	}
	return m
}

// shard gives the shard of the i-th connection.
func (m *meter) shard(i int) *shard { return &m.shards[i%meterShards] }

// count counts an answer without a latency.
func (s *shard) count(c counts) {
	s.mu.Lock()
	s.total.add(c)
	s.mu.Unlock()
}

// observe notes a latency.
func (s *shard) observe(latency time.Duration) {
	units := min(max(int64(latency/latencyUnit), 1), int64(latencyMax/latencyUnit))
	s.mu.Lock()
	_ = s.hist.RecordValue(units) // It is within the range.
	s.mu.Unlock()
}

// counts sums up what was counted so far.
func (m *meter) counts() counts {
	var sum counts
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		sum.add(s.total)
		s.mu.Unlock()
	}
	return sum
}

// latency merges what was noted so far.
func (m *meter) latency() *hdrhistogram.Histogram {
	sum := newHistogram()
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		sum.Merge(s.hist)
		s.mu.Unlock()
	}
	return sum
}
