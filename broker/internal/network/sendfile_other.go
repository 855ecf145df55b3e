//go:build !linux

package network

const canSendfile = false

// fileRange is not used where there is no sendfile: ranges go through the
// staging buffer.
type fileRange struct{ position, size int64 }

func (*fileRange) init() {}

func (f *fileRange) send(_ *Conn, p *Part) error {
	f.position, f.size = p.Position, p.Size
	return errNoSendfile
}

func (*fileRange) sendMore(c *Conn, b []byte) error { return write(c, b) }
