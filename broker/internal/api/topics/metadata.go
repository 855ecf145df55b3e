package topics

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// What a client may do where there is no authorizer: a bit for each operation.
const (
	allTopicOperations   int32 = 0b1101_1111_1000
	allClusterOperations int32 = 0b1_1111_1010_0000
)

// Metadata tells a client which topics and brokers there are, and creates
// topics that it asks for by name where that is allowed.
//
// Differs from Kafka: the answer to a request for a missing topic waits until
// the topic is created, instead of having the client ask again.
func (h *Handlers) Metadata(ctx context.Context, rc *request.Context, req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	if !validTopics(req) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		for _, t := range req.Topics {
			rt := kmsg.NewMetadataResponseTopic()
			rt.Topic, rt.TopicID, rt.ErrorCode = t.Topic, t.TopicID, kerr.InvalidRequest.Code
			resp.Topics = append(resp.Topics, rt)
		}
		return resp
	}
	h.createMissing(ctx, rc, req)
	image := h.Image()
	d := describer{
		image: image, version: req.Version, self: rc.Self, listener: rc.Listener, endpoint: rc.Endpoint,
		operations: req.IncludeTopicAuthorizedOperations,
	}
	resp.Topics = d.topics(req)
	resp.Brokers, resp.ControllerID = d.brokers()
	resp.ClusterID = &h.ClusterID
	if req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = allClusterOperations
	}
	return resp
}

// validTopics tells whether topics are named as the version allows: by id from
// version 12 on, by name always, and not by neither.
func validTopics(req *kmsg.MetadataRequest) bool {
	ids := byID(req)
	if ids {
		return req.Version >= 12
	}
	return !slices.ContainsFunc(req.Topics, func(t kmsg.MetadataRequestTopic) bool { return t.Topic == nil })
}

func wantsAll(req *kmsg.MetadataRequest) bool {
	return req.Topics == nil || req.Version == 0 && len(req.Topics) == 0
}

// byID tells whether the request names topics by id; then names in it do not
// count.
func byID(req *kmsg.MetadataRequest) bool {
	return slices.ContainsFunc(req.Topics, func(t kmsg.MetadataRequestTopic) bool { return !kafka.UUID(t.TopicID).IsZero() })
}

// createMissing creates the topics of the request that there are not. Why that
// failed is for the log only: the client is told that they do not exist.
func (h *Handlers) createMissing(ctx context.Context, rc *request.Context, req *kmsg.MetadataRequest) {
	if h.Creator == nil || wantsAll(req) || byID(req) || req.Version >= 4 && !req.AllowAutoTopicCreation {
		return
	}
	image := h.Image()
	var missing []string
	for _, t := range req.Topics {
		if t.Topic != nil && image.Topic(*t.Topic) == nil && kafka.ValidateTopicName(*t.Topic) == nil {
			missing = append(missing, *t.Topic)
		}
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	if err := h.Creator.Create(ctx, rc.Principal, missing...); err != nil {
		h.Logger.Warn("Auto topic creation failed", "client", rc.ClientID, "error", err)
	}
}

// describer builds one Metadata response.
type describer struct {
	image      *metadata.Image
	version    int16
	self       kafka.NodeID
	listener   string
	endpoint   func(*metadata.Broker) (metadata.Endpoint, bool)
	operations bool
}

func (d *describer) topics(req *kmsg.MetadataRequest) []kmsg.MetadataResponseTopic {
	described := []kmsg.MetadataResponseTopic{}
	if wantsAll(req) {
		for topic := range d.image.Topics() {
			described = append(described, d.topic(topic))
		}
		return described
	}
	ids := byID(req)
	seen := map[topicKey]bool{}
	for _, t := range req.Topics {
		key := topicKey{id: t.TopicID}
		if !ids {
			key = topicKey{name: *t.Topic}
		}
		if seen[key] || ids && key.id.IsZero() {
			continue
		}
		seen[key] = true
		described = append(described, d.wanted(key, ids))
	}
	return described
}

// topicKey is a topic as a request names it: by name or by id.
type topicKey struct {
	name string
	id   kafka.UUID
}

func (d *describer) wanted(key topicKey, byID bool) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	if byID {
		if topic := d.image.TopicByID(key.id); topic != nil {
			return d.topic(topic)
		}
		t.TopicID, t.ErrorCode = key.id, kerr.UnknownTopicID.Code
		return t
	}
	if topic := d.image.Topic(key.name); topic != nil {
		return d.topic(topic)
	}
	t.Topic, t.IsInternal, t.ErrorCode = &key.name, kafka.IsInternalTopic(key.name), kerr.UnknownTopicOrPartition.Code
	if kafka.ValidateTopicName(key.name) != nil {
		t.ErrorCode = kerr.InvalidTopicException.Code
	}
	d.setOperations(&t)
	return t
}

func (d *describer) setOperations(t *kmsg.MetadataResponseTopic) {
	if d.operations {
		t.AuthorizedOperations = allTopicOperations
	}
}

func (d *describer) topic(topic *metadata.Topic) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.Topic, t.TopicID, t.IsInternal = &topic.Name, topic.ID, kafka.IsInternalTopic(topic.Name)
	t.Partitions = make([]kmsg.MetadataResponseTopicPartition, 0, topic.NumPartitions())
	for id, partition := range topic.Partitions() {
		t.Partitions = append(t.Partitions, d.partition(id, partition))
	}
	d.setOperations(&t)
	return t
}

func (d *describer) partition(id int32, partition *metadata.Partition) kmsg.MetadataResponseTopicPartition {
	p := kmsg.NewMetadataResponseTopicPartition()
	p.Partition, p.Leader, p.LeaderEpoch = id, int32(partition.Leader), int32(partition.LeaderEpoch)
	p.Replicas, p.ISR = int32s(partition.Replicas), int32s(partition.ISR)
	p.OfflineReplicas = offlineReplicas(d.image, d.listener, partition)
	if d.version == 0 {
		// The oldest clients stumble over replicas that are not in the list of brokers.
		p.Replicas, p.ISR = d.reachable(partition.Replicas), d.reachable(partition.ISR)
	}
	leader := d.image.Broker(partition.Leader)
	switch {
	case leader == nil:
		p.Leader, p.ErrorCode = -1, kerr.LeaderNotAvailable.Code
	case !hasListener(leader, d.listener):
		p.Leader, p.ErrorCode = -1, kerr.ListenerNotFound.Code
		if d.version < 6 {
			p.ErrorCode = kerr.LeaderNotAvailable.Code
		}
	case len(p.Replicas) < len(partition.Replicas) || len(p.ISR) < len(partition.ISR):
		p.ErrorCode = kerr.ReplicaNotAvailable.Code
	}
	return p
}

func (d *describer) reachable(replicas []kafka.NodeID) []int32 {
	ids := []int32{}
	for _, id := range replicas {
		if b := d.image.Broker(id); b != nil && !b.Fenced && hasListener(b, d.listener) {
			ids = append(ids, int32(id))
		}
	}
	return ids
}

func hasListener(b *metadata.Broker, listener string) bool {
	_, ok := b.Endpoint(listener)
	return ok
}

func int32s(nodes []kafka.NodeID) []int32 {
	ids := make([]int32, len(nodes))
	for i, node := range nodes {
		ids[i] = int32(node)
	}
	return ids
}

// offlineReplicas lists the replicas that nobody can reach through the
// listener, or whose log directory is offline.
func offlineReplicas(image *metadata.Image, listener string, p *metadata.Partition) []int32 {
	offline := []int32{}
	for _, id := range p.Replicas {
		b := image.Broker(id)
		dir, _ := p.Directory(id)
		if b == nil || b.Fenced || !hasListener(b, listener) || !b.HasOnlineDirectory(dir) {
			offline = append(offline, int32(id))
		}
	}
	return offline
}

// brokers lists the live brokers as the client's listener reaches them, and
// names any of them as the controller: admin requests are forwarded.
//
// Differs from Kafka: if none is live, this one is listed, which does answer: it
// is starting or stopping. A client that is told of no brokers forgets those it
// knew, and librdkafka (2.16) then hangs for ever now and then, also after the
// node is back.
func (d *describer) brokers() (brokers []kmsg.MetadataResponseBroker, controller int32) {
	brokers = []kmsg.MetadataResponseBroker{}
	list := func(b *metadata.Broker) {
		if endpoint, ok := d.endpoint(b); ok {
			rb := kmsg.NewMetadataResponseBroker()
			rb.NodeID, rb.Host, rb.Port, rb.Rack = int32(b.ID), endpoint.Host, int32(endpoint.Port), b.Rack
			brokers = append(brokers, rb)
		}
	}
	for b := range d.image.Brokers() {
		if !b.Fenced {
			list(b)
		}
	}
	if self := d.image.Broker(d.self); len(brokers) == 0 && self != nil {
		list(self)
	}
	if len(brokers) == 0 {
		return brokers, -1
	}
	return brokers, brokers[rand.IntN(len(brokers))].NodeID
}
