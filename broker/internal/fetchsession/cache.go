package fetchsession

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Session ids and epochs with a meaning of their own.
const (
	// NoSession is the session id of a fetch outside of any session.
	NoSession int32 = 0
	// InitialEpoch asks for a full fetch and, if there is room, a new session.
	InitialEpoch int32 = 0
	// FinalEpoch asks for a full fetch and closes the session named.
	FinalEpoch int32 = -1
)

// evictionAge is how long a session must have existed, or been idle, before
// another one may take its place.
const evictionAge = 2 * time.Minute

// Cache holds the fetch sessions of a broker. It is safe for concurrent use.
type Cache struct {
	mu sync.Mutex
	// slots is max.incremental.fetch.session.cache.slots.
	slots    int
	sessions map[int32]*session
	// evictions counts sessions that lost their place.
	evictions int64
}

// NewCache returns a cache of that many sessions.
func NewCache(slots int) *Cache {
	return &Cache{slots: slots, sessions: make(map[int32]*session)}
}

// Stats counts sessions, the partitions in them, and evictions so far.
func (c *Cache) Stats() (sessions, partitions int, evictions int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sessions {
		partitions += s.cachedSize
	}
	return len(c.sessions), partitions, c.evictions
}

// Request is the part of a fetch request that sessions are about.
type Request struct {
	SessionID, Epoch int32
	// UsesTopicIDs tells that partitions are named by topic id (version 13 and up).
	UsesTopicIDs bool
	// FromReplica tells that the fetcher is a follower: its session is privileged.
	FromReplica bool
	// Partitions are those named in the request, in order.
	Partitions []Partition
	// Forgotten are those to drop from the session.
	Forgotten []Key
}

// Begin has f, which is new or was reset, be what a request fetches. Its errors stand at
// the top of the response: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH,
// FETCH_SESSION_TOPIC_ID_ERROR.
func (c *Cache) Begin(f *Fetch, r Request, now time.Time) error {
	f.cache, f.request, f.partitions = c, r, r.Partitions
	if r.Epoch == InitialEpoch || r.Epoch == FinalEpoch {
		c.close(r.SessionID)
		f.mayCreate = r.Epoch == InitialEpoch
		return nil
	}
	c.mu.Lock()
	s, ok := c.sessions[r.SessionID]
	c.mu.Unlock()
	if !ok {
		return kerr.FetchSessionIDNotFound
	}
	// Without the cache's lock: a session may have many partitions.
	if err := s.begin(f); err != nil {
		return err
	}
	if f.session == nil {
		c.close(s.id)
		return nil
	}
	c.mu.Lock()
	s.lastUsed, s.cachedSize = now, len(f.partitions)
	c.mu.Unlock()
	return nil
}

func (c *Cache) close(id int32) {
	if id == NoSession {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, id)
}

// create gives the request a session if there is room; nil otherwise.
func (c *Cache) create(r Request, now time.Time) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sessions) >= c.slots && !c.evictFor(r.FromReplica, len(r.Partitions), now) {
		return nil
	}
	id := NoSession
	for id == NoSession || c.sessions[id] != nil {
		id = rand.Int32N(math.MaxInt32-1) + 1
	}
	s := newSession(id, r, now)
	c.sessions[id] = s
	return s
}

// evictFor makes room for a session of that size: an idle one goes first, else
// the smallest one that is old enough, unless it outranks the newcomer.
func (c *Cache) evictFor(privileged bool, size int, now time.Time) bool {
	var victim *session
	for _, s := range c.sessions {
		idle := now.Sub(s.lastUsed) > evictionAge
		if idle {
			victim = s
			break
		}
		old := now.Sub(s.created) > evictionAge
		if !old && (!privileged || s.privileged) {
			continue
		}
		outranked := !s.privileged && privileged || s.privileged == privileged && s.cachedSize < size
		if outranked && (victim == nil || s.lessThan(victim)) {
			victim = s
		}
	}
	if victim == nil {
		return false
	}
	delete(c.sessions, victim.id)
	c.evictions++
	return true
}

// nextEpoch follows an epoch: after the largest comes 1, since 0 and -1 have a
// meaning of their own.
func nextEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return 1
	}
	return epoch + 1
}
