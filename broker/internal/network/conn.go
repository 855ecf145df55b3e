package network

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/protocol"
)

// maxInFlight bounds the unanswered requests of one connection that the server
// has read. Java producers send up to 5, librdkafka as many as it likes.
const maxInFlight = 64

// maxDeferred bounds the answers that wait for the next request of their connection
// to be handled, see Conn.defers.
const maxDeferred = 8

// maxInline is the size of a request whose handling may take so long that others
// should not wait for it.
const maxInline = 256 << 10

// anonymous is the principal before, or without, authentication.
const anonymous = "User:ANONYMOUS"

// ClientSoftware is what a client says it is (KIP-511).
type ClientSoftware struct {
	Name, Version string
}

// Conn is one client's connection. One goroutine at a time, the reader, serves it (serve
// or run); see Request.complete for who writes.
type Conn struct {
	// ID names the connection in logs, as in Kafka: local address, remote
	// address and a number that makes it unique.
	ID string
	// Listener is the name of the listener it came in by.
	Listener string
	// ClientHost is the client's address as Kafka prints it, "/127.0.0.1".
	ClientHost string

	server *Server
	conn   net.Conn
	// sock is conn if a poller watches it: then the connection has a goroutine only
	// while there is something to do. Otherwise it has one until it ends.
	sock      *socket
	ip        netip.Addr
	software  atomic.Pointer[ClientSoftware]
	principal atomic.Pointer[string]
	closing   atomic.Bool
	closed    chan struct{} // Closed with closing, for those who select.
	// ctx is the context of the handlers, which cancel ends with closing.
	ctx    context.Context
	cancel context.CancelFunc
	// lastMoved is when bytes last moved in either direction, in nanoseconds
	// since the server's start.
	lastMoved atomic.Int64
	// arrival is how the frame that is being read comes in.
	arrival arrival
	// frameBytes is what the connection's frames take of the server's memory.
	frameBytes atomic.Int64

	// The fields up to mu belong to the reader.

	header   protocol.Header // Of the latest request; keeps its client id.
	in       inbox
	incoming incoming
	// deferred counts the answers that are there and that handled has left for
	// later. Before the reader waits for anything it calls writeDeferred.
	deferred int
	// largest is the largest frame this client has really sent: how much
	// memory it is trusted with before its bytes are there.
	largest int

	mu   sync.Mutex
	cond sync.Cond // Signals inFlight, responded (of an unparked request), draining, closing.
	// head to tail are the requests in flight in their order.
	head, tail *Request
	inFlight   int
	// suspended is the request for whose answer nobody waits, see Request.Suspend. The
	// next one is not read before its answer is written.
	suspended  *Request
	writing    bool    // Some goroutine is in flush, or out is to be continued.
	out        *sender // What flush has stopped at, since the socket was full.
	draining   bool
	reason     CloseReason
	mutedUntil time.Time
}

func newConn(s *Server, conn net.Conn, listener string, ip netip.Addr) *Conn {
	c := &Conn{
		Listener: listener, server: s, conn: conn, ip: ip,
		closed:  make(chan struct{}),
		largest: initialTrust,
	}
	c.cond.L = &c.mu
	number := strconv.FormatInt(s.accepted.Add(1), 10)
	c.ID = conn.LocalAddr().String() + "-" + conn.RemoteAddr().String() + "-" + number
	if c.ClientHost = "/" + conn.RemoteAddr().String(); ip.IsValid() {
		c.ClientHost = "/" + javaAddress(ip)
	}
	c.sock, _ = conn.(*socket)
	c.moved(time.Now())
	return c
}

// javaAddress is the text form that Java gives an address, and so the one that
// Kafka's tools and ACLs know: IPv6 without ::.
func javaAddress(ip netip.Addr) string {
	if ip.Is4() {
		return ip.String()
	}
	b := ip.As16()
	groups := make([]string, 0, 8)
	for i := 0; i < len(b); i += 2 {
		groups = append(groups, strconv.FormatUint(uint64(b[i])<<8|uint64(b[i+1]), 16))
	}
	return strings.Join(groups, ":")
}

// RemoteAddr is the client's address.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// LocalAddr is the address the client connected to.
func (c *Conn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// Software is what SetSoftware stored, or nothing. It may be called at any time.
func (c *Conn) Software() ClientSoftware {
	if s := c.software.Load(); s != nil {
		return *s
	}
	return ClientSoftware{}
}

// SetSoftware stores the name and version that the client gave in ApiVersions.
func (c *Conn) SetSoftware(name, version string) {
	c.software.Store(&ClientSoftware{Name: name, Version: version})
}

// Principal is the authenticated user, at first User:ANONYMOUS.
func (c *Conn) Principal() string {
	if p := c.principal.Load(); p != nil {
		return *p
	}
	return anonymous
}

// SetPrincipal stores the authenticated user.
func (c *Conn) SetPrincipal(principal string) { c.principal.Store(&principal) }

// outcome is why serveRequests has returned.
type outcome int8

const (
	ready   outcome = iota // The next request may be there to read.
	waiting                // Nothing is there to read now, or may be read.
	ended                  // The connection is at its end.
)

// serve serves the connection until it ends.
func (c *Conn) serve() {
	for c.serveRequests(math.MaxInt) != ended {
	}
	c.end()
}

// run serves a connection that a poller watches until nothing is there to read, or it
// ends. It returns true after limit requests if there may be more.
func (c *Conn) run(limit int) (more bool) {
	for {
		switch c.serveRequests(limit) {
		case ready:
			return true
		case waiting:
			if c.sock.sleep() {
				return false
			}
		case ended:
			c.end()
			c.sock.poller.remove(c)
			c.server.wg.Done()
			return false
		}
	}
}

// kick has a connection that nobody serves look at its state.
func (c *Conn) kick() {
	if c.sock != nil && c.sock.wake() {
		go c.run(math.MaxInt)
	}
}

// standAside is called before the goroutine that serves the connection waits: if it
// leads a poller, another one does then.
func (c *Conn) standAside() {
	if c.sock != nil {
		c.sock.poller.standAside(c.sock)
	}
}

// serveRequests reads requests and has them handled, up to limit.
func (c *Conn) serveRequests(limit int) outcome {
	for range limit {
		if o := c.mayRead(); o != ready {
			return o
		}
		r, err := c.readRequest()
		switch {
		case err == errNothing: //nolint:errorlint // Nobody wraps it.
			return waiting
		case err != nil:
			c.readFailed(err)
			return ended
		}
		c.enqueue(r)
		switch {
		case !prompt(r):
			c.writeDeferred()
			c.standAside()
		case r.Size > maxInline:
			c.standAside()
		}
		c.server.options.Handler.Handle(c.ctx, r)
		c.handled(r)
	}
	return ready
}

// end ends the connection, when it is not read any more.
func (c *Conn) end() {
	c.standAside()
	c.dropFrame()
	c.writeAnswered()
	c.awaitDrained()
	c.linger()
	c.close(ClosedByClient)
	c.writeAnswered() // Drops what nobody reads.
	c.server.removeConn(c)
}

// mayRead waits until the connection may read its next request: there is room
// for one in flight, and no quota mutes it. For the answer of a request that is
// suspended, and for a client that reads no answers, it does not wait.
func (c *Conn) mayRead() outcome {
	c.mu.Lock()
	if c.inFlight >= maxInFlight || !c.mutedUntil.IsZero() {
		c.mu.Unlock()
		c.writeDeferred()
		c.mu.Lock()
	}
	for c.inFlight >= maxInFlight && !c.closing.Load() {
		c.standAside()
		c.cond.Wait()
	}
	end := c.draining || c.closing.Load()
	suspended, full := c.suspended != nil && c.sock != nil, c.out != nil
	muted := c.mutedUntil
	c.mu.Unlock()
	switch {
	case end:
		return ended
	case suspended && c.sock.ending.Load():
		c.close(ClosedByClient) // Who has gone waits for no answer.
		return ended
	case suspended || full:
		return waiting
	case muted.IsZero():
		return ready
	}
	if wait := time.Until(muted); wait > 0 {
		c.standAside()
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.closed:
			return ended
		case <-c.server.stop:
			return ended
		}
	}
	return ready
}

func (c *Conn) enqueue(r *Request) {
	c.mu.Lock()
	r.handling = true
	if c.tail == nil {
		c.head = r
	} else {
		c.tail.next = r
	}
	c.tail = r
	c.inFlight++
	c.mu.Unlock()
}

// handled is called when Handle has returned: the reader writes what can be
// written, after it has waited for the answer unless the request is parked or
// suspended.
func (c *Conn) handled(r *Request) {
	c.mu.Lock()
	if c.server.options.Observer != nil && !r.responded {
		r.handledAt = time.Now()
	}
	for !r.parked && !r.responded {
		if c.suspended == r && c.sock != nil {
			r.handling = false
			c.writeAnsweredLocked()
			return
		}
		if c.deferred > 0 {
			c.writeAnsweredLocked()
			c.mu.Lock()
			continue
		}
		c.standAside()
		c.cond.Wait()
	}
	r.handling = false
	if r.sent {
		c.mu.Unlock()
		c.server.recycle(r)
		return
	}
	if c.defers(r) {
		c.deferred++
		c.mu.Unlock()
		return
	}
	c.writeAnsweredLocked()
}

// deferrable tells whether a request is one of those that clients send many of
// without waiting for the answers.
func deferrable(r *Request) bool { return r.Header.Key == int16(kmsg.Produce) }

// prompt tells whether a request's handler does not wait.
func prompt(r *Request) bool { return deferrable(r) || r.Header.Key == int16(kmsg.Fetch) }

// defers tells whether an answer is better written together with the next one: the
// beginning of the client's next request is here already. On loopback, and with a
// network card, an answer costs as much as appending its batch.
func (c *Conn) defers(r *Request) bool {
	return c.in.start < c.in.end && r.responded && deferrable(r) && c.deferred < maxDeferred
}

// writeDeferred writes the answers that were deferred, if there are any.
func (c *Conn) writeDeferred() {
	if c.deferred > 0 {
		c.writeAnswered()
	}
}

// writeAnswered writes the answers that are there.
func (c *Conn) writeAnswered() {
	c.mu.Lock()
	c.writeAnsweredLocked()
}

// writeAnsweredLocked is writeAnswered with mu held, which it gives back.
func (c *Conn) writeAnsweredLocked() {
	c.deferred = 0
	flush := c.startFlushLocked()
	c.mu.Unlock()
	if flush {
		c.flush()
	}
}

// startFlushLocked makes the caller the one who writes, if there is something
// to write and nobody does already.
func (c *Conn) startFlushLocked() bool {
	if c.writing || c.head == nil || !c.head.responded {
		return false
	}
	c.startWritingLocked()
	return true
}

// startWritingLocked makes it the client's turn to move, from now on: see idleSince.
func (c *Conn) startWritingLocked() {
	c.moved(time.Now())
	c.writing = true
}

// flush writes the answers of the requests at the head of the list until one
// is missing, or the socket is full: then it goes on when there is room, by another
// call. The caller has set writing, and so is alone. It returns true if the connection
// may be read again, which it might not before: a suspended request is answered, or
// the socket was full.
func (c *Conn) flush() (resumed bool) {
	c.mu.Lock()
	out := c.out
	c.out, resumed = nil, out != nil
	if out == nil {
		out = c.server.senders.get()
	}
	for {
		if out.run == nil {
			run := c.takeRunLocked()
			if run == nil {
				break
			}
			out.begin(run)
		}
		c.mu.Unlock()
		if full := !c.send(out); full {
			c.mu.Lock()
			c.out, resumed = out, true
			c.mu.Unlock()
			if c.sock.awaitRoom() {
				return false // Others have the rest.
			}
			c.mu.Lock()
			c.out = nil
			continue
		}
		c.mu.Lock()
		resumed = c.finishLocked(out) || resumed
	}
	c.writing = false
	c.mu.Unlock()
	c.server.senders.put(out)
	return resumed
}

// takeRunLocked takes the answered requests off the head of the list.
func (c *Conn) takeRunLocked() (run *Request) {
	var last *Request
	for r := c.head; r != nil && r.responded; r = r.next {
		last = r
	}
	if last == nil {
		return nil
	}
	run, c.head = c.head, last.next
	last.next = nil
	if c.head == nil {
		c.tail = nil
	}
	return run
}

// send writes the responses of a run, together where they are small, and lets
// go of them. If the connection is closing they are dropped. It returns false if the
// socket is full.
func (c *Conn) send(out *sender) bool {
	if !c.closing.Load() {
		err := out.send(c)
		if err == errFull { //nolint:errorlint // Nobody wraps it.
			return false
		}
		if err != nil {
			c.sendFailed(err)
		}
	}
	sent := time.Now()
	c.moved(sent)
	observer := c.server.options.Observer
	for r := out.run; r != nil; r = r.next {
		r.response.finish()
		if observer != nil {
			c.observe(observer, r, out.started, sent)
		}
	}
	return true
}

func (c *Conn) sendFailed(err error) {
	var unreadable *rangeError
	if errors.As(err, &unreadable) {
		c.server.logUnreadable(c, err)
	}
	c.close(ClosedIOError)
}

func (c *Conn) observe(observer Observer, r *Request, started, sent time.Time) {
	handled := r.handledAt
	if handled.IsZero() {
		handled = r.respondedAt // Answered before Handle returned.
	}
	observer.RequestDone(c, RequestTimes{
		Key: r.Header.Key, Version: r.Header.Version, FromFollower: r.FromFollower, Waited: r.Waited, Throttle: r.throttle,
		RequestBytes: int64(r.Size), ResponseBytes: r.responseBytes,
		Received: r.ReceivedAt, Handled: handled, Responded: r.respondedAt, SendStarted: started, Sent: sent,
	})
}

// finishLocked recycles the requests of the run that was sent, except one that Handle
// still has, and tells whether one of them was suspended.
func (c *Conn) finishLocked(out *sender) (resumed bool) {
	if c.inFlight >= maxInFlight || c.draining {
		c.cond.Broadcast()
	}
	for out.run != nil {
		r := out.run
		out.run, r.next = r.next, nil
		c.inFlight--
		if r == c.suspended {
			c.suspended, resumed = nil, true
		}
		if r.handling {
			r.sent = true // handled recycles it.
			continue
		}
		c.server.recycle(r)
	}
	return resumed
}

// handOver has another goroutine write the answers, and then read on if one of them
// was suspended. The caller has set writing, and holds mu.
func (c *Conn) handOver() {
	if c.sock == nil || !c.sock.poller.handOver(c) {
		c.server.writers.flush(c)
	}
}

// hurryLocked has a suspended request answered soon.
func (c *Conn) hurryLocked() {
	if r := c.suspended; r != nil && r.hurry != nil {
		r.hurry()
		r.hurry = nil
	}
}

// drain makes the connection end as soon as nothing is in flight.
func (c *Conn) drain() {
	c.mu.Lock()
	c.draining = true
	if c.sock == nil {
		// Gets the reader out of Read; a request half read is lost. With the lock held,
		// so that it comes before the deadlines of linger.
		_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	}
	c.mu.Unlock()
	c.cond.Broadcast()
	c.kick()
}

// awaitDrained waits until all in flight is answered and written, if the
// connection is draining.
func (c *Conn) awaitDrained() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.draining && c.inFlight > 0 && !c.closing.Load() {
		c.cond.Wait()
	}
	if c.draining && !c.closing.Load() {
		c.reason = ClosedShutdown
	}
}

const (
	// lingerProbe is how long a drained connection may be silent before it is closed.
	lingerProbe = 5 * time.Millisecond
	// lingerMax bounds the wait for a client that is still sending.
	lingerMax = 500 * time.Millisecond
)

// linger lets a client that is still sending read its last answers, when the
// connection has drained: it reads the end of the stream behind them and hangs up.
// Closing a socket with unread requests in it resets the connection instead, and
// the system drops the answers that it has not delivered yet.
func (c *Conn) linger() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || !c.drained() || half.CloseWrite() != nil {
		return
	}
	wait := lingerMax
	if len(c.in.buffered()) == 0 {
		wait = lingerProbe
	}
	for end := time.Now().Add(lingerMax); wait > 0 && !c.closing.Load(); wait = time.Until(end) {
		_ = c.conn.SetReadDeadline(time.Now().Add(wait))
		if _, err := c.conn.Read(c.in.bytes[:]); err != nil {
			return
		}
	}
}

// drained tells whether the connection is at its end with every answer written.
func (c *Conn) drained() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining && c.inFlight == 0 && !c.closing.Load()
}

// close ends the connection. Only the first call counts.
func (c *Conn) close(reason CloseReason) {
	if !c.closing.CompareAndSwap(false, true) {
		return
	}
	c.mu.Lock()
	if c.reason == ClosedByClient {
		c.reason = reason
	}
	c.hurryLocked()
	c.mu.Unlock()
	close(c.closed)
	c.cancel()
	_ = c.conn.Close() // What was not sent is lost either way.
	if c.sock != nil && c.sock.takeRoom() {
		c.flush() // Writes nothing.
	}
	c.cond.Broadcast()
	c.server.memory.wake()
	c.kick()
}

func (c *Conn) closeReason() CloseReason {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

// readFailed decides what the end of reading means.
func (c *Conn) readFailed(err error) {
	var malformed *protocol.MalformedError
	var frame *frameError
	switch {
	case errors.As(err, &malformed), errors.As(err, &frame):
		c.server.logMalformed(c, err)
		c.close(ClosedMalformed)
	case errors.Is(err, io.EOF):
		// The client is gone, or sends no more: Kafka drops what it still
		// waited for, too.
		c.close(ClosedByClient)
	default:
		c.mu.Lock()
		draining := c.draining
		c.mu.Unlock()
		if !draining {
			c.close(ClosedIOError)
		}
	}
}

func (c *Conn) moved(now time.Time) { c.lastMoved.Store(int64(now.Sub(c.server.started))) }

// idleSince tells since when nothing has moved although it is the client's
// turn: to send, or to read what is being written.
func (c *Conn) idleSince() (time.Time, bool) {
	c.mu.Lock()
	clientsTurn := c.inFlight == 0 || c.writing
	c.mu.Unlock()
	return c.server.started.Add(time.Duration(c.lastMoved.Load())), clientsTurn
}
