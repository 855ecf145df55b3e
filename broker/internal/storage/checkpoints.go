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
			d.env.logger.Warn("A checkpoint file is corrupt and ignored.", "dir", d.path, "file", f.name, "error", err)
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
func (m *Manager) writeRecoveryPoints(d *logDir) error {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	before := d.recoveryPointsChanged.Swap(false)
	offsets := make(map[kafka.TopicPartition]kafka.Offset)
	for _, l := range m.logsIn(d) {
		point := l.RecoveryPoint()
		if point > l.checkpointed {
			if err := l.epochs.FlushUpTo(point); err != nil {
				if !segment.IsNoSpace(err) && !l.closed.Load() {
					return err
				}
				point = l.checkpointed
			}
		}
		l.checkpointed = point
		offsets[l.tp] = point
	}
	written, err := d.write(checkpoint.RecoveryPointFile, offsets)
	if !written {
		d.recoveryPointsChanged.Store(before)
	}
	return err
}

// lowerRecoveryPoint rewrites the checkpoint if it lies above the log's recovery
// point, which only a truncation makes possible.
func (d *logDir) lowerRecoveryPoint(l *Log) error {
	d.checkpointing.Lock()
	lower := l.RecoveryPoint() < l.checkpointed
	d.checkpointing.Unlock()
	if !lower {
		return nil
	}
	d.recoveryPointsChanged.Store(true) // Should the disk be full, it is tried again.
	return d.manager.writeRecoveryPoints(d)
}

// writeLogStarts checkpoints the log start offsets that the first segment's
// name does not tell, or may not after a power failure.
func (m *Manager) writeLogStarts(d *logDir) error {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	d.startOffsetsChanged.Store(false)
	offsets := make(map[kafka.TopicPartition]kafka.Offset)
	for _, l := range m.logsIn(d) {
		if start := l.LogStartOffset(); start > l.list()[0].BaseOffset() || start > 0 && l.newFiles.Load() {
			offsets[l.tp] = start
		}
	}
	_, err := d.write(checkpoint.LogStartOffsetFile, offsets)
	return err
}

// writeHighWatermarks checkpoints the high watermarks.
func (m *Manager) writeHighWatermarks(d *logDir) error {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	d.highWatermarksChanged.Store(false)
	logs := m.logsIn(d)
	offsets := make(map[kafka.TopicPartition]kafka.Offset, len(logs))
	for _, l := range logs {
		offsets[l.tp] = l.HighWatermark()
	}
	_, err := d.write(checkpoint.HighWatermarkFile, offsets)
	return err
}

// write replaces a checkpoint file. On a full disk the old one stays: then a
// start after a crash does more than it need to.
func (d *logDir) write(name string, offsets map[kafka.TopicPartition]kafka.Offset) (written bool, err error) {
	err = checkpoint.WriteOffsets(d.env.fs, filepath.Join(d.path, name), offsets)
	if segment.IsNoSpace(err) {
		d.env.logger.Warn("No space left to write a checkpoint: the old one stays.", "dir", d.path, "file", name)
		return false, nil
	}
	return err == nil, err
}
