package peer

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Controller is the active controller as a broker sees it. The methods may be
// called from any goroutine and block until the answer is there or ctx ends. The
// errors are the request's own refusals (kerr codes with a message), or
// NOT_CONTROLLER while there is no active controller that could be reached.
type Controller interface {
	// Forward hands over an admin request of a client whose permissions have been
	// checked, and returns the controller's response, whose version is the
	// request's. Requests the controller does not know are UNSUPPORTED_VERSION.
	// When it returns without error, this node has seen what was changed.
	Forward(ctx context.Context, principal string, req kmsg.Request) (kmsg.Response, error)

	RegisterBroker(ctx context.Context, req *kmsg.BrokerRegistrationRequest) (*kmsg.BrokerRegistrationResponse, error)
	BrokerHeartbeat(ctx context.Context, req *kmsg.BrokerHeartbeatRequest) (*kmsg.BrokerHeartbeatResponse, error)
	RegisterController(ctx context.Context, req *kmsg.ControllerRegistrationRequest) (*kmsg.ControllerRegistrationResponse, error)
	AllocateProducerIDs(ctx context.Context, req *kmsg.AllocateProducerIDsRequest) (*kmsg.AllocateProducerIDsResponse, error)
	AlterPartition(ctx context.Context, req *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error)
	AssignReplicasToDirs(ctx context.Context, req *kmsg.AssignReplicasToDirsRequest) (*kmsg.AssignReplicasToDirsResponse, error)
}
