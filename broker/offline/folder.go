package offline

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// lockFile is held by a running node.
const lockFile = ".lock"

// logDir is a log directory as its files say.
type logDir struct {
	path string
	meta checkpoint.MetaProperties
	// formatted says that meta was read.
	formatted bool
	// clean says that the node was shut down cleanly.
	clean   bool
	folders []*folder
	// single says that the directory was not named, but only a folder in it.
	single bool
	// metaReported says that something is wrong with meta.properties.
	metaReported bool
	// unknown are folders that are not a partition's.
	unknown []string
	// offsets are the checkpoints, by file name.
	offsets map[string][]checkpoint.PartitionOffset
}

// offset looks a partition up in a checkpoint.
func (d *logDir) offset(file string, tp kafka.TopicPartition) (kafka.Offset, bool) {
	offset, ok := kafka.Offset(0), false
	for _, e := range d.offsets[file] {
		if e.Partition == tp {
			offset, ok = e.Offset, true // The last one counts.
		}
	}
	return offset, ok
}

// folder is the folder of one partition.
type folder struct {
	dir   *logDir
	path  string
	tp    kafka.TopicPartition
	state storage.FolderState
	// topicID is zero if it is not known.
	topicID  kafka.UUID
	segments []*segmentFiles
	// snapshots are the offsets of the producer snapshots, sorted.
	snapshots []kafka.Offset
	// metadataSnapshots are only in __cluster_metadata-0, the oldest first.
	metadataSnapshots                      []metadataSnapshot
	epochs, partitionMetadata, quorumState bool
	unfinished                             bool
	orphans                                []string
	size                                   int64 // Of all files, in bytes.
}

// segmentFiles is what a folder has of one segment.
type segmentFiles struct {
	base kafka.Offset
	size int64 // Of the .log, in bytes.
	// index and the like are sizes in bytes, -1 without the file.
	index, timeIndex, txnIndex int64
	log                        bool
}

// metadataSnapshot names a snapshot of the cluster's metadata.
type metadataSnapshot struct {
	name   string
	offset kafka.Offset
	epoch  kafka.LeaderEpoch
}

func (f *folder) isMetadata() bool { return f.tp.Topic == kafka.ClusterMetadataTopic }

func (f *folder) file(base kafka.Offset, suffix string) string {
	return filepath.Join(f.path, segment.FileName(base, suffix))
}

// checkpointFiles are the offset checkpoints of a log directory.
var checkpointFiles = []string{checkpoint.RecoveryPointFile, checkpoint.HighWatermarkFile, checkpoint.LogStartOffsetFile, checkpoint.CleanerOffsetFile}

// scanDir reads the names in a log directory and its small files; report gets what is
// wrong with those. An error says that the directory itself cannot be read.
func scanDir(fsys vfs.FS, path string, report func(*Finding)) (*logDir, error) {
	entries, err := fsys.ReadDir(path)
	if err != nil {
		return nil, err
	}
	d := &logDir{path: path, offsets: map[string][]checkpoint.PartitionOffset{}}
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case !vfs.IsDir(fsys, path, entry):
			d.noteFile(fsys, name, report)
		case strings.HasPrefix(name, "."), name == "lost+found":
		default:
			tp, state, ok := storage.ParseFolderName(name)
			if !ok {
				d.unknown = append(d.unknown, filepath.Join(path, name))
				continue
			}
			f, err := scanFolder(fsys, filepath.Join(path, name))
			if err != nil {
				report(found(codeUnreadable, filepath.Join(path, name), "%v", err))
				continue
			}
			f.dir, f.tp, f.state = d, tp, state
			f.readTopicID(fsys, report)
			d.folders = append(d.folders, f)
		}
	}
	slices.SortFunc(d.folders, func(a, b *folder) int { return cmp.Or(a.tp.Compare(b.tp), strings.Compare(a.path, b.path)) })
	return d, nil
}

// noteFile reads one of a directory's small files.
func (d *logDir) noteFile(fsys vfs.FS, name string, report func(*Finding)) {
	path := filepath.Join(d.path, name)
	switch {
	case name == checkpoint.CleanShutdownFile:
		d.clean = true
	case name == checkpoint.MetaPropertiesFile:
		data, err := readSmall(fsys, path)
		if err == nil {
			d.meta, err = checkpoint.ParseMetaProperties(path, data)
		}
		if err != nil {
			d.metaReported = true
			report(found(codeMeta, path, "%v", err))
			return
		}
		d.formatted = true
	case slices.Contains(checkpointFiles, name):
		data, err := readSmall(fsys, path)
		if err == nil {
			d.offsets[name], err = checkpoint.ParseOffsets(path, data)
		}
		if err != nil {
			report(found(codeCheckpoint, path, "%v", err))
		}
	}
}

// scanFolder reads the names in a partition's folder.
func scanFolder(fsys vfs.FS, path string) (*folder, error) {
	entries, err := fsys.ReadDir(path)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path}
	segments := map[kafka.Offset]*segmentFiles{}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		f.size += info.Size()
		f.noteFile(entry.Name(), info.Size(), segments)
	}
	for base, s := range segments {
		if s.log {
			f.segments = append(f.segments, s)
			continue
		}
		for suffix, size := range map[string]int64{segment.IndexSuffix: s.index, segment.TimeIndexSuffix: s.timeIndex, segment.TxnIndexSuffix: s.txnIndex} {
			if size >= 0 {
				f.orphans = append(f.orphans, f.file(base, suffix))
			}
		}
	}
	slices.Sort(f.orphans)
	slices.Sort(f.snapshots)
	slices.SortFunc(f.segments, func(a, b *segmentFiles) int { return cmp.Compare(a.base, b.base) })
	slices.SortFunc(f.metadataSnapshots, func(a, b metadataSnapshot) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.offset, b.offset))
	})
	return f, nil
}

func (f *folder) noteFile(name string, size int64, segments map[kafka.Offset]*segmentFiles) {
	switch name {
	case leaderepoch.File:
		f.epochs = true
	case checkpoint.PartitionMetadataFile:
		f.partitionMetadata = true
	case quorum.StateFile:
		f.quorumState = true
	}
	if offset, epoch, ok := quorum.ParseSnapshotName(name); ok && strings.HasSuffix(name, quorum.SnapshotSuffix) {
		f.metadataSnapshots = append(f.metadataSnapshots, metadataSnapshot{name, offset, epoch})
		return
	}
	if offset, ok := producerstate.ParseSnapshotFileName(name); ok {
		f.snapshots = append(f.snapshots, offset)
		return
	}
	base, suffix, ok := segment.ParseFileName(name)
	switch {
	case !ok, strings.HasSuffix(name, segment.DeletedSuffix):
		return
	case strings.HasSuffix(name, segment.CleanedSuffix), strings.HasSuffix(name, segment.SwapSuffix):
		f.unfinished = true
		return
	}
	s := segments[base]
	if s == nil {
		s = &segmentFiles{base: base, index: -1, timeIndex: -1, txnIndex: -1}
	}
	switch suffix {
	case segment.LogSuffix:
		s.log, s.size = true, size
	case segment.IndexSuffix:
		s.index = size
	case segment.TimeIndexSuffix:
		s.timeIndex = size
	case segment.TxnIndexSuffix:
		s.txnIndex = size
	default:
		return
	}
	segments[base] = s
}

// readTopicID reads partition.metadata.
func (f *folder) readTopicID(fsys vfs.FS, report func(*Finding)) {
	if f.isMetadata() {
		f.topicID = kafka.MetadataTopicID
	}
	if !f.partitionMetadata {
		return
	}
	path := filepath.Join(f.path, checkpoint.PartitionMetadataFile)
	data, err := readSmall(fsys, path)
	var m checkpoint.PartitionMetadata
	if err == nil {
		m, err = checkpoint.ParsePartitionMetadata(path, data)
	}
	if err != nil {
		finding := found(codeTopicIDFile, path, "%v", err)
		finding.Partition = f.tp.String()
		report(finding)
		return
	}
	f.topicID = m.TopicID
}
