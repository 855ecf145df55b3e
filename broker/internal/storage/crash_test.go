package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// crashConfig makes segments roll and indexes fill after a few batches, and
// asks for a sync before every acknowledgement.
func crashConfig() *config.Topic {
	c := topicConfig(700)
	c.FlushMessages, c.IndexIntervalBytes, c.FileDeleteDelayMs = 1, 100, 0
	return c
}

// workload appends, rolls, truncates and deletes; acked is told of what must
// survive. It stops at the first error.
func workload(m *Manager, acked func(end kafka.Offset)) error {
	l, err := m.Create(testPartition, kafka.UUID{1}, kafka.UUID{})
	if err != nil {
		return err
	}
	appendSome := func(n int) error {
		for range n {
			info, err := l.AppendAsLeader(newBatch(2, 50, 1000), 1, record.Client)
			if err != nil {
				return err
			}
			if err := l.WaitSynced(context.Background(), info.Sync); err != nil {
				return err
			}
			acked(info.LastOffset + 1)
			l.SetHighWatermark(info.LastOffset + 1)
		}
		return nil
	}
	if err := appendSome(8); err != nil {
		return err
	}
	acked(4) // What is truncated need not survive from here on; 5 lies within a batch.
	if err := l.TruncateTo(5); err != nil {
		return err
	}
	if err := appendSome(5); err != nil {
		return err
	}
	m.checkpointRecoveryPoints()
	m.checkpointHighWatermarks()
	if err := l.Roll(); err != nil {
		return err
	}
	return appendSome(2)
}

// verify checks that the log holds everything below acked and nothing that was
// not appended, and can be appended to.
func verify(fs *memfs.FS, acked kafka.Offset) error {
	m, err := Open(context.Background(), testOptions(fs, crashConfig(), "/data"))
	if err != nil {
		return err
	}
	l, ok := m.Log(testPartition)
	if !ok {
		if acked > 0 {
			return fmt.Errorf("the log is gone, with %d acknowledged records", acked)
		}
		return m.Close(context.Background(), checkpoint.NoBrokerEpoch)
	}
	if l.LogEndOffset() < acked {
		return fmt.Errorf("the log ends at %d, %d were acknowledged", l.LogEndOffset(), acked)
	}
	for from := l.LogStartOffset(); from < l.LogEndOffset(); {
		s, err := l.Read(from, math.MaxInt32, l.LogEndOffset(), true)
		if err != nil {
			return fmt.Errorf("read at %d: %w", from, err)
		}
		b, err := s.ReadAll(nil)
		s.Release()
		if err != nil {
			return err
		}
		for len(b) > 0 {
			batch, rest, err := record.Read(b)
			if err == nil {
				err = batch.Check()
			}
			if err != nil || batch.BaseOffset() != from {
				return fmt.Errorf("batch at %d, want %d: %w", batch.BaseOffset(), from, err)
			}
			from, b = batch.NextOffset(), rest
		}
	}
	info, err := l.AppendAsLeader(newBatch(1, 10, 1000), 2, record.Client)
	if err != nil {
		return err
	}
	if err := l.WaitSynced(context.Background(), info.Sync); err != nil {
		return err
	}
	return m.Close(context.Background(), checkpoint.NoBrokerEpoch)
}

// A power failure may come before any operation on the disk: whatever it
// loses and tears, acknowledged records are there.
func TestAcknowledgedRecordsSurviveAPowerFailureAtAnyMoment(t *testing.T) {
	mem := memfs.New()
	fs := faultfs.New(mem)
	type crash struct {
		at    faultfs.Op
		fs    *memfs.FS
		acked kafka.Offset
	}
	var mu sync.Mutex
	var crashes []crash
	var acked kafka.Offset
	seed := uint64(0)
	fs.SetHook(func(op faultfs.Op) {
		if !op.Kind.Changes() {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, keep := range []int{0, 50, 100} {
			seed++
			crashes = append(crashes, crash{op, mem.CrashClone(memfs.CrashOptions{Seed: seed, KeepPercent: keep, TearPercent: 30}), acked})
		}
	})
	m := mustOpen(t, testOptions(fs, crashConfig(), "/data"))
	err := workload(m, func(end kafka.Offset) {
		mu.Lock()
		defer mu.Unlock()
		acked = end
	})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, m)
	for _, c := range crashes {
		if err := verify(c.fs, c.acked); err != nil {
			t.Errorf("power failure before %v: %v", c.at, err)
		}
	}
	if len(crashes) < 100 {
		t.Errorf("only %d crashes were tried", len(crashes))
	}
}

// Every operation on the disk may fail: then nothing is acknowledged that is not
// there after a restart, and no operation panics or hangs.
func TestAnyFailedOperationLosesNothingAcknowledged(t *testing.T) {
	for _, cause := range []error{errors.New("input/output error"), errNoSpace} {
		t.Run(cause.Error(), func(t *testing.T) {
			for n := 1; ; n++ {
				mem := memfs.New()
				fs := faultfs.New(mem)
				injected := fs.FailNth(n, cause)
				var acked kafka.Offset
				m, err := Open(context.Background(), testOptions(fs, crashConfig(), "/data"))
				if err == nil {
					err = workload(m, func(end kafka.Offset) { acked = end })
					_ = m.Close(context.Background(), checkpoint.NoBrokerEpoch) // May fail as well.
					for _, d := range m.dirs {
						d.flusher.wait()
					}
				}
				if err != nil && injected.Hits() == 0 {
					t.Fatalf("operation %d: %v", n, err)
				}
				for _, keep := range []int{0, 100} {
					if err := verify(mem.CrashClone(memfs.CrashOptions{KeepPercent: keep}), acked); err != nil {
						t.Errorf("operation %d failed: %v", n, err)
					}
				}
				if injected.Hits() == 0 {
					return
				}
			}
		})
	}
}

// A failed sync is final for its directory and leaves the other one alone.
func TestFailedSyncTakesItsDirectoryOfflineOnly(t *testing.T) {
	fs := faultfs.New(memfs.New())
	o := testOptions(fs, crashConfig(), "/a", "/b")
	var failed []string
	o.OnDirFailure = func(dir string, _ kafka.UUID, _ error) { failed = append(failed, dir) }
	m := mustOpen(t, o)
	first, second := mustCreate(t, m, testPartition), mustCreate(t, m, kafka.TopicPartition{Topic: "orders", Partition: 4})
	if first.LogDir() == second.LogDir() {
		t.Fatal("both logs are in one directory")
	}
	fs.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Sync}, Path: first.LogDir() + "/orders-*/*.log", Err: errors.New("input/output error")})
	info := mustAppend(t, first, newBatch(1, 10, 1))
	if !info.NeedsSync {
		t.Fatal("flush.messages=1 asks for no sync")
	}
	if err := first.WaitSynced(context.Background(), info.Sync); !errors.Is(err, kerr.KafkaStorageError) {
		t.Fatalf("failed sync: %v", err)
	}
	fs.Clear()
	if _, err := first.AppendAsLeader(newBatch(1, 10, 1), 1, record.Client); !errors.Is(err, kerr.KafkaStorageError) {
		t.Fatalf("append to an offline directory: %v", err)
	}
	info = mustAppend(t, second, newBatch(1, 10, 1))
	if err := second.WaitSynced(context.Background(), info.Sync); err != nil {
		t.Fatal(err)
	}
	if len(failed) != 1 || failed[0] != first.LogDir() {
		t.Fatalf("failed directories: %v", failed)
	}
	third := mustCreate(t, m, kafka.TopicPartition{Topic: "orders", Partition: 5})
	if third.LogDir() != second.LogDir() {
		t.Fatal("a log was created in the offline directory")
	}
	if infos := m.Dirs(); infos[0].Err == nil && infos[1].Err == nil {
		t.Fatal("no directory is told to be offline")
	}
	mustClose(t, m)
}

// On a full disk produce is refused, reads and deletes go on, a restart works,
// and all heals when there is space again.
func TestFullDiskRefusesAppendsAndHeals(t *testing.T) {
	mem := memfs.New()
	c := topicConfig(5000)
	c.FileDeleteDelayMs = 0
	o := testOptions(mem, c, "/data")
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for range 8 {
		mustAppend(t, l, newBatch(1, 1000, 1))
	}
	mem.SetCapacity(0)
	full := func(l *Log) {
		t.Helper()
		for range 6 { // Some may fit into the last block.
			_, _ = l.AppendAsLeader(newBatch(1, 2000, 1), 1, record.Client)
		}
		_, err := l.AppendAsLeader(newBatch(1, 2000, 1), 1, record.Client)
		if !errors.Is(err, kerr.KafkaStorageError) {
			t.Fatalf("append to a full disk: %v", err)
		}
	}
	full(l)
	end := l.LogEndOffset()
	if got := readAll(t, l, 0); got[len(got)-1].NextOffset() != end {
		t.Fatal("reads fail on a full disk")
	}
	mustClose(t, m)
	m = mustOpen(t, o)
	l, _ = m.Log(testPartition)
	if l.LogEndOffset() != end {
		t.Fatalf("the log ends at %d after a restart with a full disk, want %d", l.LogEndOffset(), end)
	}
	full(l)
	mem.SetCapacity(-1)
	mustAppend(t, l, newBatch(1, 2000, 1))
	if m.Dirs()[0].Err != nil {
		t.Fatal("a full disk took the directory offline")
	}
	mustClose(t, m)
}
