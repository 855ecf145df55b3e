package faultfs

import (
	"path/filepath"
	"slices"
	"time"
)

// Fault says which operations go wrong, and how. The zero value matches every
// operation and does nothing to it.
type Fault struct {
	// Kinds are the kinds of operations it matches, all if empty.
	Kinds []Kind
	// Path is a pattern of path/filepath.Match for the whole path or for its last
	// component, all if empty. A rename matches by either name.
	Path string
	// Skip is how many matching operations pass before the first is hit.
	Skip int
	// Times is how many are hit; 0 means all from then on.
	Times int
	// Delay makes the operation wait first: a slow disk.
	Delay time.Duration
	// Err is what the operation returns; nil lets it go on after the delay.
	Err error
	// Torn writes the first half of the bytes before failing.
	Torn bool
}

func (f *Fault) matches(op Op) bool {
	if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, op.Kind) {
		return false
	}
	return f.Path == "" || matchPath(f.Path, op.Path) || op.Kind == Rename && matchPath(f.Path, op.NewPath)
}

func matchPath(pattern, path string) bool {
	if ok, _ := filepath.Match(pattern, path); ok { // A bad pattern matches nothing.
		return true
	}
	ok, _ := filepath.Match(pattern, filepath.Base(path))
	return ok
}

// Injected is a fault in force.
type Injected struct {
	fsys  *FS
	fault Fault
	// seen and hit are guarded by the FS's lock.
	seen, hit int
}

// Hits is how many operations the fault has hit.
func (i *Injected) Hits() int {
	i.fsys.mu.Lock()
	defer i.fsys.mu.Unlock()
	return i.hit
}

// Remove ends the fault.
func (i *Injected) Remove() {
	i.fsys.mu.Lock()
	defer i.fsys.mu.Unlock()
	i.fsys.faults = slices.DeleteFunc(i.fsys.faults, func(other *Injected) bool { return other == i })
}

// due counts a matching operation and tells whether it is hit.
func (i *Injected) due() bool {
	i.seen++
	if i.seen <= i.fault.Skip || i.fault.Times > 0 && i.hit >= i.fault.Times {
		return false
	}
	i.hit++
	return true
}
