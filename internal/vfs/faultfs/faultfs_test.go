package faultfs

import (
	"errors"
	"os"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

var errBoom = errors.New("boom")

func open(t *testing.T, fsys vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFaultsByKindPathAndNumber(t *testing.T) {
	fsys := New(memfs.New())
	a, b := open(t, fsys, "/a.log"), open(t, fsys, "/b.index")
	fault := fsys.Inject(Fault{Kinds: []Kind{Write}, Path: "*.log", Skip: 1, Times: 2, Err: errBoom})
	want := []bool{true, false, false, true} // The first passes, two fail.
	for i, ok := range want {
		if _, err := b.WriteAt([]byte("x"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := a.WriteAt([]byte("x"), 0); (err == nil) != ok || err != nil && !errors.Is(err, errBoom) {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	if fault.Hits() != 2 {
		t.Errorf("%d hits", fault.Hits())
	}
	if got := fsys.Count(Write); got != 8 {
		t.Errorf("%d writes", got)
	}
	if got := fsys.Count(); got != 10 {
		t.Errorf("%d operations", got)
	}
}

func TestFailedSyncSyncsNothing(t *testing.T) {
	mem := memfs.New()
	fsys := New(mem)
	f := open(t, fsys, "/f")
	if err := fsys.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	fault := fsys.Inject(Fault{Kinds: []Kind{Sync}, Err: errBoom})
	_, _ = f.WriteAt([]byte("x"), 0)
	for range 2 {
		if err := f.Sync(); !errors.Is(err, errBoom) {
			t.Fatal(err)
		}
	}
	if data, _ := vfs.ReadFile(mem.CrashClone(memfs.CrashOptions{}), "/f"); len(data) != 0 {
		t.Errorf("%q survived", data)
	}
	fault.Remove()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func TestTornWrite(t *testing.T) {
	fsys := New(memfs.New())
	f := open(t, fsys, "/f")
	fsys.Inject(Fault{Kinds: []Kind{Write}, Times: 1, Err: errBoom, Torn: true})
	if n, err := f.WriteAt([]byte("abcd"), 0); n != 2 || !errors.Is(err, errBoom) {
		t.Fatalf("WriteAt = %d, %v", n, err)
	}
	if data, _ := vfs.ReadFile(fsys, "/f"); string(data) != "ab" {
		t.Errorf("content %q", data)
	}
}

func TestHookSeesOperationsInOrder(t *testing.T) {
	fsys := New(memfs.New())
	var trace []string
	fsys.SetHook(func(op Op) { trace = append(trace, op.String()) })
	if err := vfs.WriteFileAtomic(fsys, "/f", []byte("abc")); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"create /f.tmp", "write /f.tmp [0, 3)", "sync /f.tmp", "close /f.tmp", "rename /f.tmp /f", "sync-dir /",
	}
	if !reflect.DeepEqual(trace, want) {
		t.Errorf("trace %q, want %q", trace, want)
	}
}

func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := New(memfs.New())
		f := open(t, fsys, "/f")
		fsys.Inject(Fault{Kinds: []Kind{Sync}, Delay: time.Second})
		start := time.Now()
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestEveryOperationCanFail(t *testing.T) {
	// With a fault on everything no operation may succeed, and closing still closes.
	fsys := New(memfs.New())
	f := open(t, fsys, "/f")
	fsys.Inject(Fault{Err: errBoom})
	operations := map[Kind]func() error{
		Open:        func() error { _, err := fsys.OpenFile("/f", os.O_RDONLY, 0); return err },
		Create:      func() error { _, err := fsys.OpenFile("/f", os.O_CREATE, 0); return err },
		Read:        func() error { _, err := f.ReadAt(nil, 0); return err },
		Write:       func() error { _, err := f.WriteAt(nil, 0); return err },
		Sync:        f.Sync,
		Truncate:    func() error { return f.Truncate(0) },
		Preallocate: func() error { return f.Preallocate(0, 1) },
		Size:        func() error { _, err := f.Size(); return err },
		Close:       f.Close,
		Remove:      func() error { return fsys.Remove("/f") },
		RemoveAll:   func() error { return fsys.RemoveAll("/f") },
		Rename:      func() error { return fsys.Rename("/f", "/g") },
		MkdirAll:    func() error { return fsys.MkdirAll("/d", 0) },
		ReadDir:     func() error { _, err := fsys.ReadDir("/"); return err },
		Stat:        func() error { _, err := fsys.Stat("/f"); return err },
		SyncDir:     func() error { return fsys.SyncDir("/") },
		Lock:        func() error { _, err := fsys.Lock("/f"); return err },
		DiskUsage:   func() error { _, _, err := fsys.DiskUsage("/"); return err },
	}
	for kind := range kinds {
		before := fsys.Count(kind)
		if err := operations[kind](); !errors.Is(err, errBoom) {
			t.Errorf("%v: %v", kind, err)
		}
		if fsys.Count(kind) != before+1 {
			t.Errorf("%v was not counted", kind)
		}
	}
	if fsys.Clear(); f.Close() == nil {
		t.Error("the failed Close left the file open")
	}
}
