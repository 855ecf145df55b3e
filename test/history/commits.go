package history

import (
	"fmt"
	"maps"
	"sync"
)

// GroupPartition names an offset that a group commits.
type GroupPartition struct {
	Group string
	Partition
}

// Commits is what groups were told about the offsets they commit. Their members
// must commit forward only. It is safe for concurrent use.
type Commits struct {
	mu        sync.Mutex
	committed map[GroupPartition]int64 // The highest that was acknowledged or seen.
	attempted map[GroupPartition]int64 // The highest that was sent.
}

// NewCommits returns what knows of no group.
func NewCommits() *Commits {
	return &Commits{committed: map[GroupPartition]int64{}, attempted: map[GroupPartition]int64{}}
}

// Attempt notes that an offset is about to be committed.
func (c *Commits) Attempt(g GroupPartition, offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempted[g] = max(c.attempted[g], offset)
}

// Acked notes that a commit was acknowledged.
func (c *Commits) Acked(g GroupPartition, offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.committed[g] = max(c.committed[g], offset)
}

// Snapshot gives the offsets that a broker which is asked from now on must know.
func (c *Commits) Snapshot() map[GroupPartition]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.committed)
}

// Clone gives a copy of what is known now.
func (c *Commits) Clone() *Commits {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Commits{committed: maps.Clone(c.committed), attempted: maps.Clone(c.attempted)}
}

// Check compares an offset that a broker gives for a group, -1 for none, with
// the Snapshot taken before it was asked.
func (c *Commits) Check(g GroupPartition, offset int64, before map[GroupPartition]int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	least, known := before[g]
	switch {
	case known && offset < 0:
		return fmt.Errorf("group %s: the committed offset %d of %v is lost", g.Group, least, g.Partition)
	case offset < least && known:
		return fmt.Errorf("group %s: the committed offset of %v went back from %d to %d", g.Group, g.Partition, least, offset)
	case offset > c.attempted[g]:
		return fmt.Errorf("group %s: the committed offset of %v is %d, and none above %d was committed", g.Group, g.Partition, offset, c.attempted[g])
	}
	if offset >= 0 {
		c.committed[g] = max(c.committed[g], offset) // Seen once, it has to stay.
	}
	return nil
}

// Deliveries is what groups were given to read. It is safe for concurrent use.
type Deliveries struct {
	mu    sync.Mutex
	ends  map[GroupPartition]int64
	count int64
}

// NewDeliveries returns what knows of no group.
func NewDeliveries() *Deliveries { return &Deliveries{ends: map[GroupPartition]int64{}} }

// Delivered notes that a member of a group was given a record. Groups read every
// record at least once: none may be skipped, unless deletedBelow says that it was
// deleted.
func (d *Deliveries) Delivered(g GroupPartition, offset, deletedBelow int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	end := d.ends[g]
	d.ends[g] = max(end, offset+1)
	if offset > max(end, deletedBelow) {
		return fmt.Errorf("group %s: %v: offset %d was delivered, and none from %d to %d", g.Group, g.Partition, offset, end, offset-1)
	}
	return nil
}

// Records counts the deliveries.
func (d *Deliveries) Records() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}
