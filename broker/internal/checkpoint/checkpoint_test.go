package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// The files in testdata were written by Apache Kafka 4.4.0.

func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put gives a file system with one file in its root.
func put(t testing.TB, name string, data []byte) *memfs.FS {
	t.Helper()
	fsys := memfs.New()
	must(t, vfs.WriteFile(fsys, "/"+name, data))
	return fsys
}

func wantCorrupt(t *testing.T, err error, reason string) {
	t.Helper()
	corrupt := (*CorruptError)(nil)
	if !errors.As(err, &corrupt) || !strings.Contains(err.Error(), reason) {
		t.Errorf("error %v, want a CorruptError with %q", err, reason)
	}
}

var topicID = kafka.UUID{
	0xc6, 0xdc, 0xd6, 0x58, 0xde, 0x1b, 0x4e, 0x38, 0xad, 0xa4, 0xbd, 0xe4, 0x7d, 0xdf, 0x6c, 0xe6,
}

func TestOffsetsAsApacheKafka(t *testing.T) {
	want := map[kafka.TopicPartition]kafka.Offset{
		{Topic: "__consumer_offsets", Partition: 49}: 0,
		{Topic: "a.b_c-9", Partition: 0}:             9000000000,
	}
	data := golden(t, HighWatermarkFile)
	if got := encodeOffsets(want); string(got) != string(data) {
		t.Errorf("wrote %q, Apache Kafka %q", got, data)
	}
	got, err := ReadOffsets(put(t, "f", data), "/f")
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := encodeOffsets(nil); string(got) != "0\n0\n" {
		t.Errorf("no offsets: %q", got)
	}
}

func TestReadOffsets(t *testing.T) {
	tp := kafka.TopicPartition{Topic: "t", Partition: 1}
	for name, test := range map[string]struct {
		text    string
		corrupt string
		want    map[kafka.TopicPartition]kafka.Offset
	}{
		"empty file":            {text: ""},
		"only a version":        {text: "0\n"},
		"no entries":            {text: "0\n0\n"},
		"one entry":             {text: "0\n1\nt 1 5\n", want: map[kafka.TopicPartition]kafka.Offset{tp: 5}},
		"last line without end": {text: "0\n1\nt 1 5", want: map[kafka.TopicPartition]kafka.Offset{tp: 5}},
		"lines of Windows":      {text: "0\r\n1\r\nt 1 5\r\n", want: map[kafka.TopicPartition]kafka.Offset{tp: 5}},
		"much white space":      {text: "0\n1\nt \t1  5 \n", want: map[kafka.TopicPartition]kafka.Offset{tp: 5}},
		"named twice":           {text: "0\n2\nt 1 5\nt 1 6\n", want: map[kafka.TopicPartition]kafka.Offset{tp: 6}},
		"other version":         {text: "1\n0\n", corrupt: "unrecognised version 1"},
		"no version":            {text: "x\n0\n", corrupt: `malformed version "x"`},
		"no count":              {text: "0\nx\n", corrupt: `malformed number of entries "x"`},
		"negative count":        {text: "0\n-1\n", corrupt: "malformed number"},
		"too few entries":       {text: "0\n2\nt 1 5\n", corrupt: "expected 2 entries, found 1"},
		"too many entries":      {text: "0\n1\nt 1 5\nu 1 5\n", corrupt: "expected 1 entries, found 2"},
		"cut in an entry":       {text: "0\n1\nt 1", corrupt: `malformed line "t 1"`},
		"leading space":         {text: "0\n1\n t 1 5\n", corrupt: "malformed line"},
		"partition too large":   {text: "0\n1\nt 2147483648 5\n", corrupt: "malformed line"},
		"zeros":                 {text: "\x00\x00\x00", corrupt: "malformed version"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadOffsets(put(t, "f", []byte(test.text)), "/f")
			if test.corrupt != "" {
				wantCorrupt(t, err, test.corrupt)
				return
			}
			must(t, err)
			if len(got) != len(test.want) || len(got) > 0 && !cmp.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if got, err := ReadOffsets(memfs.New(), "/missing"); got == nil || len(got) > 0 || err != nil {
		t.Errorf("missing file: %v, %v", got, err)
	}
}

func TestOffsetsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(rapid.Custom(func(t *rapid.T) kafka.TopicPartition {
			return kafka.TopicPartition{
				Topic:     rapid.StringMatching(`[a-zA-Z0-9._-]{1,20}`).Draw(t, "topic"),
				Partition: rapid.Int32Min(0).Draw(t, "partition"),
			}
		}), rapid.Map(rapid.Int64Min(0), func(o int64) kafka.Offset { return kafka.Offset(o) })).Draw(t, "offsets")
		fsys := memfs.New()
		if err := WriteOffsets(fsys, "/f", want); err != nil {
			t.Fatal(err)
		}
		got, err := ReadOffsets(fsys, "/f")
		if err != nil || !cmp.Equal(got, want) {
			t.Fatalf("got %v, want %v, %v", got, want, err)
		}
	})
}

func TestMetaPropertiesAsApacheKafka(t *testing.T) {
	m := MetaProperties{Version: 1, ClusterID: "4L6g3nShT-eMCtK--X86sw", NodeID: 3, DirectoryID: topicID}
	data := golden(t, MetaPropertiesFile)
	now := time.Date(2026, 11, 23, 5, 16, 46, 0, time.UTC)
	if got := m.encode(now); string(got) != string(data) {
		t.Errorf("wrote %q, Apache Kafka %q", got, data)
	}
	got, err := ReadMetaProperties(put(t, MetaPropertiesFile, data), "/")
	must(t, err)
	if got != m {
		t.Errorf("read %+v", got)
	}
}

func TestMetaPropertiesEscapesAsJava(t *testing.T) {
	// Java writes the last letter as UTF-8 and reads it as Latin-1; an escape, which
	// we write, is read by everybody.
	m := MetaProperties{Version: 1, ClusterID: `we:ird =#!\ü`, NodeID: 3, DirectoryID: topicID}
	want := strings.Replace(string(golden(t, "utf8.meta.properties")), "ü", `\u00FC`, 1)
	data := m.encode(time.Date(2026, 11, 23, 5, 16, 46, 0, time.UTC))
	if string(data) != want {
		t.Errorf("wrote %q, want %q", data, want)
	}
	got, err := parseMetaProperties("f", data)
	must(t, err)
	if got != m {
		t.Errorf("read %+v", got)
	}
}

func TestReadMetaProperties(t *testing.T) {
	const id = "xtzWWN4bTjitpL3kfd9s5g"
	for name, test := range map[string]struct {
		text, corrupt string
		want          MetaProperties
	}{
		"version 1":            {text: "version=1\ncluster.id=c\nnode.id=7\ndirectory.id=" + id, want: MetaProperties{1, "c", 7, topicID}},
		"before KIP-858":       {text: "version=1\ncluster.id=c\nnode.id=7\n", want: MetaProperties{1, "c", 7, kafka.UUID{}}},
		"white space":          {text: " version : 1\n\tcluster.id c\nnode.id =7\n", want: MetaProperties{1, "c", 7, kafka.UUID{}}},
		"a reference stays":    {text: "version=1\ncluster.id=${HOME}\nnode.id=7\n", want: MetaProperties{1, "${HOME}", 7, kafka.UUID{}}},
		"version 0":            {text: "version=0\nbroker.id=4\ncluster.id=c\n", want: MetaProperties{0, "c", 4, kafka.UUID{}}},
		"version 0, empty":     {text: "", want: MetaProperties{0, "", kafka.NoNode, kafka.UUID{}}},
		"no cluster id":        {text: "version=1\nnode.id=7\n", corrupt: "cluster.id was not found"},
		"no node id":           {text: "version=1\ncluster.id=c\n", corrupt: "node.id was not found"},
		"node id is no number": {text: "version=1\ncluster.id=c\nnode.id=x\n", corrupt: "unable to read node.id as a base-10 number"},
		"bad directory id":     {text: "version=1\ncluster.id=c\nnode.id=7\ndirectory.id=x\n", corrupt: "unable to read directory.id"},
		"unknown version":      {text: "version=2\n", corrupt: "unknown version 2"},
		"version is no number": {text: "version=x\n", corrupt: `invalid version "x"`},
		"bad unicode escape":   {text: "version=\\u12\n", corrupt: "corrupt file"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadMetaProperties(put(t, MetaPropertiesFile, []byte(test.text)), "/")
			if test.corrupt != "" {
				wantCorrupt(t, err, test.corrupt)
				return
			}
			must(t, err)
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	if _, err := ReadMetaProperties(memfs.New(), "/"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	fsys := memfs.New()
	for _, want := range []bool{false, true} {
		if got, err := IsFormatted(fsys, "/"); got != want || err != nil {
			t.Errorf("IsFormatted = %t, %v", got, err)
		}
		must(t, WriteMetaProperties(fsys, "/", MetaProperties{Version: 1, ClusterID: "c"}, time.Now()))
	}
}

func TestCleanShutdown(t *testing.T) {
	fsys := memfs.New()
	check := func(wantEpoch kafka.BrokerEpoch, wantClean bool) {
		t.Helper()
		epoch, clean, err := ReadCleanShutdown(fsys, "/")
		if err != nil || epoch != wantEpoch || clean != wantClean {
			t.Errorf("got epoch %d, clean %t, %v", epoch, clean, err)
		}
	}
	check(NoBrokerEpoch, false)
	must(t, RemoveCleanShutdown(fsys, "/"))
	must(t, WriteCleanShutdown(fsys, "/", 42))
	check(42, true)
	data, err := vfs.ReadFile(fsys, "/"+CleanShutdownFile)
	must(t, err)
	if string(data) != `{"version":0,"brokerEpoch":42}` { // What Apache Kafka writes.
		t.Errorf("wrote %q", data)
	}
	for _, text := range []string{"", "x", "{}", `{"version":0,"brokerEpoch":null}`, `{"brokerEpoch":"x"}`} {
		must(t, vfs.WriteFile(fsys, "/"+CleanShutdownFile, []byte(text)))
		check(NoBrokerEpoch, true)
	}
	must(t, vfs.WriteFile(fsys, "/"+CleanShutdownFile, []byte(`{"version":3,"brokerEpoch":7,"more":1}`)))
	check(7, true)
	must(t, RemoveCleanShutdown(fsys, "/"))
	check(NoBrokerEpoch, false)
}

func TestRemovedCleanShutdownStaysRemoved(t *testing.T) {
	fsys := memfs.New()
	must(t, WriteCleanShutdown(fsys, "/", 1))
	must(t, RemoveCleanShutdown(fsys, "/"))
	if _, clean, err := ReadCleanShutdown(fsys.CrashClone(memfs.CrashOptions{}), "/"); clean || err != nil {
		t.Errorf("after a power failure: clean %t, %v", clean, err)
	}
}

func TestPartitionMetadataAsApacheKafka(t *testing.T) {
	m := PartitionMetadata{TopicID: topicID}
	data := golden(t, PartitionMetadataFile)
	if got := m.encode(); string(got) != string(data) {
		t.Errorf("wrote %q, Apache Kafka %q", got, data)
	}
	for _, write := range []func(vfs.FS, string, PartitionMetadata) error{WritePartitionMetadata, WritePartitionMetadataUnsynced} {
		fsys := memfs.New()
		must(t, write(fsys, "/", m))
		if got, err := ReadPartitionMetadata(fsys, "/"); got != m || err != nil {
			t.Errorf("read %+v, %v", got, err)
		}
	}
}

func TestReadPartitionMetadata(t *testing.T) {
	whole := string(PartitionMetadata{TopicID: topicID}.encode())
	unknown := []string{"", strings.Repeat("\x00", len(whole)), whole[:30] + "\x00\x00"}
	for n := range len(whole) {
		unknown = append(unknown, whole[:n])
	}
	for _, text := range unknown {
		if m, err := parsePartitionMetadata("f", []byte(text)); err != nil || !m.TopicID.IsZero() {
			t.Errorf("%q: %+v, %v, want unknown", text, m, err)
		}
	}
	for _, text := range []string{whole + "\n", whole + "\r\nmore: 1\n", "version: 3\ntopic_id: \t" + whole[len(whole)-22:]} {
		if m, err := parsePartitionMetadata("f", []byte(text)); err != nil || m.TopicID != topicID {
			t.Errorf("%q: %+v, %v", text, m, err)
		}
	}
	for _, text := range []string{
		"x", "version: 1", "version: x\ntopic_id: " + whole[20:], "version: -1\n" + whole[11:], "version:0\n" + whole[11:],
		"version: 0\ntopic_id: " + strings.Repeat("A", 22), whole + "A", "version: 0\ntopic_id: " + strings.Repeat("!", 22),
	} {
		_, err := parsePartitionMetadata("f", []byte(text))
		wantCorrupt(t, err, "f")
	}
	if m, err := ReadPartitionMetadata(memfs.New(), "/"); err != nil || !m.TopicID.IsZero() {
		t.Errorf("missing file: %+v, %v", m, err)
	}
}

func TestUnsyncedPartitionMetadataSurvivesCrashAsUnknownOrWhole(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(100) {
		fsys := memfs.New()
		must(t, WritePartitionMetadataUnsynced(fsys, "/", PartitionMetadata{TopicID: topicID}))
		m, err := ReadPartitionMetadata(fsys.CrashClone(memfs.CrashOptions{Seed: seed, KeepPercent: 60, TearPercent: 60}), "/")
		if err != nil || !m.TopicID.IsZero() && m.TopicID != topicID {
			t.Fatalf("seed %d: %+v, %v", seed, m, err)
		}
		seen[fmt.Sprint(m.TopicID.IsZero())]++
	}
	if len(seen) != 2 {
		t.Errorf("outcomes %v, want both", seen)
	}
}

// writers are all durable writes of the package with a check of the outcome.
var writers = map[string]struct {
	write func(fsys vfs.FS, generation int64) error
	read  func(fsys vfs.FS) (int64, error)
}{
	"offsets": {
		func(fsys vfs.FS, g int64) error {
			return WriteOffsets(fsys, "/f", map[kafka.TopicPartition]kafka.Offset{{Topic: "t"}: kafka.Offset(g)})
		},
		func(fsys vfs.FS) (int64, error) {
			offsets, err := ReadOffsets(fsys, "/f")
			return int64(offsets[kafka.TopicPartition{Topic: "t"}]), err
		},
	},
	"meta.properties": {
		func(fsys vfs.FS, g int64) error {
			return WriteMetaProperties(fsys, "/", MetaProperties{Version: 1, ClusterID: "c", NodeID: kafka.NodeID(g)}, time.Unix(0, 0))
		},
		func(fsys vfs.FS) (int64, error) {
			m, err := ReadMetaProperties(fsys, "/")
			return int64(m.NodeID), err
		},
	},
	"partition.metadata": {
		func(fsys vfs.FS, g int64) error {
			return WritePartitionMetadata(fsys, "/", PartitionMetadata{TopicID: kafka.UUID{byte(g)}})
		},
		func(fsys vfs.FS) (int64, error) {
			m, err := ReadPartitionMetadata(fsys, "/")
			return int64(m.TopicID[0]), err
		},
	},
	"clean shutdown": {
		func(fsys vfs.FS, g int64) error { return WriteCleanShutdown(fsys, "/", kafka.BrokerEpoch(g)) },
		func(fsys vfs.FS) (int64, error) {
			epoch, _, err := ReadCleanShutdown(fsys, "/")
			return int64(epoch), err
		},
	},
}

func TestWritesAreAtomicAndDurable(t *testing.T) {
	for name, w := range writers {
		t.Run(name, func(t *testing.T) {
			mem := memfs.New()
			must(t, w.write(mem, 1))
			faulty := faultfs.New(mem)
			check := func(returned bool) {
				for seed := range uint64(10) {
					got, err := w.read(mem.CrashClone(memfs.CrashOptions{Seed: seed, KeepPercent: 50, TearPercent: 50}))
					if err != nil || got != 2 && (returned || got != 1) {
						t.Fatalf("seed %d: generation %d, %v", seed, got, err)
					}
				}
			}
			faulty.SetHook(func(faultfs.Op) { check(false) })
			must(t, w.write(faulty, 2))
			check(true)
		})
	}
}

func TestWritesReportEveryError(t *testing.T) {
	boom := errors.New("boom")
	for name, w := range writers {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				fsys := faultfs.New(memfs.New())
				must(t, w.write(fsys, 1))
				fault := fsys.FailNth(n, boom)
				err := w.write(fsys, 2)
				if fault.Hits() == 0 {
					must(t, err)
					return
				}
				if !errors.Is(err, boom) {
					t.Fatalf("n = %d: %v", n, err)
				}
				if got, err := w.read(fsys); err != nil || got != 1 && got != 2 {
					t.Fatalf("n = %d: generation %d, %v", n, got, err)
				}
			}
		})
	}
}

func TestReadsReportErrors(t *testing.T) {
	boom := errors.New("boom")
	for name, w := range writers {
		t.Run(name, func(t *testing.T) {
			fsys := faultfs.New(memfs.New())
			must(t, w.write(fsys, 1))
			fsys.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Read}, Err: boom})
			if _, err := w.read(fsys); !errors.Is(err, boom) {
				t.Error(err)
			}
		})
	}
}

func FuzzParseOffsets(f *testing.F) {
	f.Add(golden(f, HighWatermarkFile))
	f.Add([]byte("0\n2\nt 1 5\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := ParseEntries("f", data, parsePartitionOffset)
		if corrupt := (*CorruptError)(nil); err != nil && !errors.As(err, &corrupt) {
			t.Fatal(err)
		}
		if len(entries) > len(data) {
			t.Fatalf("%d entries in %d bytes", len(entries), len(data))
		}
	})
}

func FuzzParseMetaProperties(f *testing.F) {
	f.Add(golden(f, MetaPropertiesFile))
	f.Add([]byte("version=0\nbroker.id=4\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMetaProperties("f", data)
		if err != nil {
			if corrupt := (*CorruptError)(nil); !errors.As(err, &corrupt) {
				t.Fatal(err)
			}
			return
		}
		again, err := parseMetaProperties("f", m.encode(time.Unix(0, 0)))
		if err != nil || again != m {
			t.Fatalf("%+v came back as %+v, %v", m, again, err)
		}
	})
}

func FuzzParsePartitionMetadata(f *testing.F) {
	f.Add(golden(f, PartitionMetadataFile))
	f.Add([]byte("version: 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parsePartitionMetadata("f", data)
		if corrupt := (*CorruptError)(nil); err != nil && !errors.As(err, &corrupt) {
			t.Fatal(err)
		}
		if again, err := parsePartitionMetadata("f", m.encode()); !m.TopicID.IsZero() && (err != nil || again != m) {
			t.Fatalf("%+v came back as %+v, %v", m, again, err)
		}
	})
}

func FuzzReadCleanShutdown(f *testing.F) {
	f.Add([]byte(`{"version":0,"brokerEpoch":42}`))
	f.Add([]byte(`{"brokerEpoch":1e3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, clean, err := ReadCleanShutdown(put(t, CleanShutdownFile, data), "/"); !clean || err != nil {
			t.Fatalf("clean %t, %v", clean, err)
		}
	})
}
