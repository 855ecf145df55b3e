package bench

import (
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// fetchBuffer is what a consumer reads at once: the head of a batch. The rest is
// discarded where it is.
const fetchBuffer = 4 << 10

// unseen gives discarded bytes their length; nothing is written to it.
var unseen [1 << 20]byte

// discard skips n bytes of an answer. What has not been read yet is not copied either
// (MSG_TRUNC), so that a load takes its records faster than any client could, and
// does not keep the broker waiting.
func (c *Conn) discard(n int) error {
	buffered := min(n, c.r.Buffered())
	if _, err := c.r.Discard(buffered); err != nil {
		return err
	}
	n -= buffered
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok || n == 0 {
		_, err := c.r.Discard(n)
		return err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for n > 0 {
			got, _, err := unix.Recvfrom(int(fd), unseen[:min(n, len(unseen))], unix.MSG_TRUNC)
			switch {
			case err == unix.EAGAIN:
				return false
			case err == unix.EINTR:
				continue
			case err != nil:
				failed = err
				return true
			case got == 0:
				failed = io.ErrUnexpectedEOF
				return true
			}
			n -= got
		}
		return true
	})
	if err != nil {
		return err
	}
	return failed
}
