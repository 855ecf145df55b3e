package storage

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/kafka"
)

// none as firstUnstable says that no transaction is open or unreplicated.
const none = math.MaxInt64

// Log is the log of one partition on this node. It is safe for concurrent use.
type Log struct {
	tp   kafka.TopicPartition
	name string // tp as text.
	dir  *logDir
	path *segment.Dir

	settings atomic.Pointer[settings]
	topicID  atomic.Pointer[kafka.UUID]

	// Offsets that readers load without the lock; they change under it.
	logStart      atomic.Int64
	logEnd        atomic.Int64
	highWatermark atomic.Int64
	// firstUnstable is the first offset of the oldest transaction that is open,
	// or complete but for its marker being replicated; none without one.
	firstUnstable atomic.Int64
	// recovery is the recovery point: everything below is on disk.
	recovery atomic.Int64

	// segments is the list in order of offsets, never empty; replaced as a whole.
	segments atomic.Pointer[[]*segment.Segment]
	// truncations counts truncations and resets, odd while one is under way.
	truncations atomic.Uint32
	// closed is set when the log is closed or deleted, deleted with the latter.
	closed, deleted atomic.Bool

	mu        sync.Mutex // Guards what follows and all changes; below Manager.mu.
	producers *producerstate.Manager
	epochs    *leaderepoch.Cache // Has its own lock.
	jitterMs  int64              // Subtracted from segment.ms for the active segment.
	// settledSnapshot is the offset of the producer snapshot that was taken when
	// the log became idle, -1 without one.
	settledSnapshot kafka.Offset

	// newFiles says that a file was created whose name is not durable yet;
	// newDir the same of the folder.
	newFiles, newDir atomic.Bool
	lastFlush        atomic.Int64 // When the log was synced, or opened, ms.
	// settledEnd is the log end offset that the checkpointing task saw last.
	settledEnd atomic.Int64

	commit groupCommit

	// abortedUnwritten says that a full disk kept aborted transactions out of a
	// transaction index.
	abortedUnwritten atomic.Bool

	// checkpointed is the recovery point in the directory's checkpoint file, and
	// checkpointedStart the log start offset; guarded by logDir.checkpointing.
	checkpointed, checkpointedStart kafka.Offset
}

// TopicPartition names the partition.
func (l *Log) TopicPartition() kafka.TopicPartition { return l.tp }

// TopicID is the id of the topic, zero if it is not known.
func (l *Log) TopicID() kafka.UUID {
	if id := l.topicID.Load(); id != nil {
		return *id
	}
	return kafka.UUID{}
}

// Dir is the path of the partition's folder.
func (l *Log) Dir() string { return l.path.Path() }

// LogDir is the path of the log directory that holds the folder.
func (l *Log) LogDir() string { return l.dir.path }

// DirectoryID is the id of the log directory, zero if it has none.
func (l *Log) DirectoryID() kafka.UUID { return l.dir.id }

// Offline is KAFKA_STORAGE_ERROR if the log's directory has failed, else nil.
func (l *Log) Offline() error { return l.dir.offline() }

// Config is the topic's configuration.
func (l *Log) Config() *config.Topic { return l.settings.Load().config }

// UpdateConfig replaces the topic's configuration. It holds from the next
// append on.
func (l *Log) UpdateConfig(c *config.Topic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, s := l.settings.Load(), l.dir.env.settingsFor(c)
	l.settings.Store(s)
	if old == nil || old.timedFlush() != s.timedFlush() {
		switch {
		case s.timedFlush():
			l.dir.env.timedFlushes.Add(1)
		case old != nil:
			l.dir.env.timedFlushes.Add(-1)
		}
	}
	if jitter := c.SegmentJitterMs; jitter > 0 {
		l.jitterMs = rand.Int64N(min(jitter, max(c.SegmentMs, 1)))
	} else {
		l.jitterMs = 0
	}
}

// limitsLocked gives the segment's limits with this log's jitter.
func (l *Log) limitsLocked() segment.Limits {
	limits := l.settings.Load().limits
	limits.SegmentMs -= l.jitterMs
	return limits
}

// list gives the segments; the caller must not change the slice.
func (l *Log) list() []*segment.Segment { return *l.segments.Load() }

// active is the segment that is appended to.
func (l *Log) active() *segment.Segment {
	list := l.list()
	return list[len(list)-1]
}

// Size is the size of all segments in bytes, without the indexes.
func (l *Log) Size() int64 {
	var n int64
	for _, s := range l.list() {
		n += s.Size()
	}
	return n
}

// SegmentInfo describes one segment.
type SegmentInfo struct {
	BaseOffset kafka.Offset
	NextOffset kafka.Offset
	Size       int64
	Path       string
}

// Segments describes the segments in order.
func (l *Log) Segments() []SegmentInfo {
	list := l.list()
	infos := make([]SegmentInfo, len(list))
	for i, s := range list {
		infos[i] = SegmentInfo{BaseOffset: s.BaseOffset(), NextOffset: s.NextOffset(), Size: s.Size(), Path: s.Path()}
	}
	return infos
}

func (l *Log) String() string {
	return fmt.Sprintf("Log(%s, start=%d, high watermark=%d, end=%d)", l.Dir(), l.LogStartOffset(), l.HighWatermark(), l.LogEndOffset())
}

// checkLocked asserts what always holds; called at the end of each change.
func (l *Log) checkLocked() {
	start, high, end := l.LogStartOffset(), l.HighWatermark(), l.LogEndOffset()
	invariant.Assert(start <= high && high <= end, "%v: log start offset %d <= high watermark %d <= log end offset %d", l.tp, start, high, end)
	invariant.Assert(l.RecoveryPoint() <= end, "%v: recovery point %d <= log end offset %d", l.tp, l.RecoveryPoint(), end)
}
