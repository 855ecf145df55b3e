package network

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// States of a socket: whether its connection is being served, and whether something
// has happened since then.
const (
	asleep  uint32 = iota // Nothing is there to do; the next event wakes it.
	awake                 // A goroutine serves it.
	stirred               // A goroutine serves it, and must look again before it lets go.
)

// closedBit in socket.users says that Close has been called.
const closedBit = 1 << 62

// socket is a client's TCP connection that is watched by a poller instead of by Go's
// own. It is a net.Conn as far as a Conn needs one.
type socket struct {
	fd            int
	local, remote net.Addr
	poller        *poller

	state atomic.Uint32
	// turn is the poller's turn in which the connection is served, see poller.turn.
	turn atomic.Uint64
	// ending is set when the client has closed its side or the connection is broken:
	// reading finds the end behind what is there.
	ending atomic.Bool
	// users counts who uses fd, and has closedBit; the last one closes it.
	users atomic.Int64

	// full says that whoever writes has stopped until there is room.
	full     atomic.Bool
	data     waiter // To read, see Read.
	deadline time.Time

	// The fields below belong to the reader.

	// empty says that the last read took all there was, and that no event has told of
	// more since.
	empty bool
	into  [2][]byte
}

// waiter is a goroutine that waits for its socket.
type waiter struct {
	waits atomic.Bool
	token chan struct{}
}

// offer wakes the goroutine that waits, if one does.
func (w *waiter) offer() {
	if w.waits.Load() && w.waits.CompareAndSwap(true, false) {
		select {
		case w.token <- struct{}{}:
		default: // One is there.
		}
	}
}

// detach takes a TCP connection out of Go's poller. The connection that it was is closed.
func detach(conn *net.TCPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if controlErr := raw.Control(func(theirs uintptr) {
		fd, err = unix.FcntlInt(theirs, unix.F_DUPFD_CLOEXEC, 0)
	}); controlErr != nil {
		return nil, controlErr
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	s := &socket{fd: fd, local: conn.LocalAddr(), remote: conn.RemoteAddr()}
	s.data.token = make(chan struct{}, 1)
	s.state.Store(awake)
	s.users.Store(1) // Close takes it back.
	_ = conn.Close() // What it was is of no use any more.
	return s, nil
}

// use makes fd usable until done is called. It returns false after Close.
func (s *socket) use() bool {
	for {
		n := s.users.Load()
		if n&closedBit != 0 {
			return false
		}
		if s.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *socket) done() {
	if s.users.Add(-1) == closedBit {
		_ = unix.Close(s.fd) // Nobody could do anything about it.
	}
}

// Close ends the connection for both sides. Whoever waits for the socket returns.
func (s *socket) Close() error {
	for {
		n := s.users.Load()
		if n&closedBit != 0 {
			return net.ErrClosed
		}
		if s.users.CompareAndSwap(n, n|closedBit) {
			break
		}
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // It fails if the client has reset the connection.
	s.data.offer()
	s.done()
	return nil
}

// CloseWrite lets the client read the end of the stream.
func (s *socket) CloseWrite() error {
	if !s.use() {
		return net.ErrClosed
	}
	defer s.done()
	return os.NewSyscallError("shutdown", unix.Shutdown(s.fd, unix.SHUT_WR))
}

func (s *socket) LocalAddr() net.Addr  { return s.local }
func (s *socket) RemoteAddr() net.Addr { return s.remote }

// SetReadDeadline bounds the Reads that begin afterwards.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

// SetWriteDeadline and SetDeadline are not needed: the sweeper closes what stalls.
func (s *socket) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// SetDeadline is SetWriteDeadline.
func (s *socket) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// receive reads what is there, into b and then into next. If there is nothing it
// returns errNothing.
func (s *socket) receive(b, next []byte) (int, error) {
	if s.empty {
		return 0, errNothing
	}
	if !s.use() {
		return 0, net.ErrClosed
	}
	defer s.done()
	for {
		var n int
		var err error
		if len(next) == 0 {
			n, err = syscall.Read(s.fd, b) // As net does, for the race detector's sake.
		} else {
			s.into[0], s.into[1] = b, next
			n, err = unix.Readv(s.fd, s.into[:])
			s.into[0], s.into[1] = nil, nil
		}
		switch {
		case n > 0:
			// Less than there was room for is all there was: what comes later is an event
			// of its own. Only the end of the stream may have been announced already.
			s.empty = n < len(b)+len(next) && !s.ending.Load()
			return n, nil
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return 0, errNothing
		default:
			return 0, os.NewSyscallError("read", err)
		}
	}
}

// Read waits for something to read, until the deadline.
func (s *socket) Read(b []byte) (int, error) {
	timer := time.NewTimer(time.Until(s.deadline))
	defer timer.Stop()
	for {
		s.empty = false
		s.data.waits.Store(true) // Before looking: what comes afterwards is offered.
		n, err := s.receive(b, nil)
		if err != errNothing { //nolint:errorlint // receive returns it bare.
			return n, err
		}
		s.poller.standAside(s)
		select {
		case <-s.data.token:
		case <-timer.C:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// Write writes what there is room for. If that is not all of b the error is errFull.
func (s *socket) Write(b []byte) (int, error) {
	return s.put(b, syscall.Write) // As net does, for the race detector's sake.
}

func (s *socket) put(b []byte, write func(fd int, b []byte) (int, error)) (written int, err error) {
	if !s.use() {
		return 0, net.ErrClosed
	}
	defer s.done()
	for written < len(b) {
		n, err := write(s.fd, b[written:])
		switch {
		case n > 0:
			written += n
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return written, errFull
		default:
			return written, os.NewSyscallError("write", err)
		}
	}
	return written, nil
}

// awaitRoom has happened tell when the socket has room, and returns true; or false if
// it has, and the caller is to go on by himself.
func (s *socket) awaitRoom() bool {
	s.full.Store(true)
	// Once more after that: room that came before is not told of.
	return !s.hasRoom() || !s.takeRoom()
}

// takeRoom tells whether the caller has to go on writing. Of several who learn that
// there is room only one does.
func (s *socket) takeRoom() bool { return s.full.Load() && s.full.CompareAndSwap(true, false) }

// hasRoom tells whether writing would not stop; a socket that is closed is not waited for.
func (s *socket) hasRoom() bool {
	events, open := s.poll(unix.POLLOUT)
	return events != 0 || !open
}

// poll asks which of these events, or an end, there is now. open is false after Close.
func (s *socket) poll(events int16) (now int16, open bool) {
	if !s.use() {
		return 0, false
	}
	defer s.done()
	poll := [1]unix.PollFd{{Fd: int32(s.fd), Events: events}}
	if n, err := unix.Poll(poll[:], 0); err != nil || n == 0 {
		return 0, true
	}
	return poll[0].Revents, true
}

// happened takes note of an epoll event, and tells whether the caller has to serve
// the connection, whose reader it is then, and to go on writing.
func (s *socket) happened(events uint32) (serve, write bool) {
	const end = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	if events&end != 0 {
		s.ending.Store(true)
	}
	write = events&(unix.EPOLLOUT|end) != 0 && s.takeRoom()
	if events&(unix.EPOLLIN|end) == 0 {
		return false, write
	}
	s.data.offer()
	if serve = s.wake(); serve {
		s.empty = false
	}
	return serve, write
}

// wake tells whether the caller has to serve the connection, since something has
// happened on it and nobody else does.
func (s *socket) wake() bool {
	for {
		switch state := s.state.Load(); state {
		case asleep:
			if s.state.CompareAndSwap(asleep, awake) {
				return true
			}
		case awake:
			if s.state.CompareAndSwap(awake, stirred) {
				return false
			}
		default:
			return false
		}
	}
}

// sleep lets go of the connection, and returns false if there is something to do
// again. After true it may be in somebody else's hands.
func (s *socket) sleep() bool {
	if s.state.CompareAndSwap(awake, asleep) {
		return true
	}
	s.state.Store(awake) // It was stirred, by an event or a kick.
	s.empty = false
	return false
}
