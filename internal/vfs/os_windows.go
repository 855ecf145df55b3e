package vfs

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

func openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}

func datasync(fd uintptr) error { return windows.FlushFileBuffers(windows.Handle(fd)) }

// preallocate does nothing: this system reserves by growing the file.
func preallocate(uintptr, int64, int64) error { return nil }

func isUnsupported(error) bool { return false }

func lockFile(f *os.File) error {
	const exclusiveNow = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), exclusiveNow, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	return err
}

// syncDir does nothing: this system keeps names in its own journal and has no
// call for it.
func syncDir(string) error { return nil }

func diskUsage(name string) (total, usable int64, err error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, 0, &fs.PathError{Op: "statfs", Path: name, Err: err}
	}
	var free, all uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &all, nil); err != nil {
		return 0, 0, &fs.PathError{Op: "statfs", Path: name, Err: err}
	}
	return int64(all), int64(free), nil
}
