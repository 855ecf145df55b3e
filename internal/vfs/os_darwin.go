package vfs

import "golang.org/x/sys/unix"

// datasync asks the drive to empty its cache too: plain fsync on this system
// only hands the bytes to the drive.
func datasync(fd uintptr) error {
	err := retry(func() error {
		_, err := unix.FcntlInt(fd, unix.F_FULLFSYNC, 0)
		return err
	})
	if isUnsupported(err) { // Network file systems.
		return retry(func() error { return unix.Fsync(int(fd)) })
	}
	return err
}

func preallocate(fd uintptr, position, size int64) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(fd), &stat); err != nil {
		return err
	}
	// The system reserves from the end of what is allocated.
	missing := position + size - stat.Blocks*512
	if missing <= 0 {
		return nil
	}
	store := unix.Fstore_t{Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: missing}
	return unix.FcntlFstore(fd, unix.F_PREALLOCATE, &store)
}
