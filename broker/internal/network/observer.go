package network

import "time"

// Observer hears what the server does, for metrics. Its methods are called on
// the connections' goroutines: they must be cheap, not block, and be safe for
// concurrent use.
type Observer interface {
	// ConnectionOpened and ConnectionClosed come in pairs for each connection served.
	ConnectionOpened(c *Conn)
	ConnectionClosed(c *Conn, reason CloseReason)
	// ConnectionRefused is a connection closed at the door.
	ConnectionRefused(listener string)
	// AcceptorBlocked is time for which a listener did not accept because of a limit.
	AcceptorBlocked(listener string, d time.Duration)
	// RequestDone is called when the response of a request has been written or dropped.
	RequestDone(c *Conn, t RequestTimes)
}

// RequestTimes are the stages of one request. In Kafka's terms: LocalTime is
// from Received to Handled (or Responded if earlier) without Waited, RemoteTime is
// Waited and from Handled to Responded, ResponseQueueTime goes on to SendStarted,
// ResponseSendTime on to Sent, TotalTime is all. There is no request queue.
type RequestTimes struct {
	Key, Version int16
	// FromFollower says that a follower fetched, not a consumer.
	FromFollower                                    bool
	RequestBytes, ResponseBytes                     int64
	Received, Handled, Responded, SendStarted, Sent time.Time
	// Waited is for how long the handler waited for others before Handled, Throttle
	// for how long the response mutes the connection.
	Waited, Throttle time.Duration
}

// CloseReason says why a connection ended.
type CloseReason int8

// Why connections end.
const (
	ClosedByClient CloseReason = iota
	ClosedIdle
	ClosedMalformed
	ClosedByHandler
	ClosedIOError
	ClosedShutdown
	ClosedForInterBroker
	ClosedStalled
)

// String gives the reason's name in logs and metrics.
func (r CloseReason) String() string {
	switch r {
	case ClosedByClient:
		return "client"
	case ClosedIdle:
		return "idle"
	case ClosedMalformed:
		return "malformed"
	case ClosedByHandler:
		return "handler"
	case ClosedIOError:
		return "io_error"
	case ClosedShutdown:
		return "shutdown"
	case ClosedForInterBroker:
		return "inter_broker"
	case ClosedStalled:
		return "stalled"
	}
	return "unknown"
}
