package segment

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"

	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// unsyncedSegment is a segment in a folder of its own, with one batch that was not
// synced.
func unsyncedSegment(t *testing.T, fs vfs.FS, handles *Handles, dir string) *Segment {
	t.Helper()
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
	return s
}

// A system tells of a failed write-back only those who had the file open at the
// time: closing a file with bytes that were not synced would lose the error.
func TestFilesWithUnsyncedBytesStayOpen(t *testing.T) {
	fs := faultfs.New(memfs.New())
	handles := NewHandles(1)
	var segments []*Segment
	for i := range 3 {
		segments = append(segments, unsyncedSegment(t, fs, handles, fmt.Sprintf("/p-%d", i)))
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
	for i := range 4 {
		segments = append(segments, unsyncedSegment(t, fs, handles, fmt.Sprintf("/p-%d", i)))
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

// However many files with unsynced bytes are open beyond the bound, an open looks at a few
// of them: those that the hand has met stay out of its way until they are synced.
func TestUnsyncedFilesAreNotLookedAtAgain(t *testing.T) {
	const limit, files, few = 10, 1000, 4
	fs := memfs.New()
	handles := NewHandles(limit)
	var segments []*Segment
	looks := func(what string, work func(i int)) {
		t.Helper()
		before := handles.steps
		for i := range files {
			work(i)
		}
		if n := handles.steps - before; n > files*few {
			t.Errorf("%s: the hand looked %d times at a file, for %d files", what, n, files)
		}
	}
	looks("open", func(i int) {
		segments = append(segments, unsyncedSegment(t, fs, handles, fmt.Sprintf("/p-%d", i)))
	})
	if n := handles.Open(); n != files {
		t.Fatalf("%d files are open, want %d: all have unsynced bytes", n, files)
	}
	// Each sync lets one file go. Those that are left are as unsynced as before.
	looks("sync", func(i int) {
		if err := segments[i].Sync(); err != nil {
			t.Fatal(err)
		}
		handles.shrink(limit)
		if n, want := handles.Open(), max(limit, files-1-i); n != want {
			t.Fatalf("%d files are open after %d were synced, want %d", n, i+1, want)
		}
	})
	// What is deleted is closed, wherever it stands.
	for i, s := range segments {
		segments[i] = unsyncedSegment(t, fs, handles, fmt.Sprintf("/again-%d", i))
		s.Discard()
	}
	looks("delete", func(i int) { segments[i].Discard() })
	if n := handles.Open(); n != 0 {
		t.Fatalf("%d deleted files are open", n)
	}
}

// Whoever uses, syncs, closes and deletes files at the same time: none is lost to the hand.
func TestEveryFileCanBeClosedAfterItsSync(t *testing.T) {
	const writers, rounds = 8, 200
	fs := memfs.New()
	handles := NewHandles(2)
	segments := make([]*Segment, writers)
	for i := range segments {
		segments[i] = unsyncedSegment(t, fs, handles, fmt.Sprintf("/p-%d", i))
	}
	var working errgroup.Group
	for i, s := range segments {
		working.Go(func() error {
			for round := range rounds {
				b := record.NewBuilder(record.NewOptions(s.NextOffset()))
				b.Append(1, nil, []byte("value"))
				if err := s.Append(b.Build(), testLimits); err != nil {
					return err
				}
				if err := s.Sync(); err != nil {
					return err
				}
				switch (i + round) % 4 {
				case 0:
					handles.CloseIdle()
				case 1:
					handles.settle(0)
				case 2:
					if err := s.CloseFiles(); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := working.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, h := range handles.files {
		if h.slot != i {
			t.Errorf("the file in slot %d takes itself to be in %d", i, h.slot)
		}
	}
	handles.shrink(0)
	if n := handles.Open(); n != 0 {
		t.Errorf("%d files are open that nobody uses, and all are synced", n)
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
