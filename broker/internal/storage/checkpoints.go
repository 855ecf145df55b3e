package storage

import (
	"errors"
	"path/filepath"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
)

// checkpoints is what the files say, by partition.
type checkpoints struct {
	recoveryPoint, logStart, highWatermark map[kafka.TopicPartition]kafka.Offset
}

// readCheckpoints reads the files. One that is corrupt counts as empty: then
// more is recovered than need be, which is safe.
func (d *logDir) readCheckpoints() (checkpoints, error) {
	var c checkpoints
	for _, f := range []struct {
		name string
		into *map[kafka.TopicPartition]kafka.Offset
	}{{checkpoint.RecoveryPointFile, &c.recoveryPoint}, {checkpoint.LogStartOffsetFile, &c.logStart}, {checkpoint.HighWatermarkFile, &c.highWatermark}} {
		offsets, err := checkpoint.ReadOffsets(d.env.fs, filepath.Join(d.path, f.name))
		if corrupt := (*checkpoint.CorruptError)(nil); errors.As(err, &corrupt) {
			d.env.logger.Warn("A checkpoint file is corrupt and ignored", "dir", d.path, "file", f.name, "error", err)
			err = nil
		}
		if err != nil {
			return c, err
		}
		*f.into = offsets
	}
	return c, nil
}

func (c *checkpoints) of(tp kafka.TopicPartition) known {
	return known{recoveryPoint: c.recoveryPoint[tp], logStart: c.logStart[tp], highWatermark: c.highWatermark[tp]}
}

// writeRecoveryPoints checkpoints the recovery points of the directory's logs.
// The epochs below a recovery point are written first, since recovery finds
// those above it only; a log whose epochs cannot be written keeps its old point.
// So do the aborted transactions. On a full disk the error is that of the disk and
// the old file stays.
func (m *Manager) writeRecoveryPoints(d *logDir) error {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	before := d.recoveryPointsChanged.Swap(false)
	logs := m.logsIn(d)
	offsets := make(map[kafka.TopicPartition]kafka.Offset, len(logs))
	for _, l := range logs {
		point := l.RecoveryPoint()
		unwritten, err := l.writeAborted()
		if err == nil {
			point = min(point, unwritten)
			err = l.epochs.FlushUpTo(point)
		}
		if err != nil {
			if !segment.IsNoSpace(err) && !l.closed.Load() {
				return err
			}
			point = min(point, l.checkpointed)
		}
		offsets[l.tp] = point
	}
	if err := d.write(checkpoint.RecoveryPointFile, offsets); err != nil {
		d.recoveryPointsChanged.Store(before)
		return err
	}
	for _, l := range logs {
		l.checkpointed = offsets[l.tp]
	}
	return nil
}

// lowerCheckpoints rewrites the checkpoints that lie above the log's recovery point
// or its start, which only a truncation makes possible: a start would trust what is
// not on disk yet, or take records for deleted.
func (d *logDir) lowerCheckpoints(l *Log) error {
	d.checkpointing.Lock()
	lowerPoint, lowerStart := l.RecoveryPoint() < l.checkpointed, l.LogStartOffset() < l.checkpointedStart
	d.checkpointing.Unlock()
	d.highWatermarksChanged.Store(true)
	if lowerStart {
		if err := d.manager.writeLogStarts(d); err != nil {
			return err
		}
	}
	if !lowerPoint {
		return nil
	}
	return d.manager.writeRecoveryPoints(d)
}

// forgetDeleted rewrites the checkpoints if they name the partition although it has
// no log: what they say must not be taken for that of a new one.
func (m *Manager) forgetDeleted(d *logDir, tp kafka.TopicPartition) error {
	if !d.outdated[tp] {
		return nil
	}
	for _, write := range []func(*logDir) error{m.writeRecoveryPoints, m.writeLogStarts, m.writeHighWatermarks} {
		if err := write(d); err != nil {
			return err
		}
	}
	clear(d.outdated)
	return nil
}

// noteOutdated takes note of the partitions that the checkpoints name and that
// have no log in the directory.
func (m *Manager) noteOutdated(d *logDir, c checkpoints) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, offsets := range []map[kafka.TopicPartition]kafka.Offset{c.recoveryPoint, c.logStart, c.highWatermark} {
		for tp := range offsets {
			if l := m.logs[tp]; l == nil || l.dir != d {
				d.outdated[tp] = true
			}
		}
	}
}

// writeLogStarts checkpoints the log start offsets, also those that the first
// segment's name tells: those before may come back after a power failure. On a
// full disk the error is that of the disk and the old file stays.
func (m *Manager) writeLogStarts(d *logDir) error {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	return m.writeLogStartsLocked(d)
}

func (m *Manager) writeLogStartsLocked(d *logDir) error {
	d.startOffsetsChanged.Store(false)
	logs := m.logsIn(d)
	offsets := make(map[kafka.TopicPartition]kafka.Offset)
	for _, l := range logs {
		if start := l.LogStartOffset(); start > 0 {
			offsets[l.tp] = start
		}
	}
	if err := d.write(checkpoint.LogStartOffsetFile, offsets); err != nil {
		d.startOffsetsChanged.Store(true)
		return err
	}
	for _, l := range logs {
		l.checkpointedStart = offsets[l.tp]
	}
	return nil
}

// SyncLogStart returns when the log start offset is on disk, or one above it: what
// a crash leaves does not begin below it. Of callers that come together the first
// writes for all logs of the directory. A disk that is full does not keep records
// from being deleted: the checkpoint follows when there is space.
//
// Differs from Kafka: it checkpoints the offset a minute later, and deleted records
// come back if it is killed before.
func (l *Log) SyncLogStart() error {
	d := l.dir
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if l.checkpointedStart >= l.LogStartOffset() {
		return nil
	}
	if err := errorUnlessFull(d.manager.writeLogStartsLocked(d)); err != nil {
		d.fail(err)
		return d.err()
	}
	return nil
}

// writeHighWatermarks checkpoints the high watermarks. On a full disk the error is
// that of the disk and the old file stays.
func (m *Manager) writeHighWatermarks(d *logDir) error {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	d.highWatermarksChanged.Store(false)
	logs := m.logsIn(d)
	offsets := make(map[kafka.TopicPartition]kafka.Offset, len(logs))
	for _, l := range logs {
		offsets[l.tp] = l.HighWatermark()
	}
	err := d.write(checkpoint.HighWatermarkFile, offsets)
	if err != nil {
		d.highWatermarksChanged.Store(true)
	}
	return err
}

// write replaces a checkpoint file.
func (d *logDir) write(name string, offsets map[kafka.TopicPartition]kafka.Offset) error {
	err := checkpoint.WriteOffsets(d.env.fs, filepath.Join(d.path, name), offsets)
	if segment.IsNoSpace(err) {
		d.env.logger.Warn("No space left to write a checkpoint: the old one stays", "dir", d.path, "file", name)
	}
	return err
}
