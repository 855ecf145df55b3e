package storage

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"moldau.dev/moldau/internal/vfs"
)

// syncFileSystem makes everything on the file system that holds dir durable, in
// one go. It gives false if that is not possible here. The kernel reports
// errors of write-back that nobody has seen yet (Linux 5.8 and later).
func syncFileSystem(fsys vfs.FS, dir string) (done bool, err error) {
	f, err := fsys.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return false, nil //nolint:nilerr // Not every file system opens folders: sync the files one by one.
	}
	defer f.Close() //nolint:errcheck // Nothing was written through it.
	file := f.OSFile()
	if file == nil {
		return false, nil
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return false, nil //nolint:nilerr // As above.
	}
	var syncErr error
	err = raw.Control(func(fd uintptr) { syncErr = unix.Syncfs(int(fd)) })
	if err == nil {
		err = syncErr
	}
	if err != nil {
		return false, fmt.Errorf("sync the file system of %s: %w", dir, err)
	}
	return true, nil
}
