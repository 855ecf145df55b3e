package memfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"
)

const blockSize = 4096

type block = [blockSize]byte

// node is a file or a directory. The FS's lock guards it.
type node struct {
	// modTime is when the bytes, or the names of a directory, changed last.
	modTime time.Time
	// names and syncedNames are set for directories only: what is seen, and what
	// is on disk.
	names, syncedNames map[string]*node

	// links is in how many directories the node is, handles how often it is open.
	links, handles int
	locked         bool

	// blocks holds the bytes that are seen; nil stands for zeros. A block that is
	// not dirty is shared with synced, and with other file systems cloned from this
	// one: it is copied before it changes. A dirty block above the list is zeros.
	blocks []*block
	dirty  map[int]bool
	size   int64
	// synced and syncedSize are what is on disk.
	synced     []*block
	syncedSize int64
	// reserved is how many blocks from the start are taken from the capacity,
	// syncedReserved how many of them a crash leaves.
	reserved, syncedReserved int
}

func (n *node) isDir() bool { return n.names != nil }

func blocksFor(size int64) int { return int((size + blockSize - 1) / blockSize) }

// own returns block i for writing, with the list long enough.
func (n *node) own(i int) *block {
	for len(n.blocks) <= i {
		n.blocks = append(n.blocks, nil)
	}
	if !n.dirty[i] || n.blocks[i] == nil {
		b := new(block)
		if n.blocks[i] != nil {
			*b = *n.blocks[i]
		}
		n.blocks[i] = b
		n.markDirty(i)
	}
	return n.blocks[i]
}

func (n *node) markDirty(i int) {
	if n.dirty == nil {
		n.dirty = make(map[int]bool)
	}
	n.dirty[i] = true
}

func (n *node) readAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	if off >= n.size {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	var err error
	if int64(len(p)) > n.size-off {
		p, err = p[:n.size-off], io.EOF
	}
	for done := 0; done < len(p); {
		i, at := int((off+int64(done))/blockSize), int((off+int64(done))%blockSize)
		part := p[done:min(len(p), done+blockSize-at)]
		if i < len(n.blocks) && n.blocks[i] != nil {
			copy(part, n.blocks[i][at:])
		} else {
			clear(part)
		}
		done += len(part)
	}
	return len(p), err
}

func (n *node) writeAt(p []byte, off int64) {
	for done := 0; done < len(p); {
		i, at := int((off+int64(done))/blockSize), int((off+int64(done))%blockSize)
		done += copy(n.own(i)[at:], p[done:])
	}
	n.size = max(n.size, off+int64(len(p)))
}

func (n *node) truncate(size int64) {
	if size < n.size {
		if at := size % blockSize; at != 0 && blocksFor(size) <= len(n.blocks) {
			clear(n.own(int(size / blockSize))[at:])
		}
		keep := min(blocksFor(size), len(n.blocks))
		n.blocks = n.blocks[:keep:keep]
		// What is on disk above reads as zeros if the file grows again.
		for i := keep; i < len(n.synced); i++ {
			n.markDirty(i)
		}
	}
	n.size = size
}

// sync makes the disk hold what is seen.
func (n *node) sync() {
	n.synced, n.syncedSize, n.syncedReserved = slices.Clone(n.blocks), n.size, n.reserved
	n.dirty = nil
}

// file is an open file.
type file struct {
	fsys     *FS
	node     *node
	name     string
	flag     int
	closed   bool
	readOnly bool
}

func (f *file) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.fsys.mu.RLock()
	defer f.fsys.mu.RUnlock()
	switch {
	case f.closed:
		return 0, f.fail("read", fs.ErrClosed)
	case f.flag&os.O_WRONLY != 0:
		return 0, f.fail("read", syscall.EBADF)
	}
	n, err := f.node.readAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = f.fail("read", err)
	}
	return n, err
}

// WriteAt writes as much as the capacity allows.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.fsys.mu.Lock()
	defer f.fsys.mu.Unlock()
	if err := f.writable("write"); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, f.fail("write", syscall.EINVAL)
	}
	end := f.fsys.reserve(f.node, off+int64(len(p)))
	fits := max(0, min(int64(len(p)), end-off))
	if fits > 0 {
		f.node.writeAt(p[:fits], off)
		f.node.modTime = time.Now()
	}
	if fits < int64(len(p)) {
		return int(fits), f.fail("write", syscall.ENOSPC)
	}
	return len(p), nil
}

func (f *file) writable(op string) error {
	switch {
	case f.closed:
		return f.fail(op, fs.ErrClosed)
	case f.readOnly:
		return f.fail(op, syscall.EBADF)
	}
	return nil
}

func (f *file) Sync() error {
	f.fsys.mu.Lock()
	defer f.fsys.mu.Unlock()
	if f.closed {
		return f.fail("sync", fs.ErrClosed)
	}
	f.node.sync()
	return nil
}

func (f *file) Truncate(size int64) error {
	f.fsys.mu.Lock()
	defer f.fsys.mu.Unlock()
	if err := f.writable("truncate"); err != nil {
		return err
	}
	if size < 0 {
		return f.fail("truncate", syscall.EINVAL)
	}
	f.node.truncate(size)
	f.fsys.release(f.node, size)
	f.node.modTime = time.Now()
	return nil
}

func (f *file) Preallocate(position, size int64) error {
	f.fsys.mu.Lock()
	defer f.fsys.mu.Unlock()
	if err := f.writable("preallocate"); err != nil {
		return err
	}
	if position < 0 || size < 0 {
		return f.fail("preallocate", syscall.EINVAL)
	}
	if f.fsys.reserve(f.node, position+size) < position+size {
		return f.fail("preallocate", syscall.ENOSPC)
	}
	return nil
}

func (f *file) Size() (int64, error) {
	f.fsys.mu.RLock()
	defer f.fsys.mu.RUnlock()
	if f.closed {
		return 0, f.fail("stat", fs.ErrClosed)
	}
	return f.node.size, nil
}

func (f *file) Close() error {
	f.fsys.mu.Lock()
	defer f.fsys.mu.Unlock()
	if f.closed {
		return f.fail("close", fs.ErrClosed)
	}
	f.closed = true
	f.node.handles--
	f.fsys.collect(f.node)
	return nil
}

func (f *file) OSFile() *os.File { return nil }

func (f *file) Name() string { return f.name }
