package vfs

import (
	"errors"
	"io/fs"
	"os"
)

// Locked tells whether a process holds the exclusive lock of the named file. It
// neither creates the file nor takes a lock. On systems that cannot tell, the
// answer is false.
func Locked(name string) (bool, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // Only read.
	return isLocked(f)
}
