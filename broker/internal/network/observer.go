package network

import "time"

// Observer hears what the server does, for metrics. Its methods are called on
// the connections' goroutines: they must be cheap and safe for concurrent use.
type Observer interface {
	// ConnectionOpened and ConnectionClosed come in pairs for each accepted connection.
	ConnectionOpened(c *Conn)
	ConnectionClosed(c *Conn, reason CloseReason)
	// ConnectionRefused is a connection closed at the door.
	ConnectionRefused(listener string, reason CloseReason)
	// RequestDone is called when the response of a request has been written or dropped.
	RequestDone(c *Conn, t RequestTimes)
}

// RequestTimes are the stages of one request. In Kafka's terms: LocalTime =
// Handled-Received, RemoteTime = Responded-Handled (if later), ResponseQueueTime
// = SendStarted-Responded, ResponseSendTime = Sent-SendStarted, TotalTime =
// Sent-Received. There is no request queue.
type RequestTimes struct {
	Key, Version                                    int16
	RequestBytes, ResponseBytes                     int64
	Received, Handled, Responded, SendStarted, Sent time.Time
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
	RefusedPerIP
)
