package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// topicConfig is the default configuration of a topic, with small segments if
// segmentBytes says so.
func topicConfig(segmentBytes int) *config.Topic {
	return &config.Topic{
		SegmentBytes: segmentBytes, SegmentMs: math.MaxInt64 / 2, SegmentIndexBytes: 10 << 20, IndexIntervalBytes: 4096,
		FlushMessages: math.MaxInt64, FlushMs: math.MaxInt64, RetentionBytes: -1, RetentionMs: -1, FileDeleteDelayMs: 60_000,
		Cleanup: config.Cleanup{Delete: true}, MaxMessageBytes: 16 << 20, CompressionType: "producer",
		TimestampBeforeMaxMs: math.MaxInt64, TimestampAfterMaxMs: math.MaxInt64, MinInSyncReplicas: 1,
	}
}

var testPartition = kafka.TopicPartition{Topic: "orders", Partition: 3}

// testClock is the clock of a test.
type testClock struct{ t time.Time }

func (c *testClock) now() time.Time { return c.t }

func testOptions(fs vfs.FS, c *config.Topic, dirs ...string) Options {
	clock := &testClock{time.UnixMilli(1_700_000_000_000)}
	return Options{FS: fs, Dirs: dirs, ConfigFor: func(string) *config.Topic { return c }, Now: clock.now}
}

func mustOpen(t testing.TB, o Options) *Manager {
	t.Helper()
	m, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustCreate(t testing.TB, m *Manager, tp kafka.TopicPartition) *Log {
	t.Helper()
	l, err := m.Create(tp, kafka.NewUUID(), kafka.UUID{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustClose(t testing.TB, m *Manager) {
	t.Helper()
	if err := m.Close(context.Background(), checkpoint.NoBrokerEpoch); err != nil {
		t.Fatal(err)
	}
}

// newBatch builds a batch of n records with values of that size.
func newBatch(n, size int, timestampMs int64) record.Batch {
	b := record.NewBuilder(record.NewOptions(0))
	for i := range n {
		value := make([]byte, size)
		copy(value, fmt.Sprintf("%d-%d", timestampMs, i))
		b.Append(timestampMs+int64(i), nil, value)
	}
	return b.Build()
}

func mustAppend(t testing.TB, l *Log, b record.Batch) AppendInfo {
	t.Helper()
	info, err := l.AppendAsLeader(b, 1, record.Client)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// readAll reads the batches from an offset to the end.
func readAll(t testing.TB, l *Log, from kafka.Offset) []record.Batch {
	t.Helper()
	var all []record.Batch
	for end := l.LogEndOffset(); from < end; {
		s, err := l.Read(from, 1<<20, end, true)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.ReadAll(nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Release()
		before := from
		for len(b) > 0 {
			batch, rest, err := record.Read(b)
			if err != nil {
				break
			}
			if err := batch.Check(); err != nil {
				t.Fatal(err)
			}
			all, b, from = append(all, batch), rest, batch.NextOffset()
		}
		if from == before {
			t.Fatalf("read at %d of %d makes no progress", from, end)
		}
	}
	return all
}

func TestAppendedRecordsAreReadBackAfterRestart(t *testing.T) {
	dir := t.TempDir()
	for _, segmentBytes := range []int{1 << 30, 5000} {
		t.Run(fmt.Sprint(segmentBytes), func(t *testing.T) {
			o := testOptions(vfs.Default, topicConfig(segmentBytes), fmt.Sprintf("%s/%d", dir, segmentBytes))
			m := mustOpen(t, o)
			l := mustCreate(t, m, testPartition)
			want := kafka.Offset(0)
			for i := range 50 {
				info := mustAppend(t, l, newBatch(3, 300, int64(1000+i*10)))
				if info.FirstOffset != want || info.LastOffset != want+2 {
					t.Fatalf("batch %d got offsets %d to %d, want %d", i, info.FirstOffset, info.LastOffset, want)
				}
				want += 3
			}
			l.SetHighWatermark(want)
			mustClose(t, m)
			m = mustOpen(t, o)
			defer mustClose(t, m)
			l, ok := m.Log(testPartition)
			if !ok || l.LogEndOffset() != want || l.HighWatermark() != want {
				t.Fatalf("after restart: %v", l)
			}
			if got := readAll(t, l, 0); len(got) != 50 {
				t.Fatalf("%d batches after restart", len(got))
			}
			found, err := l.OffsetForTimestamp(1101)
			if err != nil || found.Offset != 31 || found.Timestamp != 1101 || found.LeaderEpoch != 1 {
				t.Fatalf("OffsetForTimestamp: %+v, %v", found, err)
			}
			if found, err = l.MaxTimestampOffset(); err != nil || found.Offset != 149 || found.Timestamp != 1492 {
				t.Fatalf("MaxTimestampOffset: %+v, %v", found, err)
			}
			if _, err := l.Read(151, 100, 200, true); !errors.Is(err, kerr.OffsetOutOfRange) {
				t.Fatalf("read beyond the end: %v", err)
			}
		})
	}
}

// errNoSpace is what a full disk says.
var errNoSpace error = syscall.ENOSPC
