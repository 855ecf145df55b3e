package metrics

import (
	"maps"
	"slices"

	"moldau.dev/moldau/broker/internal/replica"
)

// topicMetrics are the metrics of a topic, and where their counts are.
var topicMetrics = []struct {
	id id
	of func(s *replica.TopicStats) int64
}{
	{messagesIn, func(s *replica.TopicStats) int64 { return s.MessagesIn.Load() }},
	{bytesIn, func(s *replica.TopicStats) int64 { return s.BytesIn.Load() }},
	{bytesRejected, func(s *replica.TopicStats) int64 { return s.BytesRejected.Load() }},
	{bytesOut, func(s *replica.TopicStats) int64 { return s.BytesOut.Load() }},
	{totalProduceRequests, func(s *replica.TopicStats) int64 { return s.Produces.Load() }},
	{failedProduceRequests, func(s *replica.TopicStats) int64 { return s.FailedProduces.Load() }},
	{totalFetchRequests, func(s *replica.TopicStats) int64 { return s.Fetches.Load() }},
	{failedFetchRequests, func(s *replica.TopicStats) int64 { return s.FailedFetches.Load() }},
}

// writeTopics writes the traffic of topics and of all together, and gives the
// number of topics that are left out.
func writeTopics(e *exposition, replicas *replica.Manager, limit int) (omitted int) {
	byName, total := replicas.TopicStats()
	names := slices.Sorted(maps.Keys(byName))
	if len(names) > limit {
		omitted = len(names) - limit
		names = names[:limit]
	}
	for _, m := range topicMetrics {
		e.begin(m.id)
		e.sample(float64(m.of(total)))
		for _, name := range names {
			e.sample(float64(m.of(byName[name])), name)
		}
	}
	e.single(replicationBytesOut, float64(total.ReplicationBytesOut.Load()))
	return omitted
}
