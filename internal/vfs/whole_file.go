package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// tmpSuffix marks a file that is being written and not yet in its place. A crash
// may leave one behind; it is overwritten by the next write of the same file.
const tmpSuffix = ".tmp"

// ReadFile reads a whole file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // Only read.
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data[:n], nil
}

// WriteFile creates or replaces a file in place, without syncing it: after a
// crash it may be missing, empty or torn, so its reader must be able to tell.
func WriteFile(fsys FS, name string, data []byte) error {
	return writeFile(fsys, name, data, false)
}

// WriteFileAtomic replaces a file so that a crash leaves either the old or the
// new content: it writes name.tmp, syncs it, renames it and syncs the directory.
// The new content is durable when it returns nil.
func WriteFileAtomic(fsys FS, name string, data []byte) error {
	tmp := name + tmpSuffix
	if err := writeFile(fsys, tmp, data, true); err != nil {
		return err
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

func writeFile(fsys FS, name string, data []byte, sync bool) error {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil && sync {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// RemoveIfExists removes a file; a missing one is no error.
func RemoveIfExists(fsys FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Exists tells whether a name is there. Any error but "does not exist" is returned.
func Exists(fsys FS, name string) (bool, error) {
	_, err := fsys.Stat(name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	default:
		return false, fmt.Errorf("look for %s: %w", name, err)
	}
}

// IsDir tells whether an entry of the directory dir is a directory, or a symbolic
// link to one. A link that leads nowhere is none.
func IsDir(fsys FS, dir string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := fsys.Stat(filepath.Join(dir, entry.Name()))
	return err == nil && info.IsDir()
}
