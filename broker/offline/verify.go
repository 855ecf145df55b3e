package offline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// maxVerifiers bounds how many partitions are read at a time.
const maxVerifiers = 4

// VerifyOptions says how Verify reports. The zero value is useful.
type VerifyOptions struct {
	// Progress is called now and then, from several goroutines; may be nil.
	Progress func(Progress)
}

// Progress says how far a verification has come.
type Progress struct {
	// Bytes of TotalBytes have been read; the total is that of the .log files.
	Bytes, TotalBytes int64
	// Partitions of TotalPartitions are done.
	Partitions, TotalPartitions int
}

// Summary says what was verified.
type Summary struct {
	Dirs       int   `json:"dirs"`
	Partitions int   `json:"partitions"`
	Segments   int64 `json:"segments"`
	Batches    int64 `json:"batches"`
	Records    int64 `json:"records"`
	Bytes      int64 `json:"bytes"`
	Errors     int   `json:"errors"`
	Warnings   int   `json:"warnings"`
	Infos      int   `json:"infos"`
}

// verifier verifies a set of log directories.
type verifier struct {
	fs       vfs.FS
	progress func(Progress)
	isLocked func(path string) (bool, error)

	dirs  []*logDir
	image *metadata.Image // nil if it is not known.
	node  kafka.NodeID    // NoNode if it is not known.

	segments, batches, records, bytes atomic.Int64
	total                             Progress
	done                              atomic.Int64

	mu      sync.Mutex // Guards the fields below; held while emit runs.
	emit    func(*Finding) error
	summary Summary
	err     error // The first of emit.
}

// Verify reads all log directories of a stopped node, or single folders of
// partitions, and hands what is wrong to emit, which is never called twice at a time. Findings of a partition come
// together, partitions in any order. It ends with the first error of emit or the
// context; other errors say that a directory cannot be read.
func Verify(ctx context.Context, dirs []string, o VerifyOptions, emit func(*Finding) error) (*Summary, error) {
	v := &verifier{fs: vfs.Default, progress: o.Progress, isLocked: vfs.Locked, emit: emit, node: kafka.NoNode}
	return v.verify(ctx, dirs)
}

func (v *verifier) verify(ctx context.Context, dirs []string) (*Summary, error) {
	for _, dir := range dirs {
		d, err := v.scan(dir)
		if err != nil {
			return nil, err
		}
		v.dirs = append(v.dirs, d)
	}
	v.summary.Dirs = len(v.dirs)
	v.checkOwners()
	if err := v.loadMetadata(ctx); err != nil {
		return nil, err
	}
	v.checkFolders()
	err := v.partitions(ctx)
	v.summary.Segments, v.summary.Batches = v.segments.Load(), v.batches.Load()
	v.summary.Records, v.summary.Bytes = v.records.Load(), v.bytes.Load()
	return &v.summary, errors.Join(err, v.err)
}

// report takes a finding and counts it.
func (v *verifier) report(f *Finding) { v.reportAll([]*Finding{f}) }

func (v *verifier) reportAll(findings []*Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range findings {
		switch f.Severity {
		case Error:
			v.summary.Errors++
		case Warning:
			v.summary.Warnings++
		case Info:
			v.summary.Infos++
		}
		if v.err == nil {
			v.err = v.emit(f)
		}
	}
}

func (v *verifier) failed() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

// scan reads the names in one directory, which may be a partition's own folder.
func (v *verifier) scan(dir string) (*logDir, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	if tp, state, ok := storage.ParseFolderName(filepath.Base(abs)); ok {
		f, err := scanFolder(v.fs, dir)
		if err != nil {
			return nil, err
		}
		if len(f.segments) > 0 {
			d := &logDir{path: filepath.Dir(dir), folders: []*folder{f}, single: true}
			f.dir, f.tp, f.state = d, tp, state
			f.readTopicID(v.fs, v.report)
			return d, nil
		}
	}
	d, err := scanDir(v.fs, dir, v.report)
	if err != nil {
		return nil, err
	}
	if len(d.folders) == 0 && !d.formatted {
		return nil, fmt.Errorf("%s is no log directory: it holds neither meta.properties nor folders of partitions", dir)
	}
	locked, err := v.isLocked(filepath.Join(dir, lockFile))
	if err != nil {
		v.report(found(codeUnreadable, filepath.Join(dir, lockFile), "%v", err).as(Warning))
	}
	if locked {
		v.report(found(codeRunning, dir, "a running node uses the directory"))
	}
	return d, nil
}

// checkOwners compares the directories' meta.properties.
func (v *verifier) checkOwners() {
	var first *logDir
	ids := map[kafka.UUID]*logDir{}
	for _, d := range v.dirs {
		if d.single {
			continue
		}
		if !d.formatted {
			if !d.metaReported {
				v.report(found(codeMeta, d.path, "meta.properties is missing"))
			}
			continue
		}
		if other := ids[d.meta.DirectoryID]; other != nil && !d.meta.DirectoryID.IsZero() {
			v.report(found(codeSameDirectory, d.path, "directory id %v is that of %s too", d.meta.DirectoryID, other.path))
		}
		ids[d.meta.DirectoryID] = d
		if first == nil {
			first, v.node = d, d.meta.NodeID
			continue
		}
		if d.meta.NodeID != first.meta.NodeID || d.meta.ClusterID != first.meta.ClusterID {
			v.report(found(codeMetaDiffer, d.path, "node %d of cluster %s, but %s is of node %d of cluster %s",
				d.meta.NodeID, d.meta.ClusterID, first.path, first.meta.NodeID, first.meta.ClusterID))
		}
	}
}

// loadMetadata reads the cluster's metadata, if a directory holds it.
func (v *verifier) loadMetadata(ctx context.Context) error {
	for _, d := range v.dirs {
		for _, f := range d.folders {
			if !f.isMetadata() || f.state != storage.FolderOK {
				continue
			}
			v.checkQuorumState(f)
			r := newReporter(f.tp.String(), func(f *Finding) error { v.report(f); return nil })
			m := metadataReader{fs: v.fs, folder: f, report: func(f *Finding) {
				// What else is wrong is found when the partition's files are read.
				if strings.HasPrefix(f.Code, "metadata-") {
					r.report(f)
				}
			}}
			l, err := m.load(ctx)
			if err != nil {
				return err
			}
			if l != nil {
				v.image = l.image
			}
			return nil
		}
	}
	if len(v.dirs) > 0 && !v.dirs[0].single {
		v.report(found(codeNoMetadata, v.dirs[0].path, "topic ids and replicas are not checked"))
	}
	return nil
}

// partitions verifies all partitions, some at a time.
func (v *verifier) partitions(ctx context.Context) error {
	var all []*folder
	for _, d := range v.dirs {
		for _, f := range d.folders {
			if f.state == storage.FolderDeleted {
				continue
			}
			all = append(all, f)
			for _, s := range f.segments {
				v.total.TotalBytes += s.size
			}
		}
	}
	v.summary.Partitions, v.total.TotalPartitions = len(all), len(all)
	jobs := make(chan *folder)
	errs := make(chan error, maxVerifiers)
	workers := min(maxVerifiers, runtime.GOMAXPROCS(0))
	for range workers {
		go func() {
			var err error
			for f := range jobs {
				if err == nil && ctx.Err() == nil && v.failed() == nil {
					err = v.partition(ctx, f)
				}
			}
			errs <- err
		}()
	}
	for _, f := range all {
		jobs <- f
	}
	close(jobs)
	var err error
	for range workers {
		err = errors.Join(err, <-errs)
	}
	return errors.Join(err, ctx.Err())
}

func (v *verifier) partition(ctx context.Context, f *folder) error {
	var findings []*Finding
	r := newReporter(f.tp.String(), func(f *Finding) error {
		findings = append(findings, f)
		return nil
	})
	c := newPartitionCheck(v, f, r.report)
	err := c.run(ctx)
	v.done.Add(1)
	v.advance(0)
	v.reportAll(findings)
	return err
}

// advance takes note of bytes that were read.
func (v *verifier) advance(n int64) {
	bytes := v.bytes.Add(n)
	if v.progress != nil {
		p := v.total
		p.Bytes, p.Partitions = bytes, int(v.done.Load())
		v.progress(p)
	}
}
