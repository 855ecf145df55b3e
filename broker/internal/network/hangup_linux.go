package network

import "golang.org/x/sys/unix"

// hungUp tells whether the client has closed its side, without reading what it
// may have sent before.
func (c *Conn) hungUp() bool {
	if c.sock == nil {
		return false
	}
	gone := false
	_ = c.sock.Control(func(fd uintptr) { // It fails when we have closed ours.
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, err := unix.Poll(poll, 0); err == nil && n > 0 {
			gone = poll[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
		}
	})
	return gone
}
