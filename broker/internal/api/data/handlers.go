package data

import (
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/fetchsession"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/internal/kafka"
)

// Handlers serve the data APIs. Their fields are set once, before serving.
type Handlers struct {
	Replicas    *replica.Manager
	Sessions    *fetchsession.Cache
	ProducerIDs *ProducerIDs
	// FetchMaxBytes is fetch.max.bytes.
	FetchMaxBytes int
	Logger        *slog.Logger
	// CountError is told how often an error code stands in a response to Produce or
	// Fetch, 0 included; it may be nil.
	CountError func(key int16, fromFollower bool, code int16, n int)
}

func (h *Handlers) image() *metadata.Image { return h.Replicas.Image() }

func (h *Handlers) countError(key kmsg.Key, fromFollower bool, code int16, n int) {
	if h.CountError != nil && n > 0 {
		h.CountError(int16(key), fromFollower, code, n)
	}
}

// leaderHint names the partition's leader and where the client reaches it
// through its listener (KIP-951). ok is false when there is no leader; the node -1
// and the epoch say so to the client then.
func (h *Handlers) leaderHint(tp kafka.TopicPartition, listener string) (leader node, epoch kafka.LeaderEpoch, ok bool) {
	return leaderIn(h.image(), tp, listener)
}

func leaderIn(image *metadata.Image, tp kafka.TopicPartition, listener string) (leader node, epoch kafka.LeaderEpoch, ok bool) {
	p := image.Partition(tp)
	if p == nil {
		return node{id: kafka.NoNode}, kafka.NoLeaderEpoch, false
	}
	leader, epoch = node{id: p.Leader}, p.LeaderEpoch
	b := image.Broker(p.Leader)
	if b == nil {
		return leader, epoch, false
	}
	endpoint, ok := b.Endpoint(listener)
	leader.host, leader.port, leader.rack = endpoint.Host, int32(endpoint.Port), b.Rack
	return leader, epoch, ok
}

// topicOf gives the name of a topic, which some versions name by id. The error is
// UNKNOWN_TOPIC_ID for an id that is not known.
func topicOf(image *metadata.Image, byID bool, name string, id kafka.UUID) (string, error) {
	if !byID {
		return name, nil
	}
	topic := image.TopicByID(id)
	if topic == nil {
		return "", kerr.UnknownTopicID
	}
	return topic.Name, nil
}

func millis(ms int32) time.Duration { return time.Duration(ms) * time.Millisecond }
