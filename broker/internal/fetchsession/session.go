package fetchsession

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
)

// Key names a partition within a session: by topic id, or by name when the
// session does not use topic ids.
type Key struct {
	TopicID   kafka.UUID
	Topic     string
	Partition int32
}

// Partition is what a client wants of one partition.
type Partition struct {
	Key
	FetchOffset        kafka.Offset
	MaxBytes           int32
	CurrentLeaderEpoch kafka.LeaderEpoch
	LastFetchedEpoch   kafka.LeaderEpoch
	// LogStartOffset is a follower's own; kafka.UnknownOffset for consumers.
	LogStartOffset kafka.Offset
}

// session is one client's memory. Its lock and the cache's are not held together.
type session struct {
	id           int32
	privileged   bool
	usesTopicIDs bool
	created      time.Time
	// lastUsed and cachedSize are guarded by the cache's lock.
	lastUsed   time.Time
	cachedSize int

	mu    sync.Mutex
	epoch int32
	byKey map[Key]*entry
	// order is the ring's root: root.next is fetched first.
	root entry
}

// entry is one partition of a session, with what the client was last told.
type entry struct {
	Partition
	prev, next     *entry
	highWatermark  kafka.Offset
	logStartOffset kafka.Offset
}

func newSession(id int32, r Request, now time.Time) *session {
	s := &session{
		id: id, privileged: r.FromReplica, usesTopicIDs: r.UsesTopicIDs, created: now, lastUsed: now,
		cachedSize: len(r.Partitions), epoch: 1, byKey: make(map[Key]*entry, len(r.Partitions)),
	}
	s.root.prev, s.root.next = &s.root, &s.root
	s.update(r.Partitions, nil)
	return s
}

func (s *session) lessThan(other *session) bool {
	switch {
	case s.privileged != other.privileged:
		return !s.privileged
	case s.cachedSize != other.cachedSize:
		return s.cachedSize < other.cachedSize
	default:
		return s.id < other.id
	}
}

func (s *session) update(wanted []Partition, forgotten []Key) {
	for _, w := range wanted {
		if e, ok := s.byKey[w.Key]; ok {
			e.Partition = w
			continue
		}
		e := &entry{Partition: w, highWatermark: kafka.UnknownOffset, logStartOffset: kafka.UnknownOffset}
		s.byKey[w.Key] = e
		s.pushBack(e)
	}
	for _, key := range forgotten {
		if e, ok := s.byKey[key]; ok {
			delete(s.byKey, key)
			e.unlink()
		}
	}
}

// begin takes in a request and has f fetch what it wants; without a session if
// nothing is left in it.
func (s *session) begin(f *Fetch) error {
	r := &f.request
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.epoch != r.Epoch:
		return kerr.InvalidFetchSessionEpoch
	case s.usesTopicIDs != r.UsesTopicIDs:
		return kerr.FetchSessionTopicIDError
	}
	s.update(r.Partitions, r.Forgotten)
	if len(s.byKey) == 0 {
		return nil
	}
	s.epoch = nextEpoch(s.epoch)
	for e := s.root.next; e != &s.root; e = e.next {
		f.all = append(f.all, e.Partition)
	}
	f.session, f.epoch, f.partitions = s, s.epoch, f.all
	return nil
}

func (s *session) pushBack(e *entry) {
	e.prev, e.next = s.root.prev, &s.root
	e.prev.next, s.root.prev = e, e
}

func (e *entry) unlink() { e.prev.next, e.next.prev = e.next, e.prev }
