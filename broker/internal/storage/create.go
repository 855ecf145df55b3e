package storage

import (
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
)

// dirPerm is the mode of the folders we create, as Kafka's before the umask.
const dirPerm fs.FileMode = 0o755

// Create makes the log of a partition, or gives the one that is there already:
// INCONSISTENT_TOPIC_ID if that belongs to another topic of the same name. The
// directory is the one with the id dirID, or for the zero id and the other
// reserved ones that with the fewest logs; KAFKA_STORAGE_ERROR if it is offline,
// unknown or full.
func (m *Manager) Create(tp kafka.TopicPartition, topicID, dirID kafka.UUID) (*Log, error) {
	m.creating.Lock()
	defer m.creating.Unlock()
	if l, ok := m.Log(tp); ok {
		if have := l.TopicID(); !topicID.IsZero() && !have.IsZero() && have != topicID {
			return nil, kafka.Errorf(kerr.InconsistentTopicID, "the log of %v is of topic id %v, not %v", tp, have, topicID)
		}
		return l, nil
	}
	d, err := m.pickDir(dirID)
	if err != nil {
		return nil, err
	}
	l, err := m.createIn(d, tp, topicID)
	if err != nil {
		if segment.IsNoSpace(err) {
			return nil, kafka.Errorf(kerr.KafkaStorageError, "the disk of log directory %s is full", d.path)
		}
		d.fail(fmt.Errorf("create %v: %w", tp, err))
		return nil, d.offline()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		l.closed.Store(true)
		return nil, errClosed
	}
	m.logs[tp] = l
	d.count++
	d.recoveryPointsChanged.Store(true)
	d.highWatermarksChanged.Store(true)
	return l, nil
}

// pickDir gives the directory for a new log.
func (m *Manager) pickDir(id kafka.UUID) (*logDir, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, errClosed
	}
	reserved := id == kafka.UnassignedDirectory || id == kafka.LostDirectory || id == kafka.MigratingDirectory
	var best *logDir
	for _, d := range m.dirs {
		if d.err() != nil || !reserved && d.id != id {
			continue
		}
		if best == nil || d.count < best.count {
			best = d
		}
	}
	if best == nil {
		return nil, kafka.Errorf(kerr.KafkaStorageError, "no log directory is online for directory id %v", id)
	}
	return best, nil
}

// createIn makes the folder with partition.metadata and an empty first segment.
// Neither is synced before the first sync of the log itself: until there are
// records that must survive, the metadata log knows all of it.
func (m *Manager) createIn(d *logDir, tp kafka.TopicPartition, topicID kafka.UUID) (*Log, error) {
	if err := m.forgetDeleted(d, tp); err != nil {
		return nil, err
	}
	path := filepath.Join(d.path, tp.String())
	if err := m.env.fs.MkdirAll(path, dirPerm); err != nil {
		return nil, err
	}
	if !topicID.IsZero() {
		if err := checkpoint.WritePartitionMetadataUnsynced(m.env.fs, path, checkpoint.PartitionMetadata{TopicID: topicID}); err != nil {
			return nil, err
		}
	}
	l := newLog(d, tp, path, m.opts.ConfigFor(tp.Topic))
	first, err := segment.Create(l.path, 0, l.limitsLocked(), m.env.nowMs())
	if err != nil {
		return nil, err
	}
	l.begin(first, topicID)
	return l, nil
}

// Delete removes a partition's log: its folder is renamed at once, so that the
// topic may be created again, and removed after file.delete.delay.ms. What is
// being read or waited for ends with KAFKA_STORAGE_ERROR. A partition that is not
// here is no error.
func (m *Manager) Delete(tp kafka.TopicPartition) error {
	l, path, err := m.retire(tp, deleteSuffix)
	if err != nil || l == nil {
		return err
	}
	m.env.doomed.add(doomedItem{
		atMs: m.env.nowMs() + l.Config().FileDeleteDelayMs, dir: l.dir,
		remove: func() error {
			l.discardFiles()
			return m.env.fs.RemoveAll(path)
		},
	})
	m.env.logger.Info("Deleted the log of a partition; its files follow after file.delete.delay.ms", "partition", l.name, "dir", path)
	return nil
}

// SetAside takes a partition's log out of service and keeps its files in a
// folder ending in -stray: the cluster does not know the partition.
func (m *Manager) SetAside(tp kafka.TopicPartition) error {
	l, path, err := m.retire(tp, straySuffix)
	if err != nil || l == nil {
		return err
	}
	m.mu.Lock()
	m.strays = append(m.strays, path)
	m.mu.Unlock()
	m.env.logger.Warn("Set aside the folder of a partition that the cluster does not know. Remove it when nobody misses it.", "partition", l.name, "dir", path)
	return nil
}

// retire takes a log out of service and renames its folder. l is nil if there is
// no such log.
func (m *Manager) retire(tp kafka.TopicPartition, suffix string) (l *Log, path string, err error) {
	m.creating.Lock()
	defer m.creating.Unlock()
	m.mu.Lock()
	l, ok := m.logs[tp]
	if ok {
		delete(m.logs, tp)
		l.dir.count--
	}
	m.mu.Unlock()
	if !ok {
		return nil, "", nil
	}
	d := l.dir
	d.outdated[tp] = true
	l.deleted.Store(true)
	l.close()
	d.recoveryPointsChanged.Store(true)
	d.startOffsetsChanged.Store(true)
	d.highWatermarksChanged.Store(true)
	if err := d.offline(); err != nil {
		return nil, "", nil //nolint:nilerr // The files of an offline directory are out of reach: the log is gone with them.
	}
	path = filepath.Join(d.path, transitName(tp, suffix))
	l.mu.Lock()
	err = m.env.fs.Rename(l.Dir(), path)
	if err == nil {
		l.path.SetPath(path)
		l.epochs.SetPath(filepath.Join(path, leaderepoch.File))
	}
	l.mu.Unlock()
	if err != nil && !notExist(err) {
		d.fail(fmt.Errorf("delete %v: %w", tp, err))
		return nil, "", d.offline()
	}
	return l, path, nil
}

// close ends the log's use. Who waits for a sync gets an error.
func (l *Log) close() {
	l.mu.Lock()
	l.closed.Store(true)
	l.mu.Unlock()
	if l.settings.Load().timedFlush() {
		l.dir.env.timedFlushes.Add(-1)
	}
	l.commit.mu.Lock()
	queue := len(l.commit.waiters) > 0 && !l.commit.queued
	l.commit.queued = l.commit.queued || queue
	l.commit.mu.Unlock()
	if queue {
		l.dir.flusher.push(l)
	}
}

// discardFiles closes the files of a log that is deleted, those in use when
// they are released.
func (l *Log) discardFiles() {
	for _, s := range l.list() {
		s.Discard()
	}
}
