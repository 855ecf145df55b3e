//go:build !linux

package bench

// fetchBuffer is what a consumer reads at once.
const fetchBuffer = 256 << 10

// discard skips n bytes of an answer.
func (c *Conn) discard(n int) error {
	_, err := c.r.Discard(n)
	return err
}
