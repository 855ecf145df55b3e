package groups

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/group"
	"moldau.dev/moldau/broker/internal/metadata"
)

// Handlers serve the group APIs. Their fields are set once, before serving.
type Handlers struct {
	Groups *group.Service
	// Image gives the newest metadata.
	Image func() *metadata.Image
	// CoordinatorTopics names the internal topic of each coordinator that
	// FindCoordinator knows, by key type.
	CoordinatorTopics map[int8]string
	// CreateInternalTopic creates an internal topic and returns when Image has
	// it, also if it was there already.
	CreateInternalTopic func(ctx context.Context, topic string) error
}

func clientOf(rc *request.Context) group.Client {
	return group.Client{ID: rc.ClientID, Host: rc.ClientHost}
}

// JoinGroup serves the API.
func (h *Handlers) JoinGroup(ctx context.Context, rc *request.Context, req *kmsg.JoinGroupRequest) *kmsg.JoinGroupResponse {
	return h.Groups.JoinGroup(ctx, clientOf(rc), req)
}

// SyncGroup serves the API.
func (h *Handlers) SyncGroup(ctx context.Context, _ *request.Context, req *kmsg.SyncGroupRequest) *kmsg.SyncGroupResponse {
	return h.Groups.SyncGroup(ctx, req)
}

// Heartbeat serves the API.
func (h *Handlers) Heartbeat(ctx context.Context, _ *request.Context, req *kmsg.HeartbeatRequest) *kmsg.HeartbeatResponse {
	return h.Groups.Heartbeat(ctx, req)
}

// LeaveGroup serves the API.
func (h *Handlers) LeaveGroup(ctx context.Context, _ *request.Context, req *kmsg.LeaveGroupRequest) *kmsg.LeaveGroupResponse {
	return h.Groups.LeaveGroup(ctx, req)
}

// groupOperations is the bit field of the operations that exist on groups:
// READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS.
const groupOperations = 1<<3 | 1<<6 | 1<<8 | 1<<10 | 1<<11

// DescribeGroups serves the API. A group named twice is described once: see askedOnce.
func (h *Handlers) DescribeGroups(ctx context.Context, _ *request.Context, req *kmsg.DescribeGroupsRequest) *kmsg.DescribeGroupsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeGroupsResponse)
	seen := make(map[string]struct{}, len(req.Groups))
	ids := make([]string, 0, len(req.Groups))
	for _, id := range req.Groups {
		if _, again := seen[id]; !again {
			seen[id] = struct{}{}
			ids = append(ids, id)
		}
	}
	resp.Groups = h.Groups.DescribeGroups(ctx, ids, req.Version)
	if req.Version >= 3 && req.IncludeAuthorizedOperations {
		for i := range resp.Groups {
			if resp.Groups[i].ErrorCode == 0 {
				resp.Groups[i].AuthorizedOperations = groupOperations
			}
		}
	}
	return resp
}

// ListGroups serves the API. Filters came with versions 4 (states) and 5 (types).
func (h *Handlers) ListGroups(ctx context.Context, _ *request.Context, req *kmsg.ListGroupsRequest) *kmsg.ListGroupsResponse {
	resp := req.ResponseKind().(*kmsg.ListGroupsResponse)
	list, err := h.Groups.ListGroups(ctx, req.StatesFilter, req.TypesFilter)
	if err != nil {
		resp.ErrorCode = err.Code
		return resp
	}
	resp.Groups = list
	return resp
}

// DeleteGroups serves the API. A group named twice is deleted, and answered, once.
func (h *Handlers) DeleteGroups(ctx context.Context, _ *request.Context, req *kmsg.DeleteGroupsRequest) *kmsg.DeleteGroupsResponse {
	resp := req.ResponseKind().(*kmsg.DeleteGroupsResponse)
	ids := slices.Clone(req.Groups)
	slices.Sort(ids)
	resp.Groups = h.Groups.DeleteGroups(ctx, slices.Compact(ids))
	return resp
}

// OffsetDelete serves the API.
func (h *Handlers) OffsetDelete(ctx context.Context, _ *request.Context, req *kmsg.OffsetDeleteRequest) *kmsg.OffsetDeleteResponse {
	image := h.Image()
	known := *req
	known.Topics = nil
	var unknown []kmsg.OffsetDeleteResponseTopic
	for _, t := range req.Topics {
		topic := image.Topic(t.Topic)
		rt := kmsg.NewOffsetDeleteResponseTopic()
		rt.Topic = t.Topic
		kt := t
		kt.Partitions = nil
		for _, p := range t.Partitions {
			if topic != nil && topic.Partition(p.Partition) != nil {
				kt.Partitions = append(kt.Partitions, p)
				continue
			}
			rp := kmsg.NewOffsetDeleteResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, kerr.UnknownTopicOrPartition.Code
			rt.Partitions = append(rt.Partitions, rp)
		}
		if len(rt.Partitions) > 0 {
			unknown = append(unknown, rt)
		}
		if len(kt.Partitions) > 0 {
			known.Topics = append(known.Topics, kt)
		}
	}
	// The group is checked even if no partition is left.
	resp := h.Groups.OffsetDelete(ctx, &known)
	if resp.ErrorCode != 0 {
		return resp
	}
	// In Kafka's order: first what the group need not be asked for.
	for _, rt := range resp.Topics {
		i := slices.IndexFunc(unknown, func(t kmsg.OffsetDeleteResponseTopic) bool { return t.Topic == rt.Topic })
		if i < 0 {
			unknown = append(unknown, rt)
			continue
		}
		unknown[i].Partitions = append(unknown[i].Partitions, rt.Partitions...)
	}
	resp.Topics = unknown
	return resp
}
