package network

import (
	"context"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/protocol"
)

// Handler answers requests.
type Handler interface {
	// Handle is called on the connection's goroutine for each request, one
	// after the other. For each it must call exactly one of Respond,
	// RespondNothing and Close, once, from any goroutine. If it returns before
	// that and has not called Park, the connection waits for that call before
	// it reads its next request; without a goroutine, if it has called Suspend.
	// ctx ends soon after Shutdown has been called; a handler that blocks must
	// answer and return then.
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
	// Size is the size of the frame in bytes, without its size field.
	Size int
	// ReceivedAt is when the frame was complete.
	ReceivedAt time.Time
	// FromFollower is set by the handler of a fetch that a follower sent, and
	// Waited to the time for which a handler waited for others on the connection's
	// goroutine. Both are for the Observer, and set before the answer.
	FromFollower bool
	Waited       time.Duration

	frame   *buffer
	dropped bool     // See Drop.
	next    *Request // The next request in flight on the connection.

	// The fields below are guarded by Conn.mu.
	response  Response
	expected  bool // A response is expected, not RespondNothing.
	responded bool
	handling  bool // Handle has not returned yet.
	parked    bool
	// hurry is what Suspend was given.
	hurry func()
	sent  bool // Off the connection's list.
	// The times are zero without an Observer. handledAt is set only before responded.
	handledAt, respondedAt time.Time
	responseBytes          int64
	throttle               time.Duration
}

// Respond answers the request. The response's message and parts, and what they
// alias, must stay untouched until its Done is called. It never blocks.
func (r *Request) Respond(resp Response) { r.complete(resp, true) }

// RespondNothing ends a request to which the client expects no response
// (Produce with acks=0).
func (r *Request) RespondNothing() { r.complete(Response{}, false) }

// Close closes the connection instead of answering, and logs the reason.
// Responses to earlier requests that are not written yet are dropped.
func (r *Request) Close(reason error) {
	r.Conn.server.logClosed(r.Conn, reason)
	r.Conn.close(ClosedByHandler)
	r.complete(Response{}, false)
}

// Drop has the connection closed at the moment of the answer, instead of sending
// it. It is for tests of clients, and must be called before the request is handled.
func (r *Request) Drop() { r.dropped = true }

// Park lets the connection go on with its next request when Handle returns,
// although this one is not answered yet. It must be called before the request
// becomes visible to another goroutine.
func (r *Request) Park() {
	r.Conn.mu.Lock()
	r.parked = true
	r.Conn.mu.Unlock()
}

// Suspend says that the request may wait for long, and has the connection wait for
// its answer without a goroutine. hurry is called if the client has gone or the
// server is about to end: the answer must come soon then. It is called with locks
// held that Respond takes, at most once, and not after the answer. Suspend must be
// called before the request becomes visible to another goroutine.
func (r *Request) Suspend(hurry func()) {
	c := r.Conn
	c.mu.Lock()
	r.hurry, c.suspended = hurry, r
	if c.closing.Load() || c.ctx.Err() != nil {
		c.hurryLocked()
	}
	c.mu.Unlock()
}

// Release gives the frame's memory back before the response, for requests that
// wait long. Body must not be used afterwards. The caller must be the one that
// will respond, or be ordered before it.
func (r *Request) Release() {
	if r.frame == nil {
		return
	}
	s := r.Conn.server
	s.buffers.put(r.frame)
	s.memory.release(r.Conn, int64(r.Size))
	r.frame, r.Body = nil, nil
}

// complete records the answer, and sees that it gets written when its turn has
// come.
//
// While Handle runs, or the reader waits for this answer, the reader will look
// at the list next, so nothing is done here: in the common case the reader
// writes, and no other goroutine is involved.
//
// Otherwise the caller is a stranger: a follower's fetch that moved the high
// watermark, the flusher after an fsync, a timer. It may complete hundreds of
// requests in a row, perhaps under a lock, and must not meet a client that does
// not read, so it does not write: the one that leads the connection's poller does,
// or another goroutine (writers) if there is none. Unlike a nonblocking write by the
// stranger that needs no second code path for the rest of a half-written response.
func (r *Request) complete(resp Response, expected bool) {
	c := r.Conn
	if r.dropped {
		c.close(ClosedByHandler)
	}
	c.mu.Lock()
	if r.responded { // Asserted only here: the arguments of Assert would be allocated.
		invariant.Assert(false, "%s request answered twice", protocol.KeyName(r.Header.Key))
	}
	r.response, r.expected, r.responded, r.hurry = resp, expected, true, nil
	if resp.Throttle > 0 {
		c.mutedUntil = time.Now().Add(resp.Throttle)
		r.throttle = resp.Throttle
	}
	if c.server.options.Observer != nil {
		r.respondedAt = time.Now()
	}
	drop := false
	switch {
	case r.handling:
		if !r.parked {
			c.cond.Broadcast() // The reader may be asleep until this answer.
		}
	case c.head == r && !c.writing:
		c.startWritingLocked()
		if drop = c.closing.Load(); !drop {
			c.handOver()
		}
	}
	c.mu.Unlock()
	if drop {
		c.flush() // Writes nothing.
	}
}

// Response is an answer: a message that network encodes, or the parts of a
// body that the handler encoded. The header is network's in both cases.
type Response struct {
	// Message is encoded in the version it carries, which must be the request's.
	Message kmsg.Response
	// Parts are the body if Message is nil, in the request's version.
	Parts []Part
	// Throttle mutes the connection for so long from now (quotas): the
	// response is sent, further requests are not read meanwhile.
	Throttle time.Duration
	// Done, if not nil, is called once when the response has been written or
	// dropped. It runs on the writing goroutine and must not block.
	Done func()
}

// Part is a piece of a body: Bytes, or a range of a file.
type Part struct {
	Bytes []byte
	// File, Position and Size are the range, if File is not nil. The file must
	// stay open until Release. A range that turns out to reach beyond the
	// file's end closes the connection: the size is promised already.
	File     *os.File
	Position int64
	Size     int64
	copied   bool // The file cannot be sent from where it is.
	// Release, if not nil, is called once when the part has been written or dropped.
	Release func()
}

func (p *Part) size() int64 {
	if p.File != nil {
		return p.Size
	}
	return int64(len(p.Bytes))
}

// finish lets go of everything the response holds.
func (r *Response) finish() {
	for i := range r.Parts {
		if r.Parts[i].Release != nil {
			r.Parts[i].Release()
		}
	}
	if r.Done != nil {
		r.Done()
	}
	*r = Response{}
}
