package api

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// Listener says by which kind of listener an API is offered.
type Listener uint8

const (
	// Broker is a listener for clients and other brokers.
	Broker Listener = 1 << iota
	// Controller is a listener of controller.listener.names.
	Controller
)

// API is one row of the table.
type API struct {
	Key kmsg.Key
	// Min and Max are the versions served, inclusive.
	Min, Max int16
	// AdvertisedMin is what ApiVersions says instead of Min, for the clients
	// that need it; it is 0 or Min.
	AdvertisedMin int16
	Listeners     Listener
	// Remote says that Handle mostly waits: for the controller, for the members of a
	// group, until records are committed. Metrics count its time as such.
	Remote bool
	// One of Handle and Raw is set. Raw decodes and responds by itself.
	Handle request.Handler
	Raw    func(ctx context.Context, r *network.Request)
}

// Server hands requests to their APIs. It serves one kind of listener.
type Server struct {
	listener Listener
	// byKey has a nil where nothing is offered.
	byKey   [kmsg.MaxKey + 1]*API
	options ServerOptions
}

// ServerOptions are what a Server tells its handlers of the node.
type ServerOptions struct {
	NodeID kafka.NodeID
	// SelfHost gives the host that a client of that listener and local address
	// reaches this node by, if it is not the advertised one; it may be nil.
	SelfHost func(listener string, local net.Addr) string
	// CountErrors is told of every response that a Handle of the table gives, before
	// it is sent; it may be nil.
	CountErrors func(key int16, resp kmsg.Response)
}

// NewServer returns a server of those rows of the table that the kind of
// listener offers.
func NewServer(listener Listener, table []API, options ServerOptions) *Server {
	s := &Server{listener: listener, options: options}
	for i := range table {
		if table[i].Listeners&listener != 0 {
			s.byKey[table[i].Key] = &table[i]
		}
	}
	return s
}

// Handle serves one request on its connection's goroutine.
func (s *Server) Handle(ctx context.Context, r *network.Request) {
	key := r.Header.Key
	if key < 0 || int(key) >= len(s.byKey) || s.byKey[key] == nil {
		r.Close(fmt.Errorf("API %s is not offered by this listener", protocol.KeyName(key)))
		return
	}
	api := s.byKey[key]
	if r.Header.Version < api.Min || r.Header.Version > api.Max {
		s.refuseVersion(r, api)
		return
	}
	if api.Raw != nil {
		api.Raw(ctx, r)
		return
	}
	req, err := protocol.Decode(r.Header, r.Body)
	if err != nil {
		r.Close(err)
		return
	}
	rc := s.context(r)
	resp := api.Handle(ctx, &rc, req)
	if api.Remote {
		r.Waited = time.Since(r.ReceivedAt)
	}
	if resp == nil {
		r.Close(fmt.Errorf("%s has no answer", protocol.KeyName(key)))
		return
	}
	if s.options.CountErrors != nil {
		s.options.CountErrors(key, resp)
	}
	r.Respond(network.Response{Message: resp})
}

func (s *Server) context(r *network.Request) request.Context {
	selfHost := ""
	if s.options.SelfHost != nil {
		selfHost = s.options.SelfHost(r.Conn.Listener, r.Conn.LocalAddr())
	}
	return request.Context{
		Self: s.options.NodeID, SelfHost: selfHost,
		Key: r.Header.Key, Version: r.Header.Version, ClientID: r.Header.ClientID,
		ClientHost: r.Conn.ClientHost, ConnectionID: r.Conn.ID, Listener: r.Conn.Listener,
		FromController: s.listener == Controller, Principal: r.Conn.Principal(),
		SetSoftware: r.Conn.SetSoftware,
	}
}

// refuseVersion closes the connection of a client that speaks a version nobody
// offered it. Only ApiVersions gets an answer, in the version that every client
// can read: it is how a client finds out.
func (s *Server) refuseVersion(r *network.Request, api *API) {
	if api.Key == kmsg.ApiVersions {
		r.Respond(network.Response{Message: unsupportedApiVersions(api)})
		return
	}
	r.Close(fmt.Errorf("version %d of %s is not supported, only %d to %d: the client did not ask with ApiVersions",
		r.Header.Version, protocol.KeyName(r.Header.Key), api.Min, api.Max))
}
