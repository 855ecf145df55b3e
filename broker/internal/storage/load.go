package storage

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// known is what the checkpoints of a log directory say of one log.
type known struct {
	recoveryPoint kafka.Offset
	logStart      kafka.Offset
	highWatermark kafka.Offset
}

// loader opens the log in one folder.
type loader struct {
	*Log
	env    *env
	folder folder
	known  known
	logger *slog.Logger
	limits segment.Limits
}

// loadLog opens the log in a folder that exists. After an unclean shutdown
// nothing above the recovery point is trusted.
func loadLog(d *logDir, tp kafka.TopicPartition, path string, c *config.Topic, k known) (*Log, error) {
	l := newLog(d, tp, path, c)
	ld := &loader{Log: l, env: d.env, known: k, logger: d.env.logger.With("partition", l.name), limits: l.limitsLocked()}
	if err := ld.load(); err != nil {
		return nil, err
	}
	l.checkLocked()
	return l, nil
}

// newLog gives a Log without segments.
func newLog(d *logDir, tp kafka.TopicPartition, path string, c *config.Topic) *Log {
	l := &Log{
		tp: tp, name: tp.String(), dir: d, path: segment.NewDir(d.env.fs, path, d.env.handles),
		producers: producerstate.New(tp, d.env.producerConfig),
	}
	l.settledSnapshot = kafka.UnknownOffset
	// Whether the names of what is there survive a power failure is not known:
	// the first sync sees to it.
	l.newFiles.Store(true)
	l.newDir.Store(true)
	l.firstUnstable.Store(none)
	l.lastFlush.Store(d.env.nowMs())
	l.UpdateConfig(c)
	return l
}

// slowLoad is how long it may take to open a log without a line about it.
const slowLoad = time.Second

// begin gives a new log its first segment.
func (l *Log) begin(first *segment.Segment, topicID kafka.UUID) {
	first.NoTxnIndex()
	l.epochs = leaderepoch.New(&l.dir.bulk, filepath.Join(l.Dir(), leaderepoch.File))
	l.segments.Store(&[]*segment.Segment{first})
	if !topicID.IsZero() {
		l.topicID.Store(&topicID)
	}
}

func (l *loader) load() error {
	var err error
	if l.folder, err = scanFolder(l.env, l.Dir()); err != nil {
		return err
	}
	if err := l.loadTopicID(); err != nil {
		return err
	}
	rebuildEpochs, err := l.loadEpochs()
	if err != nil {
		return err
	}
	if err := l.openSegments(); err != nil {
		return err
	}
	started := time.Now()
	end, err := l.findEnd()
	if err != nil {
		return err
	}
	if end < l.known.logStart {
		l.logger.Warn("The log ends before its log start offset and begins anew there. Were files removed from the folder?",
			"logEndOffset", int64(end), "logStartOffset", int64(l.known.logStart))
		if err := l.restartLocked(l.known.logStart); err != nil {
			return err
		}
		return l.env.fs.SyncDir(l.Dir())
	}
	l.setOffsets(end)
	if rebuildEpochs {
		if err := l.replayEpochs(); err != nil {
			return err
		}
	}
	l.epochs.TruncateFromEnd(end)
	l.epochs.TruncateFromStart(l.LogStartOffset())
	l.updateUnstableLocked()
	if took := time.Since(started); took > slowLoad {
		l.logger.Info("Opening the log took long", "logEndOffset", int64(end), "took", took)
	}
	return nil
}

func (l *loader) loadTopicID() error {
	if !l.folder.partitionMetadata {
		return nil
	}
	m, err := checkpoint.ReadPartitionMetadata(l.env.fs, l.Dir())
	if err != nil {
		return err
	}
	if !m.TopicID.IsZero() {
		l.topicID.Store(&m.TopicID)
	}
	return nil
}

// loadEpochs opens the epoch history. rebuild says that the file was corrupt and
// the history must be found in the records.
func (l *loader) loadEpochs() (rebuild bool, err error) {
	path := filepath.Join(l.Dir(), leaderepoch.File)
	l.epochs = leaderepoch.New(&l.dir.bulk, path)
	if !l.folder.epochs {
		return false, nil
	}
	epochs, err := leaderepoch.Open(&l.dir.bulk, path)
	if corrupt := (*checkpoint.CorruptError)(nil); errors.As(err, &corrupt) {
		l.logger.Warn("The leader epoch checkpoint is corrupt and built anew from the records", "error", err)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	l.epochs = epochs
	// A power failure may leave an empty file, see bulkFS.
	_, any := epochs.Latest()
	return !any, nil
}

func (l *loader) replayEpochs() error {
	for _, s := range l.list() {
		err := s.Batches(s.BaseOffset(), func(b record.Batch) (bool, error) {
			l.takeEpoch(b)
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) takeEpoch(b record.Batch) {
	if latest, ok := l.epochs.Latest(); !ok || b.LeaderEpoch() > latest {
		l.epochs.Assign(b.LeaderEpoch(), b.BaseOffset())
	}
}

// openSegments makes the list from the folder's files without reading them.
func (l *loader) openSegments() error {
	nowMs := l.env.nowMs()
	files := l.folder.segments
	list := make([]*segment.Segment, len(files), max(len(files), 1))
	for i, f := range files {
		next := f.base
		if i+1 < len(files) {
			next = files[i+1].base
		}
		list[i] = segment.Open(l.path, f.base, f.size, next, nowMs)
		if !f.txnIndex {
			list[i].NoTxnIndex()
		}
		if !f.index && !f.timeIndex {
			list[i].NoIndexFiles()
		}
	}
	if len(list) == 0 {
		s, err := segment.Create(l.path, l.known.logStart, l.limits, nowMs)
		if segment.IsNoSpace(err) {
			s, err = segment.New(l.path, l.known.logStart, nowMs), nil
		}
		if err != nil {
			return err
		}
		s.NoTxnIndex()
		list = append(list, s)
		l.folder.segments = append(l.folder.segments, segmentFiles{base: l.known.logStart, index: true, timeIndex: true})
	}
	l.segments.Store(&list)
	return l.rebuildSealedIndexes()
}

// rebuildSealedIndexes makes the index files of sealed segments that have lost
// them.
func (l *loader) rebuildSealedIndexes() error {
	list := l.list()
	for i, f := range l.folder.segments[:len(list)-1] {
		if !f.lacksIndexes(l.limits) {
			continue
		}
		l.logger.Warn("An index file is missing and built anew", "segment", list[i].Path())
		next := list[i].NextOffset()
		cut, err := list[i].Recover(l.limits, f.base, func(record.Batch) error { return nil })
		if err != nil {
			return err
		}
		if cut > 0 {
			l.logger.Error("A sealed segment has corrupt records: those from there on to its end are lost",
				"segment", list[i].Path(), "position", list[i].Size(), "bytes", cut)
		}
		list[i].SetNextOffset(next)
		if err := errors.Join(errorUnlessFull(list[i].Seal()), list[i].SyncIndexes()); err != nil {
			return err
		}
	}
	return nil
}

// findEnd makes the last segment ready and gives the log end offset. After an
// unclean shutdown it recovers what lies above the recovery point.
func (l *loader) findEnd() (kafka.Offset, error) {
	active := l.active()
	last := len(l.list()) - 1
	if !l.dir.clean {
		// A segment that ends at the recovery point may have been sealed since:
		// then its records are on disk, but perhaps not its indexes.
		end, err := l.recover(floor(l.list(), l.known.recoveryPoint-1), l.known.recoveryPoint)
		if err == nil {
			err = l.active().TrimIndexes()
		}
		return end, errors.Join(err, l.active().CloseFiles())
	}
	consistent := !l.folder.segments[last].lacksIndexes(l.limits)
	var err error
	if consistent {
		consistent, err = active.LoadTail(l.limits)
	}
	if err != nil {
		return 0, err
	}
	end := active.NextOffset()
	if consistent {
		l.known.recoveryPoint = end
		err = l.loadProducers(end)
	} else {
		l.logger.Warn("The last segment is damaged although the shutdown was clean: recovering it", "segment", active.Path())
		end, err = l.recover(last, active.BaseOffset())
	}
	return end, errors.Join(err, active.CloseFiles())
}

// loadProducers finds the producers' state of a log that was shut down cleanly:
// in the snapshot that was left unless there are no producers.
func (l *loader) loadProducers(end kafka.Offset) error {
	start := max(l.known.logStart, l.list()[0].BaseOffset())
	if len(l.folder.snapshots) == 0 || end < start {
		l.producers.SetMapEndOffset(end)
		return nil
	}
	from, err := l.producers.LoadListed(l.env.fs, l.Dir(), l.folder.snapshots, start, end, l.env.nowMs())
	if err != nil {
		return err
	}
	return l.replayProducers(from, end)
}

// recover looks at every batch that is not below from, in the segments from the
// first given one on, and cuts the log at the first that is not whole.
// Producers, epochs and aborted transactions are found again on the way.
func (l *loader) recover(first int, from kafka.Offset) (kafka.Offset, error) {
	list := l.list()
	base := list[first].BaseOffset()
	start := max(l.known.logStart, list[0].BaseOffset())
	from = max(from, base)
	l.producers.SetMapEndOffset(kafka.UnknownOffset)
	replayed := min(start, from)
	if len(l.folder.snapshots) > 0 {
		var err error
		if replayed, err = l.producers.LoadListed(l.env.fs, l.Dir(), l.folder.snapshots, replayed, from, l.env.nowMs()); err != nil {
			return 0, err
		}
	}
	if replayed < base {
		if err := l.replayProducers(replayed, base); err != nil {
			return 0, err
		}
		replayed = base
	}
	from = min(from, replayed) // What producers wrote since their snapshot is read anyway.
	// The file may still name epochs of records that were truncated.
	l.epochs.TruncateFromEnd(from)
	for i := first; i < len(list); i++ {
		s := list[i]
		if i > first {
			from = s.BaseOffset()
			if _, err := l.producers.TakeSnapshot(l.env.fs, l.Dir(), from); err != nil && !segment.IsNoSpace(err) {
				return 0, err
			}
		}
		cut, err := l.recoverSegment(s, from)
		if err != nil {
			return 0, err
		}
		torn := cut > 0 || i+1 < len(list) && s.NextOffset() > list[i+1].BaseOffset()
		if i+1 == len(list) || torn {
			return l.endAt(i)
		}
		s.SetNextOffset(list[i+1].BaseOffset())
		if err := errors.Join(errorUnlessFull(s.Seal()), s.CloseFiles()); err != nil {
			return 0, err
		}
	}
	return l.active().NextOffset(), nil
}

// recoverSegment recovers the records of one segment that are not below from.
func (l *loader) recoverSegment(s *segment.Segment, from kafka.Offset) (cut int64, err error) {
	if err := s.ForgetAborted(from); err != nil {
		return 0, err
	}
	done := from
	cut, err = s.Recover(l.limits, from, func(b record.Batch) error {
		if b.NextOffset() <= done {
			return nil // Trusted, or seen before the indexes proved wrong.
		}
		done = b.NextOffset()
		l.takeEpoch(b)
		if !b.HasProducerID() {
			return nil
		}
		completed, err := l.producers.Replay(b)
		if err != nil || completed == nil || !completed.Aborted {
			return err
		}
		return l.appendAborted(s, completed.AbortedTxn())
	})
	if cut > 0 {
		l.logger.Warn("Cut a torn or corrupt end off the log", "segment", s.Path(), "position", s.Size(), "bytes", cut)
	}
	return cut, err
}

// endAt makes the i-th segment the last one: later ones follow records that
// are lost.
func (l *loader) endAt(i int) (kafka.Offset, error) {
	list := l.list()
	for _, s := range list[i+1:] {
		l.logger.Warn("Removing a segment that follows lost records", "segment", s.Path(), "bytes", s.Size())
		if err := s.Remove(); err != nil {
			return 0, err
		}
	}
	kept := list[: i+1 : i+1]
	l.segments.Store(&kept)
	end := kept[i].NextOffset()
	l.producers.SetMapEndOffset(end)
	return end, nil
}

// setOffsets publishes the bounds of a loaded log.
func (l *loader) setOffsets(end kafka.Offset) {
	start := max(l.known.logStart, l.list()[0].BaseOffset())
	l.logStart.Store(int64(start))
	l.logEnd.Store(int64(end))
	l.highWatermark.Store(int64(min(max(l.known.highWatermark, start), end)))
	l.checkpointed, l.checkpointedStart = l.known.recoveryPoint, l.known.logStart
	l.recovery.Store(int64(min(l.known.recoveryPoint, end)))
	if l.known.recoveryPoint > end {
		l.dir.recoveryPointsChanged.Store(true)
	}
}

// notExist tells whether an error says that a file is gone.
func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
