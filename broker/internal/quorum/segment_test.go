package quorum

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
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
	again := timeIndex(t, fsys, dir)
	for i := range again[1:] {
		if again[i+1] <= again[i] {
			t.Errorf("entry %d is of %d, after %d", i+1, again[i+1], again[i])
		}
	}
	if len(again) < 3 || !slices.Equal(again[:3], times[:3]) {
		t.Errorf("the time index begins with %d, not with %d", again[:min(3, len(again))], times[:3])
	}
}

// Apache Kafka's tools want the timestamps of a time index to rise, and many batches may
// be of one millisecond.
func TestTimeIndexRises(t *testing.T) {
	fsys := memfs.New()
	s, err := createSegment(fsys, "/", 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const perTimestamp, batches = 210, 1050
	for i := range batches {
		b := record.NewBuilder(record.NewOptions(kafka.Offset(i)))
		b.Append(int64(i/perTimestamp), nil, make([]byte, 100))
		batch := b.Build()
		s.note(batch, s.size, uint64(i))
		if _, err := s.file.WriteAt(batch, s.size); err != nil {
			t.Fatal(err)
		}
		s.size += int64(len(batch))
	}
	check := func(want ...int64) {
		t.Helper()
		if err := s.writeIndexes(); err != nil {
			t.Fatal(err)
		}
		if times := timeIndex(t, fsys, "/"); !slices.Equal(times, want) {
			t.Fatalf("the time index has %d, want %d", times, want)
		}
	}
	check(0, 1, 2, 3, 4)
	const keep = 2*perTimestamp + 2 // Timestamp 2 has no entry yet.
	if err := s.truncate(logPosition{index: keep, offset: keep + 1}); err != nil {
		t.Fatal(err)
	}
	check(0, 1)
	if s.maxTimestamp != 2 || s.maxTimestampAt != 2*perTimestamp || s.lastTimestamp != 1 {
		t.Errorf("after a truncation to %d: timestamp %d at %d, the last entry of %d", keep, s.maxTimestamp, s.maxTimestampAt, s.lastTimestamp)
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
