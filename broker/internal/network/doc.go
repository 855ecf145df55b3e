// Package network serves the connections of Kafka clients: it accepts them
// within the limits, reads request frames, calls the handler, and writes the
// responses in the order of the requests.
//
// Server owns the listeners and limits, Conn one connection, Request one
// request from its frame to its response. On Linux the connections wait in the
// epoll instances of pollers, whose leaders serve them; an idle connection has no
// goroutine. Elsewhere, and where a connection is not TCP, it has one of its own.
// Whoever serves it reads a frame into a pooled buffer, calls Handler.Handle, and
// writes the response. A handler that must wait for something else (a produce that
// waits for replicas) parks its request: the connection then goes on with the
// client's next one, and the response, completed by any goroutine, is written
// when all earlier ones are. Or it suspends it (a fetch that waits for bytes):
// then the connection goes on after the response.
//
// Nobody waits for a client that does not read: writing goes on when the poller
// tells of room, and reading after that.
//
// What always holds: responses leave in the order of the requests; a goroutine
// that completes a parked request never waits for the client's socket; what a
// client has not sent is not allocated for; every queue and buffer has a bound,
// and the answer at the bound is back-pressure: the connection is not read. An
// idle connection holds no frame buffer. A client that makes no progress for
// connections.max.idle.ms, in either direction, is closed.
//
// It does not decode bodies (protocol), knows no API, and does not authenticate.
//
// In Apache Kafka: SocketServer, Acceptor, Processor, ConnectionQuotas,
// RequestChannel, Selector.
package network
