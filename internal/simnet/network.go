package simnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// firstPort and lastPort bound the ports that are given to listeners on port 0
// and to the near ends of connections, as on Linux.
const firstPort, lastPort = 32768, 60999

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// Network is a network in memory. It is safe for concurrent use.
type Network struct {
	mu        sync.Mutex // Guards the fields below. A stream's lock may be taken while it is held.
	hosts     map[string]*Host
	byIP      map[netip.Addr]*Host
	listeners map[endpoint]*Listener
	conns     map[*Conn]struct{} // One of the two ends of each connection: the dialer's.
	latency   time.Duration
	cut       map[[2]*Host]struct{}
	// healed is closed, and replaced, when hosts that were cut off are reachable again.
	healed chan struct{}
}

// endpoint is a port of a host.
type endpoint struct {
	host *Host
	port uint16
}

// New returns a network without hosts.
func New() *Network {
	return &Network{
		hosts: map[string]*Host{}, byIP: map[netip.Addr]*Host{}, listeners: map[endpoint]*Listener{},
		conns: map[*Conn]struct{}{}, cut: map[[2]*Host]struct{}{}, healed: make(chan struct{}),
	}
}

// SetLatency lets bytes that are sent from now on take that long from one end to
// the other. Opening a connection takes it twice.
func (n *Network) SetLatency(latency time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latency = latency
	for c := range n.conns {
		c.in.setLatency(latency)
		c.out.setLatency(latency)
	}
}

// Cut lets nothing pass between two hosts, in both directions, until Heal.
func (n *Network) Cut(a, b *Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[pair(a, b)] = struct{}{}
	n.holdLocked(a, b, true)
}

// Heal undoes Cut. What was sent meanwhile arrives now.
func (n *Network) Heal(a, b *Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cut, pair(a, b))
	n.holdLocked(a, b, false)
	close(n.healed)
	n.healed = make(chan struct{})
}

func (n *Network) holdLocked(a, b *Host, held bool) {
	for c := range n.conns {
		if pair(c.near, c.far) == pair(a, b) {
			c.in.hold(held)
			c.out.hold(held)
		}
	}
}

// pair is the same for (a, b) and (b, a).
func pair(a, b *Host) [2]*Host {
	if b.ip.Less(a.ip) {
		a, b = b, a
	}
	return [2]*Host{a, b}
}

// Host gives the host of that name, and adds it to the network if it is new.
func (n *Network) Host(name string) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.hosts[name]; h != nil {
		return h
	}
	number := len(n.hosts) + 1
	ip := netip.AddrFrom4([4]byte{10, byte(number >> 16), byte(number >> 8), byte(number)})
	h := &Host{network: n, name: name, ip: ip, nextPort: firstPort}
	n.hosts[name], n.byIP[h.ip] = h, h
	return h
}

// Host is a machine of a network. Its methods are safe for concurrent use.
type Host struct {
	network  *Network
	name     string
	ip       netip.Addr
	nextPort uint16 // Guarded by the network's lock.
}

// Name is the name by which others reach the host.
func (h *Host) Name() string { return h.name }

// IP is the host's address.
func (h *Host) IP() netip.Addr { return h.ip }

// Listen listens on a port of the host; port 0 lets the network choose one. The
// host in address is empty, or one of this host's own names or addresses. network
// is "tcp" or "tcp4". The listener keeps 128 connections that nobody has accepted;
// who dials then waits.
func (h *Host) Listen(_ context.Context, network, address string) (net.Listener, error) {
	fail := func(err error) (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Err: fmt.Errorf("%s: %w", address, err)}
	}
	n := h.network
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ip, err := h.resolveLocked(network, address)
	if err != nil {
		return fail(err)
	}
	if at.host != h {
		return fail(os.NewSyscallError("bind", syscall.EADDRNOTAVAIL))
	}
	if strings.HasPrefix(address, ":") {
		ip = h.ip
	}
	if at.port == 0 {
		if at.port = h.freePortLocked(); at.port == 0 {
			return fail(os.NewSyscallError("bind", syscall.EADDRINUSE))
		}
	}
	if n.listeners[at] != nil {
		return fail(os.NewSyscallError("bind", syscall.EADDRINUSE))
	}
	l := &Listener{network: n, at: at, addr: tcpAddr(ip, at.port), accept: make(chan *Conn, backlog), closed: make(chan struct{})}
	n.listeners[at] = l
	return l, nil
}

// DialContext opens a connection to host:port, where localhost and the addresses
// of loopback are this host. It fails as TCP does: at once if nobody listens there
// or no host has that name, with the end of ctx if the host is cut off.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	n := h.network
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, err)}
	}
	n.mu.Lock()
	to, ip, err := h.resolveLocked(network, address)
	n.mu.Unlock()
	if err != nil {
		return fail(err)
	}
	if err := n.awaitPath(ctx, h, to.host); err != nil {
		return fail(err)
	}
	conn, l, err := h.connect(to, ip)
	if err != nil {
		return fail(err)
	}
	if err := l.enqueue(ctx, conn.peer); err != nil {
		conn.Reset()
		return fail(err)
	}
	return conn, nil
}

// awaitPath waits until hosts can reach each other, and for as long as a
// handshake between them takes.
func (n *Network) awaitPath(ctx context.Context, a, b *Host) error {
	for {
		n.mu.Lock()
		_, cut := n.cut[pair(a, b)]
		healed, roundTrip := n.healed, 2*n.latency
		n.mu.Unlock()
		if !cut {
			if roundTrip == 0 {
				return ctx.Err()
			}
			timer := time.NewTimer(roundTrip)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-healed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connect makes both ends of a connection to whoever listens there.
func (h *Host) connect(to endpoint, ip netip.Addr) (*Conn, *Listener, error) {
	n := h.network
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[to]
	if l == nil {
		return nil, nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	own := h.ip
	if ip.IsLoopback() {
		own = ip
	}
	_, held := n.cut[pair(h, to.host)]
	there, back := newStream(n.latency, held), newStream(n.latency, held)
	near, far := tcpAddr(own, h.nearPortLocked()), tcpAddr(ip, to.port)
	dialed := &Conn{network: n, near: h, far: to.host, local: near, remote: far, in: back, out: there}
	accepted := &Conn{network: n, near: to.host, far: h, local: far, remote: near, in: there, out: back}
	dialed.peer, accepted.peer = accepted, dialed
	n.conns[dialed] = struct{}{}
	return dialed, l, nil
}

// resolveLocked gives the endpoint that an address means to this host, and the IP
// address it is reached by.
func (h *Host) resolveLocked(network, address string) (endpoint, netip.Addr, error) {
	if network != "tcp" && network != "tcp4" {
		return endpoint{}, netip.Addr{}, net.UnknownNetworkError(network)
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return endpoint{}, netip.Addr{}, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return endpoint{}, netip.Addr{}, &net.AddrError{Err: "invalid port", Addr: address}
	}
	to, ip := h, loopback
	if parsed, err := netip.ParseAddr(host); err == nil {
		if ip = parsed.Unmap(); ip.IsUnspecified() {
			ip = h.ip
		}
		if !ip.IsLoopback() {
			to = h.network.byIP[ip]
		}
	} else if host != "" && host != "localhost" {
		if to = h.network.hosts[host]; to != nil {
			ip = to.ip
		}
	}
	if to == nil {
		return endpoint{}, netip.Addr{}, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return endpoint{to, uint16(port)}, ip, nil
}

// freePortLocked gives a port nobody listens on, 0 if there is none.
func (h *Host) freePortLocked() uint16 {
	for range lastPort - firstPort + 1 {
		if port := h.nearPortLocked(); h.network.listeners[endpoint{h, port}] == nil {
			return port
		}
	}
	return 0
}

// nearPortLocked gives the ports in turn.
func (h *Host) nearPortLocked() uint16 {
	port := h.nextPort
	if h.nextPort++; h.nextPort > lastPort {
		h.nextPort = firstPort
	}
	return port
}

func tcpAddr(ip netip.Addr, port uint16) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, port))
}

// backlog is how many connections a listener keeps that nobody has accepted.
const backlog = 128

// Listener accepts connections.
type Listener struct {
	network *Network
	at      endpoint
	addr    *net.TCPAddr
	accept  chan *Conn
	once    sync.Once
	closed  chan struct{}
}

// Accept waits for a connection; the error is net.ErrClosed after Close.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, l.fail(net.ErrClosed)
	default:
	}
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, l.fail(net.ErrClosed)
	}
}

func (l *Listener) fail(err error) error {
	return &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: err}
}

// Addr is a *net.TCPAddr.
func (l *Listener) Addr() net.Addr { return l.addr }

// Close refuses further connections, and resets those that nobody has accepted.
func (l *Listener) Close() error {
	err := error(l.fail(net.ErrClosed))
	l.once.Do(func() {
		err = nil
		l.network.mu.Lock()
		delete(l.network.listeners, l.at)
		l.network.mu.Unlock()
		close(l.closed)
		l.drain()
	})
	return err
}

func (l *Listener) drain() {
	for {
		select {
		case c := <-l.accept:
			c.Reset()
		default:
			return
		}
	}
}

// enqueue hands the connection to Accept.
func (l *Listener) enqueue(ctx context.Context, c *Conn) error {
	select {
	case l.accept <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.closed:
		return os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	select {
	case <-l.closed:
		l.drain() // Close may have missed it.
	default:
	}
	return nil
}
