package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// Default is the operating system's file system.
var Default FS = osFS{}

// ErrLocked says that another process, or another open lock of this process,
// holds the lock of a file.
var ErrLocked = errors.New("locked by another process")

type osFS struct{}

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := openFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Remove(name string) error                     { return os.Remove(name) }
func (osFS) RemoveAll(name string) error                  { return os.RemoveAll(name) }
func (osFS) Rename(oldName, newName string) error         { return os.Rename(oldName, newName) }
func (osFS) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error)   { return os.ReadDir(name) }
func (osFS) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }
func (osFS) SyncDir(name string) error                    { return syncDir(name) }
func (osFS) DiskUsage(name string) (int64, int64, error)  { return diskUsage(name) }
func (osFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		_ = f.Close() // Nothing was written.
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	// Closing the file gives the lock back.
	return f, nil
}

// osFile is an os.File with the syncing and reserving of the platform.
type osFile struct{ *os.File }

func (f osFile) OSFile() *os.File { return f.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Sync() error {
	if err := f.control(datasync); err != nil {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
	return nil
}

func (f osFile) Preallocate(position, size int64) error {
	if size <= 0 {
		return nil
	}
	err := f.control(func(fd uintptr) error { return preallocate(fd, position, size) })
	if err != nil && !isUnsupported(err) {
		return &fs.PathError{Op: "preallocate", Path: f.Name(), Err: err}
	}
	return nil
}

// control runs op on the descriptor while a concurrent Close waits for it.
func (f osFile) control(op func(fd uintptr) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var opErr error
	if err := raw.Control(func(fd uintptr) { opErr = op(fd) }); err != nil {
		return err
	}
	return opErr
}
