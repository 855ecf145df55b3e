package network

import (
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const canSendfile = true

// sendfileChunk bounds one system call, so that progress shows in lastMoved.
const sendfileChunk = 4 << 20

// sendFile sends of the file range of p what there is room for, and takes it off p.
// errNoSendfile is for a file system that cannot do this.
//
// net.TCPConn.ReadFrom would use sendfile too, but from the file's shared
// position, which concurrent fetches of one segment would fight for.
func sendFile(c *Conn, p *Part) error {
	// Reading goes forward, and the system reads ahead: the end tells of the whole.
	if end := [1]byte{}; readCached(p.File, end[:], p.Position+p.Size-1) == 0 {
		c.standAside()
	}
	s := c.sock
	if !s.use() {
		return net.ErrClosed
	}
	defer s.done()
	file := int(p.File.Fd()) // It does not touch the mode of a regular file, and the part pins the file.
	for p.Size > 0 {
		n, err := unix.Sendfile(s.fd, file, &p.Position, int(min(p.Size, sendfileChunk)))
		if n > 0 {
			p.Size -= int64(n)
			c.moved(time.Now())
			continue
		}
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return errFull
		case unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP:
			return errNoSendfile
		case unix.EPIPE, unix.ECONNRESET, unix.ETIMEDOUT: // The socket, and not the file.
			return os.NewSyscallError("sendfile", err)
		case nil:
			return newRangeError(p.File, p.Position, p.Size, io.EOF)
		default:
			return newRangeError(p.File, p.Position, p.Size, err)
		}
	}
	return nil
}

// readCached reads what the system has in memory, so that the disk is not waited for,
// and returns how much it is; 0 also where the file system cannot tell.
func readCached(f *os.File, b []byte, position int64) int {
	n, _ := unix.Preadv2(int(f.Fd()), [][]byte{b}, position, unix.RWF_NOWAIT)
	return max(n, 0)
}

// sendMore is Write without pushing out the last packet, since a file range follows.
func sendMore(c *Conn, b []byte) (int, error) {
	return c.sock.put(b, func(fd int, b []byte) (int, error) {
		return unix.SendmsgN(fd, b, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
	})
}
