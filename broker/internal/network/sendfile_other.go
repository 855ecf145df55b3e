//go:build !linux

package network

const canSendfile = false

// fileRange is not used where there is no sendfile: ranges go through the
// staging buffer.
type fileRange struct{}

func (*fileRange) init() {}

func (*fileRange) send(*Conn, *Part) error { return nil }

func (*fileRange) sendMore(c *Conn, b []byte) error { return write(c, b) }
