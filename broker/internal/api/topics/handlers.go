package topics

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/internal/protocol"
)

// Handlers serve the topic APIs. Their fields are set once, before serving.
type Handlers struct {
	Controller peer.Controller
	// Image gives the committed metadata of this node.
	Image     func() *metadata.Image
	ClusterID string
	// Creator creates topics that a client asks for without creating them; nil
	// if auto.create.topics.enable is false.
	Creator *Creator
	// MaxPartitions bounds what DescribeTopicPartitions returns at once
	// (max.request.partition.size.limit).
	MaxPartitions int
	Logger        *slog.Logger
}

// forward asks the controller. The error says why it refused the request as a
// whole.
func forward[Resp kmsg.Response](ctx context.Context, h *Handlers, rc *request.Context, req kmsg.Request) (Resp, error) {
	var none Resp
	resp, err := h.Controller.Forward(ctx, rc.Principal, req)
	if err != nil {
		h.Logger.Debug("The controller refuses a request", "api", protocol.KeyName(req.Key()), "client", rc.ClientID, "error", err)
		return none, err
	}
	answer, ok := resp.(Resp)
	if !ok {
		return none, fmt.Errorf("%w: the controller answered with a %T", kerr.UnknownServerError, resp)
	}
	return answer, nil
}

// CreateTopics creates topics (KIP-4).
func (h *Handlers) CreateTopics(ctx context.Context, rc *request.Context, req *kmsg.CreateTopicsRequest) *kmsg.CreateTopicsResponse {
	resp, err := forward[*kmsg.CreateTopicsResponse](ctx, h, rc, req)
	if err == nil {
		return resp
	}
	resp = req.ResponseKind().(*kmsg.CreateTopicsResponse)
	for i := range req.Topics {
		t := kmsg.NewCreateTopicsResponseTopic()
		t.Topic, t.ErrorCode, t.ErrorMessage = req.Topics[i].Topic, protocol.Code(err), protocol.Message(err)
		t.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

// DeleteTopics deletes topics by name or id (KIP-516).
func (h *Handlers) DeleteTopics(ctx context.Context, rc *request.Context, req *kmsg.DeleteTopicsRequest) *kmsg.DeleteTopicsResponse {
	resp, err := forward[*kmsg.DeleteTopicsResponse](ctx, h, rc, req)
	if err == nil {
		return resp
	}
	resp = req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	for i := range req.TopicNames {
		t := kmsg.NewDeleteTopicsResponseTopic()
		t.Topic, t.ErrorCode = &req.TopicNames[i], protocol.Code(err)
		resp.Topics = append(resp.Topics, t)
	}
	for _, wanted := range req.Topics {
		t := kmsg.NewDeleteTopicsResponseTopic()
		t.Topic, t.TopicID, t.ErrorCode = wanted.Topic, wanted.TopicID, protocol.Code(err)
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

// CreatePartitions adds partitions to topics (KIP-195).
func (h *Handlers) CreatePartitions(ctx context.Context, rc *request.Context, req *kmsg.CreatePartitionsRequest) *kmsg.CreatePartitionsResponse {
	resp, err := forward[*kmsg.CreatePartitionsResponse](ctx, h, rc, req)
	if err == nil {
		return resp
	}
	resp = req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	for i := range req.Topics {
		t := kmsg.NewCreatePartitionsResponseTopic()
		t.Topic, t.ErrorCode, t.ErrorMessage = req.Topics[i].Topic, protocol.Code(err), protocol.Message(err)
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
