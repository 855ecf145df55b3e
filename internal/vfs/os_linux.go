package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func datasync(fd uintptr) error {
	return retry(func() error { return unix.Fdatasync(int(fd)) })
}

func preallocate(fd uintptr, position, size int64) error {
	return retry(func() error { return unix.Fallocate(int(fd), unix.FALLOC_FL_KEEP_SIZE, position, size) })
}

// lockFile takes a lock that belongs to the open file, so that it holds against
// this process too, and that conflicts with the record locks Java takes: Apache
// Kafka and we keep each other out of a log directory.
func lockFile(f *os.File) error {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err := retry(func() error { return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock) })
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES):
		return ErrLocked
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return flock(f) // Emulated kernels without such locks.
	default:
		return err
	}
}

func blockSize(s *unix.Statfs_t) int64 {
	if s.Frsize > 0 {
		return int64(s.Frsize)
	}
	return int64(s.Bsize)
}
