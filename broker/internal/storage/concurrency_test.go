package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// Appends to one partition from many goroutines get dense offsets, readers
// beside them see whole batches only, and few syncs serve all of them.
func TestConcurrentAppendsReadsAndGroupCommit(t *testing.T) {
	fs := faultfs.New(memfs.New())
	c := topicConfig(50_000)
	c.FlushMessages = 1
	m := mustOpen(t, testOptions(fs, c, "/data"))
	l := mustCreate(t, m, testPartition)
	slow := fs.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Sync}, Delay: time.Millisecond})
	const writers, each = 8, 50
	var seen sync.Map
	var wg, readers sync.WaitGroup
	var stop atomic.Bool
	for range 2 {
		readers.Go(func() {
			for !stop.Load() {
				readWhole(t, l)
			}
		})
	}
	for range writers {
		wg.Go(func() {
			for range each {
				info, err := l.AppendAsLeader(newBatch(1, 500, 1000), 1, record.Client)
				if err != nil {
					t.Error(err)
					return
				}
				if err := l.WaitSynced(context.Background(), info.Sync); err != nil {
					t.Error(err)
				}
				if l.RecoveryPoint() <= info.LastOffset {
					t.Errorf("offset %d is acknowledged, on disk is what lies below %d", info.LastOffset, l.RecoveryPoint())
				}
				if _, twice := seen.LoadOrStore(info.FirstOffset, true); twice {
					t.Errorf("offset %d was given twice", info.FirstOffset)
				}
				l.SetHighWatermark(info.LastOffset + 1)
			}
		})
	}
	wg.Wait()
	stop.Store(true)
	readers.Wait()
	if end := l.LogEndOffset(); end != writers*each || l.HighWatermark() != end {
		t.Fatalf("%v, want %d records", l, writers*each)
	}
	if hits := slow.Hits(); hits >= writers*each {
		t.Errorf("%d syncs for %d appends", hits, writers*each)
	}
	mustClose(t, m)
}

// readWhole reads everything below the high watermark.
func readWhole(t *testing.T, l *Log) {
	high := l.HighWatermark()
	for from := kafka.Offset(0); from < high; {
		s, err := l.Read(from, 100_000, high, true)
		if err != nil {
			t.Error(err)
			return
		}
		b, err := s.ReadAll(nil)
		s.Release()
		if err != nil {
			t.Error(err)
			return
		}
		for len(b) > 0 {
			batch, rest, err := record.Read(b)
			if err != nil || batch.Check() != nil || batch.BaseOffset() != from || batch.NextOffset() > high {
				t.Errorf("read at %d below %d: %v, %v", from, high, batch, err)
				return
			}
			b, from = rest, batch.NextOffset()
		}
	}
}

// Deleting a log lets who reads it go on, and fails who waits for its sync.
func TestDeletedLogLetsReadersFinish(t *testing.T) {
	fs := memfs.New()
	c := crashConfig()
	m := mustOpen(t, testOptions(fs, c, "/data"))
	defer mustClose(t, m)
	l := mustCreate(t, m, testPartition)
	mustAppend(t, l, newBatch(1, 100, 1))
	s, err := l.Read(0, 1000, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Delete(testPartition); err != nil {
		t.Fatal(err)
	}
	if _, ok := m.Log(testPartition); ok {
		t.Fatal("the deleted log is still there")
	}
	m.env.removeDoomed(math.MaxInt64, true)
	if b, err := s.ReadAll(nil); err != nil || len(b) != s.Size {
		t.Fatalf("read of a deleted log: %v", err)
	}
	s.Release()
	if _, err := l.AppendAsLeader(newBatch(1, 1, 1), 1, record.Client); !errors.Is(err, kerr.KafkaStorageError) {
		t.Fatalf("append to a deleted log: %v", err)
	}
	entries, err := fs.ReadDir("/data")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			t.Errorf("%s is left", e.Name())
		}
	}
	again := mustCreate(t, m, testPartition)
	if again.LogEndOffset() != 0 || again == l {
		t.Fatal("the new log is not a new one")
	}
}

func TestRetention(t *testing.T) {
	day := 24 * time.Hour.Milliseconds()
	for name, tc := range map[string]struct {
		change func(*config.Topic)
		start  kafka.Offset
		high   kafka.Offset
		want   kafka.Offset
	}{
		"nothing without limits":          {func(*config.Topic) {}, 0, 40, 0},
		"below the log start offset":      {func(c *config.Topic) { c.Cleanup = config.Cleanup{} }, 25, 40, 25},
		"by size":                         {func(c *config.Topic) { c.RetentionBytes = 10_000 }, 0, 40, 30},
		"by time":                         {func(c *config.Topic) { c.RetentionMs = day }, 0, 40, 40},
		"by time, of some":                {func(c *config.Topic) { c.RetentionMs = 10 * day }, 0, 40, 20},
		"not above the high watermark":    {func(c *config.Topic) { c.RetentionMs = day }, 0, 15, 10},
		"not without cleanup.policy":      {func(c *config.Topic) { c.RetentionMs, c.Cleanup = day, config.Cleanup{Compact: true} }, 0, 40, 0},
		"by size, negative is no limit":   {func(c *config.Topic) { c.RetentionBytes = -1 }, 0, 40, 0},
		"everything, the active included": {func(c *config.Topic) { c.RetentionBytes = 0 }, 0, 40, 40},
	} {
		t.Run(name, func(t *testing.T) {
			c := topicConfig(11_500) // Ten records of a kilobyte a segment.
			o := testOptions(memfs.New(), c, "/data")
			m := mustOpen(t, o)
			defer mustClose(t, m)
			l := mustCreate(t, m, testPartition)
			now := o.Now().UnixMilli()
			for i := range 40 {
				mustAppend(t, l, newBatch(1, 1000, now-int64(39-i)*day/2-day-1))
			}
			changed := *c
			tc.change(&changed)
			if changed.Cleanup.Compact {
				changed.Cleanup.Delete = false
			}
			l.UpdateConfig(&changed)
			l.SetHighWatermark(tc.high)
			if err := l.IncrementLogStartOffset(min(tc.start, tc.high)); err != nil {
				t.Fatal(err)
			}
			if _, err := l.DeleteOldSegments(o.Now()); err != nil {
				t.Fatal(err)
			}
			if l.LogStartOffset() != tc.want {
				t.Errorf("the log starts at %d, want %d: %+v", l.LogStartOffset(), tc.want, l.Segments())
			}
			if _, err := l.Read(l.LogStartOffset(), 100, l.LogEndOffset(), true); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLogAppendTimeIsStampedByTheBroker(t *testing.T) {
	c := topicConfig(1 << 20)
	c.TimestampType = config.LogAppendTime
	o := testOptions(memfs.New(), c, "/data")
	m := mustOpen(t, o)
	defer mustClose(t, m)
	l := mustCreate(t, m, testPartition)
	info := mustAppend(t, l, newBatch(3, 10, 5))
	if now := o.Now().UnixMilli(); info.LogAppendTime != now || readAll(t, l, 0)[0].MaxTimestamp() != now {
		t.Fatalf("%+v", info)
	}
}

func TestLockedDirectoryIsRefused(t *testing.T) {
	o := testOptions(vfs.Default, topicConfig(1<<20), t.TempDir())
	m := mustOpen(t, o)
	var locked *LockedError
	if _, err := Open(context.Background(), o); !errors.As(err, &locked) {
		t.Fatalf("second open: %v", err)
	}
	mustClose(t, m)
	mustClose(t, mustOpen(t, o))
}

func TestOpenFilesAreBounded(t *testing.T) {
	o := testOptions(vfs.Default, topicConfig(1<<20), t.TempDir())
	o.MaxOpenFiles = 10
	m := mustOpen(t, o)
	defer mustClose(t, m)
	var logs []*Log
	for i := range 50 {
		l := mustCreate(t, m, kafka.TopicPartition{Topic: "t", Partition: int32(i)})
		if m.OpenFiles() != 0 {
			t.Fatal("a new log holds files open")
		}
		logs = append(logs, l)
	}
	for round := range 3 {
		for i, l := range logs {
			mustAppend(t, l, newBatch(1, 10, 1))
			if got := readAll(t, l, 0); len(got) != round+1 {
				t.Fatalf("log %d has %d batches in round %d", i, len(got), round)
			}
		}
	}
	// Those with bytes that were not synced stay open until they are.
	for _, l := range logs {
		if err := l.Flush(t.Context(), l.LogEndOffset()); err != nil {
			t.Fatal(err)
		}
	}
	m.env.handles.CloseIdle()
	if n := m.OpenFiles(); n > 10 {
		t.Errorf("%d files are open", n)
	}
	m.env.handles.CloseIdle()
	m.env.handles.CloseIdle()
	if n := m.OpenFiles(); n != 0 {
		t.Errorf("%d files are open though nobody uses them", n)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	m := mustOpen(t, testOptions(vfs.Default, topicConfig(1<<30), t.TempDir()))
	defer mustClose(t, m)
	l := mustCreate(t, m, testPartition)
	b := newBatch(10, 1000, 1000)
	n := testing.AllocsPerRun(500, func() {
		b.SetBaseOffset(0)
		info, err := l.AppendAsLeader(b, 1, record.Client)
		if err != nil {
			t.Fatal(err)
		}
		l.SetHighWatermark(info.LastOffset + 1)
	})
	if n > 0.1 && !raceEnabled {
		t.Errorf("%v allocations per append", n)
	}
	n = testing.AllocsPerRun(500, func() {
		s, err := l.Read(100, 1<<20, l.HighWatermark(), true)
		if err != nil {
			t.Fatal(err)
		}
		s.Release()
	})
	if n > 0.1 && !raceEnabled {
		t.Errorf("%v allocations per read", n)
	}
}

func TestFoldersInTransit(t *testing.T) {
	fs := memfs.New()
	for _, name := range []string{"orders-1.0123456789abcdef0123456789abcdef-delete", "orders-2.0123456789abcdef0123456789abcdef-stray", "orders-3", "__cluster_metadata-0", "not a partition"} {
		if err := fs.MkdirAll("/data/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o := testOptions(fs, topicConfig(1<<20), "/data")
	m := mustOpen(t, o)
	if logs := m.Logs(); len(logs) != 1 || logs[0].TopicPartition() != testPartition {
		t.Fatalf("logs: %v", logs)
	}
	if len(m.Strays()) != 1 {
		t.Errorf("strays: %v", m.Strays())
	}
	m.env.removeDoomed(o.Now().UnixMilli()+60_000, false)
	if ok, _ := vfs.Exists(fs, "/data/orders-1.0123456789abcdef0123456789abcdef-delete"); ok {
		t.Error("the folder of a deleted partition is left")
	}
	if err := m.SetAside(testPartition); err != nil || len(m.Strays()) != 2 {
		t.Errorf("strays: %v, %v", m.Strays(), err)
	}
	if err := m.Close(context.Background(), 42); err != nil {
		t.Fatal(err)
	}
	m = mustOpen(t, o)
	if m.PreviousBrokerEpoch() != 42 || !m.Dirs()[0].Clean {
		t.Errorf("previous broker epoch %d", m.PreviousBrokerEpoch())
	}
	m.dirs[0].flusher.wait()
	o.FS = fs.CrashClone(memfs.CrashOptions{KeepPercent: 100})
	m = mustOpen(t, o)
	if m.PreviousBrokerEpoch() != checkpoint.NoBrokerEpoch {
		t.Error("an unclean shutdown vouches for its broker epoch")
	}
	name := transitName(kafka.TopicPartition{Topic: fmt.Sprintf("%0249d", 1), Partition: 7}, deleteSuffix)
	if len(name) != 255 {
		t.Errorf("name of %d bytes", len(name))
	}
}

// Who waits for records that are truncated learns it, and who waits for others
// is served.
func TestTruncationFailsThoseWhoWait(t *testing.T) {
	fs := faultfs.New(memfs.New())
	m := mustOpen(t, testOptions(fs, topicConfig(1<<20), "/data"))
	l := mustCreate(t, m, testPartition)
	kept, gone := mustAppend(t, l, newBatch(1, 10, 1)), mustAppend(t, l, newBatch(1, 10, 1))
	// The sync is held until both wait and the truncation is done with the log.
	held := make(chan struct{})
	fs.SetHook(func(op faultfs.Op) {
		if op.Kind == faultfs.Sync {
			<-held
		}
	})
	results := make(chan error, 2)
	l.OnSynced(gone.Sync, func(err error) { results <- err })
	l.OnSynced(kept.Sync, func(err error) { results <- err })
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.TruncateTo(1); err != nil {
			t.Error(err)
		}
	})
	for l.LogEndOffset() != 1 {
		runtime.Gosched()
	}
	close(held)
	wg.Wait()
	first, second := <-results, <-results
	if errors.Is(second, kerr.NotLeaderForPartition) {
		first, second = second, first
	}
	if !errors.Is(first, kerr.NotLeaderForPartition) || second != nil {
		t.Errorf("results: %v and %v", first, second)
	}
	fs.SetHook(nil)
	mustClose(t, m)
}

// A sync that would serve fewer clients than the last one waits for those of the
// other logs in the queue, once.
func TestSyncWaitsForAsManyClientsAsBefore(t *testing.T) {
	m := mustOpen(t, testOptions(memfs.New(), topicConfig(50_000), "/data"))
	defer mustClose(t, m)
	a, b := mustCreate(t, m, kafka.TopicPartition{Topic: "a"}), mustCreate(t, m, kafka.TopicPartition{Topic: "b"})
	f := &a.dir.flusher
	f.running = flushersPerDir // Nobody works on the queue but this test.
	wait := func(l *Log, clients int) {
		mustAppend(t, l, newBatch(1, 10, 1))
		for range clients {
			l.OnSynced(SyncToken{l.LogEndOffset()}, func(err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	next := func() *Log {
		l := f.pop()
		for l.gather() && f.putOff(l) {
			l = f.pop()
		}
		if l.syncQueued() {
			t.Fatal("nothing is left to sync")
		}
		return l
	}
	wait(a, 3)
	wait(b, 1)
	if next() != a || next() != b {
		t.Fatal("the first syncs are in the order of the requests")
	}
	wait(a, 1)
	wait(b, 1)
	if next() != b || next() != a {
		t.Fatal("a was not put off for b")
	}
	wait(a, 3)
	next()
	wait(a, 1)
	if next() != a {
		t.Fatal("a waits for nobody")
	}
	f.running = 0
}

// A directory whose syncs are slow has several under way, a fast one a single one.
func TestSlowDirectoriesSyncSeveralLogsAtATime(t *testing.T) {
	for _, test := range []struct {
		took time.Duration
		want int
	}{{slowSync / 2, 1}, {2 * slowSync, flushersPerDir}} {
		fs := faultfs.New(memfs.New())
		m := mustOpen(t, testOptions(fs, topicConfig(50_000), "/data"))
		f := &m.dirs[0].flusher
		var logs []*Log
		for i := range int32(flushersPerDir + 2) {
			logs = append(logs, mustCreate(t, m, kafka.TopicPartition{Topic: "a", Partition: i}))
		}
		f.wait()
		f.took = test.took
		held := make(chan struct{})
		fs.SetHook(func(op faultfs.Op) {
			if op.Kind == faultfs.Sync {
				<-held
			}
		})
		synced := make(chan error, len(logs))
		for _, l := range logs {
			mustAppend(t, l, newBatch(1, 10, 1))
			l.OnSynced(SyncToken{l.LogEndOffset()}, func(err error) { synced <- err })
		}
		f.mu.Lock()
		if f.running != test.want {
			t.Errorf("with syncs of %v %d are under way, want %d", test.took, f.running, test.want)
		}
		f.mu.Unlock()
		close(held)
		for range logs {
			if err := <-synced; err != nil {
				t.Error(err)
			}
		}
		// How long they took counts for the next ones.
		f.took = 0
		f.observe(16 * slowSync)
		if f.took <= slowSync {
			t.Errorf("after a slow sync %v", f.took)
		}
		fs.SetHook(nil)
		mustClose(t, m)
	}
}
