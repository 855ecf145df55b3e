package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// keepAll is a crash of the process alone: the kernel keeps what was written.
var keepAll = memfs.CrashOptions{KeepPercent: 100}

// reopen opens what a crash left and gives the log of the test partition.
func reopen(t *testing.T, fs *memfs.FS, o Options) (*Manager, *Log) {
	t.Helper()
	o.FS = fs
	m := mustOpen(t, o)
	l, ok := m.Log(testPartition)
	if !ok {
		t.Fatalf("the log is gone: %v", m.Dirs())
	}
	return m, l
}

func mustSync(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Flush(context.Background(), l.LogEndOffset()); err != nil {
		t.Fatal(err)
	}
}

// commitAll moves the high watermark to the end.
func commitAll(l *Log) { l.SetHighWatermark(l.LogEndOffset()) }

// producerBatch is a batch of one record of an idempotent or transactional producer.
func producerBatch(id kafka.ProducerID, sequence int32, transactional bool) record.Batch {
	o := record.NewOptions(0)
	o.ProducerID, o.BaseSequence, o.Transactional = id, sequence, transactional
	o.ProducerEpoch = 0
	b := record.NewBuilder(o)
	b.Append(1_700_000_000_000, nil, []byte("value"))
	return b.Build()
}

func mustAbort(t *testing.T, l *Log, id kafka.ProducerID) {
	t.Helper()
	b := record.NewEndTxnBatch(record.EndTxnMarker{}, 1_700_000_000_000, id, 0)
	if _, err := l.AppendAsLeader(b, 1, record.Coordinator); err != nil {
		t.Fatal(err)
	}
}

// A topic that is deleted and created again under its name must not inherit what
// the checkpoints say of the old one: a start would cut or hide its records.
func TestCheckpointsOfADeletedTopicDoNotConcernItsSuccessor(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		mem := memfs.New()
		o := testOptions(mem, topicConfig(1<<20), "/data")
		m := mustOpen(t, o)
		l := mustCreate(t, m, testPartition)
		for range 10 {
			mustAppend(t, l, newBatch(1, 10, 1))
		}
		commitAll(l)
		if err := l.IncrementLogStartOffset(8); err != nil {
			t.Fatal(err)
		}
		mustSync(t, l)
		m.checkpointRecoveryPoints()
		m.checkpointLogStarts()
		m.checkpointHighWatermarks()
		if err := m.Delete(testPartition); err != nil {
			t.Fatal(err)
		}
		if restarted {
			o.FS = mem.CrashClone(keepAll)
			mem = o.FS.(*memfs.FS)
			m = mustOpen(t, o)
		}
		l = mustCreate(t, m, testPartition)
		for range 3 {
			mustAppend(t, l, newBatch(1, 10, 1))
		}
		mustSync(t, l)
		m, l = reopen(t, mem.CrashClone(keepAll), o)
		if l.LogStartOffset() != 0 || l.LogEndOffset() != 3 || l.HighWatermark() != 0 {
			t.Errorf("restarted=%v: %v, want 0 to 3 with high watermark 0", restarted, l)
		}
		mustClose(t, m)
	}
}

// A follower that begins anew below its old start must not find that start again.
func TestLogStartCheckpointDoesNotOutliveATruncationBelowIt(t *testing.T) {
	mem := memfs.New()
	o := testOptions(mem, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for range 10 {
		mustAppend(t, l, newBatch(1, 10, 1))
	}
	commitAll(l)
	if err := l.IncrementLogStartOffset(8); err != nil {
		t.Fatal(err)
	}
	m.checkpointLogStarts()
	if err := l.TruncateFullyAndStartAt(2); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		mustAppend(t, l, newBatch(1, 10, 1))
	}
	mustSync(t, l)
	_, l = reopen(t, mem.CrashClone(keepAll), o)
	if l.LogStartOffset() != 2 || l.LogEndOffset() != 5 {
		t.Errorf("%v, want 2 to 5", l)
	}
}

// A clean stop on a disk that is full just when the producers' snapshot is written
// must not vouch for there being no producers.
func TestCleanStopWithoutProducerSnapshotIsNotClean(t *testing.T) {
	mem := memfs.New()
	fs := faultfs.New(mem)
	o := testOptions(fs, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	mustAppend(t, l, producerBatch(7, 0, false))
	fs.Inject(faultfs.Fault{Path: "*.snapshot", Kinds: []faultfs.Kind{faultfs.Create, faultfs.Write}, Err: errNoSpace})
	mustClose(t, m)
	m, l = reopen(t, mem, o)
	defer mustClose(t, m)
	info, err := l.AppendAsLeader(producerBatch(7, 0, false), 1, record.Client)
	if err != nil || !info.Duplicate {
		t.Errorf("a batch that was sent again: %+v, %v", info, err)
	}
}

// Readers of committed data must skip an aborted transaction for good, even if the
// disk was full when its entry was to be written.
func TestAbortedTransactionSurvivesAFullDisk(t *testing.T) {
	for _, test := range []struct {
		name string
		stop func(t *testing.T, m *Manager, l *Log)
	}{
		{"clean stop", func(t *testing.T, m *Manager, _ *Log) { mustClose(t, m) }},
		{"crash after a checkpoint", func(t *testing.T, m *Manager, _ *Log) {
			for range 3 {
				m.checkpointRecoveryPoints()
			}
		}},
		{"roll", func(t *testing.T, m *Manager, l *Log) {
			if err := l.Roll(); err != nil {
				t.Fatal(err)
			}
			mustAppend(t, l, newBatch(1, 10, 1))
			for range 3 {
				m.checkpointRecoveryPoints()
			}
		}},
	} {
		for _, heals := range []bool{true, false} {
			mem := memfs.New()
			fs := faultfs.New(mem)
			o := testOptions(fs, topicConfig(1<<20), "/data")
			m := mustOpen(t, o)
			l := mustCreate(t, m, testPartition)
			mustAppend(t, l, producerBatch(7, 0, true))
			fs.Inject(faultfs.Fault{Path: "*.txnindex", Kinds: []faultfs.Kind{faultfs.Create, faultfs.Write}, Err: errNoSpace})
			mustAbort(t, l, 7)
			if heals {
				fs.Clear()
			}
			mustAppend(t, l, newBatch(1, 10, 1))
			commitAll(l)
			test.stop(t, m, l)
			_, l = reopen(t, mem.CrashClone(keepAll), o)
			if all, err := l.CollectAborted(0, l.LogEndOffset()); err != nil || len(all) != 1 {
				t.Errorf("%s, heals=%v: aborted transactions %v, %v", test.name, heals, all, err)
			}
		}
	}
}

// What the recovery point vouches for includes the aborted transactions below it.
func TestAbortedTransactionSurvivesAPowerFailure(t *testing.T) {
	mem := memfs.New()
	o := testOptions(mem, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	mustAppend(t, l, producerBatch(7, 0, true))
	mustAbort(t, l, 7)
	mustAppend(t, l, newBatch(1, 10, 1))
	commitAll(l)
	for range 3 {
		m.checkpointRecoveryPoints() // The second takes a snapshot.
	}
	for seed := range uint64(100) {
		_, l := reopen(t, mem.CrashClone(memfs.CrashOptions{Seed: seed, KeepPercent: 50}), o)
		if all, err := l.CollectAborted(0, l.LogEndOffset()); err != nil || len(all) != 1 {
			t.Fatalf("seed %d: aborted transactions %v, %v", seed, all, err)
		}
	}
}

// Offsets are never used twice, not even when retention took all records and a
// power failure follows.
func TestOffsetsGoOnAfterRetentionAndAPowerFailure(t *testing.T) {
	mem := memfs.New()
	c := topicConfig(1 << 20)
	c.FlushMessages, c.RetentionMs = 1, 1000
	o := testOptions(mem, c, "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for range 5 {
		mustAppend(t, l, newBatch(1, 10, 1))
	}
	mustSync(t, l)
	commitAll(l)
	m.checkpointRecoveryPoints()
	if n, err := l.DeleteOldSegments(o.Now()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for seed := range uint64(100) {
		_, l := reopen(t, mem.CrashClone(memfs.CrashOptions{Seed: seed, KeepPercent: 50}), o)
		if l.LogEndOffset() != 5 {
			t.Fatalf("seed %d: %v, which should end at 5", seed, l)
		}
	}
}

// Records that DeleteRecords removed, once checkpointed, stay removed.
func TestDeletedRecordsStayDeletedAfterAPowerFailure(t *testing.T) {
	mem := memfs.New()
	o := testOptions(mem, topicConfig(150), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for range 6 {
		mustAppend(t, l, newBatch(1, 10, 1_700_000_000_000))
	}
	mustSync(t, l)
	commitAll(l)
	start := l.Segments()[2].BaseOffset
	if err := l.IncrementLogStartOffset(start); err != nil {
		t.Fatal(err)
	}
	m.checkpointLogStarts()
	if n, err := l.DeleteOldSegments(o.Now()); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	l.dir.startOffsetsChanged.Store(true) // By any other log of the directory.
	m.checkpointLogStarts()
	for seed := range uint64(50) {
		_, l := reopen(t, mem.CrashClone(memfs.CrashOptions{Seed: seed, KeepPercent: 50}), o)
		if l.LogStartOffset() < start {
			t.Fatalf("seed %d: %v, which should start at %d", seed, l, start)
		}
	}
}

// Records that a client was told are deleted do not come back: that may be an
// offence.
func TestSyncLogStartOutlivesACrash(t *testing.T) {
	mem := memfs.New()
	o := testOptions(mem, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	other := kafka.TopicPartition{Topic: "payments", Partition: 3}
	logs := map[kafka.TopicPartition]*Log{testPartition: mustCreate(t, m, testPartition), other: mustCreate(t, m, other)}
	for _, l := range logs {
		for range 6 {
			mustAppend(t, l, newBatch(1, 10, 1))
		}
		mustSync(t, l)
		commitAll(l)
		if err := l.IncrementLogStartOffset(4); err != nil {
			t.Fatal(err)
		}
	}
	if err := logs[testPartition].SyncLogStart(); err != nil {
		t.Fatal(err)
	}
	written := mem.CrashClone(memfs.CrashOptions{})
	if err := logs[other].SyncLogStart(); err != nil { // On disk already, with the first.
		t.Fatal(err)
	}
	m, _ = reopen(t, written, o)
	for tp := range logs {
		if l, ok := m.Log(tp); !ok || l.LogStartOffset() != 4 || l.LogEndOffset() != 6 {
			t.Errorf("%v: %v, want 4 to 6", tp, l)
		}
	}
}

// A full disk does not keep records from being deleted.
func TestSyncLogStartOnAFullDiskIsMadeUpFor(t *testing.T) {
	mem := memfs.New()
	fs := faultfs.New(mem)
	o := testOptions(fs, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for range 6 {
		mustAppend(t, l, newBatch(1, 10, 1))
	}
	mustSync(t, l)
	commitAll(l)
	if err := l.IncrementLogStartOffset(4); err != nil {
		t.Fatal(err)
	}
	fault := fs.Inject(faultfs.Fault{Path: "*log-start-offset-checkpoint*", Kinds: []faultfs.Kind{faultfs.Create, faultfs.Write}, Err: errNoSpace})
	if err := l.SyncLogStart(); err != nil {
		t.Fatal(err)
	}
	if fault.Hits() == 0 {
		t.Fatal("nothing was written")
	}
	fs.Clear()
	m.checkpointLogStarts()
	if _, l := reopen(t, mem.CrashClone(memfs.CrashOptions{}), o); l.LogStartOffset() != 4 {
		t.Errorf("%v, which should start at 4", l)
	}
}

// A partition's folder may be a link to another disk.
func TestLinkedFolderIsOpened(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	o := testOptions(vfs.Default, topicConfig(1<<20), dir)
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	mustAppend(t, l, newBatch(1, 10, 1))
	mustClose(t, m)
	target := filepath.Join(elsewhere, "orders")
	if err := os.Rename(l.Dir(), target); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, l.Dir()); err != nil {
		t.Skip(err)
	}
	m = mustOpen(t, o)
	defer mustClose(t, m)
	l = mustCreateAny(t, m, testPartition)
	if l.LogEndOffset() != 1 {
		t.Errorf("%v, which should end at 1", l)
	}
}

func mustCreateAny(t *testing.T, m *Manager, tp kafka.TopicPartition) *Log {
	t.Helper()
	l, err := m.Create(tp, kafka.UUID{}, kafka.UUID{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A marker that cannot be read is refused before anything is written.
func TestUnreadableMarkerLeavesTheFollowerAsItWas(t *testing.T) {
	mem := memfs.New()
	m := mustOpen(t, testOptions(mem, topicConfig(1<<20), "/data"))
	defer mustClose(t, m)
	l := mustCreate(t, m, testPartition)
	o := record.NewOptions(0)
	o.ProducerID, o.ProducerEpoch, o.Transactional, o.Control = 7, 0, true, true
	b := record.NewBuilder(o)
	b.Append(1, []byte{0, 0, 0, 0}, nil)
	size := l.Size()
	if _, err := l.AppendAsFollower(b.Build(), 1); !errors.Is(err, kerr.CorruptMessage) {
		t.Errorf("a marker without value: %v", err)
	}
	if l.Size() != size || l.LogEndOffset() != 0 {
		t.Errorf("%v of %d bytes", l, l.Size())
	}
}

// A topic deleted while a sync of its log is under way does not harm the directory.
func TestDeletionDuringASync(t *testing.T) {
	fs := faultfs.New(memfs.New())
	o := testOptions(fs, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	mustAppend(t, l, newBatch(1, 10, 1))
	folder := l.Dir()
	var once atomic.Bool
	fs.SetHook(func(op faultfs.Op) {
		if op.Kind == faultfs.SyncDir && op.Path == folder && once.CompareAndSwap(false, true) {
			_ = m.Delete(testPartition)
		}
	})
	_ = l.Flush(context.Background(), 1)
	l.dir.flusher.wait()
	if !once.Load() {
		t.Fatal("the folder was not synced")
	}
	if err := m.Dirs()[0].Err; err != nil {
		t.Errorf("the directory is offline: %v", err)
	}
	mustClose(t, m)
}

// Epochs of records that were truncated are forgotten though the file still names
// them.
func TestTruncatedEpochDoesNotComeBack(t *testing.T) {
	mem := memfs.New()
	o := testOptions(mem, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	appendWith := func(epoch kafka.LeaderEpoch) {
		if _, err := l.AppendAsLeader(newBatch(1, 10, 1), epoch, record.Client); err != nil {
			t.Fatal(err)
		}
	}
	appendWith(3)
	appendWith(5)
	mustSync(t, l)
	m.checkpointRecoveryPoints() // Writes the epochs as well.
	if err := l.TruncateTo(1); err != nil {
		t.Fatal(err)
	}
	appendWith(3) // As a follower may: the new leader has more records of epoch 3.
	appendWith(3)
	_, l = reopen(t, mem.CrashClone(keepAll), o)
	if epoch, _ := l.LatestEpoch(); epoch != 3 {
		t.Errorf("latest epoch %d, want 3: %v", epoch, l.epochs.Entries())
	}
}

// A failed append that cannot even be cut off again leaves nothing in the segment.
func TestTornAppendIsNotPartOfASealedSegment(t *testing.T) {
	mem := memfs.New()
	fs := faultfs.New(mem)
	o := testOptions(fs, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	mustAppend(t, l, newBatch(1, 10, 1))
	fs.Inject(faultfs.Fault{Path: "*.log", Kinds: []faultfs.Kind{faultfs.Write}, Times: 1, Err: errNoSpace, Torn: true})
	fs.Inject(faultfs.Fault{Path: "*.log", Kinds: []faultfs.Kind{faultfs.Truncate}, Times: 1, Err: errNoSpace})
	if _, err := l.AppendAsLeader(newBatch(1, 1000, 1), 1, record.Client); !errors.Is(err, kerr.KafkaStorageError) {
		t.Fatal(err)
	}
	if err := l.Roll(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, newBatch(1, 10, 1))
	mustClose(t, m)
	m, l = reopen(t, mem, o)
	defer mustClose(t, m)
	if got := readAll(t, l, 0); len(got) != 2 {
		t.Errorf("%d batches", len(got))
	}
	if want := l.Segments()[0]; want.Size > 200 {
		t.Errorf("the sealed segment has %d bytes", want.Size)
	}
}

// Indexes that a clean start builds anew are as durable as those it found.
func TestRebuiltIndexesOfASealedSegmentSurviveAPowerFailure(t *testing.T) {
	mem := memfs.New()
	c := topicConfig(3000)
	c.IndexIntervalBytes = 100
	o := testOptions(mem, c, "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for i := range 20 {
		mustAppend(t, l, newBatch(1, 300, int64(1_700_000_000_000+i)))
	}
	mustClose(t, m)
	name := filepath.Join("/data", testPartition.String(), "00000000000000000000.timeindex")
	want, err := vfs.ReadFile(mem, name)
	if err != nil || len(want) == 0 {
		t.Fatal(len(want), err)
	}
	if err := mem.Remove(name); err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, o))
	for seed := range uint64(50) {
		fs := mem.CrashClone(memfs.CrashOptions{Seed: seed, KeepPercent: 50, TearPercent: 50})
		if exists, _ := vfs.Exists(fs, name); !exists {
			continue // It is built once more.
		}
		if got, err := vfs.ReadFile(fs, name); err != nil || string(got) != string(want) {
			t.Fatalf("seed %d: the time index has %d bytes, want %d, %v", seed, len(got), len(want), err)
		}
	}
}

// The time index of a segment that is not appended to any more tells its largest
// timestamp: while the disk is full there is none, so the log does not roll.
func TestRollOnAFullDiskLeavesNoIncompleteTimeIndex(t *testing.T) {
	mem := memfs.New()
	fs := faultfs.New(mem)
	c := topicConfig(1 << 20)
	c.IndexIntervalBytes = 100
	o := testOptions(fs, c, "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for i := range 500 { // Some entries are in the file, the others wait in memory.
		mustAppend(t, l, newBatch(1, 300, int64(1000*(i+1))))
	}
	fs.Inject(faultfs.Fault{Path: "*0.timeindex", Kinds: []faultfs.Kind{faultfs.Write}, Err: errNoSpace})
	if err := l.Roll(); err != nil && !errors.Is(err, kerr.KafkaStorageError) {
		t.Fatal(err)
	}
	fs.Clear()
	mustAppend(t, l, newBatch(1, 300, 500)) // Into the old segment, if the roll was refused.
	mustClose(t, m)
	_, l = reopen(t, mem.CrashClone(keepAll), o)
	if l.LogEndOffset() != 501 {
		t.Fatalf("%v, which should end at 501", l)
	}
	if found, err := l.OffsetForTimestamp(500_000); err != nil || found.Offset != 499 {
		t.Errorf("the record with the largest timestamp: %+v, %v", found, err)
	}
}

// A log that lost what its recovery point vouched for must not trust that point
// again for the records that follow.
func TestRecoveryPointAboveTheEndIsLowered(t *testing.T) {
	mem := memfs.New()
	o := testOptions(mem, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for range 10 {
		mustAppend(t, l, newBatch(1, 10, 1))
	}
	mustSync(t, l)
	m.checkpointRecoveryPoints()
	crashed := mem.CrashClone(keepAll)
	f, err := crashed.OpenFile(l.Segments()[0].Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(l.Size() / 2); err != nil {
		t.Fatal(err)
	}
	_, l = reopen(t, crashed, o)
	points, err := checkpoint.ReadOffsets(crashed, "/data/"+checkpoint.RecoveryPointFile)
	if err != nil || points[testPartition] > l.LogEndOffset() {
		t.Errorf("recovery point %d of %v, %v", points[testPartition], l, err)
	}
}

// On a full disk a truncation is not done before the recovery point is lowered.
func TestTruncationOnAFullDiskIsFinishedLater(t *testing.T) {
	mem := memfs.New()
	fs := faultfs.New(mem)
	o := testOptions(fs, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for range 10 {
		mustAppend(t, l, newBatch(1, 10, 1))
	}
	mustSync(t, l)
	m.checkpointRecoveryPoints()
	fs.Inject(faultfs.Fault{Path: "*checkpoint.tmp", Kinds: []faultfs.Kind{faultfs.Create, faultfs.Write}, Err: errNoSpace})
	for range 2 {
		if err := l.TruncateTo(5); !errors.Is(err, kerr.KafkaStorageError) {
			t.Fatalf("truncation that the recovery point outlives: %v", err)
		}
	}
	fs.Clear()
	if err := l.TruncateTo(5); err != nil {
		t.Fatal(err)
	}
	points, err := checkpoint.ReadOffsets(mem, "/data/"+checkpoint.RecoveryPointFile)
	if err != nil || points[testPartition] != 5 {
		t.Errorf("recovery point %d, %v", points[testPartition], err)
	}
	mustClose(t, m)
}

// Offsets in a segment are relative to its first, in 31 bits: a follower's append
// that spans more ends before.
func TestFollowerAppendEndsWhereRelativeOffsetsDo(t *testing.T) {
	m := mustOpen(t, testOptions(memfs.New(), topicConfig(1<<20), "/data"))
	defer mustClose(t, m)
	l := mustCreate(t, m, testPartition)
	first, second := newBatch(1, 10, 1), newBatch(1, 10, 1)
	first.SetLeaderEpoch(1)
	second.SetLeaderEpoch(1)
	second.SetBaseOffset(1 << 32)
	both := append(append(record.Batch{}, first...), second...)
	for _, want := range []kafka.Offset{0, 1 << 32} {
		info, err := l.AppendAsFollower(both, 1)
		if err != nil || info.LastOffset != want {
			t.Fatalf("%+v, %v, want last offset %d", info, err, want)
		}
		both = both[len(first):]
	}
	if n := len(l.Segments()); n != 2 {
		t.Errorf("%d segments", n)
	}
}
