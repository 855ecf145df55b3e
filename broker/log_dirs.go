package broker

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// lockFile keeps two processes from using one log directory, as in Kafka.
const lockFile = ".lock"

// logDir is one log directory of this node, locked and formatted.
type logDir struct {
	path string
	meta checkpoint.MetaProperties
	lock io.Closer
}

// logDirs are the node's log directories; the metadata log's is among them.
type logDirs struct {
	fs        vfs.FS
	dirs      []logDir
	clusterID string
	metadata  logDir
}

// openLogDirs locks every log directory and formats those that are empty. A
// directory of another cluster or node, or in use, is an error that says what to
// do. One that cannot be used is left out, and the others live on (KIP-112),
// unless it is the metadata log's or the last one.
func openLogDirs(fsys vfs.FS, static *config.Static, logger *slog.Logger) (_ *logDirs, err error) {
	d := &logDirs{fs: fsys}
	defer func() {
		if err != nil {
			d.unlock()
		}
	}()
	b := static.Broker
	paths := slices.Clone(b.LogDirs)
	if !slices.Contains(paths, b.MetadataDir) {
		paths = append(paths, b.MetadataDir)
	}
	for _, path := range paths {
		lock, err := lockLogDir(fsys, path)
		if unusable := (*unusableError)(nil); errors.As(err, &unusable) && path != b.MetadataDir {
			logger.Error("A log directory is offline, and so are the partitions in it", "dir", path, "error", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		d.dirs = append(d.dirs, logDir{path: path, lock: lock})
	}
	if !slices.ContainsFunc(d.dirs, func(dir logDir) bool { return slices.Contains(b.LogDirs, dir.path) }) {
		return nil, fmt.Errorf("none of the log directories %v can be used: see the errors above, or choose other folders with log.dirs", b.LogDirs)
	}
	if err := d.identify(static); err != nil {
		return nil, err
	}
	if err := d.format(b.NodeID, logger); err != nil {
		return nil, err
	}
	d.metadata = d.dirs[slices.IndexFunc(d.dirs, func(dir logDir) bool { return dir.path == b.MetadataDir })]
	return d, nil
}

func lockLogDir(fsys vfs.FS, path string) (io.Closer, error) {
	if err := fsys.MkdirAll(path, 0o755); err != nil {
		return nil, unusable(path, err)
	}
	lock, err := fsys.Lock(filepath.Join(path, lockFile))
	switch {
	case errors.Is(err, vfs.ErrLocked):
		return nil, fmt.Errorf("log directory %s is in use by another process: stop that process, or choose another folder with log.dirs", path)
	case err != nil:
		return nil, unusable(path, err)
	}
	return lock, nil
}

// unusableError says that a log directory's disk or rights forbid its use.
type unusableError struct {
	path string
	err  error
}

func unusable(path string, err error) error { return &unusableError{path, err} }

func (e *unusableError) Unwrap() error { return e.err }

func (e *unusableError) Error() string {
	if errors.Is(e.err, fs.ErrPermission) {
		return fmt.Sprintf("log directory %s is not writable: %v; give this user the right to write there, or choose another folder with log.dirs", e.path, e.err)
	}
	return fmt.Sprintf("log directory %s cannot be used: %v; choose another folder with log.dirs", e.path, e.err)
}

// identify reads whose directories these are.
func (d *logDirs) identify(static *config.Static) error {
	d.clusterID = static.ClusterID
	for i := range d.dirs {
		dir := &d.dirs[i]
		meta, err := checkpoint.ReadMetaProperties(d.fs, dir.path)
		if errors.Is(err, fs.ErrNotExist) {
			if err := d.checkEmpty(dir.path); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("log directory %s: %w", dir.path, err)
		}
		if meta.NodeID == kafka.NoNode || meta.ClusterID == "" { // Without a version, as ZooKeeper's were, it may be incomplete.
			return fmt.Errorf("%s does not name a node and a cluster: restore the file (version=1, node.id and cluster.id are what it needs), or choose another folder with log.dirs",
				filepath.Join(dir.path, checkpoint.MetaPropertiesFile))
		}
		if meta.NodeID != static.Broker.NodeID {
			return fmt.Errorf("log directory %s belongs to node %d, but node.id is %d: set node.id=%d, or choose another folder with log.dirs",
				dir.path, meta.NodeID, static.Broker.NodeID, meta.NodeID)
		}
		if d.clusterID != "" && meta.ClusterID != d.clusterID {
			return otherCluster(dir, meta.ClusterID, d.clusterID, static.ClusterID)
		}
		d.clusterID, dir.meta = meta.ClusterID, meta
	}
	return nil
}

// otherCluster says which of the two is to be changed: what the environment asks
// for, or the list of folders.
func otherCluster(dir *logDir, has, want, environment string) error {
	if environment != "" {
		return fmt.Errorf("log directory %s belongs to cluster %s, not to cluster %s: remove CLUSTER_ID from the environment if the folder is right, or choose another folder with log.dirs",
			dir.path, has, want)
	}
	return fmt.Errorf("log directory %s belongs to cluster %s, and the one before it to cluster %s: choose the folders of one cluster with log.dirs",
		dir.path, has, want)
}

// checkEmpty refuses to format a directory that holds partitions: whoever lost
// its meta.properties must not get a new cluster on top of the old data.
func (d *logDirs) checkEmpty(path string) error {
	entries, err := d.fs.ReadDir(path)
	if err != nil {
		return unusable(path, err)
	}
	for _, e := range entries {
		if vfs.IsDir(d.fs, path, e) && e.Name() != "lost+found" {
			return fmt.Errorf("log directory %s has no %s, but holds the folder %s: restore the file if this is a Kafka data folder, or choose an empty folder with log.dirs",
				path, checkpoint.MetaPropertiesFile, e.Name())
		}
	}
	return nil
}

// format gives every directory that has none its identity.
func (d *logDirs) format(nodeID kafka.NodeID, logger *slog.Logger) error {
	fresh := d.clusterID == "" || !slices.ContainsFunc(d.dirs, func(dir logDir) bool { return dir.meta.ClusterID != "" })
	if d.clusterID == "" {
		d.clusterID = kafka.NewUUID().String()
	}
	for i := range d.dirs {
		dir := &d.dirs[i]
		if dir.meta.Version == checkpoint.MetaPropertiesVersion && !dir.meta.DirectoryID.IsZero() {
			continue
		}
		dir.meta = checkpoint.MetaProperties{
			Version: checkpoint.MetaPropertiesVersion, ClusterID: d.clusterID, NodeID: nodeID, DirectoryID: kafka.NewUUID(),
		}
		if err := errors.Join(syncAncestors(d.fs, dir.path), checkpoint.WriteMetaProperties(d.fs, dir.path, dir.meta, time.Now())); err != nil {
			return unusable(dir.path, err)
		}
		logger.Info("Formatted log directory", "dir", dir.path, "cluster.id", d.clusterID, "new cluster", fresh)
	}
	return nil
}

// syncAncestors makes the folder's own name durable, and those of the folders
// above it: the start may have created them, and without them a power failure
// would take everything.
func syncAncestors(fsys vfs.FS, path string) error {
	for above := filepath.Dir(path); above != path; path, above = above, filepath.Dir(above) {
		if err := fsys.SyncDir(above); errors.Is(err, fs.ErrPermission) {
			return nil // Nor can this user have created anything there.
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (d *logDirs) unlock() {
	for _, dir := range d.dirs {
		if dir.lock != nil {
			_ = dir.lock.Close() // The process ends, or another one takes over.
		}
	}
}

// ids gives the directory ids of those paths.
func (d *logDirs) ids(paths []string) []kafka.UUID {
	var ids []kafka.UUID
	for _, dir := range d.dirs {
		if slices.Contains(paths, dir.path) {
			ids = append(ids, dir.meta.DirectoryID)
		}
	}
	return ids
}

// previousBrokerEpoch gives the broker epoch that has shut all of those
// directories down cleanly; checkpoint.NoBrokerEpoch if there is none.
func (d *logDirs) previousBrokerEpoch(paths []string) kafka.BrokerEpoch {
	previous := checkpoint.NoBrokerEpoch
	for i, path := range paths {
		epoch, clean, err := checkpoint.ReadCleanShutdown(d.fs, path)
		if err != nil || !clean || i > 0 && epoch != previous {
			return checkpoint.NoBrokerEpoch
		}
		previous = epoch
	}
	return previous
}
