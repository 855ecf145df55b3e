package faultfs

import (
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"moldau.dev/moldau/internal/vfs"
)

// FS is a file system with faults.
type FS struct {
	inner vfs.FS

	// mu guards the fields below. It is not held over an operation, a delay or the
	// hook.
	mu     sync.Mutex
	faults []*Injected
	hook   func(Op)
	counts [kinds]int
}

var _ vfs.FS = (*FS)(nil)

// New wraps a file system. Without faults it behaves as the one it wraps, except
// that its files give no OSFile: the operating system would go past it.
func New(inner vfs.FS) *FS { return &FS{inner: inner} }

// Inject adds a fault, after those already there.
func (f *FS) Inject(fault Fault) *Injected {
	f.mu.Lock()
	defer f.mu.Unlock()
	injected := &Injected{fsys: f, fault: fault}
	f.faults = append(f.faults, injected)
	return injected
}

// FailNth lets the n-th operation from now fail, counted from 1, of these kinds or
// of any. Later ones succeed.
func (f *FS) FailNth(n int, err error, of ...Kind) *Injected {
	return f.Inject(Fault{Kinds: of, Skip: n - 1, Times: 1, Err: err})
}

// Clear removes all faults.
func (f *FS) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// SetHook has every operation shown to hook before it happens; nil ends it. Hooks
// of concurrent operations run concurrently.
func (f *FS) SetHook(hook func(Op)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// Count is the number of operations so far, of these kinds or of all.
func (f *FS) Count(of ...Kind) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	total := 0
	if len(of) == 0 {
		for _, n := range f.counts {
			total += n
		}
	}
	for _, kind := range of {
		total += f.counts[kind]
	}
	return total
}

// before counts the operation and returns the fault that hits it.
func (f *FS) before(op Op) Fault {
	f.mu.Lock()
	f.counts[op.Kind]++
	hook, hit := f.hook, Fault{}
	for _, i := range f.faults {
		if i.fault.matches(op) && i.due() {
			hit = i.fault
			break
		}
	}
	f.mu.Unlock()
	if hook != nil {
		hook(op)
	}
	if hit.Delay > 0 {
		time.Sleep(hit.Delay)
	}
	return hit
}

func (f *FS) check(op Op) error {
	if hit := f.before(op); hit.Err != nil {
		return &fs.PathError{Op: op.Kind.String(), Path: op.Path, Err: hit.Err}
	}
	return nil
}

// OpenFile is an Open, or a Create if the flag allows to.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	kind := Open
	if flag&os.O_CREATE != 0 {
		kind = Create
	}
	if err := f.check(Op{Kind: kind, Path: name}); err != nil {
		return nil, err
	}
	inner, err := f.inner.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &file{fsys: f, inner: inner}, nil
}

// Remove passes a Remove on.
func (f *FS) Remove(name string) error {
	if err := f.check(Op{Kind: Remove, Path: name}); err != nil {
		return err
	}
	return f.inner.Remove(name)
}

// RemoveAll passes a RemoveAll on.
func (f *FS) RemoveAll(name string) error {
	if err := f.check(Op{Kind: RemoveAll, Path: name}); err != nil {
		return err
	}
	return f.inner.RemoveAll(name)
}

// Rename passes a Rename on.
func (f *FS) Rename(oldName, newName string) error {
	if err := f.check(Op{Kind: Rename, Path: oldName, NewPath: newName}); err != nil {
		return err
	}
	return f.inner.Rename(oldName, newName)
}

// MkdirAll passes a MkdirAll on.
func (f *FS) MkdirAll(name string, perm fs.FileMode) error {
	if err := f.check(Op{Kind: MkdirAll, Path: name}); err != nil {
		return err
	}
	return f.inner.MkdirAll(name, perm)
}

// ReadDir passes a ReadDir on.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.check(Op{Kind: ReadDir, Path: name}); err != nil {
		return nil, err
	}
	return f.inner.ReadDir(name)
}

// Stat passes a Stat on.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	if err := f.check(Op{Kind: Stat, Path: name}); err != nil {
		return nil, err
	}
	return f.inner.Stat(name)
}

// SyncDir passes a SyncDir on.
func (f *FS) SyncDir(name string) error {
	if err := f.check(Op{Kind: SyncDir, Path: name}); err != nil {
		return err
	}
	return f.inner.SyncDir(name)
}

// Lock passes a Lock on.
func (f *FS) Lock(name string) (io.Closer, error) {
	if err := f.check(Op{Kind: Lock, Path: name}); err != nil {
		return nil, err
	}
	return f.inner.Lock(name)
}

// DiskUsage passes a DiskUsage on.
func (f *FS) DiskUsage(name string) (total, usable int64, err error) {
	if err := f.check(Op{Kind: DiskUsage, Path: name}); err != nil {
		return 0, 0, err
	}
	return f.inner.DiskUsage(name)
}

// file is an open file with faults.
type file struct {
	fsys  *FS
	inner vfs.File
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	op := Op{Kind: Read, Path: f.Name(), Position: off, Length: int64(len(p))}
	if err := f.fsys.check(op); err != nil {
		return 0, err
	}
	return f.inner.ReadAt(p, off)
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	op := Op{Kind: Write, Path: f.Name(), Position: off, Length: int64(len(p))}
	hit := f.fsys.before(op)
	if hit.Err == nil {
		return f.inner.WriteAt(p, off)
	}
	n := 0
	if hit.Torn {
		n, _ = f.inner.WriteAt(p[:len(p)/2], off) // The fault's own error is returned.
	}
	return n, &fs.PathError{Op: op.Kind.String(), Path: op.Path, Err: hit.Err}
}

func (f *file) Sync() error {
	if err := f.fsys.check(Op{Kind: Sync, Path: f.Name()}); err != nil {
		return err
	}
	return f.inner.Sync()
}

func (f *file) Truncate(size int64) error {
	if err := f.fsys.check(Op{Kind: Truncate, Path: f.Name(), Position: size}); err != nil {
		return err
	}
	return f.inner.Truncate(size)
}

func (f *file) Preallocate(position, size int64) error {
	if err := f.fsys.check(Op{Kind: Preallocate, Path: f.Name(), Position: position, Length: size}); err != nil {
		return err
	}
	return f.inner.Preallocate(position, size)
}

func (f *file) Size() (int64, error) {
	if err := f.fsys.check(Op{Kind: Size, Path: f.Name()}); err != nil {
		return 0, err
	}
	return f.inner.Size()
}

func (f *file) Close() error {
	err := f.fsys.check(Op{Kind: Close, Path: f.Name()})
	if closeErr := f.inner.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (f *file) OSFile() *os.File { return nil }

func (f *file) Name() string { return f.inner.Name() }
