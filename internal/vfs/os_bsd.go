//go:build darwin || freebsd

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile uses flock, which these kernels keep in one list with the record
// locks that Java takes.
func lockFile(f *os.File) error { return flock(f) }

func blockSize(s *unix.Statfs_t) int64 { return int64(s.Bsize) }
