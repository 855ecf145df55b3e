package storage

import (
	"os"
	"path/filepath"
	"testing"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/vfs"
)

// TestCrashAfterACleanStopReadsNothingAgain writes more than a megabyte without
// any idempotent producer, stops cleanly, crashes right after the next start, and
// then breaks the oldest bytes of the file: only a start that reads below the
// recovery point would notice.
func TestCrashAfterACleanStopReadsNothingAgain(t *testing.T) {
	dir := t.TempDir()
	o := testOptions(vfs.Default, topicConfig(1<<30), dir)
	m := mustOpen(t, o)
	l := mustCreate(t, m, testPartition)
	for i := range 40 {
		mustAppend(t, l, newBatch(4, 10_000, int64(i)))
	}
	end := l.LogEndOffset()
	mustClose(t, m)
	if err := checkpoint.RemoveCleanShutdown(vfs.Default, dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, testPartition.String(), "00000000000000000000.log")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("broken"), 100); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	m = mustOpen(t, o)
	defer mustClose(t, m)
	l, ok := m.Log(testPartition)
	if !ok || l.LogEndOffset() != end {
		t.Fatalf("log %v, ends at %d, want %d", ok, l.LogEndOffset(), end)
	}
}
