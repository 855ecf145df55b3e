// Package invariant states what must always hold in our own code.
//
// A broken invariant is a bug of ours, never of a client or a disk: going on
// would risk wrong data, so Assert panics and the process exits. Bad input and
// failing hardware are errors, not invariants.
package invariant

import "fmt"

// Assert panics with the message when the condition does not hold.
func Assert(condition bool, format string, args ...any) {
	if !condition {
		panic("invariant violated (a bug in Moldau): " + fmt.Sprintf(format, args...))
	}
}
