package offline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// DumpOptions says what Dump shows. The zero value shows headers of batches.
type DumpOptions struct {
	// Kind is the format; empty takes it from the file's name.
	Kind Kind
	// Records shows the records of batches too.
	Records bool
	// Topic decides how records are decoded, such as __consumer_offsets; empty
	// takes it from the folder's name. A topic that is none of the cluster's own
	// shows records as they are.
	Topic string
	// Secrets shows credentials in the cluster's metadata, which are left out otherwise.
	Secrets bool
}

// maxSmallFile bounds the files that are read as a whole, in bytes.
const maxSmallFile = 256 << 20

// Dump reads one file and hands what it holds to emit, one by one, beginning with a
// *File. What makes no sense comes as a *Finding, and the dump goes on behind it
// where it can. An error is emit's, the context's, or says that the file cannot be
// read at all.
func Dump(ctx context.Context, path string, o DumpOptions, emit func(Entry) error) error {
	return dump(ctx, vfs.Default, path, o, emit)
}

// dumper dumps one file.
type dumper struct {
	DumpOptions
	fs   vfs.FS
	path string
	emit func(Entry) error
	err  error // The first of emit.
}

func dump(ctx context.Context, fsys vfs.FS, path string, o DumpOptions, emit func(Entry) error) error {
	if o.Kind == "" {
		kind, ok := KindOf(path)
		if !ok {
			return fmt.Errorf("%s: the name tells no type of file; give it with --type", path)
		}
		o.Kind = kind
	}
	info, err := fsys.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder: name its files", path)
	}
	if o.Topic == "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			abs = path
		}
		if tp, _, ok := storage.ParseFolderName(filepath.Base(filepath.Dir(abs))); ok {
			o.Topic = tp.Topic
		}
	}
	d := &dumper{DumpOptions: o, fs: fsys, path: path, emit: emit}
	d.put(&File{Type: "file", Path: path, Kind: o.Kind, Size: info.Size()})
	if d.err != nil {
		return d.err
	}
	if err := d.content(ctx); err != nil {
		return err
	}
	return d.err
}

// put emits an entry unless that has failed before.
func (d *dumper) put(e Entry) {
	if d.err == nil {
		d.err = d.emit(e)
	}
}

func (d *dumper) report(f *Finding) { d.put(f) }

// malformed reports that the file is not in its format.
func (d *dumper) malformed(err error) {
	if corrupt := (*checkpoint.CorruptError)(nil); errors.As(err, &corrupt) {
		d.report(found(codeFormat, d.path, "%s", corrupt.Reason))
		return
	}
	d.report(found(codeFormat, d.path, "%v", err))
}

func (d *dumper) content(ctx context.Context) error {
	switch d.Kind {
	case KindLog:
		return d.batches(ctx)
	case KindMetadataSnapshot:
		d.Topic = kafka.ClusterMetadataTopic
		return d.batches(ctx)
	case KindIndex:
		return d.fixed(ctx, segment.OffsetIndexEntrySize, d.offsetIndex())
	case KindTimeIndex:
		return d.fixed(ctx, segment.TimeIndexEntrySize, d.timeIndex())
	case KindTxnIndex:
		return d.fixed(ctx, producerstate.AbortedTxnSize, d.txnIndex)
	default:
		data, err := readSmall(d.fs, d.path)
		if err != nil {
			return err
		}
		d.small(data)
		return nil
	}
}

// readSmall reads a file as a whole if it is not too large.
func readSmall(fsys vfs.FS, path string) ([]byte, error) {
	info, err := fsys.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSmallFile {
		return nil, fmt.Errorf("%s has %d bytes: no such file has more than %d", path, info.Size(), maxSmallFile)
	}
	return vfs.ReadFile(fsys, path)
}

// fixed reads entries of that width. The zeros at the end of a preallocated file
// are none.
func (d *dumper) fixed(ctx context.Context, width int, each func(position int64, b []byte)) error {
	w, err := openWindow(d.fs, d.path)
	if err != nil {
		return err
	}
	defer w.close()
	for position := int64(0); position < w.size && d.err == nil; position += int64(width) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := w.at(position, width)
		if err != nil {
			return err
		}
		if allZero(b) {
			zeros, err := w.zeros(position)
			if err != nil {
				return err
			}
			// The entry of an index may be all zeros only if it is the first.
			if zeros && (position > 0 || w.size > int64(width)) {
				d.report(found(codeZeros, d.path, "the last %d bytes are zero", w.size-position).at(position))
				return nil
			}
			if b, err = w.at(position, width); err != nil {
				return err
			}
		}
		if len(b) < width {
			d.report(found(codeIndexSize, d.path, "the last %d bytes are not a whole entry", len(b)).at(position))
			return nil
		}
		each(position, b)
	}
	return nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func (d *dumper) base() kafka.Offset {
	base, _, _ := segment.ParseFileName(filepath.Base(d.path))
	return base
}

func (d *dumper) offsetIndex() func(int64, []byte) {
	base := d.base()
	var last *segment.OffsetIndexEntry
	return func(position int64, b []byte) {
		e := segment.ParseOffsetIndexEntry(base, b)
		d.put(&IndexEntry{Type: "offsetIndex", Offset: int64(e.Offset), Position: e.Position})
		if p := disorder(last, e, base); p != "" {
			d.report(found(codeIndexOrder, d.path, "%s", p).at(position))
		}
		last = &e
	}
}

// disorder tells what is wrong with an entry after the last one, nil for the first.
func disorder(last *segment.OffsetIndexEntry, e segment.OffsetIndexEntry, base kafka.Offset) string {
	switch {
	case e.Offset < base || e.Position < 0:
		return fmt.Sprintf("entry with offset %d and position %d, below the segment's base offset %d", e.Offset, e.Position, base)
	case last != nil && e.Offset <= last.Offset:
		return fmt.Sprintf("offset %d follows offset %d", e.Offset, last.Offset)
	case last != nil && e.Position <= last.Position:
		return fmt.Sprintf("position %d follows position %d", e.Position, last.Position)
	default:
		return ""
	}
}

func (d *dumper) timeIndex() func(int64, []byte) {
	base := d.base()
	var last *segment.TimestampOffset
	return func(position int64, b []byte) {
		e := segment.ParseTimeIndexEntry(base, b)
		d.put(&TimeIndexEntry{Type: "timeIndex", Timestamp: e.Timestamp, Offset: int64(e.Offset)})
		if p := timeDisorder(last, e, base); p != "" {
			d.report(found(codeIndexOrder, d.path, "%s", p).at(position))
		}
		last = &e
	}
}

func timeDisorder(last *segment.TimestampOffset, e segment.TimestampOffset, base kafka.Offset) string {
	switch {
	case e.Offset < base || e.Timestamp < 0:
		return fmt.Sprintf("entry with timestamp %d and offset %d, where the segment's base offset is %d", e.Timestamp, e.Offset, base)
	case last != nil && e.Timestamp <= last.Timestamp:
		return fmt.Sprintf("timestamp %d follows timestamp %d", e.Timestamp, last.Timestamp)
	case last != nil && e.Offset < last.Offset:
		return fmt.Sprintf("offset %d follows offset %d", e.Offset, last.Offset)
	default:
		return ""
	}
}

func (d *dumper) txnIndex(position int64, b []byte) {
	t, err := producerstate.ParseAbortedTxn(b)
	if err != nil {
		d.report(found(codeTxnFormat, d.path, "%v", err).at(position))
		return
	}
	d.put(&AbortedTxn{
		Type: "abortedTxn", ProducerID: int64(t.ProducerID), FirstOffset: int64(t.FirstOffset),
		LastOffset: int64(t.LastOffset), LastStableOffset: int64(t.LastStableOffset),
	})
}

// small decodes a file that was read as a whole.
func (d *dumper) small(data []byte) {
	switch d.Kind {
	case KindProducerSnapshot:
		d.producers(data)
	case KindLeaderEpochs:
		entries, err := parseEpochs(d.path, data)
		if err != nil {
			d.malformed(err)
		}
		for _, e := range entries {
			d.put(e)
		}
	case KindOffsets:
		entries, err := checkpoint.ParseOffsets(d.path, data)
		if err != nil {
			d.malformed(err)
		}
		for _, e := range entries {
			d.put(&PartitionOffset{Type: "partitionOffset", Topic: e.Partition.Topic, Partition: e.Partition.Partition, Offset: int64(e.Offset)})
		}
	case KindPartitionMetadata:
		m, err := checkpoint.ParsePartitionMetadata(d.path, data)
		if err != nil {
			d.malformed(err)
			return
		}
		e := &PartitionMetadata{Type: "partitionMetadata", Version: m.Version}
		if !m.TopicID.IsZero() {
			e.TopicID = m.TopicID.String()
		}
		d.put(e)
	case KindMetaProperties:
		m, err := checkpoint.ParseMetaProperties(d.path, data)
		if err != nil {
			d.malformed(err)
			return
		}
		e := &MetaProperties{Type: "metaProperties", Version: m.Version, ClusterID: m.ClusterID, NodeID: int32(m.NodeID)}
		if !m.DirectoryID.IsZero() {
			e.DirectoryID = m.DirectoryID.String()
		}
		d.put(e)
	case KindQuorumState:
		s, err := quorum.ParseState(data)
		if err != nil {
			d.malformed(err)
			return
		}
		e := &QuorumState{Type: "quorumState", LeaderID: int32(s.Leader), LeaderEpoch: int32(s.Epoch), VotedID: int32(s.Voted)}
		if !s.VotedDirectory.IsZero() {
			e.VotedDirectoryID = s.VotedDirectory.String()
		}
		d.put(e)
	case KindCleanShutdown:
		d.put(&CleanShutdown{Type: "cleanShutdown", BrokerEpoch: int64(checkpoint.ParseCleanShutdown(data))})
	}
}

func (d *dumper) producers(data []byte) {
	entries, err := producerstate.ParseSnapshot(data)
	if err != nil {
		d.report(found(codeSnapshot, d.path, "%v", err))
		return
	}
	for _, e := range entries {
		d.put(producerOf(e))
	}
}

func producerOf(e producerstate.SnapshotEntry) *Producer {
	return &Producer{
		Type: "producer", ProducerID: int64(e.ProducerID), ProducerEpoch: int16(e.ProducerEpoch), LastSequence: e.LastSequence,
		LastOffset: int64(e.LastOffset), OffsetDelta: e.OffsetDelta, LastTimestamp: e.LastTimestamp,
		CoordinatorEpoch: e.CoordinatorEpoch, CurrentTxnFirstOffset: int64(e.CurrentTxnFirstOffset),
	}
}

// parseEpochs reads a leader-epoch-checkpoint as it stands, in whatever order.
func parseEpochs(path string, data []byte) ([]*LeaderEpoch, error) {
	return checkpoint.ParseEntries(path, data, func(fields []string) (*LeaderEpoch, bool) {
		if len(fields) != 2 {
			return nil, false
		}
		epoch, err1 := strconv.ParseInt(fields[0], 10, 32)
		start, err2 := strconv.ParseInt(fields[1], 10, 64)
		return &LeaderEpoch{Type: "leaderEpoch", Epoch: int32(epoch), StartOffset: start}, err1 == nil && err2 == nil
	})
}
