package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// handlerGrace is how long Shutdown leaves handlers alone before it ends
	// their context: what is nearly done gets done, and long polls, which
	// every consumer always has open, do not delay the end.
	handlerGrace = 300 * time.Millisecond
	// afterDeadline is how long Shutdown waits for handlers to return after all
	// connections are closed.
	afterDeadline = 5 * time.Second
	// stalledGrace is how long Shutdown waits for a client that does not read
	// its response.
	stalledGrace = 3 * time.Second
)

// ErrServerClosed is returned by Serve after Shutdown has been called.
var ErrServerClosed = errors.New("network: server closed")

// Options are what a Server needs.
type Options struct {
	Handler Handler
	Limits  Limits
	// Logger should thin out floods: clients can cause lines without end.
	Logger *slog.Logger
	// Observer may be nil.
	Observer Observer
}

// Server serves the connections of any number of listeners.
type Server struct {
	options  Options
	started  time.Time
	limits   atomic.Pointer[Limits]
	quotas   connectionQuotas
	memory   requestMemory
	buffers  buffers
	requests sync.Pool
	senders  senders
	writers  writers
	pollers  pollers
	accepted atomic.Int64

	// handlers is the context of all handlers: it is the server's life, which
	// no caller's context spans.
	handlers context.Context
	cancel   context.CancelFunc
	// wg counts connections, their writers, and the idle sweeper.
	wg sync.WaitGroup

	mu        sync.Mutex
	draining  bool
	stop      chan struct{} // Closed with draining.
	changed   chan struct{} // Has a token when there is something new for the sweeper.
	sweeping  bool
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
}

// New returns a server that does nothing until Serve.
func New(o Options) *Server {
	s := &Server{
		options:   o,
		started:   time.Now(),
		stop:      make(chan struct{}),
		changed:   make(chan struct{}, 1),
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[*Conn]struct{}),
	}
	s.limits.Store(&o.Limits)
	s.quotas.init(o.Limits)
	s.memory.init(o.Limits.QueuedMaxRequestBytes, s.wakeSweeper)
	s.writers.init(s)
	s.pollers.init(s)
	s.handlers, s.cancel = context.WithCancel(context.Background())
	return s
}

// UpdateLimits replaces the limits (dynamic configuration). What is above a
// lowered limit stays until it ends by itself.
func (s *Server) UpdateLimits(limits Limits) {
	s.limits.Store(&limits)
	s.quotas.update(limits)
	s.memory.setMax(limits.QueuedMaxRequestBytes)
	s.wakeSweeper()
}

func (s *Server) wakeSweeper() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Connections is the number of open connections.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *Server) maxRequestBytes() int { return s.limits.Load().MaxRequestBytes }

// Serve accepts connections from l, as the listener of that name, and returns
// ErrServerClosed after Shutdown, or the error with which l failed for good. It
// may be called for several listeners, and closes l. The listener may be in memory.
func (s *Server) Serve(l net.Listener, name string) error {
	if !s.addListener(l) {
		_ = l.Close()
		return ErrServerClosed
	}
	s.quotas.addListener(name)
	defer s.removeListener(l)
	backoff := acceptBackoff{}
	for {
		conn, err := l.Accept()
		if err != nil {
			if s.isDraining() {
				return ErrServerClosed
			}
			if !backoff.wait(s.stop, err) {
				return fmt.Errorf("accept on listener %s: %w", name, err)
			}
			s.options.Logger.Warn("Accept failed, trying again", "listener", name, "error", err,
				"cure", "if there are too many open files, raise the limit (ulimit -n)")
			continue
		}
		backoff.reset()
		s.admit(conn, name)
	}
}

// admit serves the connection once the limits allow it, or closes it.
func (s *Server) admit(conn net.Conn, listener string) {
	ip := remoteIP(conn)
	start := time.Now()
	if wait := s.quotas.delay(listener, start); wait > 0 {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.stop:
			timer.Stop()
		}
	}
	verdict := s.quotas.admit(listener, ip)
	if blocked := time.Since(start); blocked > time.Millisecond && s.options.Observer != nil {
		s.options.Observer.AcceptorBlocked(listener, blocked)
	}
	switch verdict {
	case refusedPerIP:
		if s.options.Observer != nil {
			s.options.Observer.ConnectionRefused(listener)
		}
		s.options.Logger.Warn("Connection refused: its address has the configured maximum of connections",
			"address", ip, "listener", listener, "cure", "raise max.connections.per.ip, or add the address to max.connections.per.ip.overrides")
		_ = conn.Close()
		return
	case quotasClosed:
		_ = conn.Close()
		return
	case admitted:
	}
	s.setSocketOptions(conn)
	conn = s.pollers.adopt(conn)
	c := newConn(s, conn, listener, ip)
	if !s.addConn(c) {
		_ = conn.Close()
		s.quotas.leave(listener, ip)
		return
	}
	s.makeRoom()
}

// setSocketOptions sets buffer sizes. TCP_NODELAY and keep-alive are Go's
// defaults. A socket that refuses is served nevertheless.
func (s *Server) setSocketOptions(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	limits := s.limits.Load()
	if limits.SendBufferBytes > 0 {
		_ = tcp.SetWriteBuffer(limits.SendBufferBytes)
	}
	if limits.ReceiveBufferBytes > 0 {
		_ = tcp.SetReadBuffer(limits.ReceiveBufferBytes)
	}
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.listeners[l] = struct{}{}
	if !s.sweeping {
		s.sweeping = true
		s.wg.Go(s.sweepIdle)
	}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	_ = l.Close() // It may be closed already.
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// addConn begins to serve the connection.
func (s *Server) addConn(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.conns[c] = struct{}{}
	c.ctx, c.cancel = context.WithCancel(s.handlers)
	if s.options.Observer != nil {
		s.options.Observer.ConnectionOpened(c)
	}
	if c.sock == nil {
		s.wg.Go(c.serve)
		return true
	}
	s.wg.Add(1)
	if err := c.sock.poller.add(c); err != nil {
		s.options.Logger.Warn("Closing connection that cannot be watched", "connection", c.ID, "listener", c.Listener, "error", err,
			"cure", "if the system is out of memory or watches, raise fs.epoll.max_user_watches")
		c.close(ClosedIOError)
	}
	if !c.sock.sleep() { // Something has come already.
		go c.run(math.MaxInt)
	}
	return true
}

func (s *Server) removeConn(c *Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.quotas.leave(c.Listener, c.ip)
	if s.options.Observer != nil {
		s.options.Observer.ConnectionClosed(c, c.closeReason())
	}
}

// openConns is a copy of the set of connections.
func (s *Server) openConns() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// Shutdown stops accepting and reading, lets the requests in flight finish, and
// closes every connection. Handlers that still block after a short grace see
// their context end, and answer with what they have; parked requests are waited
// for until ctx ends, clients that do not read their responses for three seconds.
// Then it closes what is left, and returns ctx's error as
// soon as the handlers have returned, or after five seconds. Requests that are
// parked may still be answered afterwards; the answers are dropped.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopAccepting()
	defer s.cancel()
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	grace := time.AfterFunc(handlerGrace, s.hurry)
	defer grace.Stop()
	if s.awaitDrained(ctx, done) {
		<-s.pollers.shutdown()
		return nil
	}
	defer s.pollers.shutdown()
	s.cancel()
	for _, c := range s.openConns() {
		c.close(ClosedShutdown)
	}
	timer := time.NewTimer(afterDeadline)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	return ctx.Err()
}

// hurry has handlers end, and suspended requests answered.
func (s *Server) hurry() {
	s.cancel()
	for _, c := range s.openConns() {
		c.mu.Lock()
		c.hurryLocked()
		c.mu.Unlock()
	}
}

// awaitDrained waits until all connections have ended, and returns false if ctx
// ends first. Meanwhile nobody else sweeps.
func (s *Server) awaitDrained(ctx context.Context, done <-chan struct{}) bool {
	ticker := time.NewTicker(stalledGrace / 4)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return true
		case <-ctx.Done():
			return false
		case <-ticker.C:
			s.closeIdle(time.Now(), stalledGrace, ClosedShutdown)
		}
	}
}

// stopAccepting closes the listeners and lets the connections drain.
func (s *Server) stopAccepting() {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		close(s.stop)
	}
	for l := range s.listeners {
		_ = l.Close() // Serve reports nothing but its end.
	}
	s.mu.Unlock()
	s.quotas.close()
	for _, c := range s.openConns() {
		c.drain()
	}
}

func (s *Server) newRequest() *Request {
	if r, ok := s.requests.Get().(*Request); ok {
		return r
	}
	return &Request{}
}

// recycle takes back a request that is answered and handled.
func (s *Server) recycle(r *Request) {
	r.Release()
	*r = Request{}
	s.requests.Put(r)
}

func (s *Server) logMalformed(c *Conn, err error) {
	s.options.Logger.Warn("Closing connection that sent no valid request",
		"connection", c.ID, "listener", c.Listener, "client", c.header.ClientID, "error", err)
}

// logUnreadable is for responses that cannot be sent since their file range
// cannot be read: the client sees a closed connection and tries again.
func (s *Server) logUnreadable(c *Conn, err error) {
	s.options.Logger.Warn("Closing connection whose response cannot be read from its file", "connection", c.ID, "listener", c.Listener, "error", err)
}

func (s *Server) logClosed(c *Conn, reason error) {
	s.options.Logger.Warn("Closing connection after a request that cannot be answered", "connection", c.ID, "listener", c.Listener, "error", reason)
}

// remoteIP is the client's address without IPv4-in-IPv6 wrapping, or the zero
// Addr if the connection has none.
func remoteIP(conn net.Conn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
