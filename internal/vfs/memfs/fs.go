package memfs

import (
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"moldau.dev/moldau/internal/vfs"
)

// unlimited is the total that DiskUsage tells of a file system without capacity.
const unlimited = int64(1) << 50

// FS is a file system in memory. It is safe for concurrent use.
type FS struct {
	// mu guards everything below, the nodes included.
	mu   sync.RWMutex
	root *node
	// pending are the name changes that are not wholly synced, in order.
	pending []*change
	// capacity is in blocks, used what files reserve of it.
	capacity, used int64
}

var _ vfs.FS = (*FS)(nil)

// New returns an empty file system without limit.
func New() *FS {
	root := newDir()
	root.links = 1
	return &FS{root: root, capacity: math.MaxInt64}
}

func newDir() *node {
	return &node{modTime: time.Now(), names: map[string]*node{}, syncedNames: map[string]*node{}}
}

// SetCapacity limits the space to that many bytes, rounded up to blocks of 4 KiB;
// a negative one lifts the limit. It may be less than what is used: nothing can be
// written then until enough is removed.
func (f *FS) SetCapacity(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity = math.MaxInt64
	if bytes >= 0 {
		f.capacity = int64(blocksFor(bytes))
	}
}

// reserve takes blocks from the capacity so that the node may reach size, and
// returns up to where it may.
func (f *FS) reserve(n *node, size int64) int64 {
	missing := int64(blocksFor(size) - n.reserved)
	if missing > 0 {
		missing = max(0, min(missing, f.capacity-f.used))
		n.reserved += int(missing)
		f.used += missing
	}
	return min(size, int64(n.reserved)*blockSize)
}

// release gives back what the node reserves above size.
func (f *FS) release(n *node, size int64) {
	if excess := n.reserved - blocksFor(size); excess > 0 {
		n.reserved -= excess
		f.used -= int64(excess)
	}
}

// collect gives back the space of a node that no name and no handle leads to.
func (f *FS) collect(n *node) {
	if n.links == 0 && n.handles == 0 {
		f.release(n, 0)
	}
}

func fail(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// split gives the components of a name below the root.
func split(name string) []string {
	clean := path.Clean("/" + strings.TrimPrefix(filepath.ToSlash(name), filepath.VolumeName(name)))
	if clean == "/" {
		return nil
	}
	return strings.Split(clean[1:], "/")
}

// walk follows a path.
func (f *FS) walk(parts []string) (*node, error) {
	n := f.root
	for _, part := range parts {
		if !n.isDir() {
			return nil, syscall.ENOTDIR
		}
		next := n.names[part]
		if next == nil {
			return nil, fs.ErrNotExist
		}
		n = next
	}
	return n, nil
}

func (f *FS) find(name string) (*node, error) { return f.walk(split(name)) }

// parent finds the directory that holds, or would hold, a name.
func (f *FS) parent(name string) (dir *node, base string, err error) {
	parts := split(name)
	if len(parts) == 0 {
		return nil, "", syscall.EINVAL
	}
	dir, err = f.walk(parts[:len(parts)-1])
	if err == nil && !dir.isDir() {
		err = syscall.ENOTDIR
	}
	return dir, parts[len(parts)-1], err
}

// OpenFile opens, or creates, a file. Directories cannot be opened.
func (f *FS) OpenFile(name string, flag int, _ fs.FileMode) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flag&os.O_APPEND != 0 {
		return nil, fail("open", name, syscall.EINVAL) // Files are written by position only.
	}
	n, err := f.open(name, flag)
	if err != nil {
		return nil, fail("open", name, err)
	}
	n.handles++
	return &file{fsys: f, node: n, name: name, flag: flag, readOnly: flag&(os.O_WRONLY|os.O_RDWR) == 0}, nil
}

func (f *FS) open(name string, flag int) (*node, error) {
	dir, base, err := f.parent(name)
	if err != nil {
		return nil, err
	}
	n := dir.names[base]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case n == nil:
		n = &node{modTime: time.Now()}
		f.apply(&change{edits: []edit{{dir: dir, name: base, to: n}}})
	case n.isDir():
		return nil, syscall.EISDIR
	case flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case flag&os.O_TRUNC != 0 && n.size > 0:
		n.truncate(0)
		f.release(n, 0)
		n.modTime = time.Now()
	}
	return n, nil
}

// Remove removes a file or an empty directory.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, base, err := f.parent(name)
	if err != nil {
		return fail("remove", name, err)
	}
	n := dir.names[base]
	switch {
	case n == nil:
		return fail("remove", name, fs.ErrNotExist)
	case len(n.names) > 0:
		return fail("remove", name, syscall.ENOTEMPTY)
	}
	f.apply(&change{edits: []edit{{dir: dir, name: base, from: n}}})
	return nil
}

// RemoveAll removes a tree, leaves first. A missing one is no error.
func (f *FS) RemoveAll(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, base, err := f.parent(name)
	if err != nil || dir.names[base] == nil {
		return nil
	}
	f.removeTree(dir, base)
	return nil
}

func (f *FS) removeTree(dir *node, base string) {
	n := dir.names[base]
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		f.removeTree(n, name)
	}
	f.apply(&change{edits: []edit{{dir: dir, name: base, from: n}}})
}

// Rename moves a file or directory, replacing a file or an empty directory.
func (f *FS) Rename(oldName, newName string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.rename(oldName, newName); err != nil {
		return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: err}
	}
	return nil
}

func (f *FS) rename(oldName, newName string) error {
	oldDir, oldBase, err := f.parent(oldName)
	if err != nil {
		return err
	}
	newDir, newBase, err := f.parent(newName)
	if err != nil {
		return err
	}
	n, replaced := oldDir.names[oldBase], newDir.names[newBase]
	switch {
	case n == nil:
		return fs.ErrNotExist
	case n == replaced:
		return nil
	case n.contains(newDir):
		return syscall.EINVAL
	case replaced == nil:
	case replaced.isDir() && !n.isDir():
		return syscall.EISDIR
	case !replaced.isDir() && n.isDir():
		return syscall.ENOTDIR
	case len(replaced.names) > 0:
		return syscall.ENOTEMPTY
	}
	f.apply(&change{edits: []edit{
		{dir: oldDir, name: oldBase, from: n},
		{dir: newDir, name: newBase, from: replaced, to: n},
	}})
	return nil
}

// contains tells whether dir is n or lies below it.
func (n *node) contains(dir *node) bool {
	if n == dir {
		return true
	}
	for _, child := range n.names {
		if child.contains(dir) {
			return true
		}
	}
	return false
}

// MkdirAll creates a directory and those above it.
func (f *FS) MkdirAll(name string, _ fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := f.root
	for _, part := range split(name) {
		next := dir.names[part]
		if next == nil {
			next = newDir()
			f.apply(&change{edits: []edit{{dir: dir, name: part, to: next}}})
		}
		if !next.isDir() {
			return fail("mkdir", name, syscall.ENOTDIR)
		}
		dir = next
	}
	return nil
}

// ReadDir lists a directory sorted by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	dir, err := f.find(name)
	if err == nil && !dir.isDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, fail("open", name, err)
	}
	entries := make([]fs.DirEntry, 0, len(dir.names))
	for _, base := range slices.Sorted(maps.Keys(dir.names)) {
		entries = append(entries, fs.FileInfoToDirEntry(newInfo(base, dir.names[base])))
	}
	return entries, nil
}

// Stat describes a file or directory.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n, err := f.find(name)
	if err != nil {
		return nil, fail("stat", name, err)
	}
	return newInfo(filepath.Base(name), n), nil
}

// Lock takes the exclusive lock of a file, which it creates.
func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.open(name, os.O_RDWR|os.O_CREATE)
	if err == nil && n.locked {
		err = vfs.ErrLocked
	}
	if err != nil {
		return nil, fail("lock", name, err)
	}
	n.locked = true
	n.handles++
	return &lock{file: file{fsys: f, node: n, name: name}}, nil
}

type lock struct{ file file }

func (l *lock) Close() error {
	if err := l.file.Close(); err != nil {
		return err
	}
	l.file.fsys.mu.Lock()
	defer l.file.fsys.mu.Unlock()
	l.file.node.locked = false
	return nil
}

// DiskUsage tells the capacity and what is left of it.
func (f *FS) DiskUsage(name string) (total, usable int64, err error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if _, err := f.find(name); err != nil {
		return 0, 0, fail("statfs", name, err)
	}
	if f.capacity == math.MaxInt64 {
		return unlimited, unlimited - f.used*blockSize, nil
	}
	return f.capacity * blockSize, max(0, f.capacity-f.used) * blockSize, nil
}

// info is a node as it was when it was asked for.
type info struct {
	name    string
	size    int64
	dir     bool
	modTime time.Time
}

func newInfo(name string, n *node) info {
	return info{name: name, size: n.size, dir: n.isDir(), modTime: n.modTime}
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return i.modTime }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
