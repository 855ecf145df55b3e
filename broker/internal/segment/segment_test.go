package segment

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

var testLimits = Limits{SegmentBytes: 1 << 30, SegmentMs: math.MaxInt64, IndexBytes: 1 << 20, IndexInterval: 200}

// oneRecord builds a batch whose timestamp is its offset.
func oneRecord(offset kafka.Offset, size int) record.Batch {
	b := record.NewBuilder(record.NewOptions(offset))
	b.Append(int64(offset), nil, make([]byte, size))
	return b.Build()
}

func newTestSegment(t testing.TB, fs vfs.FS, base kafka.Offset, batches int) *Segment {
	t.Helper()
	if err := fs.MkdirAll("/p-0", 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Create(NewDir(fs, "/p-0", NewHandles(0)), base, testLimits, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range batches {
		if err := s.Append(oneRecord(base+kafka.Offset(i), 50+i%40), testLimits); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// checkLookups reads and searches every offset and timestamp.
func checkLookups(t *testing.T, s *Segment, n int) {
	t.Helper()
	for i := range n {
		o := s.BaseOffset() + kafka.Offset(i)
		slice, found, err := s.Read(o, 1, math.MaxInt64, true)
		if err != nil || !found || slice.BaseOffset != o {
			t.Fatalf("read at %d: %+v, %v, %v", o, slice, found, err)
		}
		slice.Release()
		if f, ok, err := s.FindTimestamp(int64(o), s.BaseOffset()); err != nil || !ok || f.Offset != o {
			t.Fatalf("timestamp %d: %+v, %v, %v", o, f, ok, err)
		}
	}
}

func TestLookupsFromBufferAndFile(t *testing.T) {
	const n = 3000 // Enough entries to fill the buffers twice.
	fs := memfs.New()
	s := newTestSegment(t, fs, 7, n)
	checkLookups(t, s, n)
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	checkLookups(t, s, n)
	again := Open(NewDir(fs, "/p-0", NewHandles(2)), 7, s.Size(), 7+n, 0)
	checkLookups(t, again, n)
	if got, err := again.LargestTimestamp(); err != nil || got.Timestamp != 7+n-1 {
		t.Errorf("largest timestamp %+v, %v", got, err)
	}
	if f, ok, err := again.FindLargest(); err != nil || !ok || f.Offset != 7+n-1 {
		t.Errorf("record with the largest timestamp %+v, %v, %v", f, ok, err)
	}
}

// Who waits for records and is given the last batch costs no read; what it gets is what
// somebody gets who has opened the files just now.
func TestTheLastBatchIsKnown(t *testing.T) {
	fs := faultfs.New(memfs.New())
	s := newTestSegment(t, fs, 7, 20)
	b := record.NewBuilder(record.NewOptions(27))
	for range 3 {
		b.Append(27, nil, make([]byte, 50))
	}
	if err := s.Append(b.Build(), testLimits); err != nil {
		t.Fatal(err)
	}
	opened := Open(NewDir(fs, "/p-0", NewHandles(2)), 7, s.Size(), s.NextOffset(), 0)
	for from := kafka.Offset(24); from <= 31; from++ {
		for upTo := from; upTo <= 31; upTo++ {
			for _, maxBytes := range []int{1, 500, 1 << 20} {
				for _, minOne := range []bool{true, false} {
					reads := fs.Count(faultfs.Read)
					got, gotFound, err := s.Read(from, maxBytes, upTo, minOne)
					if err != nil {
						t.Fatal(err)
					}
					if n := fs.Count(faultfs.Read) - reads; n > 0 && from >= 27 {
						t.Fatalf("from %d up to %d: %d reads", from, upTo, n)
					}
					got.Release()
					want, wantFound, err := opened.Read(from, maxBytes, upTo, minOne)
					if err != nil {
						t.Fatal(err)
					}
					want.Release()
					if got != want || gotFound != wantFound {
						t.Fatalf("from %d up to %d, %d bytes, %v: %+v %v, want %+v %v", from, upTo, maxBytes, minOne, got, gotFound, want, wantFound)
					}
				}
			}
		}
	}
}

func TestIndexFilesAreKafkas(t *testing.T) {
	fs := memfs.New()
	s := newTestSegment(t, fs, 100, 10)
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	index, err := vfs.ReadFile(fs, "/p-0/00000000000000000100.index")
	if err != nil || len(index) == 0 || len(index)%8 != 0 {
		t.Fatalf("%d bytes of .index, %v", len(index), err)
	}
	log, err := vfs.ReadFile(fs, "/p-0/00000000000000000100.log")
	if err != nil || int64(len(log)) != s.Size() {
		t.Fatalf("%d bytes of .log, %v", len(log), err)
	}
	for ; len(index) > 0; index = index[8:] {
		relative, position := binary.BigEndian.Uint32(index), binary.BigEndian.Uint32(index[4:])
		if b, _, err := record.Read(log[position:]); err != nil || b.LastOffset() != 100+kafka.Offset(relative) {
			t.Errorf("entry of %d points to %v, %v", relative, b, err)
		}
	}
	times, err := vfs.ReadFile(fs, "/p-0/00000000000000000100.timeindex")
	if err != nil || len(times)%12 != 0 {
		t.Fatalf("%d bytes of .timeindex, %v", len(times), err)
	}
	last := times[len(times)-12:]
	if ts, relative := binary.BigEndian.Uint64(last), binary.BigEndian.Uint32(last[8:]); ts != 109 || relative != 9 {
		t.Errorf("the last time entry is %d at %d", ts, relative)
	}
}

func TestShouldRoll(t *testing.T) {
	fs := memfs.New()
	s := newTestSegment(t, fs, 0, 10)
	limits := testLimits
	for name, tc := range map[string]struct {
		bytes  int
		last   kafka.Offset
		max    int64
		change func(*Limits)
		want   bool
	}{
		"fits":                {10, 10, 10, func(*Limits) {}, false},
		"full":                {10, 10, 10, func(l *Limits) { l.SegmentBytes = s.Size() + 9 }, true},
		"just fits":           {10, 10, 10, func(l *Limits) { l.SegmentBytes = s.Size() + 10 }, false},
		"offset too far":      {10, math.MaxInt32 + 1, 10, func(*Limits) {}, true},
		"offset at the limit": {10, math.MaxInt32, 10, func(*Limits) {}, false},
		"index full":          {10, 10, 10, func(l *Limits) { l.IndexBytes = 8 }, true},
		"older than the age":  {10, 10, 101, func(l *Limits) { l.SegmentMs = 100 }, true},
		"as old as the age":   {10, 10, 100, func(l *Limits) { l.SegmentMs = 100 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := limits
			tc.change(&l)
			if got, err := s.ShouldRoll(tc.bytes, tc.last, tc.max, 0, l); err != nil || got != tc.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestTruncateDropsWholeBatches(t *testing.T) {
	for _, n := range []int{1, 20, 3000} {
		for _, to := range []int{0, 1, n / 2, n - 1, n} {
			t.Run(fmt.Sprintf("%d of %d", to, n), func(t *testing.T) {
				s := newTestSegment(t, memfs.New(), 5, n)
				next, err := s.TruncateTo(5+kafka.Offset(to), testLimits)
				if err != nil || next != 5+kafka.Offset(to) || s.NextOffset() != next {
					t.Fatalf("next offset %d, %v", next, err)
				}
				checkLookups(t, s, to)
				for i := to; i < to+30; i++ {
					if err := s.Append(oneRecord(5+kafka.Offset(i), 100), testLimits); err != nil {
						t.Fatal(err)
					}
				}
				checkLookups(t, s, to+30)
			})
		}
	}
}

func TestRecoverCutsATornEnd(t *testing.T) {
	for _, damage := range []string{"cut", "flip", "garbage", "none"} {
		for _, from := range []kafka.Offset{0, 50, 90, 100} {
			t.Run(fmt.Sprintf("%s from %d", damage, from), func(t *testing.T) {
				fs := memfs.New()
				s := newTestSegment(t, fs, 0, 100)
				if err := s.Seal(); err != nil {
					t.Fatal(err)
				}
				f, err := fs.OpenFile(s.Path(), os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				size, want := s.Size(), kafka.Offset(100)
				switch damage {
				case "cut":
					err, want = f.Truncate(size-10), 99
				case "flip":
					_, err = f.WriteAt([]byte{0xff}, size-5)
					want = 99
				case "garbage":
					_, err = f.WriteAt(make([]byte, 5000), size)
				}
				if err != nil {
					t.Fatal(err)
				}
				again := Open(NewDir(fs, "/p-0", NewHandles(0)), 0, size, 0, 0)
				seen := kafka.Offset(100)
				if _, err := again.Recover(testLimits, from, func(b record.Batch) error {
					seen = min(seen, b.BaseOffset())
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if again.NextOffset() != want || seen > from {
					t.Errorf("ends at %d, want %d; looked at %d on", again.NextOffset(), want, seen)
				}
				checkLookups(t, again, int(want))
			})
		}
	}
}

func TestAbortedTransactionsSurvive(t *testing.T) {
	fs := memfs.New()
	s := newTestSegment(t, fs, 0, 30)
	txns := []AbortedTxn{{ProducerID: 1, FirstOffset: 2, LastOffset: 5, LastStableOffset: 3}, {ProducerID: 2, FirstOffset: 3, LastOffset: 9, LastStableOffset: 10}}
	for _, txn := range txns {
		if err := s.AppendAborted(txn); err != nil {
			t.Fatal(err)
		}
	}
	again := Open(NewDir(fs, "/p-0", NewHandles(0)), 0, s.Size(), 30, 0)
	got, done, err := again.Aborted(nil, 0, 4)
	if err != nil || !done || len(got) != 2 {
		t.Fatalf("%v, %v, %v", got, done, err)
	}
	if got, _, _ := again.Aborted(nil, 6, 30); len(got) != 1 || got[0] != txns[1] {
		t.Fatalf("%v", got)
	}
	if _, err := s.TruncateTo(9, testLimits); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := s.Aborted(nil, 0, 30); len(got) != 1 || got[0] != txns[0] {
		t.Fatalf("after a truncation: %v", got)
	}
}

func TestAbortedTransactionsOfARange(t *testing.T) {
	txns := []AbortedTxn{
		{ProducerID: 1, FirstOffset: 0, LastOffset: 10, LastStableOffset: 11},
		{ProducerID: 2, FirstOffset: 5, LastOffset: 20, LastStableOffset: 21},
		{ProducerID: 1, FirstOffset: 12, LastOffset: 30, LastStableOffset: 25},
	}
	s := newTestSegment(t, memfs.New(), 0, 0)
	for _, txn := range txns {
		if err := s.AppendAborted(txn); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		from, upTo kafka.Offset
		want       []AbortedTxn
		done       bool
	}{
		{0, 100, txns, false},
		{0, 5, txns[:1], true},
		{0, 6, txns[:1], true}, // The first entry says that nothing else ends below 11.
		{0, 12, txns[:2], true},
		{0, 13, txns[:2], true},
		{10, 25, txns, true},
		{11, 26, txns[1:], false},
		{31, 100, nil, false},
	} {
		got, done, err := s.Aborted(nil, test.from, test.upTo)
		if err != nil || !slices.Equal(got, test.want) || done != test.done {
			t.Errorf("[%d, %d): %+v, %t, %v, want %+v, %t", test.from, test.upTo, got, done, err, test.want, test.done)
		}
	}
}

func TestFileNames(t *testing.T) {
	if got := FileName(42, LogSuffix); got != "00000000000000000042.log" {
		t.Error(got)
	}
	for name, want := range map[string]string{
		"00000000000000000042.log": ".log", "00000000000000000042.log.deleted": ".log.deleted", "00000000000000000042.timeindex.swap": ".timeindex.swap",
	} {
		if base, suffix, ok := ParseFileName(name); !ok || base != 42 || suffix != want {
			t.Errorf("%s: %d, %s, %v", name, base, suffix, ok)
		}
	}
	for _, name := range []string{"", ".log", "-1.log", "+1.log", "leader-epoch-checkpoint", "partition.metadata", "99999999999999999999.log"} {
		if base, suffix, ok := ParseFileName(name); ok {
			t.Errorf("%s: %d, %s", name, base, suffix)
		}
	}
}

// FuzzIndexFiles opens a segment with any bytes as its indexes: recovery from
// its start makes them right, and recovery of the end alone never fails, panics
// or loses the end.
func FuzzIndexFiles(f *testing.F) {
	fs := memfs.New()
	s := newTestSegment(f, fs, 0, 60)
	if err := s.Seal(); err != nil {
		f.Fatal(err)
	}
	read := func(suffix string) []byte {
		b, err := vfs.ReadFile(fs, s.path(suffix))
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	log, index, times := read(LogSuffix), read(IndexSuffix), read(TimeIndexSuffix)
	f.Add(index, times, uint8(60))
	f.Add(index[:len(index)-3], times[:len(times)-5], uint8(30))
	f.Add(make([]byte, 80), make([]byte, 120), uint8(60))
	f.Add([]byte{}, times, uint8(60))
	f.Add(index, []byte{}, uint8(60))
	f.Fuzz(func(t *testing.T, index, times []byte, from uint8) {
		fs := memfs.New()
		if err := fs.MkdirAll("/p-0", 0o755); err != nil {
			t.Fatal(err)
		}
		for suffix, b := range map[string][]byte{LogSuffix: log, IndexSuffix: index, TimeIndexSuffix: times} {
			if err := vfs.WriteFile(fs, "/p-0/"+FileName(0, suffix), b); err != nil {
				t.Fatal(err)
			}
		}
		nothing := func(record.Batch) error { return nil }
		for _, from := range []kafka.Offset{kafka.Offset(from), 0} {
			s := Open(NewDir(fs, "/p-0", NewHandles(0)), 0, int64(len(log)), 0, 0)
			if cut, err := s.Recover(testLimits, from, nothing); err != nil || cut != 0 || s.NextOffset() != 60 {
				t.Fatalf("recovery from %d: cut %d, ends at %d, %v", from, cut, s.NextOffset(), err)
			}
			if from == 0 {
				checkLookups(t, s, 60)
			}
		}
		s := Open(NewDir(fs, "/p-0", NewHandles(0)), 0, int64(len(log)), 0, 0)
		if _, err := s.LoadTail(testLimits); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzTxnIndex(f *testing.F) {
	f.Add(producerstate.AbortedTxn{ProducerID: 1, FirstOffset: 2, LastOffset: 5, LastStableOffset: 3}.AppendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, _ := parseTxnEntries(b, 0)
		if len(entries)*txnEntrySize > len(b) {
			t.Fatalf("%d entries of %d bytes", len(entries), len(b))
		}
	})
}
