package storage

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

func BenchmarkAppend(b *testing.B) {
	for _, kib := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("%dKiB", kib), func(b *testing.B) {
			c := topicConfig(1 << 30)
			c.RetentionBytes, c.FileDeleteDelayMs = 1<<30, 0
			m := mustOpen(b, testOptions(vfs.Default, c, b.TempDir()))
			defer mustClose(b, m)
			l := mustCreate(b, m, testPartition)
			batch := newBatch(kib, 1000, 1000)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			for b.Loop() {
				batch.SetBaseOffset(0)
				info, err := l.AppendAsLeader(batch, 1, record.Client)
				if err != nil {
					b.Fatal(err)
				}
				l.SetHighWatermark(info.LastOffset + 1)
				if l.Size() > 1<<30 {
					b.StopTimer()
					if _, err := l.DeleteOldSegments(m.opts.Now()); err != nil {
						b.Fatal(err)
					}
					m.env.removeDoomed(0, true)
					b.StartTimer()
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, kib := range []int{1, 64} {
		b.Run(fmt.Sprintf("batches of %dKiB", kib), func(b *testing.B) {
			m := mustOpen(b, testOptions(vfs.Default, topicConfig(64<<20), b.TempDir()))
			defer mustClose(b, m)
			l := mustCreate(b, m, testPartition)
			batch := newBatch(kib, 1000, 1000)
			for l.Size() < 128<<20 {
				batch.SetBaseOffset(0)
				mustAppend(b, l, batch)
			}
			end := l.LogEndOffset()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s, err := l.Read(kafka.Offset(i*7919)%end, 1<<20, end, true)
				if err != nil || s.Size == 0 {
					b.Fatal(err)
				}
				s.Release()
			}
		})
	}
}

// BenchmarkManyPartitions is the life of a node with 10,000 partitions of one
// record each.
func BenchmarkManyPartitions(b *testing.B) {
	const partitions = 10_000
	for b.Loop() {
		o := testOptions(vfs.Default, topicConfig(1<<30), b.TempDir())
		lap := func(name string, from time.Time) {
			b.ReportMetric(float64(time.Since(from).Milliseconds()), name+"-ms")
		}
		t := time.Now()
		m := mustOpen(b, o)
		for i := range partitions {
			mustCreate(b, m, kafka.TopicPartition{Topic: "many", Partition: int32(i)})
		}
		lap("create", t)
		t = time.Now()
		appendToAll(b, m)
		lap("append", t)
		t = time.Now()
		mustClose(b, m)
		lap("close", t)
		t = time.Now()
		m = mustOpen(b, o)
		lap("open-clean", t)
		appendToAll(b, m)
		// A crash: only the locks are given up.
		for _, d := range m.dirs {
			d.flusher.wait()
		}
		if err := m.unlock(); err != nil {
			b.Fatal(err)
		}
		m.env.handles.CloseAll()
		t = time.Now()
		m = mustOpen(b, o)
		lap("open-crashed", t)
		t = time.Now()
		mustClose(b, m)
		lap("close-idle", t)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		m = mustOpen(b, o)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/partitions, "B/partition")
		b.ReportMetric(float64(m.OpenFiles()), "open-files")
		mustClose(b, m)
	}
}

func appendToAll(b *testing.B, m *Manager) {
	batch := newBatch(1, 1000, 1000)
	for _, l := range m.Logs() {
		batch.SetBaseOffset(0)
		mustAppend(b, l, batch)
	}
}
