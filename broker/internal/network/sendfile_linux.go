package network

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const canSendfile = true

// sendfileChunk bounds one system call, so that progress shows in lastMoved.
const sendfileChunk = 4 << 20

// sendFile sends the file range of p, and returns how much of it is left:
// with errNoSendfile, for a file system that cannot do this.
//
// net.TCPConn.ReadFrom would use sendfile too, but from the file's shared
// position, which concurrent fetches of one segment would fight for.
func sendFile(c *Conn, p *Part) (position, size int64, err error) {
	file := int(p.File.Fd()) // It does not touch the mode of a regular file, and the part pins the file.
	position, size = p.Position, p.Size
	// Reading goes forward, and the system reads ahead: the end tells of the whole.
	if end := [1]byte{}; readCached(p.File, end[:], position+size-1) == 0 {
		c.standAside()
	}
	broken := false // The socket, and not the file.
	err = c.sock.write(func(fd int) (bool, error) {
		for size > 0 {
			n, err := unix.Sendfile(fd, file, &position, int(min(size, sendfileChunk)))
			switch {
			case n > 0:
				size -= int64(n)
				c.moved(time.Now())
			case err == unix.EINTR:
			case err == unix.EAGAIN:
				return false, nil
			case err == nil:
				return true, io.EOF
			default:
				broken = err == unix.EPIPE || err == unix.ECONNRESET || err == unix.ETIMEDOUT
				return true, err
			}
		}
		return true, nil
	})
	switch {
	case err == nil || broken || errors.Is(err, net.ErrClosed):
		return position, size, err
	case err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP: //nolint:errorlint // A bare errno.
		return position, size, errNoSendfile
	default:
		return position, size, newRangeError(p.File, position, size, err)
	}
}

// readCached reads what the system has in memory, so that the disk is not waited for,
// and returns how much it is; 0 also where the file system cannot tell.
func readCached(f *os.File, b []byte, position int64) int {
	n, _ := unix.Preadv2(int(f.Fd()), [][]byte{b}, position, unix.RWF_NOWAIT)
	return max(n, 0)
}

// sendMore sends bytes without pushing out the last packet, since a file range
// follows.
func sendMore(c *Conn, b []byte) error {
	return c.sock.write(func(fd int) (bool, error) {
		for len(b) > 0 {
			n, err := unix.SendmsgN(fd, b, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
			switch {
			case n > 0:
				b = b[n:]
				c.moved(time.Now())
			case err == unix.EINTR:
			case err == unix.EAGAIN:
				return false, nil
			default:
				return true, err
			}
		}
		return true, nil
	})
}
