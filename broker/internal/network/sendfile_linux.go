package network

import (
	"io"
	"time"

	"golang.org/x/sys/unix"
)

const canSendfile = true

// sendfileChunk bounds one system call, so that progress shows in lastMoved.
const sendfileChunk = 4 << 20

// fileRange sends a file range, or bytes that precede one, from within the
// poller of the connection. Its closures are made once: it is pooled with the
// sender, and sending allocates nothing.
//
// net.TCPConn.ReadFrom would use sendfile too, but from the file's shared
// position, which concurrent fetches of one segment would fight for.
type fileRange struct {
	conn     *Conn
	file     int
	position int64
	size     int64
	bytes    []byte
	err      error
	socket   bool // err is the socket's, not the file's.

	sendfile, sendmsg func(fd uintptr) bool
}

func (f *fileRange) init() {
	f.sendfile = f.trySendfile
	f.sendmsg = f.trySendmsg
}

// send sends the file range of p. It returns errNoSendfile, with what is left
// in position and size, for a file system that cannot do this.
func (f *fileRange) send(c *Conn, p *Part) error {
	// Fd does not touch the mode of a regular file, and the part pins the file.
	f.conn, f.file, f.position, f.size, f.err = c, int(p.File.Fd()), p.Position, p.Size, nil
	err := c.raw.Write(f.sendfile)
	if err == nil && f.err != nil {
		err = f.err
		switch {
		case f.socket:
		case f.err == unix.EINVAL || f.err == unix.ENOSYS || f.err == unix.EOPNOTSUPP: //nolint:errorlint // A bare errno.
			err = errNoSendfile
		default:
			err = newRangeError(p.File, f.position, f.size, f.err)
		}
	}
	f.conn, f.err = nil, nil
	return err
}

// trySendfile returns false when the socket is full: the poller then waits.
func (f *fileRange) trySendfile(fd uintptr) bool {
	for f.size > 0 {
		n, err := unix.Sendfile(int(fd), f.file, &f.position, int(min(f.size, sendfileChunk)))
		switch {
		case n > 0:
			f.size -= int64(n)
			f.conn.moved(time.Now())
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false
		case err == nil:
			f.err = io.EOF
			return true
		default:
			f.err = err
			f.socket = err == unix.EPIPE || err == unix.ECONNRESET || err == unix.ETIMEDOUT
			return true
		}
	}
	return true
}

// sendMore sends bytes without pushing out the last packet, since a file range
// follows.
func (f *fileRange) sendMore(c *Conn, b []byte) error {
	f.conn, f.bytes, f.err = c, b, nil
	err := c.raw.Write(f.sendmsg)
	if err == nil {
		err = f.err
	}
	f.conn, f.bytes, f.err = nil, nil, nil
	return err
}

func (f *fileRange) trySendmsg(fd uintptr) bool {
	for len(f.bytes) > 0 {
		n, err := unix.SendmsgN(int(fd), f.bytes, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
		switch {
		case n > 0:
			f.bytes = f.bytes[n:]
			f.conn.moved(time.Now())
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false
		default:
			f.err = err
			return true
		}
	}
	return true
}
