package network

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// What is not in memory is not waited for, and what is costs no second read.
func TestReadCached(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/range")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content := bytes.Repeat([]byte("range"), 64<<10)
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len(content))
	if n := readCached(f, b[:1000], 5); n != 1000 || !bytes.Equal(b[:n], content[:n]) {
		t.Fatalf("%d bytes of what was just written", n)
	}
	if n := readCached(f, b, int64(len(content))-10); n != 10 {
		t.Fatalf("%d bytes at the end", n)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	cold := readCached(f, b, 0)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if n := readCached(f, b, 0); n != len(b) {
		t.Fatalf("%d of %d bytes after they were read", n, len(b))
	}
	if cold == len(b) {
		t.Skip("this file system keeps everything in memory")
	}
	if cold != 0 {
		t.Fatalf("%d bytes of a file that is only on disk", cold)
	}
}
