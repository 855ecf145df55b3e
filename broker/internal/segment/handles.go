package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"moldau.dev/moldau/internal/vfs"
)

// DefaultMaxOpen is the usual bound of Handles: far below the limit of file
// descriptors that even a modest system grants, and far above what is hot.
const DefaultMaxOpen = 4096

// Handles bounds the open files of all segments of a node. Beyond the bound
// the file that was not used for longest is closed (second-chance clock). A pinned
// file is never closed, nor is one with bytes that were not synced: the system tells
// of a failed write-back only those who had the file open then. So the bound is soft
// by the number of those.
//
// There may be many more of those than the bound, on a node that has just created ten
// thousand partitions for instance, and each open beyond the bound moves the hand. So the
// hand takes a file with such bytes off its ring, and a sync puts it back. Then a look
// is paid for by a use or a sync of that file since the look before, and only a file that is
// pinned just now is looked at for nothing.
type Handles struct {
	max int

	mu sync.Mutex // Guards the fields below; leaf lock but for the handle's own, which is only tried.
	// files are those that are open: first the clock's ring, then those that the hand
	// met with unsynced bytes. Invariant: one that has none is on the ring, or a sync of
	// it goes on.
	files []*handle
	ring  int // How many of the files are on the ring.
	hand  int // The file that the hand looks at next; the first one if it is past the ring.
	steps int // How often the hand has looked at a file: what tests hold to the promise above.
}

// NewHandles bounds open files by max, or DefaultMaxOpen if max is not positive.
func NewHandles(limit int) *Handles {
	if limit <= 0 {
		limit = DefaultMaxOpen
	}
	return &Handles{max: limit}
}

// Open gives the number of files that are open now.
func (hs *Handles) Open() int {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return len(hs.files)
}

// handle is one file that is opened on demand. Pinning an open file takes no
// lock.
type handle struct {
	// pins is 0 when the file is closed, else 1 plus the number of users.
	pins atomic.Int32
	// recent says that the file was used since the clock's hand passed.
	recent atomic.Bool
	// doomed says that the last user closes the file: it has been deleted.
	doomed atomic.Bool
	// unsynced says that the file was changed since the last sync began.
	unsynced atomic.Bool
	// failed is the first error of a sync, which the system tells only once.
	failed atomic.Pointer[error]
	mu     sync.Mutex // Guards opening and closing.
	file   vfs.File   // Set while pins > 0.
	slot   int        // Place in Handles.files while it is open; guarded by Handles.mu.
}

// pin gives the open file if there is one. unpin must follow.
func (h *handle) pin() (vfs.File, bool) {
	for {
		n := h.pins.Load()
		if n == 0 {
			return nil, false
		}
		if h.pins.CompareAndSwap(n, n+1) {
			if !h.recent.Load() {
				h.recent.Store(true)
			}
			return h.file, true
		}
	}
}

func (hs *Handles) unpin(h *handle) {
	if h.pins.Add(-1) == 1 && h.doomed.Load() {
		_ = hs.close(h) // The file is deleted: nothing is left to lose.
	}
}

// open pins the file, opening it if need be with os.O_RDWR and the extra flag.
func (hs *Handles) open(h *handle, fsys vfs.FS, path func() string, flag int) (vfs.File, error) {
	if f, ok := h.pin(); ok {
		return f, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if f, ok := h.pin(); ok {
		return f, nil
	}
	f, err := fsys.OpenFile(path(), os.O_RDWR|flag, filePerm)
	if isNoDescriptor(err) {
		limit := hs.Open() / 2
		hs.shrink(limit)
		hs.settle(limit)
		f, err = fsys.OpenFile(path(), os.O_RDWR|flag, filePerm)
	}
	if err != nil {
		return nil, err
	}
	h.file = f
	h.recent.Store(true)
	hs.add(h)
	return f, nil
}

// isNoDescriptor tells whether the process or the system has too many files open.
func isNoDescriptor(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// filePerm is the mode of the files we create, as Kafka's before the umask.
const filePerm fs.FileMode = 0o644

// add takes a file that was opened onto the ring, and pins it.
func (hs *Handles) add(h *handle) {
	hs.mu.Lock()
	h.slot = len(hs.files)
	hs.files = append(hs.files, h)
	hs.enterLocked(h)
	h.pins.Store(2) // Not before: who pins it may sync it, which looks for its place.
	over := len(hs.files) > hs.max
	hs.mu.Unlock()
	if over {
		hs.shrink(hs.max)
	}
}

// shrink closes idle files until no more than limit are open, or all that
// remain are in use or have unsynced bytes.
func (hs *Handles) shrink(limit int) {
	var idle []vfs.File
	hs.mu.Lock()
	for steps := 2 * hs.ring; steps > 0 && hs.ring > 0 && len(hs.files) > limit; steps-- {
		if hs.hand >= hs.ring {
			hs.hand = 0
		}
		hs.steps++
		h := hs.files[hs.hand]
		if h.mustStay() {
			hs.leaveLocked(h)
			continue
		}
		if h.recent.Swap(false) {
			hs.hand++
			continue
		}
		f, ok := h.detach()
		if !ok {
			hs.hand++
			continue
		}
		idle = append(idle, f)
		hs.removeLocked(h)
	}
	hs.mu.Unlock()
	for _, f := range idle {
		_ = f.Close() // Nothing was written through it since it was synced.
	}
}

// settle syncs files that nobody uses and closes them, until no more than limit are
// open: what is left to do when the system gives no more descriptors. Whoever syncs such
// a file next is told if that fails.
func (hs *Handles) settle(limit int) {
	var idle []*handle
	hs.mu.Lock()
	for _, h := range hs.files {
		if len(hs.files)-len(idle) <= limit {
			break
		}
		if h.unsynced.Load() && h.pins.CompareAndSwap(1, 2) {
			idle = append(idle, h)
		}
	}
	hs.mu.Unlock()
	for _, h := range idle {
		err := hs.sync(h)
		hs.unpin(h)
		if err == nil {
			_ = hs.close(h) // Nothing was written through it since it was synced.
		}
	}
}

// changed takes note of a change to the file, which must be pinned until after.
func (h *handle) changed() { h.unsynced.Store(true) }

// sync makes the file durable, which must be pinned.
func (hs *Handles) sync(h *handle) error {
	h.unsynced.Store(false) // A change while this goes on may need another one.
	if err := h.file.Sync(); err != nil {
		h.unsynced.Store(true)
		err = fmt.Errorf("sync %s: %w", h.file.Name(), err)
		h.failed.CompareAndSwap(nil, &err)
		return err
	}
	hs.mu.Lock()
	if h.slot >= hs.ring {
		hs.enterLocked(h)
	}
	hs.mu.Unlock()
	if err := h.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// mustStay tells whether something could be lost if the file were closed.
func (h *handle) mustStay() bool { return h.unsynced.Load() && !h.doomed.Load() }

// detach takes the file out of the handle if nobody uses it and nothing of it can be
// lost.
func (h *handle) detach() (vfs.File, bool) {
	if h.mustStay() || !h.mu.TryLock() {
		return nil, false
	}
	defer h.mu.Unlock()
	if !h.pins.CompareAndSwap(1, 0) {
		return nil, false
	}
	if h.mustStay() {
		h.pins.Store(1) // Whoever changed it was here in between.
		return nil, false
	}
	f := h.file
	h.file = nil
	return f, true
}

// enterLocked takes a file onto the ring that is not there.
func (hs *Handles) enterLocked(h *handle) {
	hs.moveLocked(h, hs.ring)
	hs.ring++
}

// leaveLocked takes a file off the ring.
func (hs *Handles) leaveLocked(h *handle) {
	hs.ring--
	hs.moveLocked(h, hs.ring)
}

func (hs *Handles) removeLocked(h *handle) {
	if h.slot < hs.ring {
		hs.leaveLocked(h)
	}
	last := len(hs.files) - 1
	hs.moveLocked(h, last)
	hs.files[last] = nil
	hs.files = hs.files[:last]
}

// moveLocked exchanges a file with the one in that slot.
func (hs *Handles) moveLocked(h *handle, slot int) {
	other := hs.files[slot]
	hs.files[h.slot], hs.files[slot] = other, h
	h.slot, other.slot = slot, h.slot
}

// close closes the file unless it is in use; then the clock does later, or CloseIdle.
func (hs *Handles) close(h *handle) error {
	hs.mu.Lock()
	f, ok := h.detach()
	if ok {
		hs.removeLocked(h)
	}
	hs.mu.Unlock()
	if !ok {
		return nil
	}
	return f.Close()
}

// discard closes the file now or when its last user is done.
func (hs *Handles) discard(h *handle) {
	h.doomed.Store(true)
	_ = hs.close(h) // The file is deleted: nothing is left to lose.
}

// CloseAll closes every file that nobody uses. The caller has synced them, in whatever
// way, or gives them up.
func (hs *Handles) CloseAll() {
	hs.mu.Lock()
	for _, h := range hs.files {
		h.recent.Store(false)
		h.unsynced.Store(false)
	}
	hs.ring = len(hs.files)
	hs.mu.Unlock()
	hs.shrink(0)
}

// CloseIdle closes the files that nobody used since it was called before, and more if
// there are more than the bound.
func (hs *Handles) CloseIdle() {
	var idle []vfs.File
	hs.mu.Lock()
	for i := 0; i < len(hs.files); {
		h := hs.files[i]
		if !h.recent.Swap(false) {
			if f, ok := h.detach(); ok {
				idle = append(idle, f)
				hs.removeLocked(h)
				continue
			}
		}
		i++
	}
	hs.mu.Unlock()
	for _, f := range idle {
		_ = f.Close() // As in shrink.
	}
	hs.shrink(hs.max) // What could not be closed before may have been synced since.
}
