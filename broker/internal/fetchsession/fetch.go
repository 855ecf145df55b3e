package fetchsession

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
)

// Fetch is one fetch request under way. It belongs to the request's goroutine, and its
// memory can be used for another one, see Reset.
type Fetch struct {
	cache      *Cache
	request    Request
	session    *session
	epoch      int32
	mayCreate  bool
	partitions []Partition

	// Memory for what Partitions and Finish return.
	all     []Partition
	include []bool
}

// Reset lets go of everything but memory, before another Cache.Begin. What Partitions
// and Finish have returned is not valid any more.
func (f *Fetch) Reset() {
	clear(f.all)
	*f = Fetch{all: f.all[:0], include: f.include[:0]}
}

// Partitions lists what to read, in the order in which the response's byte
// limit is to be spent. The caller does not modify it.
func (f *Fetch) Partitions() []Partition { return f.partitions }

// Result is what a response would say of one partition.
type Result struct {
	Failed     bool
	HasRecords bool
	// Redirected tells of a preferred read replica or a diverging epoch.
	Redirected     bool
	HighWatermark  kafka.Offset
	LogStartOffset kafka.Offset
}

// Finish decides which partitions go into the response. results are parallel to
// Partitions; include[i] is false for a partition the client need not hear of.
// It fails with INVALID_FETCH_SESSION_EPOCH when another request has used the
// session meanwhile: the client sent the same request twice.
func (f *Fetch) Finish(results []Result, now time.Time) (sessionID int32, include []bool, err error) {
	f.include = slices.Grow(f.include[:0], len(results))[:len(results)]
	include = f.include
	if f.session == nil {
		for i := range include {
			include[i] = true
		}
		if f.mayCreate {
			f.session = f.cache.create(f.request, now)
		}
		if f.session == nil {
			return NoSession, include, nil
		}
		f.session.mu.Lock()
		defer f.session.mu.Unlock()
		for i := range results {
			f.note(i, &results[i])
		}
		return f.session.id, include, nil
	}
	f.session.mu.Lock()
	defer f.session.mu.Unlock()
	if f.session.epoch != f.epoch {
		return f.session.id, nil, kerr.InvalidFetchSessionEpoch
	}
	for i := range results {
		include[i] = f.note(i, &results[i])
	}
	return f.session.id, include, nil
}

// note remembers what the client is told and says whether it has to be told.
func (f *Fetch) note(i int, r *Result) bool {
	e, ok := f.session.byKey[f.partitions[i].Key]
	if !ok {
		return false
	}
	news := r.Failed || r.HasRecords || r.Redirected ||
		e.highWatermark != r.HighWatermark || e.logStartOffset != r.LogStartOffset
	e.highWatermark, e.logStartOffset = r.HighWatermark, r.LogStartOffset
	if r.Failed {
		e.highWatermark = kafka.UnknownOffset
	}
	if r.HasRecords {
		e.unlink()
		f.session.pushBack(e)
	}
	return news
}
