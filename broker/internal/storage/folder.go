package storage

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/kafka"
)

// Suffixes of a partition's folder in transit.
const (
	deleteSuffix = "-delete"
	straySuffix  = "-stray"
	futureSuffix = "-future"
)

// maxFileName is the longest file name that every usual file system allows.
const maxFileName = 255

// parseFolder reads the name of a partition's folder.
func parseFolder(name string) (kafka.TopicPartition, bool) {
	dash := strings.LastIndexByte(name, '-')
	if dash <= 0 {
		return kafka.TopicPartition{}, false
	}
	n, err := strconv.ParseInt(name[dash+1:], 10, 32)
	if err != nil || n < 0 || kafka.ValidateTopicName(name[:dash]) != nil {
		return kafka.TopicPartition{}, false
	}
	return kafka.TopicPartition{Topic: name[:dash], Partition: int32(n)}, true
}

// transitName gives the name that a folder takes before it is deleted or set
// aside: topic-partition.<32 hex digits><suffix>, the topic cut if that is too
// long for a file name.
func transitName(tp kafka.TopicPartition, suffix string) string {
	rest := fmt.Sprintf("-%d.%x%s", tp.Partition, [16]byte(kafka.NewUUID()), suffix)
	return tp.Topic[:min(len(tp.Topic), maxFileName-len(rest))] + rest
}

// parseTransit gives the partition of a folder in transit.
func parseTransit(name, suffix string) (kafka.TopicPartition, bool) {
	name, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return kafka.TopicPartition{}, false
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return kafka.TopicPartition{}, false
	}
	return parseFolder(name[:dot])
}

// segmentFiles is what a folder has of one segment.
type segmentFiles struct {
	base                       kafka.Offset
	size                       int64
	index, timeIndex, txnIndex bool
}

// lacksIndexes tells whether index files are missing that a segment of this size
// must have.
func (f *segmentFiles) lacksIndexes(limits segment.Limits) bool {
	return (!f.index || !f.timeIndex) && f.size > int64(limits.IndexInterval)
}

// folder is the files of a partition's folder.
type folder struct {
	segments                  []segmentFiles // In order.
	snapshots                 []kafka.Offset // The producer snapshots.
	epochs, partitionMetadata bool
}

// scanFolder lists a folder, and finishes or undoes what a crash interrupted:
// deletions are completed, and of a compaction either the old or the new
// segments stay.
func scanFolder(e *env, path string) (folder, error) {
	f, unfinished, err := listFolder(e, path)
	if err != nil || !unfinished {
		return f, err
	}
	if err := finishSwaps(e, path); err != nil {
		return f, err
	}
	f, _, err = listFolder(e, path)
	return f, err
}

// listFolder gives the files, removes those that were to be deleted and index
// files without records, and says whether there is output of a compaction.
func listFolder(e *env, path string) (f folder, unfinished bool, err error) {
	entries, err := e.fs.ReadDir(path)
	if err != nil {
		return f, false, err
	}
	var orphans []string
	// The names sort by offset, then .index, .log, .timeindex, .txnindex.
	var current segmentFiles
	var names []string
	hasLog := false
	flush := func() {
		if hasLog {
			f.segments = append(f.segments, current)
		} else {
			orphans = append(orphans, names...)
		}
		current, names, hasLog = segmentFiles{base: -1}, nil, false
	}
	current.base = -1
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() {
			continue
		}
		base, suffix, ok := segment.ParseFileName(name)
		switch {
		case strings.HasSuffix(name, segment.DeletedSuffix):
			orphans = append(orphans, name)
			continue
		case name == leaderepoch.File:
			f.epochs = true
			continue
		case name == checkpoint.PartitionMetadataFile:
			f.partitionMetadata = true
			continue
		case !ok:
			continue
		}
		if base != current.base {
			flush()
			current.base = base
		}
		switch {
		case strings.HasSuffix(suffix, segment.CleanedSuffix), strings.HasSuffix(suffix, segment.SwapSuffix):
			unfinished = true
		case suffix == segment.LogSuffix:
			info, err := entry.Info()
			if err != nil {
				return f, false, err
			}
			hasLog, current.size = true, info.Size()
		case suffix == segment.IndexSuffix:
			current.index = true
			names = append(names, name)
		case suffix == segment.TimeIndexSuffix:
			current.timeIndex = true
			names = append(names, name)
		case suffix == segment.TxnIndexSuffix:
			current.txnIndex = true
			names = append(names, name)
		case suffix == segment.SnapshotSuffix:
			f.snapshots = append(f.snapshots, base)
		}
	}
	flush()
	if unfinished {
		return f, true, nil // What is an orphan is decided after the swaps.
	}
	for _, name := range orphans {
		if err := e.fs.Remove(filepath.Join(path, name)); err != nil && !notExist(err) {
			return f, false, err
		}
	}
	return f, false, nil
}

// finishSwaps completes or undoes an interrupted compaction: .cleaned files are
// unfinished and go; .swap files replace the segments whose offsets they cover,
// but for those that belong to the unfinished ones.
func finishSwaps(e *env, path string) error {
	entries, err := e.fs.ReadDir(path)
	if err != nil {
		return err
	}
	type file struct {
		name, suffix string
		base         kafka.Offset
	}
	var swaps, others []file
	minCleaned := kafka.Offset(math.MaxInt64)
	for _, entry := range entries {
		base, suffix, ok := segment.ParseFileName(entry.Name())
		switch {
		case !ok || entry.IsDir():
		case strings.HasSuffix(suffix, segment.CleanedSuffix):
			minCleaned = min(minCleaned, base)
			err = errors.Join(err, e.fs.Remove(filepath.Join(path, entry.Name())))
		case strings.HasSuffix(suffix, segment.SwapSuffix):
			swaps = append(swaps, file{entry.Name(), suffix, base})
		default:
			others = append(others, file{entry.Name(), suffix, base})
		}
	}
	first, end := kafka.Offset(math.MaxInt64), kafka.Offset(-1)
	for _, f := range swaps {
		if f.base < minCleaned && f.suffix == segment.LogSuffix+segment.SwapSuffix {
			next, scanErr := segment.ScanNextOffset(e.fs, filepath.Join(path, f.name), f.base)
			err = errors.Join(err, scanErr)
			first, end = min(first, f.base), max(end, next)
		}
	}
	for _, f := range others {
		if f.base >= first && f.base < end {
			e.logger.Info("Removing a file that compaction has replaced", "file", filepath.Join(path, f.name))
			err = errors.Join(err, e.fs.Remove(filepath.Join(path, f.name)))
		}
	}
	for _, f := range swaps {
		name := filepath.Join(path, f.name)
		if f.base >= minCleaned {
			err = errors.Join(err, e.fs.Remove(name))
		} else {
			err = errors.Join(err, e.fs.Rename(name, strings.TrimSuffix(name, segment.SwapSuffix)))
		}
	}
	return err
}
