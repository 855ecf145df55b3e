package cluster

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// Logs is what this node has on disk.
type Logs interface {
	Dirs() []storage.DirInfo
	Logs() []*storage.Log
}

// Handlers serve the cluster APIs. Their fields are set once, before serving.
type Handlers struct {
	Controller peer.Controller
	// Image gives the committed metadata of this node.
	Image     func() *metadata.Image
	ClusterID string
	// ActiveController gives the active controller, kafka.NoNode if there is none.
	ActiveController func() kafka.NodeID
	// Logs is nil on a node that is no broker.
	Logs Logs
}

// allOperations is what a client may do to the cluster where there is no
// authorizer: a bit for each operation.
const allOperations int32 = 0b1_1111_1010_0000

func forward[Resp kmsg.Response](ctx context.Context, h *Handlers, rc *request.Context, req kmsg.Request) (Resp, error) {
	var none Resp
	resp, err := h.Controller.Forward(ctx, rc.Principal, req)
	if err != nil {
		return none, err
	}
	answer, ok := resp.(Resp)
	if !ok {
		return none, fmt.Errorf("%w: the controller answered with a %T", kerr.UnknownServerError, resp)
	}
	return answer, nil
}

// DescribeQuorum tells about the quorum of controllers (KIP-836).
func (h *Handlers) DescribeQuorum(ctx context.Context, rc *request.Context, req *kmsg.DescribeQuorumRequest) *kmsg.DescribeQuorumResponse {
	resp, err := forward[*kmsg.DescribeQuorumResponse](ctx, h, rc, req)
	if err != nil {
		resp = req.ResponseKind().(*kmsg.DescribeQuorumResponse)
		resp.ErrorCode, resp.ErrorMessage = protocol.Code(err), protocol.Message(err)
	}
	return resp
}

// UpdateFeatures finalizes levels of features (KIP-584).
func (h *Handlers) UpdateFeatures(ctx context.Context, rc *request.Context, req *kmsg.UpdateFeaturesRequest) *kmsg.UpdateFeaturesResponse {
	resp, err := forward[*kmsg.UpdateFeaturesResponse](ctx, h, rc, req)
	if err != nil {
		resp = req.ResponseKind().(*kmsg.UpdateFeaturesResponse)
		resp.ErrorCode, resp.ErrorMessage = protocol.Code(err), protocol.Message(err)
	}
	return resp
}

// UnregisterBroker removes a broker that is gone for good (KIP-866).
func (h *Handlers) UnregisterBroker(ctx context.Context, rc *request.Context, req *kmsg.UnregisterBrokerRequest) *kmsg.UnregisterBrokerResponse {
	resp, err := forward[*kmsg.UnregisterBrokerResponse](ctx, h, rc, req)
	if err != nil {
		resp = req.ResponseKind().(*kmsg.UnregisterBrokerResponse)
		resp.ErrorCode, resp.ErrorMessage = protocol.Code(err), protocol.Message(err)
	}
	return resp
}

// ElectLeaders elects preferred leaders, or any where there is none (KIP-460).
func (h *Handlers) ElectLeaders(ctx context.Context, rc *request.Context, req *kmsg.ElectLeadersRequest) *kmsg.ElectLeadersResponse {
	resp, err := forward[*kmsg.ElectLeadersResponse](ctx, h, rc, req)
	if err == nil {
		return resp
	}
	resp = req.ResponseKind().(*kmsg.ElectLeadersResponse)
	resp.ErrorCode = protocol.Code(err)
	for _, t := range req.Topics {
		rt := kmsg.NewElectLeadersResponseTopic()
		rt.Topic = t.Topic
		for _, id := range t.Partitions {
			p := kmsg.NewElectLeadersResponseTopicPartition()
			p.Partition, p.ErrorCode, p.ErrorMessage = id, protocol.Code(err), protocol.Message(err)
			rt.Partitions = append(rt.Partitions, p)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// AlterPartitionReassignments moves partitions to other brokers (KIP-455).
func (h *Handlers) AlterPartitionReassignments(
	ctx context.Context, rc *request.Context, req *kmsg.AlterPartitionAssignmentsRequest,
) *kmsg.AlterPartitionAssignmentsResponse {
	resp, err := forward[*kmsg.AlterPartitionAssignmentsResponse](ctx, h, rc, req)
	if err == nil {
		return resp
	}
	resp = req.ResponseKind().(*kmsg.AlterPartitionAssignmentsResponse)
	resp.ErrorCode, resp.ErrorMessage = protocol.Code(err), protocol.Message(err)
	for _, t := range req.Topics {
		rt := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		rt.Topic = t.Topic
		for _, partition := range t.Partitions {
			p := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			p.Partition, p.ErrorCode, p.ErrorMessage = partition.Partition, protocol.Code(err), protocol.Message(err)
			rt.Partitions = append(rt.Partitions, p)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// ListPartitionReassignments lists the moves under way (KIP-455).
func (h *Handlers) ListPartitionReassignments(
	ctx context.Context, rc *request.Context, req *kmsg.ListPartitionReassignmentsRequest,
) *kmsg.ListPartitionReassignmentsResponse {
	resp, err := forward[*kmsg.ListPartitionReassignmentsResponse](ctx, h, rc, req)
	if err != nil {
		resp = req.ResponseKind().(*kmsg.ListPartitionReassignmentsResponse)
		resp.ErrorCode, resp.ErrorMessage = protocol.Code(err), protocol.Message(err)
	}
	return resp
}
