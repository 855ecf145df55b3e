package network

import (
	"io"

	"golang.org/x/sys/unix"
)

// socketReader reads from a connection's socket, from within its poller. It belongs
// to the reader. Its closure is made once, so that reading allocates nothing.
//
// What net.Conn cannot do: read the end of one frame and the beginning of the next
// with one system call, and tell when there is nothing to read.
type socketReader struct {
	conn *Conn
	into [2][]byte // Filled one after the other.
	n    int
	err  error
	try  func(fd uintptr) bool
}

func (s *socketReader) init(c *Conn) { s.conn, s.try = c, s.tryRead }

// read reads into b, and what is there beyond it into next. Before it waits it
// writes the answers that were deferred.
func (c *Conn) read(b, next []byte) (int, error) {
	if c.raw == nil {
		return c.readPlain(b)
	}
	s := &c.reads
	s.into[0], s.into[1], s.n, s.err = b, next, 0, nil
	err := c.raw.Read(s.try)
	if err == nil {
		err = s.err
	}
	s.into[0], s.into[1] = nil, nil
	return s.n, err
}

// tryRead returns false when nothing is there: the poller then waits.
func (s *socketReader) tryRead(fd uintptr) bool {
	for {
		var n int
		var err error
		if len(s.into[1]) == 0 {
			n, err = unix.Read(int(fd), s.into[0])
		} else {
			n, err = unix.Readv(int(fd), s.into[:])
		}
		switch {
		case n > 0:
			s.n = n
			return true
		case err == nil:
			s.err = io.EOF
			return true
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			s.conn.writeDeferred()
			return false
		default:
			s.err = err
			return true
		}
	}
}
