//go:build !linux

package network

// read reads into b.
func (c *Conn) read(b, _ []byte) (int, error) { return c.readPlain(b) }
