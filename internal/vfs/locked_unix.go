//go:build linux || darwin || freebsd

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// isLocked asks for the lock that would be in the way of ours.
func isLocked(f *os.File) (bool, error) {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := retry(func() error { return unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock) }); err != nil {
		return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return lock.Type != unix.F_UNLCK, nil
}
