package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api"
	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/internal/protocol"
)

// ClientRequest is a request that a client has sent, as Config.Intercept sees
// it. It is valid until Intercept returns.
type ClientRequest struct {
	// Key and Version are the API and its version, which may be one that the
	// node does not serve.
	Key     kmsg.Key
	Version int16
	// ClientID is what the client calls itself, by client.id.
	ClientID string
	// Listener is the name of the listener the client came in by.
	Listener string

	raw *network.Request
}

// Decode gives the request's content, or an error if it is malformed. It must
// not be changed, and aliases memory that the node uses again after Intercept.
func (r *ClientRequest) Decode() (kmsg.Request, error) {
	return protocol.Decode(r.raw.Header, r.raw.Body)
}

// Interception says what becomes of a request. The zero value has it handled.
type Interception struct {
	// Response, if not nil, is sent instead of handling the request. It must be of
	// the request's API and version.
	Response kmsg.Response
	// Disconnect closes the connection instead of handling the request.
	Disconnect bool
	// DropResponse has the request handled, and the connection closed instead of
	// answering: the client cannot know what happened.
	DropResponse bool
}

// interceptor lets Config.Intercept see requests before their handler.
type interceptor struct {
	intercept func(ctx context.Context, r *ClientRequest) Interception
	next      network.Handler
}

// intercepted gives the handler of a kind of listener.
func (n *Node) intercepted(next network.Handler, kind api.Listener) network.Handler {
	if n.cfg.Intercept == nil || kind != api.Broker {
		return next
	}
	return &interceptor{intercept: n.cfg.Intercept, next: next}
}

// Handle handles one request on its connection's goroutine.
func (i *interceptor) Handle(ctx context.Context, r *network.Request) {
	verdict := i.intercept(ctx, &ClientRequest{
		Key: kmsg.Key(r.Header.Key), Version: r.Header.Version, ClientID: r.Header.ClientID, Listener: r.Conn.Listener, raw: r,
	})
	switch {
	case verdict.Response != nil:
		r.Respond(network.Response{Message: verdict.Response})
	case verdict.Disconnect:
		r.Drop()
		r.RespondNothing()
	default:
		if verdict.DropResponse {
			r.Drop()
		}
		i.next.Handle(ctx, r)
	}
}
