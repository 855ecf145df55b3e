package quorum

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"moldau.dev/moldau/internal/vfs/memfs"
)

// A time index that a power failure has torn is made anew from the batches: Apache
// Kafka's tools read it.
func TestTornTimeIndexIsMadeAnew(t *testing.T) {
	fsys := formatted(t)
	o := testOptions(t, fsys)
	o.SnapshotBytes = 20_000 // Entries below a snapshot are kept.
	dir := filepath.Join(o.Dir, "__cluster_metadata-0")
	q := start(t, o)
	for range 600 { // Enough for several entries: there is one for 4 KiB.
		mustDo(t, q, setConfig("retention.ms", "1"))
	}
	q.stop(t)
	start(t, o).stop(t)
	times := timeIndex(t, fsys, dir)
	if len(times) < 3 {
		t.Fatalf("only %d entries", len(times))
	}
	f, err := fsys.OpenFile(segmentPath(dir, 0, ".timeindex"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, timeIndexEntrySize), timeIndexEntrySize); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	start(t, o).stop(t)
	last := int64(0)
	again := timeIndex(t, fsys, dir)
	for i, at := range again {
		if at < last {
			t.Errorf("entry %d is of %d, after %d", i, at, last)
		}
		last = at
	}
	if len(again) < len(times) {
		t.Errorf("%d entries are left of %d", len(again), len(times))
	}
}

// timeIndex gives the timestamps of the first segment's time index.
func timeIndex(t *testing.T, fsys *memfs.FS, dir string) (timestamps []int64) {
	t.Helper()
	f, size, err := openSized(fsys, segmentPath(dir, 0, ".timeindex"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	data := make([]byte, size)
	if size > 0 {
		if _, err := f.ReadAt(data, 0); err != nil {
			t.Fatal(err)
		}
	}
	for ; len(data) >= timeIndexEntrySize; data = data[timeIndexEntrySize:] {
		timestamps = append(timestamps, int64(binary.BigEndian.Uint64(data)))
	}
	return timestamps
}
