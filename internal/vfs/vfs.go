// Package vfs is the door to the disk: every file the broker touches goes
// through an FS, so that tests can crash it, tear its writes and fail its n-th
// operation.
//
// The OS implementation is Default. vfs/memfs is a crashable file system in
// memory, vfs/faultfs injects errors into any other FS. Files are read and
// written by position only; there is no shared cursor to race for.
//
// What we assume of a disk: a Sync that returned nil keeps the file's bytes and
// size; a SyncDir that returned nil keeps the names of the directory; a rename
// is atomic; anything not synced may be lost or torn, in any order.
package vfs

import (
	"io"
	"io/fs"
	"os"
)

// FS is a file system. Names are paths of the operating system.
type FS interface {
	// OpenFile opens a file with the flags of package os.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Remove(name string) error
	// RemoveAll removes a tree; a missing one is no error.
	RemoveAll(name string) error
	// Rename replaces newName if it exists. It is durable after SyncDir of both parents.
	Rename(oldName, newName string) error
	MkdirAll(name string, perm fs.FileMode) error
	// ReadDir lists a directory sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes creations, renames and removals in the directory durable.
	SyncDir(name string) error
	// Lock takes the exclusive lock of the named file, creating it, without
	// waiting. It returns ErrLocked when another process holds it.
	Lock(name string) (io.Closer, error)
	// DiskUsage gives the total and usable bytes of the file system that holds name.
	DiskUsage(name string) (total, usable int64, err error)
}

// File is an open file. All methods but Close may be called concurrently.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes bytes and size durable (fdatasync).
	Sync() error
	// Truncate sets the size.
	Truncate(size int64) error
	// Preallocate reserves space for [position, position+size) and leaves the
	// file's size as it is. It is a hint: a file system without support returns nil.
	Preallocate(position, size int64) error
	// Size gives the current size in bytes.
	Size() (int64, error)
	// OSFile gives the operating system's file for sendfile, or nil.
	OSFile() *os.File
	Name() string
}
