package replica

import (
	"sync/atomic"

	"moldau.dev/moldau/internal/kafka"
)

// TopicStats counts what happens to the partitions of one topic on this node
// (BrokerTopicMetrics in Kafka). Each replica holds that of its topic, so that
// counting takes neither lock nor lookup. The counts only grow.
type TopicStats struct {
	MessagesIn, BytesIn, BytesRejected atomic.Int64
	// BytesOut counts what consumers got, ReplicationBytesOut what followers got.
	BytesOut, ReplicationBytesOut atomic.Int64
	// Produces and Fetches count partitions of requests, as in Kafka.
	Produces, FailedProduces, Fetches, FailedFetches atomic.Int64

	replicas int // That hold it; guarded by Manager.mu.
}

// add adds the counts of other.
func (s *TopicStats) add(other *TopicStats) {
	from, to := other.counters(), s.counters()
	for i := range to {
		to[i].Add(from[i].Load())
	}
}

func (s *TopicStats) counters() [9]*atomic.Int64 {
	return [...]*atomic.Int64{
		&s.MessagesIn, &s.BytesIn, &s.BytesRejected, &s.BytesOut, &s.ReplicationBytesOut,
		&s.Produces, &s.FailedProduces, &s.Fetches, &s.FailedFetches,
	}
}

// topicStats are those of all topics.
type topicStats struct {
	byName map[string]*TopicStats
	// others counts for topics that were deleted since, or never existed.
	others TopicStats
}

// hold gives a replica the stats of its topic.
func (t *topicStats) hold(topic string) *TopicStats {
	s := t.byName[topic]
	if s == nil {
		s = new(TopicStats)
		t.byName[topic] = s
	}
	s.replicas++
	return s
}

// drop forgets a topic's stats with its last replica; their counts stay in the total.
func (t *topicStats) drop(topic string, s *TopicStats) {
	if s.replicas--; s.replicas > 0 {
		return
	}
	t.others.add(s)
	delete(t.byName, topic)
}

// TopicStats gives the stats of every topic that has replicas here, and the sum of
// these and of all other topics, ever.
func (m *Manager) TopicStats() (byName map[string]*TopicStats, total *TopicStats) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	byName, total = make(map[string]*TopicStats, len(m.topics.byName)), new(TopicStats)
	total.add(&m.topics.others)
	for name, s := range m.topics.byName {
		byName[name] = s
		total.add(s)
	}
	return byName, total
}

// StatsFor gives the stats that a request for the topic counts in; never nil.
func (m *Manager) StatsFor(topic string) *TopicStats {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if s := m.topics.byName[topic]; s != nil {
		return s
	}
	return &m.topics.others
}

// appended counts a batch that is in the log. messages are offsets: in a batch of
// a client there are as many as records.
func (s *TopicStats) appended(size int, first, last kafka.Offset) {
	s.BytesIn.Add(int64(size))
	s.MessagesIn.Add(int64(last - first + 1))
}

// Count counts the partition of a fetch that this is the answer to, and the records
// that are sent.
func (f *Fetched) Count(follower bool) {
	if f.stats == nil {
		return // It failed: there is no replica.
	}
	f.stats.Fetches.Add(1)
	switch {
	case f.Records.Size == 0:
	case follower:
		f.stats.ReplicationBytesOut.Add(int64(f.Records.Size))
	default:
		f.stats.BytesOut.Add(int64(f.Records.Size))
	}
}
