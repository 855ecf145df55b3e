package main

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What was touched is given back but for a page in each piece, however often.
func TestTouchedMemoryIsGivenBackInPieces(t *testing.T) {
	const size = 8 * takenPiece
	page := os.Getpagesize()
	t.Cleanup(func() {
		_ = unix.Munmap(taken)
		taken = nil
	})
	for range 2 {
		if err := touchMemory(size); err != nil {
			t.Fatal(err)
		}
		resident := make([]byte, size/page)
		_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&taken[0])), size, uintptr(unsafe.Pointer(&resident[0])))
		if errno != 0 {
			t.Fatal(errno)
		}
		for i, r := range resident {
			if kept := i%(takenPiece/page) == 0; (r&1 == 1) != kept {
				t.Fatalf("page %d of %d: resident %v", i, len(resident), r&1 == 1)
			}
		}
	}
}
