package network

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// Limits are the configurable bounds of a server. Zero or negative values mean
// no limit, except where a default is given.
type Limits struct {
	// MaxRequestBytes is socket.request.max.bytes (default 100 MiB): a larger frame closes its connection.
	MaxRequestBytes int
	// QueuedMaxRequestBytes is queued.max.request.bytes: the memory of all
	// frames in flight. At the bound connections are not read.
	QueuedMaxRequestBytes int64
	// ConnectionsMaxIdle is connections.max.idle.ms (default 10 minutes).
	ConnectionsMaxIdle time.Duration
	// MaxConnections is max.connections: at the bound no connection is accepted.
	MaxConnections int
	// MaxConnectionsPerIP is max.connections.per.ip: connections beyond are closed.
	MaxConnectionsPerIP int
	// MaxConnectionsPerIPOverrides is max.connections.per.ip.overrides by IP address.
	MaxConnectionsPerIPOverrides map[string]int
	// MaxConnectionCreationRate is max.connection.creation.rate, per second.
	MaxConnectionCreationRate int
	// Listeners are overrides by listener name (listener.name.x.max.connections).
	Listeners map[string]ListenerLimits
	// SendBufferBytes and ReceiveBufferBytes are socket.send.buffer.bytes and
	// socket.receive.buffer.bytes; new connections only, 0 or -1 for the system's own.
	SendBufferBytes, ReceiveBufferBytes int
}

// ListenerLimits are limits of one listener, beside those of the server.
type ListenerLimits struct {
	MaxConnections            int
	MaxConnectionCreationRate int
}

// Options are what a Server needs.
type Options struct {
	Handler Handler
	Limits  Limits
	Logger  *slog.Logger
	// Observer may be nil.
	Observer Observer
}

// Server serves connections of any number of listeners.
type Server struct {
	options Options
}

// New returns a server that does nothing until Serve.
func New(o Options) *Server { return &Server{options: o} }

// Listen opens a TCP listener with socket.listen.backlog.size.
func Listen(ctx context.Context, address string, backlog int) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", address)
}

// Serve accepts connections from l, as the listener of that name, until
// Shutdown (then it returns nil) or until l fails for good. It may be called for
// several listeners. The listener may be in memory.
func (s *Server) Serve(l net.Listener, name string) error { return nil }

// UpdateLimits replaces the limits (dynamic configuration).
func (s *Server) UpdateLimits(limits Limits) {}

// Shutdown stops accepting and reading, lets the requests in flight finish, and
// closes every connection. When ctx ends it stops waiting, ends the handlers'
// context and closes what is left. It returns when no goroutine of the server is
// left, or ctx's error.
func (s *Server) Shutdown(ctx context.Context) error { return nil }
