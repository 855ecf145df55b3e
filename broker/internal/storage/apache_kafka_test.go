package storage

import (
	"os"
	"path/filepath"
	"testing"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/vfs"
)

// TestPreallocatedIndexesAreCut opens what Apache Kafka leaves when it is killed:
// index files with zeros up to segment.index.bytes. They must not stay, even if
// nothing is written: its tools take them for entries.
func TestPreallocatedIndexesAreCut(t *testing.T) {
	for _, batches := range []int{0, 40} {
		dir := t.TempDir()
		o := testOptions(vfs.Default, topicConfig(1<<30), dir)
		m := mustOpen(t, o)
		l := mustCreate(t, m, testPartition)
		for i := range batches {
			mustAppend(t, l, newBatch(3, 300, int64(1000+i*10)))
		}
		folder := l.Dir()
		mustClose(t, m)
		if err := os.Remove(filepath.Join(dir, checkpoint.CleanShutdownFile)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"00000000000000000000.index", "00000000000000000000.timeindex"} {
			f, err := os.OpenFile(filepath.Join(folder, name), os.O_RDWR|os.O_CREATE, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Truncate(10 << 20); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		m = mustOpen(t, o)
		for _, name := range []string{"00000000000000000000.index", "00000000000000000000.timeindex"} {
			info, err := os.Stat(filepath.Join(folder, name))
			if err != nil || info.Size() > 1000 || (info.Size() > 0) != (batches > 0) {
				t.Errorf("%d batches, %s: %d bytes, %v", batches, name, info.Size(), err)
			}
		}
		l, _ = m.Log(testPartition)
		if got := readAll(t, l, 0); len(got) != batches {
			t.Errorf("%d batches, want %d", len(got), batches)
		}
		mustClose(t, m)
	}
}

// TestRolledSegmentHasIndexFiles: without them, Apache Kafka would recover that
// segment before those in front of it.
func TestRolledSegmentHasIndexFiles(t *testing.T) {
	m := mustOpen(t, testOptions(vfs.Default, topicConfig(1<<30), t.TempDir()))
	defer mustClose(t, m)
	l := mustCreate(t, m, testPartition)
	mustAppend(t, l, newBatch(3, 300, 1000))
	if err := l.Roll(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00000000000000000003.index", "00000000000000000003.timeindex"} {
		if _, err := os.Stat(filepath.Join(l.Dir(), name)); err != nil {
			t.Error(err)
		}
	}
}
