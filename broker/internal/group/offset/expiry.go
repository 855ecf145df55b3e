package offset

import "time"

// Expiry says when the offsets of a group expire. The zero value: never.
type Expiry struct {
	// Applies is false for a group whose offsets are in use.
	Applies bool
	// Since, if not zero, is when the group came out of use; the retention is
	// counted from then. Otherwise it is counted from each commit.
	Since time.Time
	// InUse tells whether a topic is consumed, so that its offsets stay; nil is none.
	InUse func(topic string) bool
}

// Expired lists the group's offsets that have expired at now. all tells whether
// nothing of the group remains without them. Offsets that an open transaction is
// about to change stay.
func (s *Store) Expired(group string, e Expiry, now time.Time, retention time.Duration) (keys []Key, all bool) {
	if len(s.committed[group]) == 0 {
		return nil, !s.HasPending(group)
	}
	if !e.Applies {
		return nil, false
	}
	all = !s.HasPending(group)
	for _, topic := range s.Topics(group) {
		if e.InUse != nil && e.InUse(topic) {
			all = false
			continue
		}
		for _, partition := range s.Partitions(group, topic) {
			k := Key{group, topic, partition}
			if s.expired(k, e, now, retention) && !s.Pending(k) {
				keys = append(keys, k)
			} else {
				all = false
			}
		}
	}
	return keys, all
}

func (s *Store) expired(k Key, e Expiry, now time.Time, retention time.Duration) bool {
	v, _ := s.Get(k)
	if v.ExpireTimestamp != NoExpiry {
		return now.UnixMilli() >= v.ExpireTimestamp
	}
	since := v.CommitTimestamp
	if !e.Since.IsZero() {
		since = e.Since.UnixMilli()
	}
	return now.UnixMilli()-since >= retention.Milliseconds()
}
