package network

import (
	"math"
	"net/netip"
	"time"
)

// Limits are the configurable bounds of a server. Start from DefaultLimits.
type Limits struct {
	// MaxRequestBytes is socket.request.max.bytes: a larger frame closes its connection.
	MaxRequestBytes int
	// QueuedMaxRequestBytes is queued.max.request.bytes: the memory of all
	// frames in flight; not positive for no bound. At the bound connections are
	// not read.
	QueuedMaxRequestBytes int64
	// ConnectionsMaxIdle is connections.max.idle.ms: a connection on which
	// nothing moves for so long is closed, unless the client waits for us. Not
	// positive for no bound.
	ConnectionsMaxIdle time.Duration
	// MaxConnections is max.connections: at the bound no connection is
	// accepted, except from InterBrokerListener if there are others. Not
	// positive for no bound.
	MaxConnections int
	// InterBrokerListener is the listener (by name) that brokers use.
	InterBrokerListener string
	// MaxConnectionsPerIP is max.connections.per.ip: connections beyond are
	// closed; 0 closes all but those with an override.
	MaxConnectionsPerIP int
	// MaxConnectionsPerIPOverrides is max.connections.per.ip.overrides, by address.
	MaxConnectionsPerIPOverrides map[netip.Addr]int
	// MaxConnectionCreationRate is max.connection.creation.rate, per second.
	// Beyond it the acceptor waits. Not positive for no bound.
	MaxConnectionCreationRate int
	// Listeners are further limits by listener name (listener.name.x.max.connections).
	Listeners map[string]ListenerLimits
	// SendBufferBytes and ReceiveBufferBytes are socket.send.buffer.bytes and
	// socket.receive.buffer.bytes of new connections; not positive for the system's own.
	SendBufferBytes, ReceiveBufferBytes int
}

// ListenerLimits are limits of one listener, beside those of the server. Zero
// for no bound.
type ListenerLimits struct {
	MaxConnections            int
	MaxConnectionCreationRate int
}

// DefaultLimits are Kafka's defaults.
func DefaultLimits() Limits {
	return Limits{
		MaxRequestBytes:           100 << 20,
		QueuedMaxRequestBytes:     -1,
		ConnectionsMaxIdle:        10 * time.Minute,
		MaxConnections:            math.MaxInt32,
		MaxConnectionsPerIP:       math.MaxInt32,
		MaxConnectionCreationRate: math.MaxInt32,
		SendBufferBytes:           100 << 10,
		ReceiveBufferBytes:        100 << 10,
	}
}
