package cluster

import (
	"context"
	"math/rand/v2"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
)

// Endpoint types of DescribeCluster (KIP-919).
const (
	endpointBroker     int8 = 1
	endpointController int8 = 2
)

// DescribeCluster lists the brokers, or on a controller's listener the
// controllers, as they can be reached through the client's listener.
func (h *Handlers) DescribeCluster(_ context.Context, rc *request.Context, req *kmsg.DescribeClusterRequest) *kmsg.DescribeClusterResponse {
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	expected, name := endpointBroker, "BROKER"
	if rc.FromController {
		expected, name = endpointController, "CONTROLLER"
	}
	wanted := req.EndpointType
	if req.Version == 0 {
		wanted = endpointBroker
	}
	if wanted != expected {
		refuseEndpoint(resp, wanted, name)
		return resp
	}
	resp.EndpointType, resp.ClusterID = expected, h.ClusterID
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = allOperations
	}
	resp.ControllerID = -1
	image := h.Image()
	if rc.FromController {
		h.addControllers(resp, image, rc.Listener)
		return resp
	}
	var live []int32
	for b := range image.Brokers() {
		endpoint, ok := rc.Endpoint(b)
		if !ok || b.Fenced && !req.IncludeFencedBrokers {
			continue
		}
		rb := kmsg.NewDescribeClusterResponseBroker()
		rb.NodeID, rb.Host, rb.Port, rb.Rack, rb.IsFenced = int32(b.ID), endpoint.Host, int32(endpoint.Port), b.Rack, b.Fenced
		resp.Brokers = append(resp.Brokers, rb)
		if !b.Fenced {
			live = append(live, rb.NodeID)
		}
	}
	if len(live) > 0 {
		// Clients reach the active controller through any broker.
		resp.ControllerID = live[rand.IntN(len(live))]
	}
	return resp
}

func refuseEndpoint(resp *kmsg.DescribeClusterResponse, wanted int8, offered string) {
	message := "The request was sent to an endpoint of type " + offered + ", but we wanted an endpoint of type "
	resp.ErrorCode = kerr.MismatchedEndpointType.Code
	switch wanted {
	case endpointBroker:
		message += "BROKER"
	case endpointController:
		message += "CONTROLLER"
	default:
		message = "Unsupported endpoint type " + strconv.Itoa(int(wanted))
		resp.ErrorCode = kerr.UnsupportedEndpointType.Code
	}
	if resp.Version == 0 {
		resp.ErrorCode = kerr.InvalidRequest.Code
	}
	resp.ErrorMessage, resp.ControllerID = &message, -1
}

func (h *Handlers) addControllers(resp *kmsg.DescribeClusterResponse, image *metadata.Image, listener string) {
	active := h.ActiveController()
	for c := range image.Controllers() {
		for _, endpoint := range c.Endpoints {
			if endpoint.Name != listener {
				continue
			}
			rb := kmsg.NewDescribeClusterResponseBroker()
			rb.NodeID, rb.Host, rb.Port = int32(c.ID), endpoint.Host, int32(endpoint.Port)
			resp.Brokers = append(resp.Brokers, rb)
			if c.ID == active {
				resp.ControllerID = int32(active)
			}
		}
	}
}
