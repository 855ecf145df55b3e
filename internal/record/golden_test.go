package record

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
)

// golden gives the batches in testdata/golden.txt, which Apache Kafka 4.4's
// MemoryRecordsBuilder wrote.
func golden(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	batches := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		if batches[name], err = hex.DecodeString(digits); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return batches
}

// stamped is a record with what its batch adds.
type stamped struct {
	Offset    kafka.Offset
	Timestamp int64
	Record    Record
}

func readAll(t testing.TB, b Batch) []stamped {
	t.Helper()
	var all []stamped
	for r, err := range b.Records(1 << 20) {
		if err != nil {
			t.Fatalf("%v: %v", b, err)
		}
		all = append(all, stamped{b.Offset(&r), b.Timestamp(&r), r.Clone()})
	}
	return all
}

// goldenRecords are the records in the small golden batches. Only the offsets
// and timestamps are set by the batch, from 42.
func goldenRecords() []stamped {
	return []stamped{
		{42, 1700000000000, Record{Key: []byte("k0"), Value: []byte("v0")}},
		{43, 1700000000007, Record{Value: []byte("no key")}},
		{44, 1699999999990, Record{Key: []byte("tombstone")}},
		{45, 1700000000005, Record{Key: []byte{}, Value: []byte{}, Headers: []Header{
			{Key: "h1", Value: []byte("x")}, {Key: "h1"}, {Value: []byte{}},
		}}},
		{46, 1700000000003, Record{Key: []byte("ünïcode"), Value: []byte(strings.Repeat("0123456789", 30))}},
	}
}

var ignoreDeltas = cmpopts.IgnoreFields(Record{}, "OffsetDelta", "TimestampDelta")

func goldenBuilder(codec compress.Codec) *Builder {
	b := NewBuilder(Options{
		BaseOffset: 42, LeaderEpoch: 5, ProducerID: 7, ProducerEpoch: 3, BaseSequence: 11,
		Transactional: true, Codec: codec,
	})
	for _, r := range goldenRecords() {
		b.AppendAt(r.Offset, r.Timestamp, r.Record.Key, r.Record.Value, r.Record.Headers...)
	}
	return b
}

func TestReadWhatKafkaWrote(t *testing.T) {
	t.Parallel()
	for name, codec := range map[string]compress.Codec{
		"none": compress.None, "gzip": compress.Gzip, "snappy": compress.Snappy, "lz4": compress.LZ4, "zstd": compress.Zstd,
		"gzip-level1": compress.Gzip, "lz4-level17": compress.LZ4, "zstd-level22": compress.Zstd, "zstd-level-7": compress.Zstd,
	} {
		b, rest, err := Read(golden(t)[name])
		if err != nil || len(rest) != 0 {
			t.Fatalf("%s: %d bytes left, %v", name, len(rest), err)
		}
		if err := b.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		type facts struct {
			Base, Last, Next  kafka.Offset
			Epoch             kafka.LeaderEpoch
			Codec             compress.Codec
			ID                kafka.ProducerID
			ProducerEpoch     kafka.ProducerEpoch
			BaseSeq, LastSeq  int32
			Count             int32
			BaseTime, MaxTime int64
			Type              TimestampType
			Txn, Control, PID bool
		}
		got := facts{
			b.BaseOffset(), b.LastOffset(), b.NextOffset(), b.LeaderEpoch(), b.Codec(), b.ProducerID(), b.ProducerEpoch(),
			b.BaseSequence(), b.LastSequence(), b.Count(), b.BaseTimestamp(), b.MaxTimestamp(), b.TimestampType(),
			b.IsTransactional(), b.IsControl(), b.HasProducerID(),
		}
		want := facts{42, 46, 47, 5, codec, 7, 3, 11, 15, 5, 1700000000000, 1700000000007, CreateTime, true, false, true}
		if got != want {
			t.Errorf("%s: header\n got %+v\nwant %+v", name, got, want)
		}
		if diff := cmp.Diff(goldenRecords(), readAll(t, b), ignoreDeltas); diff != "" {
			t.Errorf("%s: records (-want +got)\n%s", name, diff)
		}
	}
}

func TestReadLargeBatchesOfKafka(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gzip-large", "snappy-large", "lz4-large", "zstd-large"} {
		b, _, err := Read(golden(t)[name])
		if err != nil {
			t.Fatal(err)
		}
		got := readAll(t, b)
		if len(got) != 1 || string(got[0].Record.Value) != strings.Repeat("0123456789", 10_000) {
			t.Errorf("%s: %d records", name, len(got))
		}
		for _, err := range b.Records(1000) {
			if !errors.Is(err, compress.ErrTooLarge) {
				t.Errorf("%s within 1000 bytes: %v", name, err)
			}
		}
	}
}

func TestBuildWhatKafkaBuilds(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(golden(t)["none"], []byte(goldenBuilder(compress.None).Build())); diff != "" {
		t.Errorf("plain batch: %s", diff)
	}

	o := NewOptions(9)
	o.LeaderEpoch, o.TimestampType, o.LogAppendTimeMs = 4, LogAppendTime, 1700000001234
	appended := NewBuilder(o)
	for _, r := range goldenRecords() {
		appended.Append(r.Timestamp, r.Record.Key, r.Record.Value, r.Record.Headers...)
	}
	if diff := cmp.Diff(golden(t)["append-time"], []byte(appended.Build())); diff != "" {
		t.Errorf("batch with LogAppendTime: %s", diff)
	}
	for _, r := range readAll(t, appended.Build()) {
		if r.Timestamp != 1700000001234 {
			t.Errorf("timestamp %d of a record with LogAppendTime", r.Timestamp)
		}
	}

	empty := NewBuilder(Options{BaseOffset: 42, LeaderEpoch: 5, ProducerID: 7, ProducerEpoch: 3, BaseSequence: 11, Transactional: true, Codec: compress.Zstd})
	if b := empty.Build(); b != nil {
		t.Errorf("nothing was appended: %v", b)
	}
	empty.SetLastOffset(46)
	empty.SetMaxTimestamp(1700000000007)
	if diff := cmp.Diff(golden(t)["empty"], []byte(empty.Build())); diff != "" {
		t.Errorf("empty batch: %s", diff)
	}
	if got := readAll(t, empty.Build()); len(got) != 0 {
		t.Errorf("%d records in an empty batch", len(got))
	}
}

func TestPeekOldMessages(t *testing.T) {
	t.Parallel()
	for magic, name := range []string{"legacy-v0", "legacy-v1"} {
		log := golden(t)[name]
		for i := range 2 {
			p, err := Peek(log)
			if err != nil {
				t.Fatalf("%s message %d: %v", name, i, err)
			}
			if p.Offset != kafka.Offset(3+i) || int(p.Magic) != magic {
				t.Errorf("%s message %d: %+v", name, i, p)
			}
			log = log[p.Size:]
		}
		if len(log) != 0 {
			t.Errorf("%s: %d bytes left", name, len(log))
		}
		var corrupt *CorruptError
		if _, _, err := Read(golden(t)[name]); !errors.As(err, &corrupt) {
			t.Errorf("%s read as a batch: %v", name, err)
		}
	}
}

func TestControlRecordsOfKafka(t *testing.T) {
	t.Parallel()
	batches := golden(t)
	control := func(name string, want ControlType) Record {
		t.Helper()
		b, _, err := Read(batches[name])
		if err != nil {
			t.Fatal(err)
		}
		if !b.IsControl() {
			t.Errorf("%s is no control batch", name)
		}
		r := readAll(t, b)[0].Record
		got, err := ParseControlKey(r.Key)
		if err != nil || got != want {
			t.Errorf("%s: type %v, %v", name, got, err)
		}
		if !bytes.Equal(want.Key(), r.Key) {
			t.Errorf("%s: key %x, want %x", name, want.Key(), r.Key)
		}
		return r
	}
	check := func(name string, value []byte, got, want any, encoded []byte, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if !bytes.Equal(encoded, value) {
			t.Errorf("%s: encoded\n got %x\nwant %x", name, encoded, value)
		}
	}

	for name, commit := range map[string]bool{"commit": true, "abort": false} {
		want := EndTxnMarker{Commit: commit, CoordinatorEpoch: 12}
		r := control(name, want.Type())
		m, err := ParseEndTxnMarker(r.Key, r.Value)
		check(name, r.Value, m, want, m.Value(), err)
		b := NewEndTxnBatch(want, 1700000000000, 7, 3)
		b.SetLeaderEpoch(5)
		if diff := cmp.Diff(batches[name], []byte(b)); diff != "" {
			t.Errorf("%s batch: %s", name, diff)
		}
	}

	r := control("leader-change", ControlLeaderChange)
	leader, err := ParseLeaderChange(r.Value)
	check("leader-change", r.Value, leader, &LeaderChange{LeaderID: 2, Voters: []kafka.NodeID{1, 2}, GrantingVoters: []kafka.NodeID{2}}, leader.Value(), err)

	r = control("snapshot-header", ControlSnapshotHeader)
	head, err := ParseSnapshotHeader(r.Value)
	check("snapshot-header", r.Value, head, SnapshotHeader{LastContainedLogTimestamp: 1700000000001}, head.Value(), err)

	r = control("snapshot-footer", ControlSnapshotFooter)
	foot, err := ParseSnapshotFooter(r.Value)
	check("snapshot-footer", r.Value, foot, SnapshotFooter{}, foot.Value(), err)

	r = control("kraft-version", ControlKRaftVersion)
	version, err := ParseKRaftVersion(r.Value)
	check("kraft-version", r.Value, version, KRaftVersion{Level: 1}, version.Value(), err)

	r = control("voters", ControlVoters)
	voters, err := ParseVoters(r.Value)
	check("voters", r.Value, voters, &Voters{Voters: []Voter{{
		ID:              1,
		DirectoryID:     kafka.UUID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		Endpoints:       []VoterEndpoint{{"CONTROLLER", "localhost", 40000}},
		MaxKRaftVersion: 1,
	}}}, voters.Value(), err)
}
