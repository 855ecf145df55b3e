package moldautest

import (
	"context"
	"net"
	"sync"

	"moldau.dev/moldau/internal/simnet"
)

// door is the address of the broker for the time of the test: it keeps the port
// while the broker is down, when whoever connects is hung up on, and knows the open
// connections so that a crash can break them all off.
type door struct {
	listener net.Listener
	wg       sync.WaitGroup

	mu    sync.Mutex // Guards the fields below.
	open  *opening   // The broker that is behind the door; nil for none.
	conns map[net.Conn]struct{}
}

func newDoor(l net.Listener) *door {
	d := &door{listener: l, conns: map[net.Conn]struct{}{}}
	d.wg.Go(d.accept)
	return d
}

// accept hands connections to the broker that is there.
func (d *door) accept() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return // It is closed.
		}
		tracked := d.track(conn)
		d.mu.Lock()
		open := d.open
		d.conns[tracked] = struct{}{}
		d.mu.Unlock()
		if open == nil || !open.hand(tracked) {
			reset(tracked)
		}
	}
}

func (d *door) close() {
	_ = d.listener.Close() // It was open.
	d.wg.Wait()
}

// slam breaks off all connections, and lets nobody in any more.
func (d *door) slam() {
	d.mu.Lock()
	d.open = nil
	var conns []net.Conn
	for c := range d.conns {
		conns = append(conns, c)
	}
	d.mu.Unlock()
	for _, c := range conns {
		reset(c)
	}
}

func (d *door) forget(c net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
}

// opening is the door as one run of the broker sees it.
type opening struct {
	door   *door
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// listen opens the door for one run of the broker.
func (d *door) listen() net.Listener {
	o := &opening{door: d, conns: make(chan net.Conn), closed: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = o
	return o
}

func (o *opening) hand(c net.Conn) bool {
	select {
	case o.conns <- c:
		return true
	case <-o.closed:
		return false
	}
}

// Accept waits for a connection, or for Close.
func (o *opening) Accept() (net.Conn, error) {
	select {
	case c := <-o.conns:
		return c, nil
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

// Addr is the door's.
func (o *opening) Addr() net.Addr { return o.door.listener.Addr() }

// Close lets nobody in any more.
func (o *opening) Close() error {
	o.once.Do(func() {
		o.door.mu.Lock()
		if o.door.open == o {
			o.door.open = nil
		}
		o.door.mu.Unlock()
		close(o.closed)
	})
	return nil
}

// track wraps a connection so that the door forgets it with its end. What else
// the connection can do, the broker still finds.
func (d *door) track(c net.Conn) net.Conn {
	switch c := c.(type) {
	case *net.TCPConn:
		return &tcpConn{TCPConn: c, door: d}
	case *simnet.Conn:
		return &virtualConn{Conn: c, door: d}
	default:
		return c
	}
}

type tcpConn struct {
	*net.TCPConn
	door *door
}

// Close closes the connection.
func (c *tcpConn) Close() error {
	c.door.forget(c)
	return c.TCPConn.Close()
}

type virtualConn struct {
	*simnet.Conn
	door *door
}

// Close closes the connection.
func (c *virtualConn) Close() error {
	c.door.forget(c)
	return c.Conn.Close()
}

// reset breaks a connection off as a crash does.
func reset(c net.Conn) {
	switch c := c.(type) {
	case *tcpConn:
		_ = c.SetLinger(0) // Then Close resets; without it the client sees an end.
	case *virtualConn:
		c.Reset()
	}
	_ = c.Close() // It may be closed already.
}

// listenAll gives the broker its listeners: the door for clients, and the network
// in memory for the controller, which nobody but the broker itself talks to.
func (b *Broker) listenAll(ctx context.Context, network, address string) (net.Listener, error) {
	if address == controllerAddress {
		return b.controllerHost.Listen(ctx, network, address)
	}
	return b.door.listen(), nil
}
