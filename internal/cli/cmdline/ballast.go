package cmdline

import "os"

// NewBallast returns that many bytes that Go counts as alive while they are kept: it
// collects garbage after that much at least, instead of all the time if little else
// is alive. They are never touched, and so take address space but no memory. GOGC and
// GOMEMLIMIT are obeyed instead: then it returns none.
func NewBallast(size int) []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, size)
}
