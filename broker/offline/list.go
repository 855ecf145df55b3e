package offline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// Partition is one folder of a log directory.
type Partition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// State is ok, deleted, stray or future. A folder that the cluster's metadata
	// does not know is stray too.
	State   string `json:"state"`
	TopicID string `json:"topicId,omitempty"`
	// Dir is the log directory, Folder the folder's name in it.
	Dir      string `json:"dir"`
	Folder   string `json:"folder"`
	Segments int    `json:"segments"`
	// Size is that of all files, in bytes.
	Size           int64 `json:"size"`
	LogStartOffset int64 `json:"logStartOffset"`
	// LogEndOffset is the offset of the next record, a torn batch at the end left out;
	// -1 if the end of the log is damaged.
	LogEndOffset int64 `json:"logEndOffset"`
	// HighWatermark and RecoveryPoint are those of the checkpoints, -1 without.
	HighWatermark int64 `json:"highWatermark"`
	RecoveryPoint int64 `json:"recoveryPoint"`
}

// List tells which partitions the log directories of a stopped node hold, by directory and
// name. It reads the ends of the logs, not all records. What is wrong goes to report,
// with the severity that Verify gives it.
func List(ctx context.Context, dirs []string, report func(*Finding)) ([]Partition, error) {
	v := &verifier{fs: vfs.Default, isLocked: vfs.Locked, node: kafka.NoNode}
	return v.list(ctx, dirs, report)
}

func (v *verifier) list(ctx context.Context, dirs []string, report func(*Finding)) ([]Partition, error) {
	v.emit = func(f *Finding) error {
		report(f)
		return nil
	}
	for _, dir := range dirs {
		d, err := v.scan(dir)
		if err != nil {
			return nil, err
		}
		v.dirs = append(v.dirs, d)
	}
	v.checkOwners()
	if err := v.loadMetadata(ctx); err != nil {
		return nil, err
	}
	stray := map[string]bool{}
	v.emit = func(f *Finding) error {
		if f.Code == codeStray.Name || f.Code == codeTopicID.Name {
			stray[f.File] = true
		}
		return nil
	}
	var all []Partition
	for _, d := range v.dirs {
		for _, f := range d.folders {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			v.checkFolder(f)
			p, err := v.describe(f, report)
			if err != nil {
				return nil, err
			}
			if stray[f.path] {
				p.State = string(storage.FolderStray)
			}
			all = append(all, p)
		}
	}
	return all, nil
}

func (v *verifier) describe(f *folder, report func(*Finding)) (Partition, error) {
	d := f.dir
	p := Partition{
		Topic: f.tp.Topic, Partition: f.tp.Partition, State: string(f.state), Dir: d.path, Folder: filepath.Base(f.path), Segments: len(f.segments),
		Size: f.size, HighWatermark: -1, RecoveryPoint: -1,
	}
	if !f.topicID.IsZero() {
		p.TopicID = f.topicID.String()
	}
	if offset, ok := d.offset(checkpoint.HighWatermarkFile, f.tp); ok && f.state == storage.FolderOK {
		p.HighWatermark = int64(offset)
	}
	if offset, ok := d.offset(checkpoint.RecoveryPointFile, f.tp); ok && f.state == storage.FolderOK {
		p.RecoveryPoint = int64(offset)
	}
	if len(f.segments) == 0 {
		return p, nil
	}
	p.LogStartOffset = int64(f.segments[0].base)
	if offset, ok := d.offset(checkpoint.LogStartOffsetFile, f.tp); ok && f.state == storage.FolderOK {
		p.LogStartOffset = max(p.LogStartOffset, int64(offset))
	}
	if f.state == storage.FolderDeleted {
		report = func(*Finding) {} // The next start removes it, whatever it holds.
	}
	lost := false
	end, err := v.logEnd(f, f.segments[len(f.segments)-1], func(finding *Finding) {
		lost = lost || finding.Severity == Error
		report(finding)
	})
	p.LogEndOffset = int64(end)
	if err == nil && !lost {
		f.checkCheckpoints(end, report)
	}
	return p, err
}

// logEnd gives the offset after the last batch of the last segment, or noOffset.
func (v *verifier) logEnd(f *folder, s *segmentFiles, report func(*Finding)) (kafka.Offset, error) {
	path := f.file(s.base, segment.LogSuffix)
	win, err := openWindow(v.fs, path)
	if err != nil {
		return noOffset, err
	}
	defer win.close()
	damaged := false
	w := walker{window: win, next: s.base, position: v.lastIndexed(f, s, win), report: func(finding *Finding) {
		finding.Partition = f.tp.String()
		damaged = damaged || finding.Code != codeZeros.Name && finding.Code != codeBatchTorn.Name
		report(finding.tail(!f.dir.clean))
	}}
	err = w.walk(context.Background(), func(b *batch) error {
		if !b.valid() {
			w.report(badChecksum(path, b))
		}
		if damaged {
			return errBroken
		}
		return nil
	})
	if damaged {
		return noOffset, nil
	}
	if err != nil {
		return noOffset, fmt.Errorf("%s: %w", path, err)
	}
	return w.next, nil
}

// lastIndexed gives the position of the last whole batch that the index knows, if a batch
// is there; else the beginning. A torn batch is indexed too, and does not tell where the
// one before it ends.
func (v *verifier) lastIndexed(f *folder, s *segmentFiles, log *window) int64 {
	const width = segment.OffsetIndexEntrySize
	if s.index < width {
		return 0
	}
	win, err := openWindow(v.fs, f.file(s.base, segment.IndexSuffix))
	if err != nil {
		return 0
	}
	defer win.close()
	for at := win.size - win.size%width - width; at >= 0; at -= width {
		b, err := win.at(at, width)
		if err != nil {
			return 0
		}
		if allZero(b) {
			if at < win.size-2*windowBytes {
				return 0 // Most of the file was never used.
			}
			continue
		}
		e := segment.ParseOffsetIndexEntry(s.base, b)
		if e.Position >= log.size {
			continue
		}
		if e.Position < 0 {
			return 0
		}
		head, err := log.at(e.Position, record.HeaderSize)
		if err != nil {
			return 0
		}
		p, err := record.Peek(head)
		if errors.Is(err, io.ErrUnexpectedEOF) || err == nil && int64(p.Size) > log.size-e.Position {
			continue
		}
		if err != nil || p.Magic != record.Magic || record.Batch(head).LastOffset() != e.Offset {
			return 0
		}
		return e.Position
	}
	return 0
}
