package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// Local reaches the controller of this very process.
type Local struct {
	quorum *quorum.Quorum
}

var _ Controller = (*Local)(nil)

// NewLocal returns the channel to that quorum.
func NewLocal(q *quorum.Quorum) *Local { return &Local{quorum: q} }

// Forward implements Controller.
func (l *Local) Forward(ctx context.Context, _ string, req kmsg.Request) (kmsg.Response, error) {
	if req, ok := req.(*kmsg.DescribeQuorumRequest); ok {
		return l.describeQuorum(ctx, req)
	}
	op, ok := adminOperation(req)
	if !ok {
		return nil, kafka.Errorf(kerr.UnsupportedVersion, "The controller does not support the %s API.", protocol.KeyName(req.Key()))
	}
	timeout, late := timeoutOf(req)
	if late {
		return nil, quorum.ErrTimedOut
	}
	resp, err := do[kmsg.Response](ctx, l.quorum, timeout, op)
	if err != nil {
		return nil, err
	}
	// The change is committed. A client that goes on at once should find it in
	// place on this node too; if that takes too long, the answer is still true.
	_ = l.quorum.WaitPublished(ctx)
	return resp, nil
}

// adminOperation finds what the controller does for a request of a client.
func adminOperation(req kmsg.Request) (quorum.Operation, bool) {
	switch req := req.(type) {
	case *kmsg.CreateTopicsRequest:
		return bind((*controller.Core).CreateTopics, req), true
	case *kmsg.DeleteTopicsRequest:
		return bind((*controller.Core).DeleteTopics, req), true
	case *kmsg.CreatePartitionsRequest:
		return bind((*controller.Core).CreatePartitions, req), true
	case *kmsg.IncrementalAlterConfigsRequest:
		return bind((*controller.Core).IncrementalAlterConfigs, req), true
	case *kmsg.AlterConfigsRequest:
		return bind((*controller.Core).AlterConfigs, req), true
	case *kmsg.UpdateFeaturesRequest:
		return bind((*controller.Core).UpdateFeatures, req), true
	case *kmsg.UnregisterBrokerRequest:
		return bind((*controller.Core).UnregisterBroker, req), true
	case *kmsg.ElectLeadersRequest:
		return bind((*controller.Core).ElectLeaders, req), true
	case *kmsg.AlterPartitionAssignmentsRequest:
		return bind((*controller.Core).AlterPartitionReassignments, req), true
	case *kmsg.ListPartitionReassignmentsRequest:
		return bind((*controller.Core).ListPartitionReassignments, req), true
	case *kmsg.AlterClientQuotasRequest:
		return bind((*controller.Core).AlterClientQuotas, req), true
	}
	return nil, false
}

func bind[Req any](method func(*controller.Core, time.Time, Req) controller.Result, req Req) quorum.Operation {
	return func(c *controller.Core, now time.Time) controller.Result { return method(c, now, req) }
}

// do runs an operation and gives its response as the type it is known to have.
func do[Resp any](ctx context.Context, q *quorum.Quorum, timeout time.Duration, op quorum.Operation) (Resp, error) {
	var none Resp
	response, err := q.Do(ctx, timeout, op)
	if err != nil {
		return none, err
	}
	resp, ok := response.(Resp)
	if !ok {
		return none, fmt.Errorf("the controller answered with a %T", response)
	}
	return resp, nil
}

// timeoutOf gives how long the client wants to wait, 0 if it says nothing. As in
// Apache Kafka a timeout of 0 or less has run out before the controller begins, and
// UpdateFeatures and ListPartitionReassignments do not heed theirs.
func timeoutOf(req kmsg.Request) (timeout time.Duration, late bool) {
	switch req.(type) {
	case *kmsg.UpdateFeaturesRequest, *kmsg.ListPartitionReassignmentsRequest:
		return 0, false
	}
	t, ok := req.(kmsg.TimeoutRequest)
	if !ok {
		return 0, false
	}
	return time.Duration(t.Timeout()) * time.Millisecond, t.Timeout() <= 0
}

// RegisterBroker implements Controller. The broker of this process holds the
// locks of its log directories, so whatever incarnation was registered before is
// gone, and its session counts as expired: after a crash nobody has to wait for it.
//
// Differs from Kafka: there the restarted broker is refused with
// DUPLICATE_BROKER_REGISTRATION until broker.session.timeout.ms has passed.
func (l *Local) RegisterBroker(ctx context.Context, req *kmsg.BrokerRegistrationRequest) (*kmsg.BrokerRegistrationResponse, error) {
	return do[*kmsg.BrokerRegistrationResponse](ctx, l.quorum, 0, func(c *controller.Core, now time.Time) controller.Result {
		return c.RegisterBroker(now.Add(anySession), req)
	})
}

// anySession is longer than any session of a broker.
const anySession = 365 * 24 * time.Hour

// BrokerHeartbeat implements Controller.
func (l *Local) BrokerHeartbeat(ctx context.Context, req *kmsg.BrokerHeartbeatRequest) (*kmsg.BrokerHeartbeatResponse, error) {
	return do[*kmsg.BrokerHeartbeatResponse](ctx, l.quorum, 0, bind((*controller.Core).BrokerHeartbeat, req))
}

// RegisterController implements Controller.
func (l *Local) RegisterController(ctx context.Context, req *kmsg.ControllerRegistrationRequest) (*kmsg.ControllerRegistrationResponse, error) {
	return do[*kmsg.ControllerRegistrationResponse](ctx, l.quorum, 0, bind((*controller.Core).RegisterController, req))
}

// AllocateProducerIDs implements Controller.
func (l *Local) AllocateProducerIDs(ctx context.Context, req *kmsg.AllocateProducerIDsRequest) (*kmsg.AllocateProducerIDsResponse, error) {
	return do[*kmsg.AllocateProducerIDsResponse](ctx, l.quorum, 0, bind((*controller.Core).AllocateProducerIDs, req))
}

// AlterPartition implements Controller.
func (l *Local) AlterPartition(ctx context.Context, req *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error) {
	return do[*kmsg.AlterPartitionResponse](ctx, l.quorum, 0, bind((*controller.Core).AlterPartition, req))
}

// AssignReplicasToDirs implements Controller.
func (l *Local) AssignReplicasToDirs(ctx context.Context, req *kmsg.AssignReplicasToDirsRequest) (*kmsg.AssignReplicasToDirsResponse, error) {
	return do[*kmsg.AssignReplicasToDirsResponse](ctx, l.quorum, 0, bind((*controller.Core).AssignReplicasToDirs, req))
}
