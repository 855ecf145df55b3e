package memfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// sectorSize is what a disk writes as a whole: blocks tear between sectors.
const sectorSize = 512

// CrashOptions says what of the unsynced survives a crash. The zero value keeps
// nothing.
type CrashOptions struct {
	// Seed makes the choice repeatable.
	Seed uint64
	// KeepPercent is the chance that a block, a file size or a name change that was
	// not synced survives, 0 to 100.
	KeepPercent int
	// TearPercent is the chance that a surviving block is torn: some of its sectors
	// are lost.
	TearPercent int
}

// CrashClone returns the file system as a restart after a power failure at this
// moment could find it. The original goes on as if nothing had happened, so that
// a test may try many crashes of one run. Locks and open files do not survive; the
// capacity does.
func (f *FS) CrashClone(o CrashOptions) *FS {
	f.mu.RLock()
	defer f.mu.RUnlock()
	c := &crash{options: o, random: rand.New(rand.NewPCG(o.Seed, 0)), copies: map[*node]*node{}}
	c.names = c.survivingNames(f)
	clone := &FS{capacity: f.capacity}
	clone.root = c.copy(f.root)
	clone.root.links = 1
	for _, n := range c.copies {
		if !n.isDir() {
			n.reserved = max(blocksFor(n.size), len(n.blocks), n.syncedReserved)
			clone.used += int64(n.reserved)
		}
	}
	return clone
}

type crash struct {
	options CrashOptions
	random  *rand.Rand
	// names are the surviving names of those directories that have unsynced ones.
	names map[*node]map[string]*node
	// copies keeps one copy per node.
	copies map[*node]*node
}

func (c *crash) chance(percent int) bool { return c.random.IntN(100) < percent }

// survivingNames goes through the unsynced name changes in order. One survives by
// chance, and only if what it builds on did.
func (c *crash) survivingNames(f *FS) map[*node]map[string]*node {
	surviving := map[*node]map[string]*node{}
	of := func(dir *node) map[string]*node {
		if surviving[dir] == nil {
			surviving[dir] = maps.Clone(dir.syncedNames)
		}
		return surviving[dir]
	}
	for _, change := range f.pending {
		kept := c.chance(c.options.KeepPercent)
		for _, e := range change.edits {
			kept = kept && (e.synced || of(e.dir)[e.name] == e.from)
		}
		for _, e := range change.edits {
			if kept && !e.synced {
				setName(of(e.dir), e.name, e.to)
			}
		}
	}
	return surviving
}

func (c *crash) copy(n *node) *node {
	if done := c.copies[n]; done != nil {
		return done
	}
	if !n.isDir() {
		clone := c.copyFile(n)
		c.copies[n] = clone
		return clone
	}
	clone := newDir()
	c.copies[n] = clone
	names := c.names[n]
	if names == nil {
		names = n.syncedNames
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		child := c.copy(names[name])
		child.links++
		clone.names[name] = child
		clone.syncedNames[name] = child
	}
	return clone
}

func (c *crash) copyFile(n *node) *node {
	clone := &node{modTime: n.modTime, size: c.survivingSize(n), blocks: slices.Clone(n.synced)}
	for _, i := range slices.Sorted(maps.Keys(n.dirty)) {
		if !c.chance(c.options.KeepPercent) {
			continue
		}
		for len(clone.blocks) <= i {
			clone.blocks = append(clone.blocks, nil)
		}
		clone.blocks[i] = c.survivingBlock(clone.blocks[i], n.block(i))
	}
	clone.truncateAtRest()
	clone.syncedReserved = n.syncedReserved
	return clone
}

// block returns block i as it is seen, nil for zeros.
func (n *node) block(i int) *block {
	if i < len(n.blocks) {
		return n.blocks[i]
	}
	return nil
}

func (c *crash) survivingSize(n *node) int64 {
	low, high := min(n.size, n.syncedSize), max(n.size, n.syncedSize)
	switch {
	case low == high || !c.chance(c.options.KeepPercent):
		return n.syncedSize
	case c.chance(c.options.TearPercent):
		return low + c.random.Int64N(high-low+1)
	default:
		return n.size
	}
}

func (c *crash) survivingBlock(old, current *block) *block {
	var survivor block
	if current != nil {
		survivor = *current
	}
	if c.chance(c.options.TearPercent) {
		for at := 0; at < blockSize; at += sectorSize {
			if c.chance(50) {
				continue
			}
			if old == nil {
				clear(survivor[at : at+sectorSize])
			} else {
				copy(survivor[at:at+sectorSize], old[at:])
			}
		}
	}
	return &survivor
}

// truncateAtRest fits the blocks of a copy to its size and makes it synced.
func (n *node) truncateAtRest() {
	if keep := blocksFor(n.size); keep < len(n.blocks) {
		n.blocks = n.blocks[:keep]
	}
	if at := n.size % blockSize; at != 0 && blocksFor(n.size) == len(n.blocks) {
		if last := n.blocks[len(n.blocks)-1]; last != nil {
			tail := *last
			clear(tail[at:])
			n.blocks[len(n.blocks)-1] = &tail
		}
	}
	n.sync()
}
