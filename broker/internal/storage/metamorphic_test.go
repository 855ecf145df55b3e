package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// world compares a log with a slice of batches in memory, across restarts and
// crashes.
type world struct {
	fs     *memfs.FS
	config *config.Topic
	m      *Manager
	log    *Log

	batches   []record.Batch // Of the log, those below start included as far as they are known.
	start     kafka.Offset
	flushed   kafka.Offset // Below, everything must survive a power failure.
	epoch     kafka.LeaderEpoch
	clock     int64
	sequences map[kafka.ProducerID]int32
	seed      uint64
}

func (w *world) end() kafka.Offset {
	if n := len(w.batches); n > 0 {
		return w.batches[n-1].NextOffset()
	}
	return w.start
}

func (w *world) open(t *rapid.T) {
	m, err := Open(context.Background(), testOptions(w.fs, w.config, "/data"))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	w.m = m
	if w.log, _ = m.Log(testPartition); w.log == nil {
		if w.log, err = m.Create(testPartition, kafka.UUID{1}, kafka.UUID{}); err != nil {
			t.Fatalf("create: %v", err)
		}
	}
}

// build makes a batch of some records, at times of an idempotent producer.
func (w *world) build(t *rapid.T) record.Batch {
	o := record.NewOptions(0)
	n := rapid.IntRange(1, 4).Draw(t, "records")
	id := kafka.ProducerID(rapid.IntRange(-3, 2).Draw(t, "producer"))
	if id >= 0 {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = id, 0, w.sequences[id]
		w.sequences[id] += int32(n)
	}
	b := record.NewBuilder(o)
	for range n {
		w.clock += int64(rapid.IntRange(-3, 5).Draw(t, "time"))
		b.Append(w.clock, nil, make([]byte, rapid.IntRange(0, 200).Draw(t, "size")))
	}
	return b.Build()
}

func (w *world) appendAsLeader(t *rapid.T) {
	b := w.build(t)
	info, err := w.log.AppendAsLeader(b, w.epoch, record.Client)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	if info.FirstOffset != w.end() {
		t.Fatalf("appended at %d, want %d", info.FirstOffset, w.end())
	}
	w.batches = append(w.batches, b.Clone())
	w.log.SetHighWatermark(w.end())
}

func (w *world) appendAsFollower(t *rapid.T) {
	var all []byte
	for range rapid.IntRange(1, 3).Draw(t, "batches") {
		b := w.build(t)
		b.SetBaseOffset(w.end())
		b.SetLeaderEpoch(w.epoch)
		all = append(all, b...)
		w.batches = append(w.batches, b)
	}
	cut := append(all, all[:min(len(all), 20)]...) // With the start of another one.
	if _, err := w.log.AppendAsFollower(cut, w.epoch); err != nil {
		t.Fatalf("append as follower: %v", err)
	}
	w.log.SetHighWatermark(w.end())
}

func (w *world) newLeader(t *rapid.T) {
	w.epoch++
	if err := w.log.AssignEpochStart(w.epoch, w.end()); err != nil {
		t.Fatal(err)
	}
}

// sendAgain repeats the newest batch of a producer.
func (w *world) sendAgain(t *rapid.T) {
	for i := len(w.batches) - 1; i >= 0; i-- {
		b := w.batches[i]
		if !b.HasProducerID() || b.NextOffset() <= w.start {
			continue // What a producer wrote below the start may be forgotten.
		}
		again := b.Clone()
		again.SetBaseOffset(0)
		info, err := w.log.AppendAsLeader(again, w.epoch, record.Client)
		if err != nil || !info.Duplicate || info.FirstOffset != b.BaseOffset() {
			t.Fatalf("duplicate of %v: %+v, %v", b, info, err)
		}
		return
	}
}

func (w *world) flush(t *rapid.T) {
	if err := w.log.Flush(context.Background(), w.end()); err != nil {
		t.Fatalf("flush: %v", err)
	}
	w.flushed = w.end()
}

func (w *world) roll(t *rapid.T) {
	if err := w.log.Roll(); err != nil {
		t.Fatal(err)
	}
}

func (w *world) settle(*rapid.T) {
	w.m.checkpointRecoveryPoints()
	w.m.checkpointRecoveryPoints()
	w.m.checkpointHighWatermarks()
	w.flushed = w.end()
}

func (w *world) truncate(t *rapid.T) {
	to := kafka.Offset(rapid.Int64Range(int64(w.start), int64(w.end())).Draw(t, "to"))
	for _, b := range w.batches {
		if b.BaseOffset() < w.start && to < b.NextOffset() {
			t.Skip("the log start offset lies within the batch")
		}
	}
	if err := w.log.TruncateTo(to); err != nil {
		t.Fatalf("truncate to %d: %v", to, err)
	}
	for len(w.batches) > 0 && w.end() > to {
		w.batches = w.batches[:len(w.batches)-1]
	}
	if len(w.batches) == 0 {
		w.start = min(w.start, to)
		w.start = w.log.LogStartOffset()
	}
	if w.log.LogEndOffset() != max(w.end(), w.start) {
		t.Fatalf("the log ends at %d after truncating to %d, want %d", w.log.LogEndOffset(), to, w.end())
	}
	w.flushed = min(w.flushed, w.end())
	w.resequence()
}

// resequence finds the sequences that the producers go on with.
func (w *world) resequence() {
	clear(w.sequences)
	for _, b := range w.batches {
		if b.HasProducerID() {
			w.sequences[b.ProducerID()] = b.LastSequence() + 1
		}
	}
}

func (w *world) deleteRecords(t *rapid.T) {
	to := kafka.Offset(rapid.Int64Range(int64(w.start), int64(w.end())).Draw(t, "to"))
	if err := w.log.IncrementLogStartOffset(to); err != nil {
		t.Fatal(err)
	}
	w.start = to
	if _, err := w.log.DeleteOldSegments(w.m.opts.Now()); err != nil {
		t.Fatal(err)
	}
	// Real file systems make the names of one folder durable in order; this one
	// would bring back any.
	if err := w.fs.SyncDir(w.log.Dir()); err != nil {
		t.Fatal(err)
	}
	w.m.checkpointLogStarts()
	w.m.env.removeDoomed(math.MaxInt64, true)
}

func (w *world) restart(t *rapid.T) {
	if err := w.m.Close(context.Background(), checkpoint.NoBrokerEpoch); err != nil {
		t.Fatalf("close: %v", err)
	}
	w.flushed = w.end()
	w.open(t)
	if w.log.LogEndOffset() != w.end() {
		t.Fatalf("the log ends at %d after a clean restart, want %d", w.log.LogEndOffset(), w.end())
	}
}

// kill loses nothing: the process ends, the kernel goes on.
func (w *world) kill(t *rapid.T) {
	w.m.dirs[0].flusher.wait()
	w.fs = w.fs.CrashClone(memfs.CrashOptions{KeepPercent: 100})
	w.open(t)
	if w.log.LogEndOffset() != w.end() {
		t.Fatalf("the log ends at %d after a kill, want %d", w.log.LogEndOffset(), w.end())
	}
	w.start = w.log.LogStartOffset() // Its checkpoint is written once a minute.
	w.log.SetHighWatermark(w.end())
}

// powerFailure may lose and tear what was not flushed.
func (w *world) powerFailure(t *rapid.T) {
	w.m.dirs[0].flusher.wait()
	w.seed++
	w.fs = w.fs.CrashClone(memfs.CrashOptions{Seed: w.seed, KeepPercent: rapid.IntRange(0, 100).Draw(t, "keep"), TearPercent: 20})
	w.open(t)
	end := w.log.LogEndOffset()
	if end < w.flushed || end > w.end() {
		t.Fatalf("the log ends at %d after a power failure, not within %d and %d", end, w.flushed, w.end())
	}
	for len(w.batches) > 0 && w.end() > end {
		w.batches = w.batches[:len(w.batches)-1]
	}
	w.start = w.log.LogStartOffset()
	if w.start == end && w.end() != end {
		w.batches = nil // Everything is gone but the log start offset.
	}
	if w.end() != end {
		t.Fatalf("the log ends at %d after a power failure, within a batch", end)
	}
	w.resequence()
	// Of producers whose records are all below the start, the log may know less.
	for _, p := range w.log.ActiveProducers() {
		w.sequences[p.ProducerID] = p.LastSequence + 1
	}
	w.log.SetHighWatermark(end)
}

// check compares everything.
func (w *world) check(t *rapid.T) {
	if w.log.LogStartOffset() != w.start || w.log.LogEndOffset() != w.end() {
		t.Fatalf("log from %d to %d, want %d to %d", w.log.LogStartOffset(), w.log.LogEndOffset(), w.start, w.end())
	}
	if w.start == w.end() {
		return
	}
	from := kafka.Offset(rapid.Int64Range(int64(w.start), int64(w.end())-1).Draw(t, "from"))
	upTo := kafka.Offset(rapid.Int64Range(int64(from), int64(w.end())).Draw(t, "up to"))
	w.checkRead(t, from, upTo, rapid.IntRange(0, 2000).Draw(t, "max bytes"))
	w.checkTimestamp(t, w.clock-int64(rapid.IntRange(-5, 200).Draw(t, "ago")))
	if _, err := w.log.Read(w.end()+1, 1, w.end()+2, true); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Fatalf("read beyond the end: %v", err)
	}
}

func (w *world) checkRead(t *rapid.T, from, upTo kafka.Offset, maxBytes int) {
	s, err := w.log.Read(from, maxBytes, upTo, true)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	got, err := s.ReadAll(nil)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	s.Release()
	var want []byte
	for _, b := range w.batches {
		if b.NextOffset() > from && b.NextOffset() <= upTo {
			want = append(want, b...)
		}
	}
	if !bytes.HasPrefix(want, got) || len(want) > 0 && len(got) == 0 {
		t.Fatalf("read of %d to %d, %d bytes: got %d bytes, want %d", from, upTo, maxBytes, len(got), len(want))
	}
	if len(want) > 0 && len(got) < min(record.Batch(want).Size(), len(want)) {
		t.Fatalf("read of %d to %d gives %d bytes, less than the first batch", from, upTo, len(got))
	}
}

func (w *world) checkTimestamp(t *rapid.T, timestamp int64) {
	want := notFound
	for _, b := range w.batches {
		for r, err := range b.Records(1 << 20) {
			if err != nil {
				t.Fatal(err)
			}
			if o, ts := b.Offset(&r), b.Timestamp(&r); want == notFound && ts >= timestamp && o >= w.start {
				want = Found{Offset: o, Timestamp: ts, LeaderEpoch: b.LeaderEpoch()}
			}
		}
	}
	got, err := w.log.OffsetForTimestamp(timestamp)
	if err != nil || got != want {
		t.Fatalf("OffsetForTimestamp(%d) = %+v, %v, want %+v", timestamp, got, err, want)
	}
}

func TestLogBehavesAsASliceInMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := topicConfig(rapid.SampledFrom([]int{900, 3000, 1 << 20}).Draw(t, "segment.bytes"))
		c.IndexIntervalBytes = rapid.SampledFrom([]int{0, 100, 500, 4096}).Draw(t, "index.interval.bytes")
		c.SegmentIndexBytes = rapid.SampledFrom([]int{48, 200, 1 << 20}).Draw(t, "segment.index.bytes")
		c.FileDeleteDelayMs = 0
		w := &world{fs: memfs.New(), config: c, clock: 1_700_000_000_000, sequences: map[kafka.ProducerID]int32{}}
		w.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"append": w.appendAsLeader, "append more": w.appendAsLeader, "replicate": w.appendAsFollower,
			"flush": w.flush, "roll": w.roll, "settle": w.settle, "truncate": w.truncate, "delete records": w.deleteRecords,
			"restart": w.restart, "kill": w.kill, "power failure": w.powerFailure, "new leader": w.newLeader,
			"send again": w.sendAgain, "": w.check,
		})
		w.m.dirs[0].flusher.wait()
	})
}

func (w *world) String() string { return fmt.Sprintf("%d batches to %d", len(w.batches), w.end()) }
