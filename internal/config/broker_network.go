package config

import (
	"math"
	"time"
)

// networkKeys are the keys of listeners and connections.
var networkKeys = []Key{
	{
		Name: "listeners", Type: List, Default: []string{"PLAINTEXT://:9092"}, Valid: listOf{}, Dynamic: PerBroker,
	},
	{
		Name: "advertised.listeners", Type: List, Valid: listOf{null: true},
	},
	{
		Name: "listener.security.protocol.map", Type: String, Default: "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", Importance: Low, Dynamic: PerBroker,
	},
	{
		Name: "socket.send.buffer.bytes", Type: Int, Default: int32(102400),
	},
	{
		Name: "socket.receive.buffer.bytes", Type: Int, Default: int32(102400),
	},
	{
		Name: "socket.request.max.bytes", Type: Int, Default: int32(104857600), Valid: atLeast(1),
	},
	{
		Name: "socket.listen.backlog.size", Type: Int, Default: int32(50), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "max.connections.per.ip", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "max.connections.per.ip.overrides", Type: String, Default: "", Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "max.connections", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "max.connection.creation.rate", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "connections.max.idle.ms", Type: Long, Default: int64(600000), Importance: Medium,
	},
	{
		Name: "connection.failed.authentication.delay.ms", Type: Int, Default: int32(100), Valid: atLeast(0), Importance: Low,
	},
	{
		Name: "queued.max.requests", Type: Int, Default: int32(500), Valid: atLeast(1),
	},
	{
		Name: "queued.max.request.bytes", Type: Long, Default: int64(-1), Importance: Medium,
	},
	{
		Name: "num.network.threads", Type: Int, Default: int32(3), Valid: atLeast(1), Dynamic: ClusterWide,
	},
}

// NetworkSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type NetworkSettings struct {
	SocketSendBufferBytes               int           // socket.send.buffer.bytes
	SocketReceiveBufferBytes            int           // socket.receive.buffer.bytes
	SocketRequestMaxBytes               int           // socket.request.max.bytes
	SocketListenBacklogSize             int           // socket.listen.backlog.size
	MaxConnectionsPerIP                 int           // max.connections.per.ip
	MaxConnections                      int           // max.connections
	MaxConnectionCreationRate           int           // max.connection.creation.rate
	ConnectionsMaxIdle                  time.Duration // connections.max.idle.ms
	ConnectionFailedAuthenticationDelay time.Duration // connection.failed.authentication.delay.ms
	QueuedMaxRequests                   int           // queued.max.requests
	QueuedMaxRequestBytes               int64         // queued.max.request.bytes
	NumNetworkThreads                   int           // num.network.threads
}

func networkSettings(v values) NetworkSettings {
	return NetworkSettings{
		SocketSendBufferBytes:               v.int("socket.send.buffer.bytes"),
		SocketReceiveBufferBytes:            v.int("socket.receive.buffer.bytes"),
		SocketRequestMaxBytes:               v.int("socket.request.max.bytes"),
		SocketListenBacklogSize:             v.int("socket.listen.backlog.size"),
		MaxConnectionsPerIP:                 v.int("max.connections.per.ip"),
		MaxConnections:                      v.int("max.connections"),
		MaxConnectionCreationRate:           v.int("max.connection.creation.rate"),
		ConnectionsMaxIdle:                  v.duration("connections.max.idle.ms", time.Millisecond),
		ConnectionFailedAuthenticationDelay: v.duration("connection.failed.authentication.delay.ms", time.Millisecond),
		QueuedMaxRequests:                   v.int("queued.max.requests"),
		QueuedMaxRequestBytes:               v.int64("queued.max.request.bytes"),
		NumNetworkThreads:                   v.int("num.network.threads"),
	}
}
