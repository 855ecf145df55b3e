package vfs

import "golang.org/x/sys/unix"

func datasync(fd uintptr) error {
	return retry(func() error { return unix.Fsync(int(fd)) })
}

// preallocate does nothing: this system can only reserve by growing the file.
func preallocate(uintptr, int64, int64) error { return nil }
