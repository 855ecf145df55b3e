package network

import (
	"context"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/protocol"
)

// Handler answers requests.
type Handler interface {
	// Handle is called on the connection's goroutine for each request, one
	// after the other. For each it must call exactly one of Respond,
	// RespondNothing and Close, once, from any goroutine. If it returns before
	// and has not called Park, the connection waits for that call before it
	// reads its next request. ctx ends when the server gives up on requests in
	// flight at shutdown. An error or a panic is not an answer.
	Handle(ctx context.Context, r *Request)
}

// Request is one request of a client. It belongs to the handler until the
// handler has both responded and returned; then its memory is used again.
type Request struct {
	Conn   *Conn
	Header protocol.Header
	// Body is the request behind the header. It is frame memory: valid until
	// the response or Release.
	Body []byte
	// ReceivedAt is when the frame was complete.
	ReceivedAt time.Time
}

// Respond answers the request. The response's message, parts and what they
// alias must stay untouched until its Done is called. It never blocks.
func (r *Request) Respond(resp Response) {}

// RespondNothing ends a request to which the client expects no response
// (Produce with acks=0).
func (r *Request) RespondNothing() {}

// Close closes the connection instead of answering; the reason is logged.
// Responses to earlier requests that are not written yet are dropped.
func (r *Request) Close(reason error) {}

// Park lets the connection go on with its next request when Handle returns,
// although this one is not answered yet. It must be called before the request
// becomes visible to another goroutine.
func (r *Request) Park() {}

// Release gives the frame's memory back before the response, for requests that
// wait long. Body must not be used afterwards.
func (r *Request) Release() {}

// Response is an answer: a message that network encodes, or the parts of a
// body that the handler encoded. The header is network's in both cases.
type Response struct {
	// Message is encoded in the version it carries.
	Message kmsg.Response
	// Parts are the body if Message is nil, in the request's version.
	Parts []Part
	// Throttle mutes the connection for so long after the response (quotas).
	Throttle time.Duration
	// Done, if not nil, is called once when the response has been written or
	// dropped. It runs on the writing goroutine and must not block.
	Done func()
}

// Part is a piece of a body: Bytes, or a range of a file.
type Part struct {
	Bytes []byte
	// File, Position and Size are the range, if File is not nil. A range that
	// turns out to be beyond the file's end closes the connection.
	File     *os.File
	Position int64
	Size     int64
	// Release, if not nil, is called once when the part has been written or dropped.
	Release func()
}
