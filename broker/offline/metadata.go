package offline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// metadataReader reads the metadata log of a folder.
type metadataReader struct {
	fs     vfs.FS
	folder *folder
	report func(*Finding)
	read   func(int64) // Told of bytes read; may be nil.
}

// loaded is the metadata at the end of the log.
type loaded struct {
	image *metadata.Image
	// snapshot is the file it began with, empty if it was the empty image.
	snapshot string
}

// errBroken ends a walk after the first finding that makes the rest useless.
var errBroken = errors.New("the metadata cannot be read on")

// load builds the image from the newest snapshot that is whole, and the log after it.
// It gives nil if that is not possible; then a finding was reported.
func (m *metadataReader) load(ctx context.Context) (*loaded, error) {
	snapshots := slices.Clone(m.folder.metadataSnapshots)
	slices.Reverse(snapshots)
	l := &loaded{image: metadata.EmptyImage()}
	for _, s := range snapshots {
		if s.offset == 0 {
			continue // The bootstrap snapshot: its records are in the log.
		}
		path := filepath.Join(m.folder.path, s.name)
		image, err := m.snapshot(ctx, path, s)
		if err != nil && !errors.Is(err, errBroken) {
			return nil, err
		}
		if err == nil {
			l.image, l.snapshot = image, path
			break
		}
	}
	if err := m.log(ctx, l); err != nil {
		if errors.Is(err, errBroken) {
			return nil, nil
		}
		return nil, err
	}
	return l, nil
}

// snapshot reads a snapshot from header to footer.
func (m *metadataReader) snapshot(ctx context.Context, path string, s metadataSnapshot) (*metadata.Image, error) {
	bad := func(b *batch, format string, args ...any) error {
		f := found(codeMetaSnapshot, path, format, args...)
		if b != nil {
			f.at(b.position)
		}
		m.report(f)
		return errBroken
	}
	delta := metadata.NewDelta(metadata.EmptyImage())
	header, footer := false, false
	err := m.walk(ctx, path, 0, func(b *batch, v2 record.Batch) error {
		if footer {
			return bad(b, "a batch follows the footer")
		}
		if !v2.IsControl() {
			if !header {
				return bad(b, "the header is missing")
			}
			return m.replay(delta, path, b, v2)
		}
		for r, err := range v2.Records(maxBatchBytes) {
			if err != nil {
				return bad(b, "%s", reason(err))
			}
			kind, _, err := decodeControl(r.Key, r.Value)
			if err != nil {
				return bad(b, "%s", reason(err))
			}
			header = header || b.position == 0 && kind == record.ControlSnapshotHeader.String()
			footer = kind == record.ControlSnapshotFooter.String()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !header || !footer {
		return nil, bad(nil, "the header or footer is missing: the file is not complete")
	}
	return delta.Apply(s.offset-1, s.epoch), nil
}

// walk walks the good batches of a file. Whatever else there is ends it with errBroken
// after a finding; torn bytes at the end end it too.
func (m *metadataReader) walk(ctx context.Context, path string, from kafka.Offset, visit func(*batch, record.Batch) error) error {
	win, err := openWindow(m.fs, path)
	if err != nil {
		m.report(found(codeUnreadable, path, "%v", err))
		return errBroken
	}
	defer win.close()
	win.read = m.read
	broken := false
	w := walker{window: win, next: from, report: func(f *Finding) {
		broken = broken || f.Code != codeZeros.Name && f.Code != codeBatchTorn.Name
		m.report(f)
	}}
	return w.walk(ctx, func(b *batch) error {
		if broken {
			return errBroken
		}
		if b.data == nil || b.Magic != record.Magic {
			m.report(found(codeBatchHeader, path, "a batch of magic %d and %d bytes", b.Magic, b.Size).at(b.position))
			return errBroken
		}
		v2 := record.Batch(b.data)
		if err := v2.Check(); err != nil {
			m.report(found(codeBatchCRC, path, "%s", reason(err)).at(b.position).offset(int64(b.Offset)))
			return errBroken
		}
		return visit(b, v2)
	})
}

// replay applies the records of a batch.
func (m *metadataReader) replay(delta *metadata.Delta, path string, b *batch, v2 record.Batch) error {
	for r, err := range v2.Records(maxBatchBytes) {
		if err != nil {
			m.report(found(codeRecord, path, "%s", reason(err)).at(b.position).offset(int64(b.Offset)))
			return errBroken
		}
		offset := int64(v2.Offset(&r))
		decoded, err := metadata.Decode(r.Value)
		if err != nil {
			m.report(found(codeMetaRecord, path, "%v", err).at(b.position).offset(offset))
			return errBroken
		}
		if err := delta.Replay(decoded); err != nil {
			m.report(found(codeMetaReplay, path, "%s: %v", recordName(decoded), err).at(b.position).offset(offset))
			return errBroken
		}
	}
	return nil
}

// log replays the batches after the image.
func (m *metadataReader) log(ctx context.Context, l *loaded) error {
	start := l.image.Offset() + 1
	next, epoch := start, l.image.Epoch()
	delta := metadata.NewDelta(l.image)
	if n := len(m.folder.segments); n > 0 && m.folder.segments[0].base > start {
		m.report(found(codeMetaGap, m.folder.path, "the log begins at offset %d, but the newest whole snapshot ends at %d", m.folder.segments[0].base, start))
		return errBroken
	}
	for i, s := range m.folder.segments {
		if i+1 < len(m.folder.segments) && m.folder.segments[i+1].base <= start {
			continue
		}
		path := m.folder.file(s.base, segment.LogSuffix)
		err := m.walk(ctx, path, s.base, func(b *batch, v2 record.Batch) error {
			switch {
			case v2.NextOffset() <= start:
				return nil
			case v2.BaseOffset() != next && v2.BaseOffset() >= start:
				m.report(found(codeMetaGap, path, "offset %d follows %d", v2.BaseOffset(), next-1).at(b.position).offset(int64(next)))
				return errBroken
			case v2.BaseOffset() < start:
				m.report(found(codeMetaGap, path, "the snapshot at offset %d ends within a batch", start).at(b.position).offset(int64(start)))
				return errBroken
			}
			next, epoch = v2.NextOffset(), v2.LeaderEpoch()
			if v2.IsControl() {
				return nil
			}
			return m.replay(delta, path, b, v2)
		})
		if err != nil {
			return err
		}
	}
	l.image = delta.Apply(next-1, epoch)
	return nil
}

// LoadMetadata reads the cluster's metadata from the log directories of a stopped node: one
// of them is, or holds, __cluster_metadata-0. What is wrong goes to report. An
// error says that there is no metadata to be had.
func LoadMetadata(ctx context.Context, dirs []string, o MetadataOptions, report func(*Finding)) (*Metadata, error) {
	return loadMetadata(ctx, vfs.Default, dirs, o, report)
}

func loadMetadata(ctx context.Context, fsys vfs.FS, dirs []string, o MetadataOptions, report func(*Finding)) (*Metadata, error) {
	f, err := findMetadata(fsys, dirs)
	if err != nil {
		return nil, err
	}
	m := metadataReader{fs: fsys, folder: f, report: func(finding *Finding) {
		finding.Partition = f.tp.String()
		report(finding)
	}}
	l, err := m.load(ctx)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, fmt.Errorf("%s: the cluster's metadata cannot be read", f.path)
	}
	return newMetadata(l, o), nil
}

// metadataFolderName is that of the only partition of __cluster_metadata.
const metadataFolderName = kafka.ClusterMetadataTopic + "-0"

func findMetadata(fsys vfs.FS, dirs []string) (*folder, error) {
	for _, dir := range dirs {
		path := dir
		if filepath.Base(filepath.Clean(dir)) != metadataFolderName {
			path = filepath.Join(dir, metadataFolderName)
		}
		exists, err := vfs.Exists(fsys, path)
		if err != nil {
			return nil, err
		}
		if !exists {
			if _, err := fsys.ReadDir(dir); err != nil {
				return nil, err
			}
			continue
		}
		f, err := scanFolder(fsys, path)
		if err != nil {
			return nil, err
		}
		f.tp = kafka.TopicPartition{Topic: kafka.ClusterMetadataTopic}
		return f, nil
	}
	return nil, fmt.Errorf("no folder %s in %v: a node that is only a broker has one too, in metadata.log.dir or the first of log.dirs", metadataFolderName, dirs)
}
