//go:build !linux

package storage

import "moldau.dev/moldau/internal/vfs"

// syncFileSystem is not known here: the files are synced one by one.
func syncFileSystem(vfs.FS, string) (done bool, err error) { return false, nil }
