package leaderepoch

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"sync"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// File is the name of the checkpoint in a partition's folder.
const File = "leader-epoch-checkpoint"

// UndefinedOffset answers questions about an epoch that is not known.
const UndefinedOffset kafka.Offset = -1

// clean as dirtyFrom says that the file holds what the memory holds.
const clean kafka.Offset = math.MaxInt64

// Entry says that an epoch began at an offset.
type Entry struct {
	Epoch kafka.LeaderEpoch
	// StartOffset is the offset of the epoch's first record, or where it will be.
	StartOffset kafka.Offset
}

// Cache is the epoch history of one partition. It is owned by the partition's
// log and safe for concurrent use. An idle partition's costs a few words and one
// entry.
type Cache struct {
	fsys vfs.FS

	// flushing serialises Flush. It is locked before mu, never after.
	flushing sync.Mutex

	// mu guards the fields below and is never held over I/O.
	mu   sync.Mutex
	path string
	// entries is sorted by epoch and by start offset.
	entries []Entry
	// dirtyFrom: all changes that the file lacks concern offsets from here on.
	dirtyFrom kafka.Offset
}

// New returns the empty history of a new partition without touching the disk:
// path is where Flush will write it.
func New(fsys vfs.FS, path string) *Cache {
	return &Cache{fsys: fsys, path: path, dirtyFrom: clean}
}

// Open reads the history at path; a missing or empty file is an empty one. A
// file that is not in the format is a *checkpoint.CorruptError. The caller must
// then truncate it to the log's bounds with TruncateFromStart and TruncateFromEnd.
func Open(fsys vfs.FS, path string) (*Cache, error) {
	entries, err := checkpoint.ReadEntries(fsys, path, parseEntry)
	if err != nil {
		return nil, err
	}
	c := New(fsys, path)
	for _, entry := range entries {
		if entry.Epoch < 0 || entry.StartOffset < 0 {
			return nil, &checkpoint.CorruptError{File: path, Reason: "a negative epoch or offset"}
		}
		c.assign(entry)
	}
	c.entries = slices.Clip(c.entries)
	c.dirtyFrom = clean
	return c, nil
}

// Assign notes that epoch begins at startOffset and reports whether this was
// news. Entries that contradict it (a later or equal start, a higher epoch) go:
// they stem from leaders whose records are no longer in the log. An epoch below
// zero, which batches of unknown leaders carry, is not noted. It does no I/O.
func (c *Cache) Assign(epoch kafka.LeaderEpoch, startOffset kafka.Offset) bool {
	if epoch < 0 || startOffset < 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.assign(Entry{Epoch: epoch, StartOffset: startOffset})
}

func (c *Cache) assign(entry Entry) bool {
	n := len(c.entries)
	if n > 0 {
		if latest := c.entries[n-1]; entry.Epoch == latest.Epoch && entry.StartOffset >= latest.StartOffset {
			return false
		}
	}
	for n > 0 && (c.entries[n-1].Epoch >= entry.Epoch || c.entries[n-1].StartOffset >= entry.StartOffset) {
		n--
	}
	c.markDirty(entry.StartOffset)
	if n < len(c.entries) {
		c.markDirty(c.entries[n].StartOffset)
	}
	c.entries = append(c.entries[:n], entry)
	return true
}

func (c *Cache) markDirty(from kafka.Offset) { c.dirtyFrom = min(c.dirtyFrom, from) }

// Latest returns the highest epoch, false if there is none.
func (c *Cache) Latest() (kafka.LeaderEpoch, bool) {
	entry, ok := c.LatestEntry()
	return entry.Epoch, ok
}

// LatestEntry returns the entry of the highest epoch, false if there is none.
func (c *Cache) LatestEntry() (Entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) == 0 {
		return Entry{Epoch: kafka.NoLeaderEpoch, StartOffset: UndefinedOffset}, false
	}
	return c.entries[len(c.entries)-1], true
}

// Entries returns a copy of the history, oldest first.
func (c *Cache) Entries() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.entries)
}

// EndOffsetFor answers where an epoch ended, with the largest epoch not above
// the requested one that is known (KIP-279). The end is exclusive.
//
//   - The latest epoch ends at logEndOffset.
//   - An epoch below all known ones is answered with itself and the start of the
//     first known one: its records are gone, and a follower begins there.
//   - An epoch above all known ones, or none (-1), is answered with
//     NoLeaderEpoch and UndefinedOffset.
func (c *Cache) EndOffsetFor(requested kafka.LeaderEpoch, logEndOffset kafka.Offset) (kafka.LeaderEpoch, kafka.Offset) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if requested == kafka.NoLeaderEpoch {
		return kafka.NoLeaderEpoch, UndefinedOffset
	}
	next, found := slices.BinarySearchFunc(c.entries, requested, func(e Entry, epoch kafka.LeaderEpoch) int {
		return cmp.Compare(e.Epoch, epoch)
	})
	if found {
		next++
	}
	switch {
	case found && next == len(c.entries):
		return requested, logEndOffset
	case next == len(c.entries):
		return kafka.NoLeaderEpoch, UndefinedOffset
	case next == 0:
		return requested, c.entries[0].StartOffset
	default:
		return c.entries[next-1].Epoch, c.entries[next].StartOffset
	}
}

// EpochForOffset returns the epoch of the leader that wrote, or would write,
// the record at offset; false if the history begins later.
func (c *Cache) EpochForOffset(offset kafka.Offset) (kafka.LeaderEpoch, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.startingBy(offset)
	if n == 0 {
		return kafka.NoLeaderEpoch, false
	}
	return c.entries[n-1].Epoch, true
}

// startingBy counts the entries that start at or before offset.
func (c *Cache) startingBy(offset kafka.Offset) int {
	n, _ := slices.BinarySearchFunc(c.entries, offset, func(e Entry, offset kafka.Offset) int {
		if e.StartOffset <= offset {
			return -1
		}
		return 1
	})
	return n
}

// TruncateFromEnd drops the epochs that start at or after endOffset, the log's
// new end. A negative offset changes nothing. It does no I/O.
func (c *Cache) TruncateFromEnd(endOffset kafka.Offset) {
	if endOffset < 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.startingBy(endOffset - 1)
	if n == len(c.entries) {
		return
	}
	c.markDirty(c.entries[n].StartOffset)
	c.entries = c.entries[:n]
}

// TruncateFromStart drops the epochs that ended at or before startOffset, the
// log's new start, and lets the one it falls into begin there. It does no I/O.
func (c *Cache) TruncateFromStart(startOffset kafka.Offset) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.startingBy(startOffset)
	if n == 0 || n == 1 && c.entries[0].StartOffset == startOffset {
		return
	}
	c.markDirty(c.entries[0].StartOffset)
	c.entries = slices.Clone(c.entries[n-1:])
	c.entries[0].StartOffset = startOffset
}

// Clear drops the whole history, for a log that starts anew. It does no I/O.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) > 0 {
		c.markDirty(0)
	}
	c.entries = nil
}

// SetPath says where the file is after the partition's folder was renamed.
func (c *Cache) SetPath(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.path = path
}

// Flush makes the history durable. It does nothing if the file is up to date.
func (c *Cache) Flush() error { return c.FlushUpTo(clean) }

// FlushUpTo makes durable what the history says of the records below
// logEndOffset, and does nothing if the file knows that already. What concerns
// only later offsets can wait: an epoch without records is dropped by the
// truncation that follows Open in any case. So ten thousand idle partitions
// that got a new leader cost a shutdown no write.
func (c *Cache) FlushUpTo(logEndOffset kafka.Offset) error {
	c.flushing.Lock()
	defer c.flushing.Unlock()

	c.mu.Lock()
	dirtyFrom := c.dirtyFrom
	if dirtyFrom == clean || dirtyFrom >= logEndOffset {
		c.mu.Unlock()
		return nil
	}
	path, data := c.path, encode(c.entries)
	c.dirtyFrom = clean
	c.mu.Unlock()

	err := vfs.WriteFileAtomic(c.fsys, path, data)
	if err != nil {
		c.mu.Lock()
		c.markDirty(dirtyFrom)
		c.mu.Unlock()
	}
	return err
}

func encode(entries []Entry) []byte {
	return checkpoint.AppendEntries(nil, entries, func(dst []byte, e Entry) []byte {
		dst = strconv.AppendInt(dst, int64(e.Epoch), 10)
		dst = append(dst, ' ')
		return strconv.AppendInt(dst, int64(e.StartOffset), 10)
	})
}

func parseEntry(fields []string) (Entry, bool) {
	if len(fields) != 2 {
		return Entry{}, false
	}
	epoch, err := strconv.ParseInt(fields[0], 10, 32)
	if err != nil {
		return Entry{}, false
	}
	startOffset, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return Entry{}, false
	}
	return Entry{Epoch: kafka.LeaderEpoch(epoch), StartOffset: kafka.Offset(startOffset)}, true
}
