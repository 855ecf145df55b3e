package simnet

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// Conn is one end of a connection. It is safe for concurrent use.
type Conn struct {
	network       *Network
	near, far     *Host
	local, remote *net.TCPAddr
	peer          *Conn
	in, out       *stream
	closed        atomic.Bool
}

// Read reads what has arrived, at least one byte. After the peer's Close it gives
// io.EOF, after a reset ECONNRESET.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.recv(p)
	return n, c.fail("read", err)
}

// Write sends all of p; it waits while too much is on its way. Its errors are
// EPIPE after the peer's Close and ECONNRESET after a reset.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.send(p)
	return n, c.fail("write", err)
}

func (c *Conn) fail(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// CloseWrite ends what this end sends; it may still read.
func (c *Conn) CloseWrite() error {
	if c.closed.Load() {
		return c.fail("close", net.ErrClosed)
	}
	c.out.finish()
	return nil
}

// Close closes the connection. The peer reads what was sent before, unless this
// end has left something unread.
func (c *Conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return c.fail("close", net.ErrClosed)
	}
	c.out.closeWriter()
	if c.in.closeReader() {
		c.out.abort()
		c.in.abort()
	}
	c.forgetIfClosed()
	return nil
}

// Reset breaks the connection off: what is on its way is lost, and the peer is
// told so.
func (c *Conn) Reset() {
	if !c.closed.CompareAndSwap(false, true) {
		return
	}
	c.out.abort()
	c.in.abort()
	c.out.closeWriter()
	c.in.closeReader()
	c.forgetIfClosed()
}

// forgetIfClosed lets the network forget a connection of which both ends are closed.
func (c *Conn) forgetIfClosed() {
	if !c.closed.Load() || !c.peer.closed.Load() {
		return
	}
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	delete(c.network.conns, c)
	delete(c.network.conns, c.peer)
}

// LocalAddr is a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline ends Reads at that time with os.ErrDeadlineExceeded; the zero
// time ends none.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.fail("set", net.ErrClosed)
	}
	c.in.setReadDeadline(t)
	return nil
}

// SetWriteDeadline ends Writes at that time with os.ErrDeadlineExceeded; the zero
// time ends none.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.fail("set", net.ErrClosed)
	}
	c.out.setWriteDeadline(t)
	return nil
}
