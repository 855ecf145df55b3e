package network

// read reads into b, and what is there beyond it into next: the end of a frame and the
// beginning of the next one with one system call. Before it waits, or returns
// errNothing, it writes the answers that were deferred.
func (c *Conn) read(b, next []byte) (int, error) {
	if c.sock == nil {
		return c.readPlain(b)
	}
	n, err := c.sock.receive(b, next)
	if err == errNothing { //nolint:errorlint // receive returns it bare.
		c.writeDeferred()
	}
	return n, err
}
