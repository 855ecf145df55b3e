package replica

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/partition"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/purgatory"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
)

// Isolation says up to where a fetcher may read.
type Isolation int8

const (
	// ReadUncommitted reads up to the high watermark.
	ReadUncommitted Isolation = iota
	// ReadCommitted reads up to the last stable offset.
	ReadCommitted
	// ReadLogEnd reads everything: followers do.
	ReadLogEnd
)

// FetchParams are a fetch request's settings for all its partitions.
type FetchParams struct {
	// Replica is the follower that fetches, or kafka.NoNode for a consumer.
	Replica      kafka.NodeID
	ReplicaEpoch kafka.BrokerEpoch
	Isolation    Isolation
	// LeaderOnly refuses to answer as a follower: for followers, and consumers
	// that do not know of follower fetching (before version 11).
	LeaderOnly bool
	MaxWait    time.Duration
	MinBytes   int
	MaxBytes   int
}

// Wanted is what is fetched from one partition.
type Wanted struct {
	TopicPartition kafka.TopicPartition
	// TopicID makes sure that a topic which has been deleted and created again is
	// not taken for the old one; the zero id skips.
	TopicID            kafka.UUID
	Offset             kafka.Offset
	MaxBytes           int
	CurrentLeaderEpoch kafka.LeaderEpoch
	// LastFetchedEpoch asks the leader to notice divergence (KIP-595); -1 skips.
	LastFetchedEpoch kafka.LeaderEpoch
	LogStartOffset   kafka.Offset
	// Err skips reading: the partition is answered with this error. It ends no wait for
	// the others: they may be refused again and again.
	Err error
}

// Fetched is the answer for one partition. When Err is nil and Records is not
// empty, the caller releases Records.
type Fetched struct {
	Err              error
	HighWatermark    kafka.Offset
	LastStableOffset kafka.Offset
	LogStartOffset   kafka.Offset
	Records          storage.Slice
	// Aborted lists aborted transactions among the records for ReadCommitted; nil otherwise.
	Aborted []producerstate.AbortedTxn
	// Diverging is set when the follower's log differs from ours: no records.
	Diverging      bool
	DivergingEpoch kafka.LeaderEpoch
	DivergingEnd   kafka.Offset

	// leaderEnd is the log's end from before it was read.
	leaderEnd kafka.Offset
	// stats are the topic's; nil after an error.
	stats *TopicStats
}

func failed(err error) Fetched {
	return Fetched{
		Err: err, HighWatermark: kafka.UnknownOffset, LastStableOffset: kafka.UnknownOffset, LogStartOffset: kafka.UnknownOffset,
	}
}

// Fetch is one fetch from several partitions. Its memory may be used again for
// another one.
type Fetch struct {
	FetchParams
	Wanted []Wanted
	// Results has the answer for each of Wanted, to be let go of with Release.
	Results []Fetched
	// Done is called once, when AwaitFetch has an answer; Freed is called once when the
	// Fetch is not used any more, which may be later. Neither may block.
	Done, Freed func()

	manager  *Manager
	replicas []*Replica
	wait     purgatory.Operation
	watched  []*Replica // Those that wait watches.
}

// Fetch reads from the partitions in order, at most MaxBytes in all but at least
// one batch from the first that has any. It returns false if there is less than
// MinBytes, and MaxWait to wait for more in: then there are no results, and AwaitFetch
// is to be called.
func (m *Manager) Fetch(f *Fetch) bool {
	f.manager = m
	f.lookup()
	size, tell := f.read()
	f.followersFetched()
	if tell || size >= f.MinBytes || f.MaxWait <= 0 || !slices.ContainsFunc(f.Wanted, func(w Wanted) bool { return w.Err == nil }) {
		return true
	}
	f.Release()
	return false
}

// AwaitFetch calls Done when there are MinBytes, something is to be told (an error, a
// new leader), or MaxWait is over, counted from now: on the goroutine of whoever
// has brought that about, or on the caller's.
func (m *Manager) AwaitFetch(f *Fetch) {
	if f.wait.TryComplete == nil {
		f.wait.TryComplete, f.wait.OnExpire, f.wait.Freed = f.tryComplete, f.complete, f.Freed
	}
	f.wait.Deadline = m.now().Add(f.MaxWait)
	f.watched = f.watched[:0]
	for _, r := range f.replicas {
		if r != nil {
			f.watched = append(f.watched, r)
		}
	}
	m.fetches.Watch(&f.wait, f.watched...)
}

// Hurry has Done called soon, with what there is. It may be called from before
// AwaitFetch until Done begins, under a lock that Done takes, too.
func (m *Manager) Hurry(f *Fetch) { m.fetches.Hurry(&f.wait) }

func (f *Fetch) tryComplete() bool {
	if !f.ready() {
		return false
	}
	f.complete()
	return true
}

func (f *Fetch) complete() {
	f.lookup()
	f.read()
	f.Done()
}

// Release lets go of the results' records.
func (f *Fetch) Release() {
	for i := range f.Results {
		f.Results[i].Records.Release()
	}
}

func (f *Fetch) lookup() {
	f.replicas = slices.Grow(f.replicas[:0], len(f.Wanted))[:len(f.Wanted)]
	f.manager.mu.RLock()
	defer f.manager.mu.RUnlock()
	for i := range f.Wanted {
		f.replicas[i] = nil
		if f.Wanted[i].Err == nil {
			f.replicas[i] = f.manager.replicas[f.Wanted[i].TopicPartition]
		}
	}
}

// read reads from every partition. tell says that there is something to answer at
// once, whatever the number of bytes.
func (f *Fetch) read() (size int, tell bool) {
	f.Results = slices.Grow(f.Results[:0], len(f.Wanted))[:len(f.Wanted)]
	left := f.MaxBytes
	for i := range f.Wanted {
		result := f.manager.readOne(f.FetchParams, &f.Wanted[i], &f.replicas[i], left, size == 0)
		size += result.Records.Size
		left = max(0, left-result.Records.Size)
		tell = tell || result.Err != nil && f.Wanted[i].Err == nil || result.Diverging
		f.Results[i] = result
	}
	return size, tell
}

// readOne reads from one partition; a replica that was not known yet is filled in.
func (m *Manager) readOne(params FetchParams, w *Wanted, r **Replica, left int, minOne bool) Fetched {
	switch {
	case w.Err != nil:
		return failed(w.Err)
	case *r == nil:
		if t := m.image.Load().Topic(w.TopicPartition.Topic); t != nil && !w.TopicID.IsZero() && w.TopicID != t.ID {
			return failed(kerr.InconsistentTopicID)
		}
		var err error
		if *r, err = m.Replica(w.TopicPartition); err != nil {
			return failed(err)
		}
	}
	fetched, err := (*r).read(params, w, left, minOne)
	if err != nil {
		return failed(err)
	}
	return fetched
}

func (r *Replica) read(params FetchParams, w *Wanted, left int, minOne bool) (Fetched, error) {
	if err := r.log.Offline(); err != nil {
		return Fetched{}, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.checkFetch(params, w); err != nil {
		return Fetched{}, err
	}
	f := Fetched{
		HighWatermark: r.log.HighWatermark(), LastStableOffset: r.log.LastStableOffset(), LogStartOffset: r.log.LogStartOffset(),
		leaderEnd: r.log.LogEndOffset(), stats: r.stats,
	}
	if w.LastFetchedEpoch >= 0 {
		diverging, err := r.diverges(w, &f)
		if err != nil || diverging {
			return f, err
		}
	}
	slice, err := r.log.Read(w.Offset, min(left, w.MaxBytes), r.readEnd(params.Isolation), minOne)
	if err != nil {
		return Fetched{}, err
	}
	f.Records = slice
	if params.Isolation == ReadCommitted && slice.Size > 0 {
		if f.Aborted, err = r.log.CollectAborted(w.Offset, slice.UpperBound); err != nil {
			f.Records.Release()
			return Fetched{}, err // Without them aborted records would show.
		}
	}
	return f, nil
}

// checkFetch refuses what may not be read at all.
func (r *Replica) checkFetch(params FetchParams, w *Wanted) error {
	if !w.TopicID.IsZero() && !r.topicID.IsZero() && w.TopicID != r.topicID {
		return kerr.InconsistentTopicID
	}
	if err := r.checkReadable(w.CurrentLeaderEpoch, params.LeaderOnly); err != nil {
		return err
	}
	if !params.fromFollower() {
		return nil
	}
	if r.manager.superseded(params.Replica, params.ReplicaEpoch) {
		return kerr.NotLeaderForPartition // The fetch of a broker that has restarted since (KIP-903).
	}
	return r.core.CheckFollower(params.Replica, w.CurrentLeaderEpoch)
}

func (p *FetchParams) fromFollower() bool { return p.Replica >= 0 }

func (r *Replica) readEnd(isolation Isolation) kafka.Offset {
	switch isolation {
	case ReadCommitted:
		return r.log.LastStableOffset()
	case ReadLogEnd:
		return r.log.LogEndOffset()
	default:
		return r.log.HighWatermark()
	}
}

// diverges notices that the fetcher's last epoch ended earlier in our log: it
// has records that were never committed and must truncate (KIP-595).
func (r *Replica) diverges(w *Wanted, f *Fetched) (bool, error) {
	epoch, end := r.log.EndOffsetForEpoch(w.LastFetchedEpoch)
	if epoch == kafka.NoLeaderEpoch || end == kafka.UnknownOffset {
		return false, kafka.Errorf(kerr.OffsetOutOfRange,
			"the epoch %d last fetched from %v is not known here", w.LastFetchedEpoch, w.TopicPartition)
	}
	if start := r.log.LogStartOffset(); w.Offset < start {
		return false, kafka.Errorf(kerr.OffsetOutOfRange, "offset %d is below %d, the start of %v", w.Offset, start, w.TopicPartition)
	}
	if epoch < w.LastFetchedEpoch || end < w.Offset {
		f.Diverging, f.DivergingEpoch, f.DivergingEnd = true, epoch, end
		return true, nil
	}
	return false, nil
}

// followersFetched lets the leaders know how far a follower is: as far as it
// fetches from, unless it has to truncate first.
func (f *Fetch) followersFetched() {
	if !f.fromFollower() {
		return
	}
	for i, r := range f.replicas {
		if r != nil && f.Results[i].Err == nil && !f.Results[i].Diverging {
			r.followerFetched(f.FetchParams, &f.Wanted[i], f.Results[i].leaderEnd)
		}
	}
}

func (r *Replica) followerFetched(params FetchParams, w *Wanted, leaderEnd kafka.Offset) {
	now := r.manager.now()
	r.mu.Lock()
	r.core.FollowerFetched(partition.Fetch{
		Replica: params.Replica, BrokerEpoch: params.ReplicaEpoch, Offset: w.Offset, LogStartOffset: w.LogStartOffset,
		Eligible: r.manager.eligible(params.Replica, params.ReplicaEpoch),
	}, leaderEnd, now)
	r.manager.isr.add(r, r.core.ProposeExpand(params.Replica, r.log.HighWatermark()))
	r.mu.Unlock()
	r.advance()
	r.manager.deletes.Check(r)
}

// ready tells whether the fetch would be answered now. It is called whenever a
// high watermark or leader changes, on the goroutine that changed it.
func (f *Fetch) ready() bool {
	size := 0
	for i, r := range f.replicas {
		if r == nil {
			continue // It was refused beforehand.
		}
		n, tell := r.available(f.FetchParams, &f.Wanted[i], f.MinBytes-size)
		if tell {
			return true
		}
		if size += n; size >= f.MinBytes {
			return true
		}
	}
	return false
}

// available gives the bytes that could be read, at most about enough of them.
// tell says that there is an error to answer instead.
func (r *Replica) available(params FetchParams, w *Wanted, enough int) (size int, tell bool) {
	if r.log.Offline() != nil {
		return 0, true
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.checkFetch(params, w) != nil {
		return 0, true
	}
	end := r.readEnd(params.Isolation)
	switch {
	case w.Offset < r.log.LogStartOffset() || w.Offset > r.log.LogEndOffset():
		return 0, true
	case end <= w.Offset:
		return 0, false
	case enough <= 1:
		return 1, false
	}
	slice, err := r.log.Read(w.Offset, min(w.MaxBytes, enough), end, true)
	if err != nil {
		return 0, true
	}
	defer slice.Release()
	return slice.Size, false
}
