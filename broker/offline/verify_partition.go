package offline

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"strings"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// noOffset is no offset, and stands for one that is not known yet.
const noOffset kafka.Offset = -1

// retention says whether a log may have gaps.
type retention int

const (
	retentionUnknown retention = iota
	retentionDelete
	retentionCompact
)

// partitionCheck reads all files of one partition and compares them.
type partitionCheck struct {
	*folder
	v         *verifier
	report    func(*Finding)
	retention retention
	// recoveryPoint is 0 if it is not known: then nothing is known to be on disk.
	recoveryPoint, logStart kafka.Offset

	// first is the first offset in the files, next the one after the last batch; noOffset
	// before the first one.
	first, next kafka.Offset
	// lost says that records could not be read: what is computed from all of them is not known.
	lost bool
	// gaps says that offsets were skipped.
	gaps      bool
	lastEpoch kafka.LeaderEpoch
	epochs    []*LeaderEpoch
	// epochsRead says that the file of the epochs is there and whole.
	epochsRead bool
	producers  producerCheck
}

func newPartitionCheck(v *verifier, f *folder, report func(*Finding)) *partitionCheck {
	c := &partitionCheck{folder: f, v: v, report: report, first: noOffset, next: noOffset, lastEpoch: kafka.NoLeaderEpoch}
	c.recoveryPoint, _ = f.dir.offset(checkpoint.RecoveryPointFile, f.tp)
	c.logStart, _ = f.dir.offset(checkpoint.LogStartOffsetFile, f.tp)
	c.retention = v.retentionOf(f.tp.Topic)
	c.producers.init(c)
	return c
}

// retentionOf tells whether a topic is compacted.
func (v *verifier) retentionOf(topic string) retention {
	switch topic {
	case kafka.ConsumerOffsetsTopic, kafka.TransactionStateTopic:
		return retentionCompact
	case kafka.ClusterMetadataTopic, kafka.ShareGroupStateTopic:
		return retentionDelete
	}
	if v.image == nil {
		return retentionUnknown
	}
	if strings.Contains(v.image.TopicConfig(topic)["cleanup.policy"], "compact") {
		return retentionCompact
	}
	return retentionDelete
}

func (c *partitionCheck) run(ctx context.Context) error {
	if c.unfinished {
		c.report(found(codeUnfinished, c.path, "there are .cleaned or .swap files"))
	}
	for _, path := range c.orphans {
		c.report(found(codeOrphan, path, "there is no .log file of the same name"))
	}
	if len(c.segments) == 0 && !c.isMetadata() {
		c.report(found(codeEmptyFolder, c.path, "the folder has no .log file"))
		return nil
	}
	c.readEpochs()
	for i := range c.segments {
		if err := c.segment(ctx, i); err != nil {
			return err
		}
	}
	c.producers.finish()
	c.checkEnd()
	return nil
}

// unsure tells whether the files of the i-th segment may be behind or torn, since the
// node did not stop cleanly: the next start looks at them.
func (c *partitionCheck) unsure(i int) bool {
	return !c.dir.clean && (i+1 == len(c.segments) || c.segments[i+1].base >= c.recoveryPoint)
}

func (c *partitionCheck) readEpochs() {
	if !c.folder.epochs {
		return
	}
	path := filepath.Join(c.path, leaderepoch.File)
	data, err := readSmall(c.v.fs, path)
	if err == nil {
		c.epochs, err = parseEpochs(path, data)
	}
	if err != nil {
		c.report(found(codeEpochFormat, path, "%v", err))
		return
	}
	c.epochsRead = true
	for i, e := range c.epochs {
		if i > 0 && (e.Epoch <= c.epochs[i-1].Epoch || e.StartOffset <= c.epochs[i-1].StartOffset) {
			c.report(found(codeEpochWrong, path, "epoch %d from offset %d follows epoch %d from offset %d",
				e.Epoch, e.StartOffset, c.epochs[i-1].Epoch, c.epochs[i-1].StartOffset))
			c.epochsRead = false
			return
		}
	}
}

// segment reads one segment and its indexes.
func (c *partitionCheck) segment(ctx context.Context, i int) error {
	s := c.segments[i]
	path := c.file(s.base, segment.LogSuffix)
	win, err := openWindow(c.v.fs, path)
	if err != nil {
		c.report(found(codeUnreadable, path, "%v", err))
		c.lost = true
		return nil
	}
	defer win.close()
	win.read = c.v.advance
	c.v.segments.Add(1)
	if c.next != noOffset {
		c.follows(path, 0, s.base)
	}
	if c.first == noOffset {
		c.first = s.base
	}
	c.next = max(c.next, s.base)
	sc := segmentCheck{partitionCheck: c, segmentFiles: s, file: path, unsure: c.unsure(i), last: i+1 == len(c.segments), lostFrom: math.MaxInt64}
	defer sc.close()
	sc.openIndexes()
	w := walker{window: win, next: c.next, report: sc.reportBytes}
	err = w.walk(ctx, func(b *batch) error {
		sc.batch(b)
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.report(found(codeUnreadable, path, "%v", err).at(w.position))
		sc.lose(w.position)
	}
	sc.finish(w.position)
	return nil
}

// follows checks that a batch, or a segment, begins where the last one ended.
func (c *partitionCheck) follows(path string, position int64, base kafka.Offset) {
	switch {
	case base < c.next:
		c.report(found(codeOverlap, path, "offset %d follows offset %d", base, c.next-1).at(position).offset(int64(base)))
		c.lost = true
	case base > c.next:
		c.gaps = true
		if c.retention == retentionCompact || c.lost {
			return
		}
		f := found(codeGap, path, "offsets %d to %d are missing", c.next, base-1).at(position).offset(int64(c.next))
		if c.retention == retentionUnknown {
			f.as(Warning)
		}
		c.report(f)
		c.lost = true
	}
}

// checkEpoch compares a batch's leader epoch with those before and with the checkpoint.
func (c *partitionCheck) checkEpoch(path string, b *batch, v2 record.Batch, unsure bool) {
	epoch := v2.LeaderEpoch()
	if epoch < 0 {
		return
	}
	if epoch < c.lastEpoch {
		c.report(found(codeEpochOrder, path, "leader epoch %d follows %d", epoch, c.lastEpoch).at(b.position).offset(int64(b.Offset)))
		return
	}
	if epoch == c.lastEpoch || v2.BaseOffset() < c.logStart {
		return
	}
	c.lastEpoch = epoch
	file := filepath.Join(c.path, leaderepoch.File)
	known, start := kafka.NoLeaderEpoch, noOffset
	for _, e := range c.epochs {
		if kafka.Offset(e.StartOffset) <= v2.BaseOffset() {
			known, start = kafka.LeaderEpoch(e.Epoch), kafka.Offset(e.StartOffset)
		}
	}
	switch {
	case !c.epochsRead && c.folder.epochs, known == epoch:
		return
	case known == kafka.NoLeaderEpoch && c.isMetadata():
		return // What a snapshot contains may have been forgotten.
	case unsure && known < epoch:
		return // The file may lag behind: the next start completes it.
	}
	f := found(codeEpochWrong, file, "the batch at offset %d has leader epoch %d, but the file does not know that epoch there", v2.BaseOffset(), epoch)
	if known != kafka.NoLeaderEpoch {
		f = found(codeEpochWrong, file, "the batch at offset %d has leader epoch %d, but the file says %d from offset %d on", v2.BaseOffset(), epoch, known, start)
	}
	if unsure {
		f.as(Warning).Cure = cureStart
	}
	c.report(f.offset(int64(v2.BaseOffset())))
}

// checkEnd compares the log's end with the checkpoints.
func (c *partitionCheck) checkEnd() {
	end := max(c.next, 0)
	for _, e := range c.epochs {
		if c.epochsRead && kafka.Offset(e.StartOffset) > end && !c.lost {
			f := found(codeEpochWrong, filepath.Join(c.path, leaderepoch.File), "epoch %d begins at offset %d, but the log ends at %d", e.Epoch, e.StartOffset, end)
			if !c.dir.clean {
				f.as(Warning).Cure = cureStart
			}
			c.report(f)
		}
	}
	if !c.lost {
		c.checkCheckpoints(end, c.report)
	}
}

// checkCheckpoints looks for offsets in the directory's checkpoints beyond the log's end.
// They are of the folder in service, not of one set aside.
func (f *folder) checkCheckpoints(end kafka.Offset, report func(*Finding)) {
	if f.state != storage.FolderOK {
		return
	}
	for _, c := range []struct {
		file string
		code *Code
	}{
		{checkpoint.HighWatermarkFile, codeHighWatermark}, {checkpoint.RecoveryPointFile, codeRecoveryPoint}, {checkpoint.LogStartOffsetFile, codeLogStart},
	} {
		if offset, ok := f.dir.offset(c.file, f.tp); ok && offset > end {
			report(found(c.code, filepath.Join(f.dir.path, c.file), "the file says %d, but the log ends at %d", offset, end).offset(int64(offset)))
		}
	}
}

// segmentCheck compares the files of one segment.
type segmentCheck struct {
	*partitionCheck
	*segmentFiles
	file         string
	unsure, last bool
	offsets      indexCursor
	times        indexCursor
	// maxTimestamp is the largest so far, and oldFormat says that it was said once that there is one.
	maxTimestamp int64
	oldFormat    bool
	// lostFrom is the position from which on bytes could not be read until the next
	// batch; the largest int64 if all could.
	lostFrom int64
	// damaged says that the largest timestamp so far is not known.
	damaged bool
	aborted []AbortedTxn
}

// lose takes note of bytes that cannot be read.
func (s *segmentCheck) lose(position int64) {
	s.lostFrom = min(s.lostFrom, position)
	s.lost, s.damaged = true, true
}

// reportBytes takes what the walk finds.
func (s *segmentCheck) reportBytes(f *Finding) {
	tail := s.unsure && s.last
	switch f.Code {
	case codeZeros.Name:
		s.lostFrom = min(s.lostFrom, *f.Position)
	case codeBatchTorn.Name:
		s.lostFrom = min(s.lostFrom, *f.Position)
		s.lost = s.lost || !tail
	default:
		s.lose(*f.Position)
	}
	s.report(f.tail(tail))
}

// batch checks one batch that is framed.
func (s *segmentCheck) batch(b *batch) {
	s.v.batches.Add(1)
	s.offsets.position(s, b)
	s.lostFrom = math.MaxInt64
	if !b.valid() {
		s.report(badChecksum(s.file, b))
		s.lost, s.damaged = true, true
		return
	}
	if b.Magic != record.Magic {
		if !s.oldFormat {
			s.report(found(codeOldMagic, s.file, "magic %d", b.Magic).at(b.position).offset(int64(b.Offset)))
		}
		s.oldFormat, s.damaged = true, true
		s.next = b.Offset + 1
		return
	}
	v2 := b.v2()
	if b.data != nil {
		v2 = record.Batch(b.data)
		if err := v2.Check(); err != nil {
			s.report(found(codeBatchHeader, s.file, "%s", reason(err)).at(b.position).offset(int64(b.Offset)))
			s.lost, s.damaged = true, true
			return
		}
	}
	s.follows(s.file, b.position, v2.BaseOffset())
	if v2.LastOffset()-s.base > math.MaxInt32 {
		s.report(found(codeOverlap, s.file, "offset %d is too far from the segment's base offset", v2.LastOffset()).at(b.position).offset(int64(b.Offset)))
	}
	s.checkEpoch(s.file, b, v2, s.unsure)
	s.producers.before(v2.BaseOffset())
	s.next = v2.NextOffset()
	if b.data == nil {
		s.report(found(codeLargeBatch, s.file, "%d bytes", b.Size).at(b.position).offset(int64(b.Offset)))
		s.lost = s.lost || v2.IsControl()
	} else {
		s.records(b, v2)
		s.producers.replay(s, v2)
	}
	s.times.offset(s, v2)
	s.maxTimestamp = max(s.maxTimestamp, v2.MaxTimestamp())
}

// records checks the records of a batch.
func (s *segmentCheck) records(b *batch, v2 record.Batch) {
	at := func(f *Finding, r *record.Record) *Finding {
		return f.at(b.position).offset(int64(v2.Offset(r)))
	}
	last, largest, count := int32(-1), record.NoTimestamp, int64(0)
	dense := s.retention != retentionCompact
	for r, err := range v2.Records(record.DefaultMaxDecompressed) {
		switch {
		case errors.Is(err, compress.ErrTooLarge):
			s.report(at(found(codeLargeBatch, s.file, "its records have more than %d bytes", record.DefaultMaxDecompressed), &r))
			return
		case err != nil:
			s.report(found(codeRecord, s.file, "%s", reason(err)).at(b.position).offset(int64(b.Offset)))
			return
		case r.OffsetDelta <= last || r.OffsetDelta > v2.LastOffsetDelta():
			s.report(at(found(codeRecordOffset, s.file, "offset %d in a batch of offsets %d to %d, after offset %d",
				v2.Offset(&r), v2.BaseOffset(), v2.LastOffset(), v2.BaseOffset()+kafka.Offset(last)), &r))
			return
		case dense && r.OffsetDelta != last+1 && s.retention == retentionDelete:
			s.report(at(found(codeRecordOffset, s.file, "offset %d follows offset %d within a batch", v2.Offset(&r), v2.BaseOffset()+kafka.Offset(last)), &r).as(Warning))
			dense = false
		}
		last, largest = r.OffsetDelta, max(largest, v2.Timestamp(&r))
		count++
		s.decode(b, v2, &r)
	}
	s.v.records.Add(count)
	if dense && s.retention == retentionDelete && last != v2.LastOffsetDelta() {
		s.report(found(codeRecordOffset, s.file, "the batch ends at offset %d, its last record has %d", v2.LastOffset(), v2.BaseOffset()+kafka.Offset(last)).
			at(b.position).offset(int64(b.Offset)).as(Warning))
	}
	if count > 0 && largest != v2.MaxTimestamp() && (largest > v2.MaxTimestamp() || dense) {
		s.report(found(codeTimestamp, s.file, "the batch says %d, its records have %d", v2.MaxTimestamp(), largest).at(b.position).offset(int64(b.Offset)))
	}
}

// decode looks into control records and those of the cluster's own topics.
func (s *segmentCheck) decode(b *batch, v2 record.Batch, r *record.Record) {
	switch {
	case v2.IsControl():
		if _, _, err := decodeControl(r.Key, r.Value); err != nil {
			s.report(found(codeControl, s.file, "%s", reason(err)).at(b.position).offset(int64(v2.Offset(r))))
		}
	case !s.isMetadata(): // The metadata was decoded when it was loaded.
		if _, err := decodeRecord(s.tp.Topic, r.Key, r.Value, false); err != nil {
			s.report(found(codeRecord, s.file, "%v", err).at(b.position).offset(int64(v2.Offset(r))).as(Warning))
		}
	}
}

// finish checks what is left when the whole file was read up to end.
func (s *segmentCheck) finish(end int64) {
	s.offsets.finish(s, end)
	s.times.finish(s, end)
	s.checkTxnIndex()
}

// missing tells whether an error says that there is no such file.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
