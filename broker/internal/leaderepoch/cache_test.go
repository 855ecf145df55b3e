package leaderepoch

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cacheOf gives a history from pairs of epoch and start offset.
func cacheOf(pairs ...[2]int64) *Cache {
	c := New(memfs.New(), "/"+File)
	for _, p := range pairs {
		c.Assign(kafka.LeaderEpoch(p[0]), kafka.Offset(p[1]))
	}
	return c
}

func wantEntries(t *testing.T, c *Cache, pairs ...[2]int64) {
	t.Helper()
	got := [][2]int64{}
	for _, e := range c.Entries() {
		got = append(got, [2]int64{int64(e.Epoch), int64(e.StartOffset)})
	}
	if !slices.Equal(got, pairs) {
		t.Errorf("history %v, want %v", got, pairs)
	}
}

func TestFileAsApacheKafka(t *testing.T) {
	golden, err := os.ReadFile("testdata/" + File) // Written by Apache Kafka 4.4.0.
	must(t, err)
	c := cacheOf([2]int64{0, 0}, [2]int64{3, 100}, [2]int64{4, 9000000000})
	must(t, c.Flush())
	written, err := vfs.ReadFile(c.fsys, c.path)
	must(t, err)
	if string(written) != string(golden) {
		t.Errorf("wrote %q, Apache Kafka %q", written, golden)
	}
	read, err := Open(c.fsys, c.path)
	must(t, err)
	wantEntries(t, read, [2]int64{0, 0}, [2]int64{3, 100}, [2]int64{4, 9000000000})
}

func TestOpen(t *testing.T) {
	for name, test := range map[string]struct {
		text    string
		want    [][2]int64
		corrupt bool
	}{
		"empty":             {text: ""},
		"no entries":        {text: "0\n0\n"},
		"contradiction":     {text: "0\n3\n1 0\n2 50\n3 20\n", want: [][2]int64{{1, 0}, {3, 20}}},
		"negative epoch":    {text: "0\n1\n-1 0\n", corrupt: true},
		"three fields":      {text: "0\n1\n1 0 0\n", corrupt: true},
		"no number":         {text: "0\n1\n1 x\n", corrupt: true},
		"wrong count":       {text: "0\n2\n1 0\n", corrupt: true},
		"epoch of 64 bits":  {text: "0\n1\n4294967296 0\n", corrupt: true},
		"offset of 64 bits": {text: "0\n1\n1 4294967296\n", want: [][2]int64{{1, 4294967296}}},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := memfs.New()
			must(t, vfs.WriteFile(fsys, "/f", []byte(test.text)))
			c, err := Open(fsys, "/f")
			corrupt := (*checkpoint.CorruptError)(nil)
			if errors.As(err, &corrupt) != test.corrupt || err != nil && !test.corrupt {
				t.Fatal(err)
			}
			if err == nil {
				wantEntries(t, c, test.want...)
			}
		})
	}
	c, err := Open(memfs.New(), "/missing")
	must(t, err)
	wantEntries(t, c)
}

func TestAssign(t *testing.T) {
	c := cacheOf()
	for _, step := range []struct {
		epoch, start int64
		news         bool
		want         [][2]int64
	}{
		{-1, 0, false, nil},
		{0, -1, false, nil},
		{2, 10, true, [][2]int64{{2, 10}}},
		{2, 10, false, [][2]int64{{2, 10}}},
		{2, 20, false, [][2]int64{{2, 10}}},
		{2, 5, true, [][2]int64{{2, 5}}},
		{3, 30, true, [][2]int64{{2, 5}, {3, 30}}},
		{4, 30, true, [][2]int64{{2, 5}, {4, 30}}}, // Epoch 3 wrote nothing.
		{5, 40, true, [][2]int64{{2, 5}, {4, 30}, {5, 40}}},
		{3, 50, true, [][2]int64{{2, 5}, {3, 50}}}, // Higher epochs contradict.
		{7, 2, true, [][2]int64{{7, 2}}},           // So do later starts.
	} {
		if got := c.Assign(kafka.LeaderEpoch(step.epoch), kafka.Offset(step.start)); got != step.news {
			t.Errorf("Assign(%d, %d) = %t", step.epoch, step.start, got)
		}
		wantEntries(t, c, step.want...)
	}
}

func TestEndOffsetFor(t *testing.T) {
	c := cacheOf([2]int64{2, 5}, [2]int64{4, 20}, [2]int64{7, 30})
	for _, test := range []struct{ requested, epoch, offset int64 }{
		{-1, -1, -1},
		{0, 0, 5},  // Below all: itself, and where the first begins.
		{2, 2, 20}, // Known: up to the next.
		{3, 2, 20}, // Between: the one below (KIP-279).
		{4, 4, 30},
		{6, 4, 30},
		{7, 7, 99},  // The latest: the log's end.
		{8, -1, -1}, // Above all.
	} {
		epoch, offset := c.EndOffsetFor(kafka.LeaderEpoch(test.requested), 99)
		if int64(epoch) != test.epoch || int64(offset) != test.offset {
			t.Errorf("EndOffsetFor(%d) = %d, %d, want %d, %d", test.requested, epoch, offset, test.epoch, test.offset)
		}
	}
	if epoch, offset := cacheOf().EndOffsetFor(0, 99); epoch != -1 || offset != -1 {
		t.Errorf("empty history: %d, %d", epoch, offset)
	}
}

func TestEpochForOffset(t *testing.T) {
	c := cacheOf([2]int64{2, 5}, [2]int64{4, 20})
	for offset, want := range map[kafka.Offset]kafka.LeaderEpoch{0: -1, 4: -1, 5: 2, 19: 2, 20: 4, 1000: 4} {
		if got, ok := c.EpochForOffset(offset); got != want || ok != (want >= 0) {
			t.Errorf("EpochForOffset(%d) = %d, %t", offset, got, ok)
		}
	}
}

func TestLatest(t *testing.T) {
	if epoch, ok := cacheOf().Latest(); ok || epoch != kafka.NoLeaderEpoch {
		t.Errorf("empty: %d, %t", epoch, ok)
	}
	if e, ok := cacheOf([2]int64{2, 5}, [2]int64{4, 20}).LatestEntry(); !ok || e != (Entry{4, 20}) {
		t.Errorf("got %v, %t", e, ok)
	}
}

func TestTruncate(t *testing.T) {
	all := [][2]int64{{2, 5}, {4, 20}, {7, 30}}
	for _, test := range []struct {
		end  int64
		want [][2]int64
	}{{-1, all}, {0, nil}, {5, nil}, {6, all[:1]}, {20, all[:1]}, {21, all[:2]}, {30, all[:2]}, {31, all}} {
		c := cacheOf(all...)
		c.TruncateFromEnd(kafka.Offset(test.end))
		wantEntries(t, c, test.want...)
	}
	for _, test := range []struct {
		start int64
		want  [][2]int64
	}{
		{0, all},
		{4, all},
		{5, all},
		{6, [][2]int64{{2, 6}, {4, 20}, {7, 30}}},
		{19, [][2]int64{{2, 19}, {4, 20}, {7, 30}}},
		{20, [][2]int64{{4, 20}, {7, 30}}},
		{30, [][2]int64{{7, 30}}},
		{99, [][2]int64{{7, 99}}},
	} {
		c := cacheOf(all...)
		c.TruncateFromStart(kafka.Offset(test.start))
		wantEntries(t, c, test.want...)
	}
	c := cacheOf(all...)
	c.Clear()
	wantEntries(t, c)
}

func TestFlushWritesOnlyChanges(t *testing.T) {
	fsys := faultfs.New(memfs.New())
	c := New(fsys, "/d/"+File)
	must(t, fsys.MkdirAll("/d", 0o755))
	writes := func(flush func() error) int {
		t.Helper()
		before := fsys.Count(faultfs.Rename)
		must(t, flush())
		return fsys.Count(faultfs.Rename) - before
	}
	upTo := func(o kafka.Offset) func() error { return func() error { return c.FlushUpTo(o) } }
	if writes(c.Flush) != 0 {
		t.Error("an empty history was written")
	}
	c.Assign(1, 0)
	if fsys.Count(faultfs.Write) != 0 {
		t.Error("Assign wrote")
	}
	if writes(upTo(0)) != 0 {
		t.Error("an epoch without records was written")
	}
	if writes(upTo(1)) != 1 || writes(upTo(9)) != 0 || writes(c.Flush) != 0 {
		t.Error("the first epoch with records must be written once")
	}
	c.Assign(1, 5)
	c.TruncateFromStart(0)
	c.TruncateFromEnd(9)
	if writes(c.Flush) != 0 {
		t.Error("nothing changed, but it was written")
	}
	c.Assign(2, 10)
	if writes(c.Flush) != 1 {
		t.Error("a new epoch was not written")
	}
	c.TruncateFromEnd(10)
	if writes(upTo(10)) != 0 {
		t.Error("what the next truncation repeats was written")
	}
	if writes(upTo(20)) != 1 {
		t.Error("records of the old epoch where the file has the dropped one: not written")
	}
	must(t, fsys.Rename("/d", "/e"))
	c.SetPath("/e/" + File)
	c.TruncateFromStart(3)
	if writes(c.Flush) != 1 {
		t.Error("a new start was not written")
	}
	c.Clear()
	if writes(c.Flush) != 1 {
		t.Error("the empty history was not written")
	}
	read, err := Open(fsys, "/e/"+File)
	must(t, err)
	wantEntries(t, read)
}

func TestFailedFlushIsRepeated(t *testing.T) {
	boom := errors.New("boom")
	for n := 1; ; n++ {
		fsys := faultfs.New(memfs.New())
		c := New(fsys, "/"+File)
		c.Assign(1, 0)
		must(t, c.Flush())
		c.Assign(2, 10)
		fault := fsys.FailNth(n, boom)
		err := c.Flush()
		if fault.Hits() == 0 {
			must(t, err)
			return
		}
		if !errors.Is(err, boom) {
			t.Fatalf("n = %d: %v", n, err)
		}
		must(t, c.Flush())
		read, err := Open(fsys, c.path)
		must(t, err)
		wantEntries(t, read, [2]int64{1, 0}, [2]int64{2, 10})
	}
}

// TestCrashNeverLosesHistory plays a log with epochs, truncations, a recovery
// point and crashes. As the package demands, the cache is flushed before the
// recovery point moves, and after a crash it is truncated to the log's bounds and
// told of all batches after the recovery point. It must then answer as the one
// that did not crash, up to epochs without records.
func TestCrashNeverLosesHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fsys := memfs.New()
		c := New(fsys, "/"+File)
		var log []kafka.LeaderEpoch // The epoch of each record.
		recoveryPoint, epoch := 0, kafka.LeaderEpoch(0)
		t.Repeat(map[string]func(*rapid.T){
			"lead": func(t *rapid.T) {
				epoch += kafka.LeaderEpoch(rapid.IntRange(1, 2).Draw(t, "step"))
				c.Assign(epoch, kafka.Offset(len(log)))
			},
			"append": func(t *rapid.T) {
				c.Assign(epoch, kafka.Offset(len(log)))
				for range rapid.IntRange(1, 3).Draw(t, "records") {
					log = append(log, epoch)
				}
			},
			"truncate": func(t *rapid.T) {
				log = log[:rapid.IntRange(0, len(log)).Draw(t, "end")]
				c.TruncateFromEnd(kafka.Offset(len(log)))
				recoveryPoint = min(recoveryPoint, len(log))
			},
			"flush": func(t *rapid.T) {
				if err := c.FlushUpTo(kafka.Offset(len(log))); err != nil {
					t.Fatal(err)
				}
				recoveryPoint = len(log)
			},
			"crash": func(t *rapid.T) {
				seed := rapid.Uint64().Draw(t, "seed")
				fsys = fsys.CrashClone(memfs.CrashOptions{Seed: seed, KeepPercent: 50, TearPercent: 50})
				reopened, err := Open(fsys, "/"+File)
				if err != nil {
					t.Fatal(err)
				}
				reopened.TruncateFromStart(0)
				reopened.TruncateFromEnd(kafka.Offset(len(log)))
				for o := recoveryPoint; o < len(log); o++ {
					reopened.Assign(log[o], kafka.Offset(o))
				}
				c.TruncateFromEnd(kafka.Offset(len(log)))
				if !reflect.DeepEqual(c.Entries(), reopened.Entries()) && len(c.Entries())+len(reopened.Entries()) > 0 {
					t.Fatalf("history %v, before the crash %v", reopened.Entries(), c.Entries())
				}
				c = reopened
			},
			"": func(t *rapid.T) {
				for o, want := range log {
					if got, ok := c.EpochForOffset(kafka.Offset(o)); got != want || !ok {
						t.Fatalf("epoch of offset %d is %d, %t, want %d", o, got, ok, want)
					}
				}
			},
		})
	})
}

func TestIdlePartitionIsSmall(t *testing.T) {
	fsys, path := vfs.FS(memfs.New()), "/"+File
	got := testing.AllocsPerRun(100, func() {
		c := New(fsys, path)
		c.Assign(1, 0)
	})
	if got > 2 {
		t.Errorf("%v allocations for a partition with one epoch", got)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("0\n3\n0 0\n3 100\n4 9000000000\n"))
	f.Add([]byte("0\n2\n1 5\n2 3\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := memfs.New()
		must(t, vfs.WriteFile(fsys, "/f", data))
		c, err := Open(fsys, "/f")
		if err != nil {
			if !strings.Contains(err.Error(), "corrupt") {
				t.Fatal(err)
			}
			return
		}
		entries := c.Entries()
		for i := 1; i < len(entries); i++ {
			if entries[i-1].Epoch >= entries[i].Epoch || entries[i-1].StartOffset >= entries[i].StartOffset {
				t.Fatal(fmt.Sprint("not monotonic: ", entries))
			}
		}
	})
}
