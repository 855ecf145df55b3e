package groups

import (
	"context"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/internal/kafka"
)

// The key types of FindCoordinator.
const (
	GroupKey       int8 = 0
	TransactionKey int8 = 1
	// ShareKey keys are "group:topic-id:partition".
	ShareKey int8 = 2
)

// node is where a coordinator is reached.
type node struct {
	id   int32
	host string
	port int32
}

var noNode = node{id: -1, port: -1}

// FindCoordinator serves the API. Version 0 only asks for groups, from version
// 4 on for many keys at once.
func (h *Handlers) FindCoordinator(ctx context.Context, rc *request.Context, req *kmsg.FindCoordinatorRequest) *kmsg.FindCoordinatorResponse {
	resp := req.ResponseKind().(*kmsg.FindCoordinatorResponse)
	if req.Version < 4 {
		n, err := h.coordinator(ctx, rc, req.CoordinatorType, req.CoordinatorKey)
		resp.NodeID, resp.Host, resp.Port = n.id, n.host, n.port
		message := "NONE" // as Kafka says.
		if err != nil {
			resp.ErrorCode, message = err.Code, err.Description
			if m := h.unsupported(req.CoordinatorType); m != "" {
				message = m
				if req.CoordinatorType == TransactionKey && req.Version < 3 {
					// librdkafka, which asks by these versions, gives up at no other error: it
					// would ask for ever.
					resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
				}
			}
		}
		resp.ErrorMessage = &message
		return resp
	}
	for _, key := range req.CoordinatorKeys {
		n, err := h.coordinator(ctx, rc, req.CoordinatorType, key)
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.NodeID, c.Host, c.Port = key, n.id, n.host, n.port
		c.ErrorMessage = new(string)
		if err != nil {
			c.ErrorCode = err.Code
			*c.ErrorMessage = h.unsupported(req.CoordinatorType)
		}
		resp.Coordinators = append(resp.Coordinators, c)
	}
	return resp
}

// unsupported says that the node has no coordinators of that type; "" if it has.
//
// Differs from Kafka: it has all of them. The Java producer shows this message to
// its user, and nothing else.
func (h *Handlers) unsupported(keyType int8) string {
	if _, ok := h.CoordinatorTopics[keyType]; ok {
		return ""
	}
	switch keyType {
	case TransactionKey:
		return "This node does not support transactions."
	case ShareKey:
		return "This node does not support share groups."
	default:
		return "There is no coordinator of type " + strconv.Itoa(int(keyType)) + "."
	}
}

// coordinator finds the leader of the key's partition. If the internal topic
// does not exist yet, it is created.
//
// Differs from Kafka: the client need not try again meanwhile.
func (h *Handlers) coordinator(ctx context.Context, rc *request.Context, keyType int8, key string) (node, *kerr.Error) {
	name, ok := h.CoordinatorTopics[keyType]
	if !ok || keyType == ShareKey && (rc.Version < 6 || !validShareKey(key)) {
		return noNode, kerr.InvalidRequest
	}
	image := h.Image()
	if image.Topic(name) == nil && h.CreateInternalTopic(ctx, name) == nil {
		image = h.Image()
	}
	topic := image.Topic(name)
	if topic == nil {
		return noNode, kerr.CoordinatorNotAvailable
	}
	p := topic.Partition(kafka.CoordinatorPartition(key, int32(topic.NumPartitions())))
	if p == nil || p.Leader == kafka.NoNode {
		return noNode, kerr.CoordinatorNotAvailable
	}
	b := image.Broker(p.Leader)
	if b == nil || b.Fenced {
		return noNode, kerr.CoordinatorNotAvailable
	}
	endpoint, ok := rc.Endpoint(b)
	if !ok {
		return noNode, kerr.CoordinatorNotAvailable
	}
	return node{id: int32(b.ID), host: endpoint.Host, port: int32(endpoint.Port)}, nil
}

// validShareKey checks "group:topic-id:partition"; the group's id may have colons.
func validShareKey(key string) bool {
	rest, partition, ok := cutLast(key)
	if !ok {
		return false
	}
	if n, err := strconv.ParseInt(partition, 10, 32); err != nil || n < 0 {
		return false
	}
	groupID, topicID, ok := cutLast(rest)
	if !ok || strings.TrimSpace(groupID) == "" {
		return false
	}
	_, err := kafka.ParseUUID(topicID)
	return err == nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
