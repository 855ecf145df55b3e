//go:build !linux

package network

const canSendfile = false

// sendFile and sendMore are not used where there is no sendfile: ranges go through the
// staging buffer.

func sendFile(_ *Conn, p *Part) (position, size int64, err error) {
	return p.Position, p.Size, errNoSendfile
}

func sendMore(c *Conn, b []byte) error { return write(c, b) }
