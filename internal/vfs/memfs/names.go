package memfs

import (
	"slices"
	"syscall"
	"time"
)

// edit is a change of one name in one directory: from the node from to the node
// to, nil standing for none.
type edit struct {
	dir      *node
	name     string
	from, to *node
	synced   bool
}

// change is what happens to names as a whole: one edit, or the two of a rename.
type change struct{ edits []edit }

// apply makes a change visible and notes that it is not synced.
func (f *FS) apply(c *change) {
	now := time.Now()
	for i := range c.edits {
		e := &c.edits[i]
		e.dir.modTime = now
		setName(e.dir.names, e.name, e.to)
		if e.to != nil {
			e.to.links++
		}
		if e.from != nil {
			e.from.links--
		}
	}
	for _, e := range c.edits {
		if e.from != nil {
			f.collect(e.from)
		}
	}
	f.pending = append(f.pending, c)
}

func setName(names map[string]*node, name string, n *node) {
	if n == nil {
		delete(names, name)
		return
	}
	names[name] = n
}

// SyncDir makes the names in a directory durable. Of a rename between two
// directories it makes durable what concerns this one.
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, err := f.find(name)
	if err == nil && !dir.isDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return fail("sync", name, err)
	}
	f.pending = slices.DeleteFunc(f.pending, func(c *change) bool {
		done := true
		for i := range c.edits {
			e := &c.edits[i]
			if e.dir == dir && !e.synced {
				e.synced = true
				setName(dir.syncedNames, e.name, e.to)
			}
			done = done && e.synced
		}
		return done
	})
	return nil
}
