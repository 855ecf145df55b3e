package quorum

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// File names of snapshots, which are Kafka's.
const (
	snapshotSuffix = ".checkpoint"
	partialSuffix  = snapshotSuffix + ".part"
	deletedSuffix  = ".deleted"
)

// snapshotBatchBytes is the size at which a batch of a snapshot is closed.
const snapshotBatchBytes = 1 << 20

// snapshotID names a snapshot: the offset of the first record it does not
// contain, and the leader epoch of the last one it does.
type snapshotID struct {
	offset kafka.Offset
	epoch  kafka.LeaderEpoch
}

// bootstrapSnapshot is what formatting writes: records that the first leader
// appends to the log, not records of the log.
var bootstrapSnapshot = snapshotID{}

func (id snapshotID) compare(o snapshotID) int {
	return cmp.Or(cmp.Compare(id.epoch, o.epoch), cmp.Compare(id.offset, o.offset))
}

// String gives the file name without its suffix.
func (id snapshotID) String() string { return fmt.Sprintf("%020d-%010d", id.offset, id.epoch) }

func (id snapshotID) path(dir string) string { return filepath.Join(dir, id.String()+snapshotSuffix) }

func parseSnapshotName(name string) (snapshotID, bool) {
	offset, epoch, ok := strings.Cut(strings.TrimSuffix(name, snapshotSuffix), "-")
	if !ok || len(offset) != 20 || len(epoch) != 10 {
		return snapshotID{}, false
	}
	o, err1 := strconv.ParseInt(offset, 10, 64)
	e, err2 := strconv.ParseInt(epoch, 10, 32)
	return snapshotID{offset: kafka.Offset(o), epoch: kafka.LeaderEpoch(e)}, err1 == nil && err2 == nil && o >= 0 && e >= 0
}

// snapshotContent is a snapshot read back.
type snapshotContent struct {
	id        snapshotID
	records   []metadata.Record
	voters    *voterSet // nil if it names none.
	anchor    snapshotAnchor
	anchored  bool
	timestamp int64 // Of the last record of the log it contains, in ms.
}

// snapshotSpec is what goes into a snapshot besides the records.
type snapshotSpec struct {
	id     snapshotID
	voters voterSet
	// static leaves kraft.version and voters out, which is kraft.version 0.
	anchor    *snapshotAnchor
	timestamp int64
}

// writeSnapshot writes a snapshot file and makes it durable under its name. A
// crash leaves a partial file, which the next start removes.
func writeSnapshot(fsys vfs.FS, dir string, spec snapshotSpec, records iter.Seq[metadata.Record], now time.Time) error {
	partial := filepath.Join(dir, spec.id.String()+"-"+strconv.FormatInt(now.UnixNano(), 36)+partialSuffix)
	f, err := fsys.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	err = writeSnapshotBatches(f, spec, records, now.UnixMilli())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = fsys.Rename(partial, spec.id.path(dir))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write snapshot %v: %w", spec.id, err), vfs.RemoveIfExists(fsys, partial))
	}
	return fsys.SyncDir(dir)
}

func writeSnapshotBatches(f vfs.File, spec snapshotSpec, records iter.Seq[metadata.Record], nowMs int64) error {
	var (
		offset   kafka.Offset
		position int64
	)
	write := func(b record.Batch) error {
		_, err := f.WriteAt(b, position)
		position += int64(len(b))
		offset = b.NextOffset()
		return err
	}
	header := []controlValue{{record.ControlSnapshotHeader, snapshotHeaderValue(spec.timestamp, spec.anchor)}}
	if spec.voters.kraftVersion > 0 {
		header = append(header, controlValue{record.ControlKRaftVersion, record.KRaftVersion{Level: spec.voters.kraftVersion}.Value()})
		if len(spec.voters.voters) > 0 {
			header = append(header, controlValue{record.ControlVoters, votersValue(spec.voters.voters)})
		}
	}
	if err := write(controlBatch(offset, spec.id.epoch, nowMs, header...)); err != nil {
		return err
	}
	batch := func() *record.Builder {
		o := record.NewOptions(offset)
		o.LeaderEpoch = spec.id.epoch
		return record.NewBuilder(o)
	}
	b := batch()
	var value []byte
	for r := range records {
		value = metadata.AppendRecord(value[:0], r)
		if b.Count() > 0 && b.Len()+len(value) > snapshotBatchBytes {
			if err := write(b.Build()); err != nil {
				return err
			}
			b = batch()
		}
		b.Append(nowMs, nil, value)
	}
	if b.Count() > 0 {
		if err := write(b.Build()); err != nil {
			return err
		}
	}
	return write(controlBatch(offset, spec.id.epoch, nowMs, controlValue{record.ControlSnapshotFooter, record.SnapshotFooter{}.Value()}))
}

// readSnapshot reads a whole snapshot and checks it from header to footer. Only
// a broken disk makes it fail: a snapshot gets its name after it is complete.
func readSnapshot(fsys vfs.FS, dir string, id snapshotID) (*snapshotContent, error) {
	f, err := fsys.OpenFile(id.path(dir), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // Only read.
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	c, err := readSnapshotFrom(f, size)
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", f.Name(), err)
	}
	c.id = id
	if c.voters != nil && id != bootstrapSnapshot {
		c.voters.offset = id.offset - 1
	}
	return c, nil
}

// checkSnapshot reads a file that is to become a snapshot from header to footer.
func checkSnapshot(fsys vfs.FS, path string) error {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // Only read.
	size, err := f.Size()
	if err == nil {
		_, err = readSnapshotFrom(f, size)
	}
	return err
}

func readSnapshotFrom(f vfs.File, size int64) (*snapshotContent, error) {
	var (
		c              snapshotContent
		header, footer bool
		failure        error
	)
	end, err := walk(f, size, 0, func(b record.Batch, position int64) bool {
		switch failure = b.Check(); {
		case failure != nil:
		case footer:
			failure = fmt.Errorf("batch after the footer at %d", position)
		case b.IsControl():
			var last record.ControlType
			last, failure = c.readControl(b)
			header = header || position == 0 && failure == nil
			footer = last == record.ControlSnapshotFooter
		case !header:
			failure = errors.New("the header is missing")
		default:
			failure = c.readBatch(b)
		}
		return failure == nil
	})
	switch {
	case err != nil:
		return nil, err
	case failure != nil:
		return nil, failure
	case end != size || !footer:
		return nil, fmt.Errorf("the file ends at %d without a footer: %w", end, io.ErrUnexpectedEOF)
	}
	return &c, nil
}

// readControl takes in a control batch and gives the type of its last record.
func (c *snapshotContent) readControl(b record.Batch) (record.ControlType, error) {
	records, err := decodeControl(b)
	if err != nil {
		return 0, err
	}
	var last record.ControlType
	for _, r := range records {
		last = r.kind
		switch r.kind {
		case record.ControlSnapshotHeader:
			c.timestamp, c.anchor, c.anchored = r.lastContainedLogTimestamp, r.anchor, r.anchored
		case record.ControlKRaftVersion:
			if c.voters == nil {
				c.voters = &voterSet{offset: kafka.UnknownOffset}
			}
			c.voters.kraftVersion = r.kraftVersion
		case record.ControlVoters:
			version := int16(1)
			if c.voters != nil {
				version = c.voters.kraftVersion
			}
			set := newVoterSet(version, r.voters, kafka.UnknownOffset)
			c.voters = &set
		}
	}
	return last, nil
}

func (c *snapshotContent) readBatch(b record.Batch) error {
	return eachRecord(b, func(_ kafka.Offset, r metadata.Record) error {
		c.records = append(c.records, r)
		return nil
	})
}

// eachRecord decodes the metadata records of a batch that is no control batch.
func eachRecord(b record.Batch, visit func(offset kafka.Offset, r metadata.Record) error) error {
	for r, err := range b.Records(maxStoredBatchBytes) {
		if err != nil {
			return err
		}
		decoded, err := metadata.Decode(r.Value)
		if err == nil {
			err = visit(b.Offset(&r), decoded)
		}
		if err != nil {
			return fmt.Errorf("record at offset %d: %w", b.Offset(&r), err)
		}
	}
	return nil
}

// image builds the Image that the snapshot stands for. The bootstrap snapshot
// stands for the empty one.
func (c *snapshotContent) image() (*metadata.Image, error) {
	empty := metadata.EmptyImage()
	if c.id == bootstrapSnapshot {
		return empty, nil
	}
	d := metadata.NewDelta(empty)
	for _, r := range c.records {
		if err := d.Replay(r); err != nil {
			return nil, fmt.Errorf("snapshot %v: %w", c.id, err)
		}
	}
	return d.Apply(c.id.offset-1, c.id.epoch), nil
}

// removeSnapshot deletes a snapshot that is not needed any more.
func removeSnapshot(fsys vfs.FS, dir string, id snapshotID) error {
	return vfs.RemoveIfExists(fsys, id.path(dir))
}
