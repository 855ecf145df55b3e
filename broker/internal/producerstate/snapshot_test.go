package producerstate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"reflect"
	"slices"
	"testing"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// golden gives a file that Apache Kafka 4.4.0 wrote.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	must(t, err)
	return data
}

func TestSnapshotAsApacheKafka(t *testing.T) {
	m := managerWith(
		write{id: 1, count: 5, offset: 10, timestamp: 1700000000000}.batch(),
		write{id: 1, sequence: 5, count: 5, offset: 15, timestamp: 1700000000005}.batch(),
		end{id: 2, epoch: 7, coordinator: 3}.batch(),
		write{id: 2, epoch: 7, sequence: -1, count: 3, offset: 20, timestamp: 1700000000100, transactional: true}.batch(),
		end{id: 3, epoch: 9, coordinator: 12, timestamp: 1700000000200, offset: 23}.batch(),
	)
	m.producers[2].last().LastSequence = 1 // The file has a sequence that no client sends.
	data := golden(t, "00000000000000000024.snapshot")
	if got := asKafkaReads(encodeSnapshot(m.producers)); !bytes.Equal(got, data) {
		t.Errorf("wrote\n%x, Apache Kafka\n%x", got, data)
	}
	if got := encodeSnapshot(nil); !bytes.Equal(got, golden(t, "00000000000000000000.snapshot")) {
		t.Errorf("no producers: %x", got)
	}
	fsys := memfs.New()
	must(t, vfs.WriteFile(fsys, "/00000000000000000024.snapshot", data))
	read := New(partition, nil)
	from, err := read.Load(fsys, "/", 0, 30, 1700000000300)
	must(t, err)
	if from != 24 || !reflect.DeepEqual(read.Active(), m.Active()) {
		t.Errorf("from %d, producers %+v, want %+v", from, read.Active(), m.Active())
	}
	wantUnstable(t, read, 20)
	if again := encodeSnapshot(read.producers); !bytes.Equal(again, data) {
		t.Errorf("came back as %x", again)
	}
}

// asKafkaReads keeps the last entry of each producer, which is the one that Apache
// Kafka takes.
func asKafkaReads(data []byte) []byte {
	kept := data[:snapshotHeaderSize:snapshotHeaderSize]
	for rest := data[snapshotHeaderSize:]; len(rest) > 0; rest = rest[snapshotEntrySize:] {
		if next := rest[snapshotEntrySize:]; len(next) > 0 && bytes.Equal(next[:8], rest[:8]) {
			continue
		}
		kept = append(kept, rest[:snapshotEntrySize]...)
	}
	return resealed(kept, func(b []byte) []byte {
		binary.BigEndian.PutUint32(b[snapshotCRCEnd:], uint32((len(b)-snapshotHeaderSize)/snapshotEntrySize))
		return b
	})
}

// All that may still be sent again is recognised after a restart: a client whose
// requests in flight were written and not answered would otherwise write them twice.
func TestSnapshotRemembersEveryBatchInFlight(t *testing.T) {
	m := New(partition, nil)
	var batches []record.Batch
	for i := range 8 {
		b := write{id: 1, sequence: int32(2 * i), count: 2, offset: kafka.Offset(10 * i), timestamp: int64(i)}.batch()
		batches = append(batches, b)
		m.Update(b)
	}
	fsys := memfs.New()
	if _, err := m.TakeSnapshot(fsys, "/", 100); err != nil {
		t.Fatal(err)
	}
	loaded := New(partition, nil)
	if _, err := loaded.Load(fsys, "/", 0, 100, 0); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(loaded.Active(), m.Active()) {
		t.Errorf("producers %+v, want %+v", loaded.Active(), m.Active())
	}
	for i, b := range batches[len(batches)-window:] {
		d, err := loaded.Check(b, record.Client)
		if err != nil || d == nil || d.LastOffset != b.LastOffset() || d.Timestamp != b.MaxTimestamp() {
			t.Errorf("batch %d of the last %d, sent again: %+v, %v", i, window, d, err)
		}
	}
	if d, err := loaded.Check(batches[0], record.Client); d != nil || err == nil {
		t.Errorf("a batch that is forgotten: %+v, %v", d, err)
	}
}

// resealed gives a snapshot with its CRC made right after a change.
func resealed(data []byte, change func(b []byte) []byte) []byte {
	b := change(bytes.Clone(data))
	binary.BigEndian.PutUint32(b[2:], crc32.Checksum(b[snapshotCRCEnd:], castagnoli))
	return b
}

func TestDecodeSnapshotRefusesCorruption(t *testing.T) {
	data := golden(t, "00000000000000000024.snapshot")
	for i := range data { // Any flipped bit.
		b := bytes.Clone(data)
		b[i] ^= 1 << (i % 8)
		if _, err := decodeSnapshot(b); err == nil {
			t.Errorf("a change of byte %d was not noticed", i)
		}
	}
	for n := range data { // Any truncation.
		if _, err := decodeSnapshot(data[:n]); err == nil {
			t.Errorf("a cut to %d bytes was not noticed", n)
		}
	}
	const first, second, third = snapshotHeaderSize, snapshotHeaderSize + snapshotEntrySize, snapshotHeaderSize + 2*snapshotEntrySize
	for name, change := range map[string]func(b []byte) []byte{
		"other version":     func(b []byte) []byte { b[1] = 2; return b },
		"too many entries":  func(b []byte) []byte { binary.BigEndian.PutUint32(b[6:], 1<<30); return b },
		"negative entries":  func(b []byte) []byte { binary.BigEndian.PutUint32(b[6:], 1<<31); return b },
		"cut entry":         func(b []byte) []byte { return b[:len(b)-1] },
		"id twice":          func(b []byte) []byte { copy(b[second:second+8], b[first:]); return b },
		"id again":          func(b []byte) []byte { copy(b[third:third+8], b[first:]); return b },
		"negative id":       func(b []byte) []byte { b[first] = 0xff; return b },
		"negative delta":    func(b []byte) []byte { b[first+22] = 0xff; return b },
		"delta over offset": func(b []byte) []byte { b[first+23] = 1; return b },
	} {
		_, err := decodeSnapshot(resealed(data, change))
		if corrupt := (*CorruptSnapshotError)(nil); !errors.As(err, &corrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := decodeSnapshot(resealed(data, func(b []byte) []byte { return append(b, 0) })); err != nil {
		t.Errorf("bytes after the last entry: %v", err) // Apache Kafka ignores them too.
	}
}

func TestSnapshotFileNames(t *testing.T) {
	if got := SnapshotFileName(42); got != "00000000000000000042.snapshot" {
		t.Error(got)
	}
	for name, want := range map[string]kafka.Offset{
		"00000000000000000042.snapshot": 42, "42.snapshot": -1, "0000000000000000004x.snapshot": -1, "00000000000000000042.log": -1,
		"-0000000000000000001.snapshot": -1, "00000000000000000042.snapshot.deleted": -1, "99999999999999999999.snapshot": -1,
	} {
		if got, ok := ParseSnapshotFileName(name); ok != (want >= 0) || ok && got != want {
			t.Errorf("%s: %d, %t", name, got, ok)
		}
	}
}

// offsetsIn lists the snapshots in the root of a file system.
func offsetsIn(t *testing.T, fsys vfs.FS) []kafka.Offset {
	t.Helper()
	m := New(partition, nil)
	must(t, m.listSnapshots(fsys, "/"))
	return m.snapshots
}

// chain writes snapshots at 10, 20 and 30 of a producer that writes every offset.
func chain(t *testing.T, fsys vfs.FS) (*Manager, []record.Batch) {
	t.Helper()
	m := New(partition, nil)
	var log []record.Batch
	for o := range int32(35) {
		if o > 0 && o%10 == 0 {
			written, err := m.TakeSnapshot(fsys, "/", kafka.Offset(o))
			must(t, err)
			if !written {
				t.Fatalf("no snapshot at %d", o)
			}
		}
		b := write{id: 1, sequence: o, offset: kafka.Offset(o), timestamp: int64(o)}.batch()
		log = append(log, b)
		m.Update(b)
	}
	return m, log
}

func TestTakeSnapshotOnlyOfSomethingNew(t *testing.T) {
	fsys := memfs.New()
	m, _ := chain(t, fsys)
	for offset, want := range map[kafka.Offset]bool{30: false} {
		if got, err := m.TakeSnapshot(fsys, "/", offset); got != want || err != nil {
			t.Errorf("snapshot at %d: %t, %v", offset, got, err)
		}
	}
	if latest, _ := m.LatestSnapshotOffset(); latest != 30 {
		t.Errorf("latest %d", latest)
	}
	if oldest, _ := m.OldestSnapshotOffset(); oldest != 10 {
		t.Errorf("oldest %d", oldest)
	}
	must(t, SyncSnapshot(fsys, "/", 20))
	must(t, SyncSnapshot(fsys, "/", 21)) // Deleted meanwhile.
	crashed := fsys.CrashClone(memfs.CrashOptions{})
	data, err := vfs.ReadFile(crashed, "/"+SnapshotFileName(20))
	must(t, err)
	_, err = decodeSnapshot(data)
	must(t, err)
}

func TestLoadTakesTheNewestGoodSnapshot(t *testing.T) {
	for name, test := range map[string]struct {
		damage     func(fsys *memfs.FS) error
		start, end kafka.Offset
		from       kafka.Offset
		left       []kafka.Offset
	}{
		"newest":               {end: 35, from: 30, left: []kafka.Offset{10, 20, 30}},
		"log ends before it":   {end: 29, from: 20, left: []kafka.Offset{10, 20}},
		"log ends at it":       {end: 30, from: 30, left: []kafka.Offset{10, 20, 30}},
		"log begins after it":  {start: 15, end: 35, from: 30, left: []kafka.Offset{20, 30}},
		"log begins at it":     {start: 30, end: 35, from: 30, left: nil},
		"newest is empty":      {end: 35, from: 20, left: []kafka.Offset{10, 20}, damage: damage(30, nil)},
		"two are torn":         {end: 35, from: 10, left: []kafka.Offset{10}, damage: both(damage(30, []byte("x")), damage(20, make([]byte, 56)))},
		"all are gone":         {end: 35, from: 0, damage: func(fsys *memfs.FS) error { return fsys.Remove("/" + SnapshotFileName(10)) }, start: 0},
		"other files are left": {end: 35, from: 30, left: []kafka.Offset{10, 20, 30}, damage: func(fsys *memfs.FS) error { return vfs.WriteFile(fsys, "/00000000000000000031.log", nil) }},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := memfs.New()
			_, log := chain(t, fsys)
			if name == "all are gone" {
				must(t, fsys.Remove("/"+SnapshotFileName(20)))
				must(t, fsys.Remove("/"+SnapshotFileName(30)))
			}
			if test.damage != nil {
				must(t, test.damage(fsys))
			}
			m := New(partition, nil)
			from, err := m.Load(fsys, "/", test.start, test.end, 100)
			must(t, err)
			if from != test.from || m.MapEndOffset() != from {
				t.Errorf("replay from %d, want %d", from, test.from)
			}
			if left := offsetsIn(t, fsys); !slices.Equal(left, test.left) {
				t.Errorf("snapshots left %v, want %v", left, test.left)
			}
			for _, b := range log[from:test.end] {
				_, err := m.Replay(b)
				must(t, err)
			}
			if e := m.Active()[0]; e.LastSequence != int32(test.end)-1 || m.MapEndOffset() != test.end {
				t.Errorf("after replay %+v, map end %d", e, m.MapEndOffset())
			}
		})
	}
}

func damage(offset kafka.Offset, content []byte) func(fsys *memfs.FS) error {
	return func(fsys *memfs.FS) error { return vfs.WriteFile(fsys, "/"+SnapshotFileName(offset), content) }
}

func both(a, b func(*memfs.FS) error) func(*memfs.FS) error {
	return func(fsys *memfs.FS) error { return errors.Join(a(fsys), b(fsys)) }
}

func TestLoadAfterTruncation(t *testing.T) {
	fsys := memfs.New()
	m, _ := chain(t, fsys)
	if from, err := m.Load(fsys, "/", 0, 35, 100); from != 35 || err != nil || m.producers[1].n != window {
		t.Errorf("nothing truncated: replay from %d, %v", from, err)
	}
	if from, err := m.Load(fsys, "/", 0, 25, 100); from != 20 || err != nil || m.producers[1].n != window {
		t.Errorf("truncated to 25: replay from %d, %v", from, err)
	}
	// Without producers nothing needs to be read again.
	m = New(partition, nil)
	m.SetMapEndOffset(50)
	if from, err := m.Load(memfs.New(), "/", 0, 25, 100); from != 25 || err != nil {
		t.Errorf("no producers: replay from %d, %v", from, err)
	}
}

func TestLoadForgetsExpiredProducers(t *testing.T) {
	fsys := memfs.New()
	config := new(Config)
	config.ExpirationMs.Store(50)
	m := New(partition, config)
	m.Update(write{id: 1, timestamp: 100}.batch())
	m.Update(write{id: 2, offset: 1, timestamp: 100, transactional: true}.batch())
	m.Update(write{id: 3, offset: 2, timestamp: 101}.batch())
	_, err := m.TakeSnapshot(fsys, "/", 3)
	must(t, err)
	m = New(partition, config)
	_, err = m.Load(fsys, "/", 0, 3, 150)
	must(t, err)
	if m.Len() != 2 || m.producers[1] != nil {
		t.Errorf("producers %+v", m.Active())
	}
}

func TestOnLogStartOffsetIncremented(t *testing.T) {
	fsys := memfs.New()
	m, _ := chain(t, fsys)
	m.Update(write{id: 2, offset: 35, transactional: true}.batch())
	m.Update(end{id: 2, offset: 36}.batch())
	m.OnLogStartOffsetIncremented(40)
	wantUnstable(t, m, -1)
	if m.MapEndOffset() != 40 || m.Len() != 2 {
		t.Errorf("map end %d, %d producers", m.MapEndOffset(), m.Len())
	}
}

func TestRemoveSnapshots(t *testing.T) {
	for name, test := range map[string]struct {
		remove func(m *Manager, fsys vfs.FS) error
		left   []kafka.Offset
	}{
		"before 20":         {func(m *Manager, fsys vfs.FS) error { return m.DeleteSnapshotsBefore(fsys, "/", 20) }, []kafka.Offset{20, 30}},
		"of a segment":      {func(m *Manager, fsys vfs.FS) error { return m.RemoveSnapshot(fsys, "/", 20) }, []kafka.Offset{10, 30}},
		"of no segment":     {func(m *Manager, fsys vfs.FS) error { return m.RemoveSnapshot(fsys, "/", 25) }, []kafka.Offset{10, 20, 30}},
		"all":               {func(m *Manager, fsys vfs.FS) error { return m.TruncateFullyAndStartAt(fsys, "/", 99) }, nil},
		"strays, one newer": {func(m *Manager, fsys vfs.FS) error { return m.RemoveStraySnapshots(fsys, "/", []kafka.Offset{0, 10}) }, []kafka.Offset{10, 30}},
		"strays": {func(m *Manager, fsys vfs.FS) error {
			return m.RemoveStraySnapshots(fsys, "/", []kafka.Offset{0, 10, 40})
		}, []kafka.Offset{10}},
		"no strays": {func(m *Manager, fsys vfs.FS) error {
			return m.RemoveStraySnapshots(fsys, "/", []kafka.Offset{10, 20, 30})
		}, []kafka.Offset{10, 20, 30}},
		"no segments": {func(m *Manager, fsys vfs.FS) error { return m.RemoveStraySnapshots(fsys, "/", nil) }, []kafka.Offset{30}},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := memfs.New()
			m, _ := chain(t, fsys)
			for _, o := range []kafka.Offset{10, 20, 30} {
				must(t, SyncSnapshot(fsys, "/", o))
			}
			must(t, test.remove(m, fsys))
			for where, fsys := range map[string]vfs.FS{"now": fsys, "after a power failure": fsys.CrashClone(memfs.CrashOptions{})} {
				if left := offsetsIn(t, fsys); !slices.Equal(left, test.left) {
					t.Errorf("%s: snapshots left %v, want %v", where, left, test.left)
				}
			}
			if !slices.Equal(m.snapshots, test.left) {
				t.Errorf("remembered %v, want %v", m.snapshots, test.left)
			}
			if name == "all" && (m.MapEndOffset() != 99 || m.Len() != 0) {
				t.Errorf("map end %d, %d producers", m.MapEndOffset(), m.Len())
			}
		})
	}
}

// TestLoadAfterCrash cuts the power while snapshots are written, which nobody
// syncs: whatever is left, loading and replaying must give the state.
func TestLoadAfterCrash(t *testing.T) {
	froms := map[kafka.Offset]int{}
	for seed := range uint64(300) {
		mem := memfs.New()
		live, log := chain(t, mem)
		fsys := mem.CrashClone(memfs.CrashOptions{Seed: seed, KeepPercent: 60, TearPercent: 30})
		m := New(partition, nil)
		from, err := m.Load(fsys, "/", 0, 35, 100)
		must(t, err)
		froms[from]++
		for _, b := range log[from:] {
			_, err := m.Replay(b)
			must(t, err)
		}
		if !reflect.DeepEqual(m.Active(), live.Active()) {
			t.Fatalf("seed %d, from %d: %+v, want %+v", seed, from, m.Active(), live.Active())
		}
	}
	if len(froms) != 4 {
		t.Errorf("replays from %v, want all of 0, 10, 20, 30", froms)
	}
}

// TestEveryError lets the n-th operation of taking, loading and removing
// snapshots fail: it is reported, and once the disk works again so does the state.
func TestEveryError(t *testing.T) {
	boom := errors.New("boom")
	steps := func(fsys vfs.FS) error {
		m := managerWith(write{id: 1, count: 10}.batch())
		_, err := m.TakeSnapshot(fsys, "/", 10)
		if err == nil {
			err = SyncSnapshot(fsys, "/", 10)
		}
		if err == nil {
			m = New(partition, nil)
			_, err = m.Load(fsys, "/", 0, 10, 100)
		}
		if err == nil {
			_, err = m.Load(fsys, "/", 0, 5, 100)
		}
		if err == nil {
			err = m.RemoveStraySnapshots(fsys, "/", nil)
		}
		if err == nil {
			err = m.TruncateFullyAndStartAt(fsys, "/", 0)
		}
		return err
	}
	for n := 1; ; n++ {
		fsys := faultfs.New(memfs.New())
		// Closing after a read may fail unnoticed.
		fault := fsys.FailNth(n, boom, faultfs.Create, faultfs.Open, faultfs.Read, faultfs.Size, faultfs.Write,
			faultfs.Sync, faultfs.Remove, faultfs.ReadDir, faultfs.SyncDir)
		err := steps(fsys)
		if fault.Hits() == 0 {
			must(t, err)
			if n < 12 {
				t.Errorf("only %d operations", n-1)
			}
			return
		}
		if !errors.Is(err, boom) {
			t.Fatalf("n = %d: %v", n, err)
		}
		must(t, steps(fsys))
	}
}

func FuzzDecodeSnapshot(f *testing.F) {
	f.Add(golden(f, "00000000000000000024.snapshot")[snapshotCRCEnd:])
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		data := resealed(append([]byte{0, snapshotVersion, 0, 0, 0, 0}, body...), func(b []byte) []byte { return b })
		entries, err := decodeSnapshot(data)
		if err != nil {
			return
		}
		m := New(partition, nil)
		m.restore(entries, 0)
		m.RemoveExpired(0)
		m.HasLateTransaction(1<<60, 0)
		for _, e := range m.Active() {
			_, _ = m.Check(write{id: e.ProducerID, epoch: e.ProducerEpoch}.batch(), record.Client)
			m.Update(write{id: e.ProducerID, epoch: e.ProducerEpoch, transactional: true}.batch())
			m.Update(end{id: e.ProducerID, epoch: e.ProducerEpoch, offset: 1}.batch())
		}
		if _, err := decodeSnapshot(encodeSnapshot(m.producers)); err != nil {
			t.Fatal(err)
		}
	})
}
