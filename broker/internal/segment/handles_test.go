package segment

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// A system tells of a failed write-back only those who had the file open at the
// time: closing a file with bytes that were not synced would lose the error.
func TestFilesWithUnsyncedBytesStayOpen(t *testing.T) {
	fs := faultfs.New(memfs.New())
	handles := NewHandles(1)
	var segments []*Segment
	for i := range 3 {
		dir := fmt.Sprintf("/p-%d", i)
		if err := fs.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		s, err := Create(NewDir(fs, dir, handles), 0, testLimits, 0)
		if err != nil {
			t.Fatal(err)
		}
		b := record.NewBuilder(record.NewOptions(0))
		b.Append(1, nil, []byte("value"))
		if err := s.Append(b.Build(), testLimits); err != nil {
			t.Fatal(err)
		}
		segments = append(segments, s)
	}
	closed := func() int { return fs.Count(faultfs.Close) }
	before := closed()
	for range 3 {
		handles.CloseIdle()
	}
	if err := segments[0].CloseFiles(); err != nil {
		t.Fatal(err)
	}
	if n := closed() - before; n > 0 || handles.Open() < 3 {
		t.Fatalf("%d files were closed with unsynced bytes, %d are open", n, handles.Open())
	}
	broken := errors.New("write-back failed")
	fault := fs.FailNth(1, broken, faultfs.Sync)
	if err := segments[0].Sync(); !errors.Is(err, broken) {
		t.Fatalf("sync: %v", err)
	}
	fault.Remove()
	handles.CloseIdle()
	handles.CloseIdle()
	if handles.Open() < 3 {
		t.Fatal("a file was closed whose sync failed")
	}
	for _, s := range segments[1:] {
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	handles.CloseIdle()
	handles.CloseIdle()
	if handles.Open() != 1 {
		t.Fatalf("%d files are open, want only the one whose sync failed", handles.Open())
	}
	segments[0].Discard()
	if handles.Open() != 0 {
		t.Fatal("a deleted file stays open")
	}
}

func TestUnsyncedFilesAreSyncedAndClosedWhenDescriptorsRunOut(t *testing.T) {
	fs := faultfs.New(memfs.New())
	handles := NewHandles(100)
	var segments []*Segment
	add := func() {
		t.Helper()
		dir := fmt.Sprintf("/p-%d", len(segments))
		if err := fs.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		s, err := Create(NewDir(fs, dir, handles), 0, testLimits, 0)
		if err != nil {
			t.Fatal(err)
		}
		b := record.NewBuilder(record.NewOptions(0))
		b.Append(1, nil, []byte("value"))
		if err := s.Append(b.Build(), testLimits); err != nil {
			t.Fatal(err)
		}
		segments = append(segments, s)
	}
	for range 4 {
		add()
	}
	if handles.Open() != 4 {
		t.Fatalf("%d files are open", handles.Open())
	}
	broken := errors.New("write-back failed")
	fs.FailNth(1, broken, faultfs.Sync) // The first that is synced in order to be closed.
	if f, err := handles.open(&segments[0].offsetFile, fs, func() string { return "/none" }, 0); err == nil {
		t.Fatalf("opened %v", f.Name())
	}
	handles.settle(2)
	if n := handles.Open(); n != 3 {
		t.Fatalf("%d files are open, want two and the one whose sync failed", n)
	}
	if err := segments[0].Sync(); !errors.Is(err, broken) {
		t.Fatalf("the failed sync was forgotten: %v", err)
	}
	if err := segments[1].Sync(); err != nil {
		t.Fatal(err)
	}
}

func TestTooManyOpenFilesIsNoFaultOfTheDisk(t *testing.T) {
	for _, err := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC} {
		if !IsNoSpace(fmt.Errorf("open: %w", err)) {
			t.Errorf("%v takes the disk out of service", err)
		}
	}
	if IsNoSpace(syscall.EIO) {
		t.Error("an error of the disk heals")
	}
}
