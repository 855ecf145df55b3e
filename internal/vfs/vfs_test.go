package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// fileSystems gives every implementation with an empty directory in it.
func fileSystems(t *testing.T) map[string]struct {
	fsys vfs.FS
	dir  string
} {
	t.Helper()
	mem := memfs.New()
	faulty := faultfs.New(memfs.New())
	for _, fsys := range []vfs.FS{mem, faulty} {
		if err := fsys.MkdirAll("/data", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	type place = struct {
		fsys vfs.FS
		dir  string
	}
	return map[string]place{
		"os":      {vfs.Default, t.TempDir()},
		"memfs":   {mem, "/data"},
		"faultfs": {faulty, "/data"},
	}
}

// forEach runs a test over every implementation: they must not differ.
func forEach(t *testing.T, test func(t *testing.T, fsys vfs.FS, dir string)) {
	for name, place := range fileSystems(t) {
		t.Run(name, func(t *testing.T) { test(t, place.fsys, place.dir) })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func create(t *testing.T, fsys vfs.FS, name, content string) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	_, err = f.WriteAt([]byte(content), 0)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestFilesAreReadAndWrittenByPosition(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := create(t, fsys, filepath.Join(dir, "f"), "hello")
		_, err := f.WriteAt([]byte("world"), 10000)
		must(t, err)
		size, err := f.Size()
		must(t, err)
		if size != 10005 {
			t.Fatalf("size %d", size)
		}
		p := make([]byte, 10)
		n, err := f.ReadAt(p, 9998)
		if n != 7 || !errors.Is(err, io.EOF) || !bytes.Equal(p[:n], []byte("\x00\x00world")) {
			t.Fatalf("ReadAt = %d, %v, %q", n, err, p[:n])
		}
		if n, err = f.ReadAt(p, 10005); n != 0 || !errors.Is(err, io.EOF) {
			t.Fatalf("ReadAt the end = %d, %v", n, err)
		}
		must(t, f.Truncate(3))
		must(t, f.Truncate(6))
		if n, err = f.ReadAt(p, 0); n != 6 || !bytes.Equal(p[:6], []byte("hel\x00\x00\x00")) {
			t.Fatalf("after truncations %d, %v, %q", n, err, p[:n])
		}
		must(t, f.Preallocate(0, 1<<16))
		if size, _ = f.Size(); size != 6 {
			t.Fatalf("size %d after Preallocate", size)
		}
		must(t, f.Sync())
		must(t, f.Close())
		_, err = f.WriteAt(p, 0)
		wantError(t, err, fs.ErrClosed)
	})
}

func TestNames(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
		_, err := fsys.OpenFile(name("a"), os.O_RDWR, 0)
		wantError(t, err, fs.ErrNotExist)
		_, err = fsys.OpenFile(name("no", "a"), os.O_RDWR|os.O_CREATE, 0o644)
		wantError(t, err, fs.ErrNotExist)
		create(t, fsys, name("a"), "a")
		_, err = fsys.OpenFile(name("a"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		wantError(t, err, fs.ErrExist)
		must(t, fsys.MkdirAll(name("x", "y"), 0o755))
		must(t, fsys.MkdirAll(name("x", "y"), 0o755))
		create(t, fsys, name("x", "b"), "b")
		wantError(t, fsys.Remove(name("x")), syscall.ENOTEMPTY)
		wantError(t, fsys.Rename(name("x"), name("a")), syscall.ENOTDIR)
		wantError(t, fsys.Rename(name("no"), name("a")), fs.ErrNotExist)
		must(t, fsys.Rename(name("a"), name("x", "b")))
		must(t, fsys.SyncDir(dir))
		data, err := vfs.ReadFile(fsys, name("x", "b"))
		must(t, err)
		if string(data) != "a" {
			t.Fatalf("content %q after rename", data)
		}
		must(t, fsys.Rename(name("x"), name("z")))
		entries, err := fsys.ReadDir(name("z"))
		must(t, err)
		if len(entries) != 2 || entries[0].Name() != "b" || entries[0].IsDir() || !entries[1].IsDir() {
			t.Fatalf("entries %v", entries)
		}
		must(t, fsys.Remove(name("z", "b")))
		wantError(t, fsys.Remove(name("z", "b")), fs.ErrNotExist)
		must(t, fsys.RemoveAll(name("z")))
		must(t, fsys.RemoveAll(name("z")))
		_, err = fsys.Stat(name("z"))
		wantError(t, err, fs.ErrNotExist)
	})
}

func TestOpenFileSurvivesItsName(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := create(t, fsys, filepath.Join(dir, "f"), "data")
		must(t, fsys.Remove(filepath.Join(dir, "f")))
		p := make([]byte, 4)
		_, err := f.ReadAt(p, 0)
		must(t, err)
		if string(p) != "data" {
			t.Fatalf("read %q", p)
		}
	})
}

func TestLockIsExclusive(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, ".lock")
		lock, err := fsys.Lock(name)
		must(t, err)
		_, err = fsys.Lock(name)
		wantError(t, err, vfs.ErrLocked)
		must(t, lock.Close())
		lock, err = fsys.Lock(name)
		must(t, err)
		must(t, lock.Close())
	})
}

func TestDiskUsage(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		total, usable, err := fsys.DiskUsage(dir)
		must(t, err)
		if total <= 0 || usable < 0 || usable > total {
			t.Fatalf("total %d, usable %d", total, usable)
		}
		_, _, err = fsys.DiskUsage(filepath.Join(dir, "no"))
		wantError(t, err, fs.ErrNotExist)
	})
}

func TestWriteFileReplacesLongerContent(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		for _, write := range []func(vfs.FS, string, []byte) error{vfs.WriteFile, vfs.WriteFileAtomic} {
			name := filepath.Join(dir, "f")
			must(t, write(fsys, name, []byte("long content")))
			must(t, write(fsys, name, []byte("short")))
			data, err := vfs.ReadFile(fsys, name)
			must(t, err)
			if string(data) != "short" {
				t.Fatalf("content %q", data)
			}
			there, err := vfs.Exists(fsys, name)
			must(t, err)
			if !there {
				t.Fatal("written file does not exist")
			}
			must(t, vfs.RemoveIfExists(fsys, name))
			must(t, vfs.RemoveIfExists(fsys, name))
		}
	})
}

func TestWriteFileAtomicSurvivesCrashes(t *testing.T) {
	// At every operation of the write, crash with many seeds: the old or the new
	// content is there, and the new one once the write has returned.
	mem := memfs.New()
	must(t, mem.MkdirAll("/d", 0o755))
	must(t, mem.SyncDir("/"))
	must(t, vfs.WriteFileAtomic(mem, "/d/f", []byte("old")))
	faulty := faultfs.New(mem)
	crashes := 0
	check := func(returned bool) {
		for seed := range uint64(20) {
			o := memfs.CrashOptions{Seed: seed, KeepPercent: 50, TearPercent: 50}
			data, err := vfs.ReadFile(mem.CrashClone(o), "/d/f")
			must(t, err)
			crashes++
			if s := string(data); s != "new content" && (returned || s != "old") {
				t.Fatalf("seed %d: content %q", seed, s)
			}
		}
	}
	faulty.SetHook(func(faultfs.Op) { check(false) })
	must(t, vfs.WriteFileAtomic(faulty, "/d/f", []byte("new content")))
	check(true)
	if crashes < 100 {
		t.Fatalf("only %d crashes", crashes)
	}
}

func TestWriteFileAtomicReportsEveryError(t *testing.T) {
	// The n-th operation fails, for all n: the write must say so and leave one of the
	// two contents.
	boom := errors.New("boom")
	for n := 1; ; n++ {
		faulty := faultfs.New(memfs.New())
		must(t, vfs.WriteFileAtomic(faulty, "f", []byte("old")))
		fault := faulty.FailNth(n, boom)
		err := vfs.WriteFileAtomic(faulty, "f", []byte("new"))
		if fault.Hits() == 0 {
			must(t, err)
			if n < 6 {
				t.Fatalf("only %d operations", n-1)
			}
			return
		}
		wantError(t, err, boom)
		data, err := vfs.ReadFile(faulty, "f")
		must(t, err)
		if s := string(data); s != "old" && s != "new" {
			t.Fatalf("n = %d: content %q", n, s)
		}
	}
}
