package memfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"moldau.dev/moldau/internal/vfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, fsys vfs.FS, name string, content []byte) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	_, err = f.WriteAt(content, 0)
	must(t, err)
	return f
}

func TestCrashLosesWhatWasNotSynced(t *testing.T) {
	fsys := New()
	f := create(t, fsys, "/f", []byte("synced"))
	must(t, f.Sync())
	must(t, fsys.SyncDir("/"))
	_, err := f.WriteAt([]byte("more"), 6)
	must(t, err)
	create(t, fsys, "/g", nil)

	clone := fsys.CrashClone(CrashOptions{})
	data, err := vfs.ReadFile(clone, "/f")
	must(t, err)
	if string(data) != "synced" {
		t.Errorf("content %q", data)
	}
	if _, err := clone.Stat("/g"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unsynced name: %v", err)
	}
	clone = fsys.CrashClone(CrashOptions{KeepPercent: 100})
	if data, err = vfs.ReadFile(clone, "/f"); string(data) != "syncedmore" {
		t.Errorf("everything kept: %q, %v", data, err)
	}
	if _, err := clone.Stat("/g"); err != nil {
		t.Errorf("everything kept: %v", err)
	}
}

func TestSyncedFileWithoutSyncedNameIsLost(t *testing.T) {
	fsys := New()
	must(t, fsys.MkdirAll("/d", 0o755))
	must(t, create(t, fsys, "/d/f", []byte("x")).Sync())
	must(t, fsys.SyncDir("/d"))
	if _, err := fsys.CrashClone(CrashOptions{}).Stat("/d"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory whose parent was not synced survived: %v", err)
	}
	must(t, fsys.SyncDir("/"))
	if data, err := vfs.ReadFile(fsys.CrashClone(CrashOptions{}), "/d/f"); string(data) != "x" {
		t.Errorf("content %q, %v", data, err)
	}
}

func TestRenameHappensAsAWhole(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(50) {
		fsys := New()
		must(t, fsys.MkdirAll("/a", 0o755))
		must(t, fsys.MkdirAll("/b", 0o755))
		must(t, fsys.SyncDir("/"))
		must(t, create(t, fsys, "/a/f", []byte("f")).Sync())
		must(t, fsys.SyncDir("/a"))
		must(t, fsys.Rename("/a/f", "/b/g"))
		clone := fsys.CrashClone(CrashOptions{Seed: seed, KeepPercent: 50})
		_, errOld := clone.Stat("/a/f")
		_, errNew := clone.Stat("/b/g")
		if (errOld == nil) == (errNew == nil) {
			t.Fatalf("seed %d: old name %v, new name %v", seed, errOld, errNew)
		}
		seen[fmt.Sprint(errOld == nil)] = true
		must(t, fsys.SyncDir("/b"))
		must(t, fsys.SyncDir("/a"))
		if _, err := fsys.CrashClone(CrashOptions{Seed: seed}).Stat("/b/g"); err != nil {
			t.Fatalf("seed %d: synced rename lost: %v", seed, err)
		}
	}
	if len(seen) != 2 {
		t.Errorf("outcomes %v, want both", seen)
	}
}

func TestRenameBetweenDirectoriesIsSyncedByHalves(t *testing.T) {
	fsys := New()
	must(t, fsys.MkdirAll("/a", 0o755))
	must(t, fsys.MkdirAll("/b", 0o755))
	must(t, fsys.SyncDir("/"))
	f := create(t, fsys, "/a/f", []byte("first"))
	must(t, f.Sync())
	must(t, fsys.SyncDir("/a"))
	must(t, fsys.Rename("/a/f", "/b/g"))
	names := func(keepPercent int) string {
		clone := fsys.CrashClone(CrashOptions{KeepPercent: keepPercent})
		a, errA := vfs.ReadFile(clone, "/a/f")
		b, errB := vfs.ReadFile(clone, "/b/g")
		return fmt.Sprintf("%s %t, %s %t", a, errA == nil, b, errB == nil)
	}
	check := func(lost, kept string) {
		t.Helper()
		if got := names(0); got != lost {
			t.Errorf("nothing kept: %s, want %s", got, lost)
		}
		if got := names(100); got != kept {
			t.Errorf("everything kept: %s, want %s", got, kept)
		}
	}
	check("first true,  false", " false, first true")
	must(t, fsys.SyncDir("/a")) // The wrong one first: the file is in danger.
	check(" false,  false", " false, first true")
	// What happens to the old name later is not undone by the half that is missing.
	must(t, create(t, fsys, "/a/f", []byte("second")).Sync())
	must(t, fsys.SyncDir("/a"))
	must(t, fsys.SyncDir("/a"))
	check("second true,  false", "second true, first true")
	must(t, fsys.SyncDir("/b"))
	check("second true, first true", "second true, first true")
}

func TestCrashTearsBlocks(t *testing.T) {
	fsys := New()
	old, current := bytes.Repeat([]byte("o"), 3*blockSize), bytes.Repeat([]byte("n"), 3*blockSize)
	f := create(t, fsys, "/f", old)
	must(t, f.Sync())
	must(t, fsys.SyncDir("/"))
	_, err := f.WriteAt(current, 0)
	must(t, err)
	torn := 0
	for seed := range uint64(50) {
		o := CrashOptions{Seed: seed, KeepPercent: 50, TearPercent: 50}
		data, err := vfs.ReadFile(fsys.CrashClone(o), "/f")
		must(t, err)
		if len(data) != len(old) {
			t.Fatalf("size %d", len(data))
		}
		for at := 0; at < len(data); at += sectorSize {
			if n := bytes.Count(data[at:at+sectorSize], []byte("n")); n != 0 && n != sectorSize {
				t.Fatalf("seed %d: sector at %d is torn itself", seed, at)
			}
		}
		for at := 0; at < len(data); at += blockSize {
			if n := bytes.Count(data[at:at+blockSize], []byte("n")); n != 0 && n != blockSize {
				torn++
			}
		}
		again, err := vfs.ReadFile(fsys.CrashClone(o), "/f")
		must(t, err)
		if !bytes.Equal(data, again) {
			t.Fatalf("seed %d gives two results", seed)
		}
	}
	if torn == 0 {
		t.Error("no block was torn")
	}
}

func TestCloneAndOriginalAreIndependent(t *testing.T) {
	fsys := New()
	f := create(t, fsys, "/f", []byte("one"))
	must(t, f.Sync())
	must(t, fsys.SyncDir("/"))
	clone := fsys.CrashClone(CrashOptions{KeepPercent: 100})
	g := create(t, clone, "/f", []byte("two"))
	must(t, g.Sync())
	_, err := f.WriteAt([]byte("ONE"), 0)
	must(t, err)
	for fsys, want := range map[*FS]string{fsys: "ONE", clone: "two"} {
		if data, err := vfs.ReadFile(fsys, "/f"); string(data) != want {
			t.Errorf("content %q, want %q, %v", data, want, err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	fsys := New()
	fsys.SetCapacity(3 * blockSize)
	f := create(t, fsys, "/f", make([]byte, 2*blockSize))
	n, err := f.WriteAt(make([]byte, 2*blockSize), 2*blockSize)
	if n != blockSize || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("WriteAt = %d, %v", n, err)
	}
	if _, usable, _ := fsys.DiskUsage("/"); usable != 0 {
		t.Errorf("usable %d", usable)
	}
	if _, err := f.WriteAt([]byte("in place"), 0); err != nil {
		t.Errorf("overwrite on a full disk: %v", err)
	}
	must(t, f.Truncate(blockSize))
	g := create(t, fsys, "/g", make([]byte, blockSize))
	if err := g.Preallocate(0, 3*blockSize); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Preallocate: %v", err)
	}
	must(t, fsys.Remove("/g"))
	if _, usable, _ := fsys.DiskUsage("/"); usable != 0 {
		t.Errorf("an open file gave its space back: usable %d", usable)
	}
	must(t, g.Close())
	if _, usable, _ := fsys.DiskUsage("/"); usable != 2*blockSize {
		t.Errorf("usable %d after remove and close", usable)
	}
	must(t, f.Preallocate(0, 3*blockSize))
	clone := fsys.CrashClone(CrashOptions{KeepPercent: 100})
	if total, usable, _ := clone.DiskUsage("/"); total != 3*blockSize || usable != 2*blockSize {
		t.Errorf("clone has total %d, usable %d", total, usable)
	}
}

func TestLocksDoNotSurviveCrash(t *testing.T) {
	fsys := New()
	_, err := fsys.Lock("/.lock")
	must(t, err)
	must(t, fsys.SyncDir("/"))
	if _, err := fsys.CrashClone(CrashOptions{}).Lock("/.lock"); err != nil {
		t.Error(err)
	}
}

// TestFileAgainstSlice compares a file, its synced state and its full clone with
// two byte slices.
func TestFileAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fsys := New()
		f, err := fsys.OpenFile("/f", os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if err := fsys.SyncDir("/"); err != nil {
			t.Fatal(err)
		}
		var seen, synced []byte
		const limit = 5 * blockSize
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				off := rapid.IntRange(0, limit).Draw(t, "off")
				p := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, rapid.IntRange(1, 2*blockSize).Draw(t, "len"))
				if _, err := f.WriteAt(p, int64(off)); err != nil {
					t.Fatal(err)
				}
				seen = append(seen, make([]byte, max(0, off+len(p)-len(seen)))...)
				copy(seen[off:], p)
			},
			"truncate": func(t *rapid.T) {
				size := rapid.IntRange(0, limit).Draw(t, "size")
				if err := f.Truncate(int64(size)); err != nil {
					t.Fatal(err)
				}
				seen = append(seen, make([]byte, max(0, size-len(seen)))...)[:size]
			},
			"sync": func(t *rapid.T) {
				if err := f.Sync(); err != nil {
					t.Fatal(err)
				}
				synced = bytes.Clone(seen)
			},
			"": func(t *rapid.T) {
				for name, want := range map[string]struct {
					fsys *FS
					data []byte
				}{
					"seen":   {fsys, seen},
					"synced": {fsys.CrashClone(CrashOptions{}), synced},
					"kept":   {fsys.CrashClone(CrashOptions{KeepPercent: 100}), seen},
				} {
					got, err := vfs.ReadFile(want.fsys, "/f")
					if err != nil || !bytes.Equal(got, want.data) {
						t.Fatalf("%s: %d bytes, want %d, or other content; %v", name, len(got), len(want.data), err)
					}
				}
			},
		})
	})
}
