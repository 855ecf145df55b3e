package vfs

import "os"

// isLocked cannot be told without taking the lock.
func isLocked(*os.File) (bool, error) { return false, nil }
