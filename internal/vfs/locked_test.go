package vfs_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"moldau.dev/moldau/internal/vfs"
)

func TestLockedSeesTheLockAndTakesNone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("this system cannot tell")
	}
	name := filepath.Join(t.TempDir(), ".lock")
	expect := func(when string, want bool) {
		t.Helper()
		for range 2 { // The second question must not meet a lock of the first.
			if got, err := vfs.Locked(name); err != nil || got != want {
				t.Fatalf("%s: locked %v, %v", when, got, err)
			}
		}
	}
	expect("without a file", false)
	if exists, err := vfs.Exists(vfs.Default, name); err != nil || exists {
		t.Fatalf("the question created the file: %v, %v", exists, err)
	}
	lock, err := vfs.Default.Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	expect("with a lock", true)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	expect("after the lock", false)
}
