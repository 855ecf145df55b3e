//go:build !linux

package storage

import "moldau.dev/moldau/internal/vfs"

// fileSystem is an open file system; there is no way to sync one here.
type fileSystem struct{}

func openFileSystem(vfs.FS, string) (fileSystem, bool) { return fileSystem{}, false }

func (fileSystem) sync() error { return nil }

func (fileSystem) close() {}
