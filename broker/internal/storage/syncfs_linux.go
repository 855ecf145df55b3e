package storage

import (
	"os"

	"golang.org/x/sys/unix"

	"moldau.dev/moldau/internal/vfs"
)

// fileSystem is an open file system of the operating system.
type fileSystem struct{ folder vfs.File }

// openFileSystem opens the file system that holds dir; false if it is not the
// operating system's.
func openFileSystem(fsys vfs.FS, dir string) (fileSystem, bool) {
	f, err := fsys.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return fileSystem{}, false
	}
	if f.OSFile() == nil {
		_ = f.Close() // Nothing was written through it.
		return fileSystem{}, false
	}
	return fileSystem{f}, true
}

// sync makes everything on the file system durable in one go. The kernel reports
// errors of write-back that nobody has seen yet (Linux 5.8 and later).
func (s fileSystem) sync() error {
	raw, err := s.folder.OSFile().SyscallConn()
	if err != nil {
		return err
	}
	var syncErr error
	if err := raw.Control(func(fd uintptr) { syncErr = unix.Syncfs(int(fd)) }); err != nil {
		return err
	}
	return syncErr
}

func (s fileSystem) close() { _ = s.folder.Close() } // Nothing was written through it.
