// Package request is what every API handler knows about the request it serves
// beside its body: who asks, over which listener, with which version.
//
// A handler is a method of its group's Handlers struct with the signature
//
//	func (h *Handlers) CreateTopics(ctx context.Context, rc *request.Context, req *kmsg.CreateTopicsRequest) *kmsg.CreateTopicsResponse
//
// It runs on the goroutine of the client's connection and may block there: the
// connection's next request is only read afterwards, as in Apache Kafka, where
// the channel is muted meanwhile. ctx ends when the node shuts down. The
// response's Version must be that of the request (start from
// req.ResponseKind()). Returning nil closes the connection.
//
// In Apache Kafka: org.apache.kafka.common.requests.RequestContext.
package request

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// Anonymous is the principal of clients of a listener without authentication.
const Anonymous = "User:ANONYMOUS"

// Context describes one request. It belongs to the connection's goroutine and
// must not be kept after the handler has returned.
type Context struct {
	// Key and Version are the API key and the version the client speaks.
	Key, Version int16
	// ClientID is the client's own name for itself; empty when it sent none.
	ClientID string
	// ClientHost is the client's IP address without port, as Kafka prints it ("/127.0.0.1").
	ClientHost string
	// ConnectionID names the connection in logs and in group member data.
	ConnectionID string
	// Listener is the name of the listener the client came in by, such as PLAINTEXT.
	Listener string
	// Self is this node's id, and SelfHost, if not empty, the host by which this
	// client reaches it instead of the advertised one; see Endpoint.
	Self     kafka.NodeID
	SelfHost string
	// FromController tells that the listener is the controller's, not the broker's.
	FromController bool
	// Principal is the authenticated user, such as User:alice.
	Principal string
	// SetSoftware stores the client's software name and version (KIP-511). It may be nil.
	SetSoftware func(name, version string)
}

// Endpoint gives where the client reaches a broker: what the broker advertises
// for the listener that the client came in by. ok is false if it has none.
func (rc *Context) Endpoint(b *metadata.Broker) (endpoint metadata.Endpoint, ok bool) {
	endpoint, ok = b.Endpoint(rc.Listener)
	if ok && b.ID == rc.Self && rc.SelfHost != "" {
		endpoint.Host = rc.SelfHost
	}
	return endpoint, ok
}

// Handler serves one API.
type Handler func(ctx context.Context, rc *Context, req kmsg.Request) kmsg.Response

// Adapt turns a typed handler into a Handler. The request decoder guarantees
// the type, so that a mismatch is a bug of the table.
func Adapt[Req, Resp any, PReq interface {
	*Req
	kmsg.Request
}, PResp interface {
	*Resp
	kmsg.Response
}](serve func(context.Context, *Context, PReq) PResp) Handler {
	return func(ctx context.Context, rc *Context, req kmsg.Request) kmsg.Response {
		if resp := serve(ctx, rc, req.(PReq)); resp != nil {
			return resp
		}
		return nil
	}
}
