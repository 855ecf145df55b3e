package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// Options is what a Manager needs. Zero durations take Kafka's defaults.
type Options struct {
	FS vfs.FS
	// Dirs are the log directories (log.dirs); missing ones are created.
	Dirs []string
	// Locked says that the caller holds the locks of the directories.
	Locked bool
	// ConfigFor gives the configuration of a topic. It is called for each
	// partition that is opened or created.
	ConfigFor func(topic string) *config.Topic
	Logger    *slog.Logger
	// Now is the clock; time.Now if nil.
	Now func() time.Time

	// RecoveryThreads is num.recovery.threads.per.data.dir.
	RecoveryThreads int
	// RetentionCheckInterval is log.retention.check.interval.ms.
	RetentionCheckInterval time.Duration
	// RecoveryPointInterval is log.flush.offset.checkpoint.interval.ms.
	RecoveryPointInterval time.Duration
	// LogStartInterval is log.flush.start.offset.checkpoint.interval.ms.
	LogStartInterval time.Duration
	// HighWatermarkInterval is replica.high.watermark.checkpoint.interval.ms.
	HighWatermarkInterval time.Duration
	// ProducerExpiryInterval is producer.id.expiration.check.interval.ms.
	ProducerExpiryInterval time.Duration
	// Producers holds producer.id.expiration.ms and its like; may be nil.
	Producers *producerstate.Config
	// Loading is told how far Open is; may be nil.
	Loading *Loading
	// MaxOpenFiles bounds the open files of all logs; segment.DefaultMaxOpen if 0.
	MaxOpenFiles int
	// OnDirFailure is called once for each log directory that goes offline while
	// the node runs, on the goroutine that noticed, with locks held: it must not
	// block or call back. May be nil.
	OnDirFailure func(dir string, id kafka.UUID, err error)
}

// withDefaults fills what was left zero.
func (o Options) withDefaults() Options {
	defaults := []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&o.RetentionCheckInterval, 5 * time.Minute},
		{&o.RecoveryPointInterval, time.Minute},
		{&o.LogStartInterval, time.Minute},
		{&o.HighWatermarkInterval, 5 * time.Second},
		{&o.ProducerExpiryInterval, 10 * time.Minute},
	}
	for _, d := range defaults {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	if o.RecoveryThreads <= 0 {
		o.RecoveryThreads = 2
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Loading == nil {
		o.Loading = new(Loading)
	}
	if o.Producers == nil {
		o.Producers = new(producerstate.Config)
	}
	return o
}

// Manager is all logs of a node.
type Manager struct {
	opts Options
	env  *env
	dirs []*logDir // In the order of Options; never changes.

	creating sync.Mutex // Serialises Create and Delete, held during their file operations; above mu.

	mu     sync.RWMutex // Guards the fields below; above Log.mu.
	logs   map[kafka.TopicPartition]*Log
	strays []string // Folders that were set aside.
	closed bool
}

// LockedError says that another process uses a log directory.
type LockedError struct{ Dir string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("log directory %s is in use by another process, which holds the lock of its .lock file: "+
		"stop that process, or give this one another log.dirs", e.Dir)
}

// Open opens all logs in the log directories. A directory that fails is offline,
// and an error is returned only if none is left, if another process uses one
// (*LockedError), or if two hold the same partition.
func Open(ctx context.Context, opts Options) (*Manager, error) {
	opts = opts.withDefaults()
	m := &Manager{
		opts: opts, logs: make(map[kafka.TopicPartition]*Log),
		env: &env{
			fs: opts.FS, handles: segment.NewHandles(opts.MaxOpenFiles), logger: opts.Logger,
			now: opts.Now, producerConfig: opts.Producers,
		},
	}
	for _, path := range opts.Dirs {
		d := &logDir{
			env: m.env, manager: m, path: path, brokerEpoch: checkpoint.NoBrokerEpoch, onFail: m.dirFailed,
			outdated: make(map[kafka.TopicPartition]bool),
		}
		d.bulk.FS = m.env.fs
		m.dirs = append(m.dirs, d)
	}
	if err := m.lockDirs(); err != nil {
		return nil, errors.Join(err, m.unlock())
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, d := range m.dirs {
		if d.err() == nil {
			g.Go(func() error { return m.loadDir(ctx, d) })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, errors.Join(err, m.unlock())
	}
	if !slices.ContainsFunc(m.dirs, func(d *logDir) bool { return d.err() == nil }) {
		var all []error
		for _, d := range m.dirs {
			all = append(all, d.err())
		}
		return nil, errors.Join(fmt.Errorf("no log directory can be used: %w", errors.Join(all...)), m.unlock())
	}
	return m, nil
}

func (m *Manager) lockDirs() error {
	for _, d := range m.dirs {
		err := makeDurableDir(m.env.fs, d.path)
		if err == nil && !m.opts.Locked {
			d.lock, err = m.env.fs.Lock(filepath.Join(d.path, ".lock"))
		}
		if errors.Is(err, vfs.ErrLocked) {
			return &LockedError{Dir: d.path}
		}
		if err != nil {
			d.fail(fmt.Errorf("open log directory: %w", err))
		}
	}
	return nil
}

// makeDurableDir creates a folder, and those above it, so that they survive a
// power failure.
func makeDurableDir(fsys vfs.FS, path string) error {
	exists, err := vfs.Exists(fsys, path)
	if err != nil || exists {
		return err
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeDurableDir(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.MkdirAll(path, dirPerm); err != nil {
		return err
	}
	return fsys.SyncDir(parent)
}

func (m *Manager) unlock() error {
	var all error
	for _, d := range m.dirs {
		if d.lock != nil {
			all = errors.Join(all, d.lock.Close())
			d.lock = nil
		}
	}
	return all
}

// dirFailed is called once for each directory that goes offline.
func (m *Manager) dirFailed(d *logDir, err error) {
	m.env.logger.Error("Log directory failed and goes offline. Replace the disk and restart; the other directories go on.", "dir", d.path, "error", err)
	if m.opts.OnDirFailure != nil {
		m.opts.OnDirFailure(d.path, d.id, err)
	}
}

// loadDir opens the logs of one directory. Only errors that forbid the start are
// returned; those of the disk take the directory offline.
func (m *Manager) loadDir(ctx context.Context, d *logDir) error {
	started := time.Now()
	err := m.loadFolders(ctx, d)
	duplicate := (*duplicateError)(nil)
	switch {
	case err == nil:
		m.env.logger.Info("Opened log directory", "dir", d.path, "logs", len(m.logsIn(d)), "clean", d.clean, "took", time.Since(started))
		return nil
	case errors.As(err, &duplicate), ctx.Err() != nil:
		return err
	default:
		d.fail(err)
		m.dropLogs(d)
		return nil
	}
}

// duplicateError says that two directories hold the same partition.
type duplicateError struct {
	tp   kafka.TopicPartition
	a, b string
}

func (e *duplicateError) Error() string {
	return fmt.Sprintf("partition %v is in two log directories, %s and %s: move the folder that is stale out of the way", e.tp, e.a, e.b)
}

func (m *Manager) loadFolders(ctx context.Context, d *logDir) error {
	if meta, err := checkpoint.ReadMetaProperties(m.env.fs, d.path); err == nil {
		d.id = meta.DirectoryID
	} else if !notExist(err) {
		return err
	}
	var err error
	if d.brokerEpoch, d.clean, err = checkpoint.ReadCleanShutdown(m.env.fs, d.path); err != nil {
		return err
	}
	// Before the first write, or it would vouch for what a crash tears.
	if err := checkpoint.RemoveCleanShutdown(m.env.fs, d.path); err != nil {
		return err
	}
	known, err := d.readCheckpoints()
	if err != nil {
		return err
	}
	entries, err := m.env.fs.ReadDir(d.path)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(m.opts.RecoveryThreads)
	d.recovered = m.opts.Loading.begin(entries) > 0 && !d.clean
	for _, entry := range entries {
		if ctx.Err() != nil || !vfs.IsDir(m.env.fs, d.path, entry) {
			continue
		}
		tp, ok := m.classify(d, entry.Name())
		if !ok {
			continue
		}
		g.Go(func() error {
			l, err := loadLog(d, tp, filepath.Join(d.path, entry.Name()), m.opts.ConfigFor(tp.Topic), known.of(tp))
			if err != nil {
				return fmt.Errorf("open %v: %w", tp, err)
			}
			unused, err := m.add(l)
			if unused != nil {
				m.removeUnused(unused)
			}
			m.opts.Loading.opened.Add(1)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	m.noteOutdated(d, known)
	if d.recoveryPointsChanged.Load() { // A log ends below its recovery point.
		return errorUnlessFull(m.writeRecoveryPoints(d))
	}
	return nil
}

// classify tells whether a folder holds a log to open, and takes care of those
// that were on their way out.
func (m *Manager) classify(d *logDir, name string) (kafka.TopicPartition, bool) {
	path := filepath.Join(d.path, name)
	if tp, ok := parseTransit(name, deleteSuffix); ok {
		atMs := m.env.nowMs() + m.opts.ConfigFor(tp.Topic).FileDeleteDelayMs
		m.env.doomed.add(doomedItem{atMs: atMs, dir: d, remove: func() error { return m.env.fs.RemoveAll(path) }})
		return tp, false
	}
	if _, ok := parseTransit(name, straySuffix); ok {
		m.env.logger.Warn("A partition's folder was set aside because the cluster does not know it. Remove it when nobody misses it.", "dir", path)
		m.mu.Lock()
		m.strays = append(m.strays, path)
		m.mu.Unlock()
		return kafka.TopicPartition{}, false
	}
	if _, ok := parseTransit(name, futureSuffix); ok {
		m.env.logger.Warn("Ignoring the unfinished copy of a partition that was being moved between log directories", "dir", path)
		return kafka.TopicPartition{}, false
	}
	tp, ok := parseFolder(name)
	if !ok {
		if !strings.HasPrefix(name, ".") && name != "lost+found" {
			m.env.logger.Warn("Ignoring a folder that is not named topic-partition", "dir", path)
		}
		return tp, false
	}
	// The metadata log belongs to the quorum.
	return tp, tp.Topic != kafka.ClusterMetadataTopic
}

// add takes a loaded log into service. Of two of the same partition the one that
// never held a record gives way: its creation failed, and the partition was then
// created in the other directory.
func (m *Manager) add(l *Log) (unused *Log, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	other, ok := m.logs[l.tp]
	switch {
	case ok && l.neverUsed():
		return l, nil
	case ok && other.neverUsed():
		unused = other
		other.dir.count--
	case ok:
		return nil, &duplicateError{l.tp, other.dir.path, l.dir.path}
	}
	m.logs[l.tp] = l
	l.dir.count++
	return unused, nil
}

func (l *Log) neverUsed() bool { return l.LogStartOffset() == 0 && l.LogEndOffset() == 0 }

func (m *Manager) removeUnused(l *Log) {
	path := l.Dir()
	m.env.logger.Warn("A partition is in two log directories. The folder that never held a record is removed.", "partition", l.name, "dir", path)
	l.deleted.Store(true)
	l.close()
	l.discardFiles()
	if err := m.env.fs.RemoveAll(path); err != nil {
		l.dir.fail(fmt.Errorf("remove the unused folder of %v: %w", l.tp, err))
	}
}

func (m *Manager) dropLogs(d *logDir) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for tp, l := range m.logs {
		if l.dir == d {
			delete(m.logs, tp)
		}
	}
}

// Log gives the log of a partition that this node holds.
func (m *Manager) Log(tp kafka.TopicPartition) (*Log, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	l, ok := m.logs[tp]
	return l, ok
}

// Logs gives all logs, in no order.
func (m *Manager) Logs() []*Log {
	m.mu.RLock()
	defer m.mu.RUnlock()
	logs := make([]*Log, 0, len(m.logs))
	for _, l := range m.logs {
		logs = append(logs, l)
	}
	return logs
}

func (m *Manager) logsIn(d *logDir) []*Log {
	m.mu.RLock()
	defer m.mu.RUnlock()
	logs := make([]*Log, 0, len(m.logs))
	for _, l := range m.logs {
		if l.dir == d {
			logs = append(logs, l)
		}
	}
	return logs
}
