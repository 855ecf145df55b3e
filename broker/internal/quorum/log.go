package quorum

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

const (
	// maxBatchBytes bounds one batch of metadata, as in Apache Kafka.
	maxBatchBytes = 8 << 20
	// maxStoredBatchBytes bounds what is read back from a file: a batch of
	// records that barely fit, plus headers, by any software.
	maxStoredBatchBytes = 64 << 20
	// indexIntervalBytes is how many bytes of log lie between two entries of
	// the indexes, on disk and in memory.
	indexIntervalBytes = 4096
	// recentBytes bounds the tail of the log that is kept in memory for raft.
	recentBytes = 4 << 20
)

const (
	// reservedBytes is how much space is taken from the disk ahead of the log's end.
	reservedBytes = 1 << 20
	// emergencyBytes of it are only for what does not make the metadata grow, so
	// that on a full disk topics can be deleted and the node can start.
	emergencyBytes = 256 << 10
)

var errTruncateBelowFloor = errors.New("a truncation reaches below the newest snapshot")

// logPosition is a point between two batches: the batch that ends there has
// this raft index and leader epoch, and offset is the next one.
type logPosition struct {
	index  uint64
	offset kafka.Offset
	epoch  kafka.LeaderEpoch
}

// epochStart says that the batches from index and offset on were written in epoch.
type epochStart struct {
	epoch  kafka.LeaderEpoch
	index  uint64
	offset kafka.Offset
}

// metadataLog is the log of __cluster_metadata-0: Kafka's segments, addressed by
// offset and by raft index. The quorum loop is its only writer; snapshots and
// retention read and drop old segments from another goroutine.
//
// Indexes are known from floor on, which is the newest snapshot at the time of
// opening and moves up as segments are deleted. What lies below floor is kept
// for its retention time but not part of the raft log any more.
type metadataLog struct {
	fs     vfs.FS
	dir    string
	logger *slog.Logger
	limits logLimits

	mu sync.RWMutex // Guards the fields below; may be held across file reads and writes, never across a sync.
	// segments is sorted by base offset and never empty; the last one is active.
	segments []*logSegment
	// epochs is sorted. Invariant: epochs[0].index <= floor.index+1 if there are batches.
	epochs []epochStart
	floor  logPosition
	end    logPosition // Invariant: floor.index <= end.index, floor.offset <= end.offset.
	recent recentBatches
	// voters is what the control batches say, up to end.
	voters voterHistory
	// failed is the first error of a write or sync; the log takes no more after it.
	failed error
	// epochsDirty says that leader-epoch-checkpoint is behind.
	epochsDirty bool
	scratch     []byte
}

// logLimits are the configs of the metadata log.
type logLimits struct {
	segmentBytes int64
	segmentAge   time.Duration
}

// position gives the end of the log.
func (l *metadataLog) position() logPosition {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.end
}

// startOffset gives the first offset that the files still hold.
func (l *metadataLog) startOffset() kafka.Offset {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.segments[0].base
}

// append writes batches that follow the end of the log and makes them durable.
// The log keeps the batches; the caller must not change them afterwards.
func (l *metadataLog) append(batches []record.Batch, now time.Time) error {
	touched, err := l.write(batches, now)
	if err != nil {
		return l.fail(err)
	}
	// Only the loop writes, so nothing is appended between write and sync.
	for _, s := range touched {
		if err := s.sync(); err != nil {
			return l.fail(fmt.Errorf("sync %s: %w", s.file.Name(), err))
		}
	}
	return nil
}

// fail makes the first error final: after a failed write or fsync nobody knows
// what the disk has.
func (l *metadataLog) fail(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = err
	}
	return err
}

// write appends and gives the segments that must be synced.
func (l *metadataLog) write(batches []record.Batch, now time.Time) ([]*logSegment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return nil, fmt.Errorf("the metadata log failed before: %w", l.failed)
	}
	var touched []*logSegment
	for len(batches) > 0 {
		active := l.segments[len(l.segments)-1]
		if active.full(len(batches[0]), l.limits, now) {
			var err error
			if active, err = l.rollLocked(now); err != nil {
				return nil, err
			}
		}
		n, size := 1, len(batches[0])
		for n < len(batches) && active.size+int64(size+len(batches[n])) <= l.limits.segmentBytes {
			size += len(batches[n])
			n++
		}
		if err := l.writeRunLocked(active, batches[:n]); err != nil {
			return nil, err
		}
		touched = append(touched, active)
		batches = batches[n:]
	}
	return touched, nil
}

// writeRunLocked appends batches to one segment with one write.
func (l *metadataLog) writeRunLocked(s *logSegment, batches []record.Batch) error {
	data := []byte(batches[0])
	if len(batches) > 1 {
		l.scratch = l.scratch[:0]
		for _, b := range batches {
			l.scratch = append(l.scratch, b...)
		}
		data = l.scratch
	}
	if _, err := s.file.WriteAt(data, s.size); err != nil {
		return fmt.Errorf("append to %s: %w", s.file.Name(), err)
	}
	position := s.size
	for _, b := range batches {
		invariant.Assert(b.BaseOffset() == l.end.offset, "batch at offset %d appended to a log that ends at %d", b.BaseOffset(), l.end.offset)
		invariant.Assert(b.LeaderEpoch() >= l.end.epoch, "batch of epoch %d appended after epoch %d", b.LeaderEpoch(), l.end.epoch)
		l.noteLocked(s, b, position)
		l.recent.push(l.end.index, b)
		position += int64(len(b))
	}
	s.size = position
	if cap(l.scratch) > recentBytes {
		l.scratch = nil
	}
	if err := s.writeIndexes(); err != nil {
		// Nothing rests on them; the entries are kept and written later.
		l.logger.Debug("Writing the metadata log's indexes failed", "err", err)
	}
	return nil
}

// noteLocked accounts for a batch at that position of s: it becomes the last one.
func (l *metadataLog) noteLocked(s *logSegment, b record.Batch, position int64) {
	l.end.index++
	s.note(b, position, l.end.index)
	if n := len(l.epochs); n == 0 || l.epochs[n-1].epoch != b.LeaderEpoch() {
		l.epochs = append(l.epochs, epochStart{epoch: b.LeaderEpoch(), index: l.end.index, offset: b.BaseOffset()})
		l.epochsDirty = true
	}
	if b.IsControl() {
		records, err := decodeControl(b)
		if err != nil {
			l.logger.Error("Skipping an unreadable control batch of the metadata log", "offset", int64(b.BaseOffset()), "err", err)
		}
		l.voters.note(b.BaseOffset(), records)
	}
	l.end.offset, l.end.epoch = b.NextOffset(), b.LeaderEpoch()
}

// votersAt gives what the log says about the voters: the newest set, and the
// one that holds for a snapshot that ends at offset.
func (l *metadataLog) votersAt(offset kafka.Offset) (latest, at voterSet) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.voters.latest(), l.voters.before(offset)
}

func (l *metadataLog) rollLocked(now time.Time) (*logSegment, error) {
	s, err := createSegment(l.fs, l.dir, l.end.offset, now)
	if err != nil {
		return nil, fmt.Errorf("roll the metadata log at offset %d: %w", l.end.offset, err)
	}
	// Cutting the sealed segment at its end gives back what was reserved behind it.
	sealed := l.segments[len(l.segments)-1]
	if err := sealed.file.Truncate(sealed.size); err != nil {
		return nil, errors.Join(err, s.close())
	}
	sealed.reserved = sealed.size
	l.segments = append(l.segments, s)
	return s, nil
}

// room makes sure that the disk has space for n more bytes before raft is told of
// them, since then there is no way back. On a full disk it refuses growing with
// KAFKA_STORAGE_ERROR first, and everything only when the reserve is used up.
func (l *metadataLog) room(n int64, growing bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.segments[len(l.segments)-1]
	want := s.size + n
	if want+emergencyBytes <= s.reserved {
		return nil
	}
	// On a full disk smaller steps find what is reserved from before a restart.
	for ahead := int64(reservedBytes); ahead >= indexIntervalBytes && want+ahead > s.reserved; ahead /= 2 {
		from := max(s.reserved, s.size)
		err := s.file.Preallocate(from, want+ahead-from)
		if err == nil {
			s.reserved = want + ahead
			break
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return nil // It was a hint only.
		}
	}
	if want > s.reserved || growing && want+emergencyBytes > s.reserved {
		return kafka.Errorf(kerr.KafkaStorageError, "The disk of the metadata log directory %s is full.", l.dir)
	}
	return nil
}

// epochOf gives the leader epoch of the batch with that index, for floor and what follows.
func (l *metadataLog) epochOf(index uint64) (kafka.LeaderEpoch, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if index == l.floor.index {
		return l.floor.epoch, true
	}
	if index < l.floor.index || index > l.end.index {
		return 0, false
	}
	i := sort.Search(len(l.epochs), func(i int) bool { return l.epochs[i].index > index })
	invariant.Assert(i > 0, "no leader epoch for index %d", index)
	return l.epochs[i-1].epoch, true
}

// bounds gives floor and end.
func (l *metadataLog) bounds() (floor, end logPosition) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.floor, l.end
}

// read gives the batches with the indexes [from, to), which must lie in
// (floor, end]; fewer than asked for if they exceed maxBytes, but at least one.
// The batches are shared: nobody may change them.
func (l *metadataLog) read(from, to uint64, maxBytes uint64) ([]record.Batch, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	invariant.Assert(from > l.floor.index && to <= l.end.index+1 && from < to, "read of [%d, %d) from a log of (%d, %d]", from, to, l.floor.index, l.end.index)
	if batches, ok := l.recent.get(from, to, maxBytes); ok {
		return batches, nil
	}
	var (
		batches []record.Batch
		size    uint64
	)
	si, m := l.findLocked(from)
	for index, position := m.index, m.position; index < to; {
		s := l.segments[si]
		if position >= s.size {
			si, position = si+1, 0
			continue
		}
		b, err := s.batchAt(position)
		if err != nil {
			return nil, err
		}
		position += int64(len(b))
		if index >= from {
			size += uint64(len(b))
			if len(batches) > 0 && size > maxBytes {
				break
			}
			batches = append(batches, b)
		}
		index++
	}
	return batches, nil
}

// findLocked gives the segment and the mark at or before that index.
func (l *metadataLog) findLocked(index uint64) (int, mark) {
	for si := len(l.segments) - 1; si >= 0; si-- {
		marks := l.segments[si].marks
		i := sort.Search(len(marks), func(i int) bool { return marks[i].index > index })
		if i > 0 {
			return si, marks[i-1]
		}
	}
	panic(fmt.Sprintf("no mark at or before index %d", index))
}

// positionOf gives the end of the batch with that index.
func (l *metadataLog) positionOf(index uint64) (logPosition, error) {
	floor, end := l.bounds()
	switch index {
	case floor.index:
		return floor, nil
	case end.index:
		return end, nil
	}
	batches, err := l.read(index, index+1, 0)
	if err != nil {
		return logPosition{}, err
	}
	return logPosition{index: index, offset: batches[0].NextOffset(), epoch: batches[0].LeaderEpoch()}, nil
}

// truncate drops every batch with an index of from or more: a new leader wrote
// others there, so they were never committed.
func (l *metadataLog) truncate(from uint64) error {
	keep, err := l.positionOf(from - 1)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if from <= l.floor.index {
		return errTruncateBelowFloor
	}
	for len(l.segments) > 1 && l.segments[len(l.segments)-1].base >= keep.offset {
		last := l.segments[len(l.segments)-1]
		if err := last.remove(l.fs, l.dir); err != nil {
			return err
		}
		l.segments = l.segments[:len(l.segments)-1]
	}
	if err := l.segments[len(l.segments)-1].truncate(keep); err != nil {
		return err
	}
	l.epochs = slices.DeleteFunc(l.epochs, func(e epochStart) bool { return e.index >= from })
	l.epochsDirty = true
	l.recent.truncate(from)
	l.voters.truncate(keep.offset)
	l.end = keep
	return l.fs.SyncDir(l.dir)
}

// restart empties the log and lets it begin at the end of a snapshot that is
// ahead of it.
func (l *metadataLog) restart(at logPosition, voters voterSet, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if err := s.remove(l.fs, l.dir); err != nil {
			return err
		}
	}
	s, err := createSegment(l.fs, l.dir, at.offset, now)
	if err != nil {
		return err
	}
	l.segments, l.epochs, l.recent = []*logSegment{s}, nil, recentBatches{}
	l.floor, l.end = at, at
	l.voters = voterHistory{voters}
	l.epochsDirty = true
	return nil
}

// deleteBefore deletes the segments that lie wholly below at, which must be the
// end of a snapshot. It gives the number of segments deleted.
func (l *metadataLog) deleteBefore(at logPosition) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for len(l.segments) > 1 && l.segments[1].base <= at.offset {
		if err := l.segments[0].remove(l.fs, l.dir); err != nil {
			return n, err
		}
		l.segments = slices.Delete(l.segments, 0, 1)
		n++
	}
	if n == 0 {
		return 0, nil
	}
	if at.index > l.floor.index {
		l.floor = at
	}
	// The epochs that ended below the first offset left are history.
	first := l.segments[0].base
	for len(l.epochs) > 1 && l.epochs[1].offset <= first {
		l.epochs = slices.Delete(l.epochs, 0, 1)
	}
	if len(l.epochs) > 0 && l.epochs[0].offset < first {
		l.epochs[0].offset = first
	}
	l.epochsDirty = true
	return n, l.fs.SyncDir(l.dir)
}

// size gives the bytes of all segments.
func (l *metadataLog) size() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var n int64
	for _, s := range l.segments {
		n += s.size
	}
	return n
}

// close closes the files.
func (l *metadataLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, s := range l.segments {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// recentBatches is the tail of the log in memory, bounded by recentBytes.
type recentBatches struct {
	first   uint64 // Index of batches[0].
	batches []record.Batch
	size    int
}

func (r *recentBatches) push(index uint64, b record.Batch) {
	if len(r.batches) == 0 {
		r.first = index
	}
	invariant.Assert(index == r.first+uint64(len(r.batches)), "index %d after %d batches from %d", index, len(r.batches), r.first)
	r.batches = append(r.batches, b)
	r.size += len(b)
	drop := 0
	for r.size > recentBytes && drop < len(r.batches)-1 {
		r.size -= len(r.batches[drop])
		drop++
	}
	if drop > 0 {
		r.batches = slices.Delete(r.batches, 0, drop)
		r.first += uint64(drop)
	}
}

func (r *recentBatches) get(from, to, maxBytes uint64) ([]record.Batch, bool) {
	if len(r.batches) == 0 || from < r.first || to > r.first+uint64(len(r.batches)) {
		return nil, false
	}
	run := r.batches[from-r.first : to-r.first]
	var size uint64
	for i, b := range run {
		if size += uint64(len(b)); i > 0 && size > maxBytes {
			return slices.Clone(run[:i]), true
		}
	}
	return slices.Clone(run), true
}

func (r *recentBatches) truncate(from uint64) {
	for n := len(r.batches); n > 0 && r.first+uint64(n) > from; n-- {
		r.size -= len(r.batches[n-1])
		r.batches = r.batches[:n-1]
	}
}
