package config

import (
	"math"
	"time"
)

// networkKeys are the keys of listeners and connections.
var networkKeys = []Key{
	{
		Name: "listeners", Type: List, Default: []string{"PLAINTEXT://:9092"}, Valid: listOf{}, Dynamic: PerBroker,
		Doc: "Where this node listens, as NAME://host:port separated by commas. No host means all interfaces, port 0 any free port.",
	},
	{
		Name: "advertised.listeners", Type: List, Valid: listOf{null: true},
		Doc: "What clients are told to connect to, as NAME://host:port separated by commas. Not set means the listeners themselves, with this machine's name where a listener is on all interfaces.",
	},
	{
		Name: "listener.security.protocol.map", Type: String, Default: "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", Importance: Low, Dynamic: PerBroker,
		Doc: "What each listener speaks, as NAME:PROTOCOL separated by commas; the protocols are PLAINTEXT, SSL, SASL_PLAINTEXT and SASL_SSL.",
	},
	{
		Name: "socket.send.buffer.bytes", Type: Int, Default: int32(102400),
		Doc: "The size, in bytes, of the system's send buffer of each connection. -1 leaves it to the system.",
	},
	{
		Name: "socket.receive.buffer.bytes", Type: Int, Default: int32(102400),
		Doc: "The size, in bytes, of the system's receive buffer of each connection. -1 leaves it to the system.",
	},
	{
		Name: "socket.request.max.bytes", Type: Int, Default: int32(104857600), Valid: atLeast(1),
		Doc: "The largest request, in bytes, that is read. A connection that sends more is closed.",
	},
	{
		Name: "socket.listen.backlog.size", Type: Int, Default: int32(50), Valid: atLeast(1), Importance: Medium,
		Doc: "How many connections may wait to be accepted. The system may allow fewer.",
	},
	{
		Name: "max.connections.per.ip", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many connections one address may have at once. 0 refuses all that max.connections.per.ip.overrides does not name.",
	},
	{
		Name: "max.connections.per.ip.overrides", Type: String, Default: "", Importance: Medium, Dynamic: ClusterWide,
		Doc: "Other limits for single addresses or host names, as address:number separated by commas.",
	},
	{
		Name: "max.connections", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many connections the broker has at most; with a listener's prefix, that listener. At the limit, connections of other listeners are closed for those between brokers.",
	},
	{
		Name: "max.connection.creation.rate", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many new connections per second the broker accepts at most; with a listener's prefix, that listener.",
	},
	{
		Name: "connections.max.idle.ms", Type: Long, Default: int64(600000), Importance: Medium,
		Doc: "Connections that were silent for this many milliseconds are closed. Negative never closes them.",
	},
	{
		Name: "connection.failed.authentication.delay.ms", Type: Int, Default: int32(100), Valid: atLeast(0), Importance: Low,
		Doc: "How long, in milliseconds, the answer to a failed login is held back, to slow down guessing.",
	},
	{
		Name: "queued.max.requests", Type: Int, Default: int32(500), Valid: atLeast(1),
		Doc: "How many requests may wait for being handled before no more are read.",
	},
	{
		Name: "queued.max.request.bytes", Type: Long, Default: int64(-1), Importance: Medium,
		Doc: "How many bytes of requests may wait for being handled before no more are read. Not positive means no limit.",
	},
	{
		Name: "num.network.threads", Type: Int, Default: int32(3), Valid: atLeast(1), Dynamic: ClusterWide,
		Doc: "Threads for reading and writing sockets in Apache Kafka. Accepted and changeable; the runtime polls all sockets here.",
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
