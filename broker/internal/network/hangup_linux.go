package network

import "golang.org/x/sys/unix"

// hungUp tells whether the client has closed its side, without reading what it
// may have sent before.
func (c *Conn) hungUp() bool {
	if c.sock == nil {
		return false
	}
	events, _ := c.sock.poll(unix.POLLRDHUP)
	return events&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}
