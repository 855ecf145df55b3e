package network

import (
	"io"
	"time"

	"golang.org/x/sys/unix"
)

const canSendfile = true

// sendfileChunk bounds one system call, so that progress shows in lastMoved.
const sendfileChunk = 4 << 20

// fileRange sends a file range, or bytes that precede one. Its closures are made
// once: it is pooled with the sender, and sending allocates nothing.
//
// net.TCPConn.ReadFrom would use sendfile too, but from the file's shared
// position, which concurrent fetches of one segment would fight for.
type fileRange struct {
	conn     *Conn
	file     int
	position int64
	size     int64
	bytes    []byte
	socket   bool // The error is the socket's, not the file's.

	sendfile, sendmsg func(fd int) (bool, error)
}

func (f *fileRange) init() {
	f.sendfile = f.trySendfile
	f.sendmsg = f.trySendmsg
}

// send sends the file range of p. It returns errNoSendfile, with what is left
// in position and size, for a file system that cannot do this.
func (f *fileRange) send(c *Conn, p *Part) error {
	// Fd does not touch the mode of a regular file, and the part pins the file.
	f.conn, f.file, f.position, f.size, f.socket = c, int(p.File.Fd()), p.Position, p.Size, true
	err := c.sock.write(f.sendfile)
	f.conn = nil
	switch {
	case err == nil || f.socket:
		return err
	case err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP: //nolint:errorlint // A bare errno.
		return errNoSendfile
	default:
		return newRangeError(p.File, f.position, f.size, err)
	}
}

// trySendfile returns false when the socket is full.
func (f *fileRange) trySendfile(fd int) (bool, error) {
	for f.size > 0 {
		n, err := unix.Sendfile(fd, f.file, &f.position, int(min(f.size, sendfileChunk)))
		switch {
		case n > 0:
			f.size -= int64(n)
			f.conn.moved(time.Now())
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false, nil
		case err == nil:
			f.socket = false
			return true, io.EOF
		default:
			f.socket = err == unix.EPIPE || err == unix.ECONNRESET || err == unix.ETIMEDOUT
			return true, err
		}
	}
	return true, nil
}

// sendMore sends bytes without pushing out the last packet, since a file range
// follows.
func (f *fileRange) sendMore(c *Conn, b []byte) error {
	f.conn, f.bytes = c, b
	err := c.sock.write(f.sendmsg)
	f.conn, f.bytes = nil, nil
	return err
}

func (f *fileRange) trySendmsg(fd int) (bool, error) {
	for len(f.bytes) > 0 {
		n, err := unix.SendmsgN(fd, f.bytes, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
		switch {
		case n > 0:
			f.bytes = f.bytes[n:]
			f.conn.moved(time.Now())
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false, nil
		default:
			return true, err
		}
	}
	return true, nil
}
