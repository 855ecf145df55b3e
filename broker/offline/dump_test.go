package offline

import (
	"context"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// dump gives the entries of a file after the first, which tells of the file itself.
func (w *world) dump(path string, o DumpOptions) []Entry {
	w.t.Helper()
	var entries []Entry
	w.must(dump(w.t.Context(), w.fs, path, o, func(e Entry) error {
		entries = append(entries, e)
		return nil
	}))
	if f, ok := entries[0].(*File); !ok || f.Path != path {
		w.t.Fatalf("the first entry is %+v", entries[0])
	}
	return entries[1:]
}

// only checks that a file gives entries of one type.
func only[E Entry](t *testing.T, entries []Entry) (all []E) {
	t.Helper()
	for _, e := range entries {
		if f, ok := e.(*Finding); ok {
			t.Error(f)
			continue
		}
		typed, ok := e.(E)
		if !ok {
			t.Fatalf("got a %T: %+v", e, e)
		}
		all = append(all, typed)
	}
	if len(all) == 0 {
		t.Fatal("nothing was dumped")
	}
	return all
}

func TestDumpShowsEveryFileOfAFolder(t *testing.T) {
	w := newWorld(t)
	batches := only[*Batch](t, w.dump(w.file(0, ".log"), DumpOptions{}))
	b := batches[2]
	if b.BaseOffset != 6 || b.LastOffset != 8 || b.Count != 3 || b.ProducerID != 200 || b.ProducerEpoch != 3 || b.BaseSequence != 0 ||
		b.LastSequence != 2 || !b.IsTransactional || b.IsControl || !b.IsValid || b.MaxTimestamp != 1_000_062 || b.Compression != "none" {
		t.Errorf("batch %+v", b)
	}
	if batches[4].Compression != "gzip" || batches[3].IsControl != true || batches[1].Position != int64(batches[0].Size) {
		t.Errorf("batches %+v %+v", batches[3], batches[4])
	}
	if e := only[*IndexEntry](t, w.dump(w.file(0, ".index"), DumpOptions{})); e[0].Position <= 0 || e[0].Offset <= 0 {
		t.Errorf("index %+v", e[0])
	}
	if e := only[*TimeIndexEntry](t, w.dump(w.file(0, ".timeindex"), DumpOptions{})); e[0].Timestamp < 1_000_000 {
		t.Errorf("time index %+v", e[0])
	}
	if e := only[*AbortedTxn](t, w.dump(w.file(0, ".txnindex"), DumpOptions{})); e[0].ProducerID != 200 || e[0].FirstOffset != 16 || e[0].LastOffset != 19 {
		t.Errorf("aborted transaction %+v", e[0])
	}
	if e := only[*Producer](t, w.dump(w.file(2, ".snapshot"), DumpOptions{})); len(e) != 10 || e[0].ProducerID != 100 || e[9].CoordinatorEpoch != 2 || e[3].LastOffset >= e[4].LastOffset {
		t.Errorf("producers %+v", e)
	}
	if e := only[*LeaderEpoch](t, w.dump(testFolder+"/"+leaderepoch.File, DumpOptions{})); len(e) != 3 || *e[1] != (LeaderEpoch{"leaderEpoch", 1, 200}) {
		t.Errorf("leader epochs %+v", e)
	}
	if e := only[*PartitionOffset](t, w.dump(testDir+"/recovery-point-offset-checkpoint", DumpOptions{})); e[0].Topic != "events" || e[0].Offset != 600 {
		t.Errorf("offsets %+v", e)
	}
	if e := only[*PartitionMetadata](t, w.dump(testFolder+"/partition.metadata", DumpOptions{})); e[0].TopicID != testTopicID.String() {
		t.Errorf("partition.metadata %+v", e)
	}
	if e := only[*MetaProperties](t, w.dump(testDir+"/meta.properties", DumpOptions{})); e[0].NodeID != 1 || e[0].ClusterID != "cluster" {
		t.Errorf("meta.properties %+v", e)
	}
	if e := only[*QuorumState](t, w.dump(metaFolder+"/"+quorum.StateFile, DumpOptions{})); e[0].LeaderEpoch != 1 || e[0].VotedID != -1 {
		t.Errorf("quorum-state %+v", e)
	}
	if e := only[*CleanShutdown](t, w.dump(testDir+"/.kafka_cleanshutdown", DumpOptions{})); e[0].BrokerEpoch != 42 {
		t.Errorf("clean shutdown %+v", e)
	}
}

func TestDumpShowsRecords(t *testing.T) {
	w := newWorld(t)
	var records []*Record
	for _, e := range w.dump(w.file(0, ".log"), DumpOptions{Records: true}) {
		switch e := e.(type) {
		case *Record:
			records = append(records, e)
		case *Finding:
			t.Error(e)
		}
	}
	r := records[3]
	if r.Offset != 3 || *r.Key != "key" || !strings.HasPrefix(*r.Value, "3-0 ") || r.Sequence != 0 || r.Headers[0].ValueEncoding != "base64" || *r.Headers[0].Value != "/w==" {
		t.Errorf("record %+v", r)
	}
	marker := records[9]
	if marker.Control != "COMMIT" || string(marker.Decoded.Data) != `{"coordinatorEpoch":2}` {
		t.Errorf("marker %+v", marker)
	}
}

func TestDumpHidesCredentialsUnlessTold(t *testing.T) {
	w := newWorld(t)
	text := func(secrets bool) string {
		data, err := json.Marshal(w.dump(metaFolder+"/00000000000000000000.log", DumpOptions{Records: true, Secrets: secrets}))
		w.must(err)
		m, err := loadMetadata(t.Context(), w.fs, []string{testDir}, MetadataOptions{Secrets: secrets}, func(f *Finding) { t.Error(f) })
		w.must(err)
		tree, err := json.Marshal(m.Root)
		w.must(err)
		return string(data) + string(tree)
	}
	if s := text(false); strings.Contains(s, "hush") || !strings.Contains(s, Redacted) || !strings.Contains(s, `"name":"PartitionRecord"`) {
		t.Error(s)
	}
	if s := text(true); strings.Count(s, "hush") != 2 {
		t.Error(s)
	}
}

func TestMetadataIsFoundByPath(t *testing.T) {
	w := newWorld(t)
	m, err := loadMetadata(t.Context(), w.fs, []string{metaFolder}, MetadataOptions{}, func(f *Finding) { t.Error(f) })
	w.must(err)
	for path, want := range map[string]string{
		"/topics/events/id":                  `"` + testTopicID.String() + `"`,
		"topics/events/partitions/0/isr/":    "[1]",
		"/features":                          `{"metadata.version":33}`,
		"/brokers/1/directories":             `["` + testDirectory.String() + `"]`,
		"/configs/BROKER/1/ssl.key.password": `"[hidden]"`,
	} {
		n, err := m.Root.Get(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := json.Marshal(n); err != nil || string(got) != want {
			t.Errorf("%s is %s, %v; want %s", path, got, err, want)
		}
	}
	if _, err := m.Root.Get("/topics/nothing/id"); err == nil || !strings.Contains(err.Error(), `no "nothing" in /topics/`) {
		t.Errorf("error %v", err)
	}
	if m.Offset != 4 || m.Epoch != 1 {
		t.Errorf("at offset %d, epoch %d", m.Offset, m.Epoch)
	}
}

func TestCoordinatorRecordsAreDecoded(t *testing.T) {
	group := kmsg.NewGroupMetadataValue()
	group.Version, group.ProtocolType, group.Generation = 3, "consumer", 7
	member := kmsg.NewGroupMetadataValueMember()
	member.MemberID, member.ClientID, member.Subscription = "m", "c", []byte{1, 2}
	group.Members = append(group.Members, member)
	key := kmsg.GroupMetadataKey{Version: 2, Group: "g"}
	d, err := decodeRecord(kafka.ConsumerOffsetsTopic, key.AppendTo(nil), group.AppendTo(nil), false)
	if err != nil || d.Name != "GroupMetadata" || string(d.Key) != `{"group":"g"}` || *d.Version != 3 || !strings.Contains(string(d.Data), `"subscription":"AQI="`) {
		t.Errorf("%+v, %v", d, err)
	}
	txn := kmsg.NewTxnMetadataValue()
	txn.ProducerID, txn.TimeoutMillis = 5, 60000
	txnKey := kmsg.TxnMetadataKey{TransactionalID: "t"}
	d, err = decodeRecord(kafka.TransactionStateTopic, txnKey.AppendTo(nil), txn.AppendTo(nil), false)
	if err != nil || d.Name != "TransactionLog" || !strings.Contains(string(d.Data), `"transactionTimeoutMs":60000`) {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err = decodeRecord(kafka.ConsumerOffsetsTopic, key.AppendTo(nil), nil, false); err != nil || string(d.Data) != "null" {
		t.Errorf("tombstone %+v, %v", d, err)
	}
	for name, b := range map[string][2][]byte{
		"no key": {nil, nil}, "an unknown type": {{0, 99, 0}, nil}, "a short key": {{0, 2, 0}, nil},
		"a newer version": {key.AppendTo(nil), {0, 88}}, "a short value": {key.AppendTo(nil), {0, 3, 0}},
	} {
		if d, err := decodeRecord(kafka.ConsumerOffsetsTopic, b[0], b[1], false); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// Every type of metadata record must have JSON, with names that Kafka's have too.
func TestMetadataRecordsAreShown(t *testing.T) {
	r := &metadata.PartitionRecord{ISR: []kafka.NodeID{1}, ELR: []kafka.NodeID{2}}
	got := string(metadataJSON(r, false))
	want := `{"partitionId":0,"topicId":"AAAAAAAAAAAAAAAAAAAAAA","replicas":null,"isr":[1],"removingReplicas":null,"addingReplicas":null,"leader":0,` +
		`"leaderRecoveryState":0,"leaderEpoch":0,"partitionEpoch":0,"directories":null,"eligibleLeaderReplicas":[2],"lastKnownElr":null}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestKindsAreToldByName(t *testing.T) {
	for name, want := range map[string]Kind{
		"a/00000000000000000000.log": KindLog, "00000000000000000000.index.deleted": KindIndex, "00000000000000000000.log.swap": KindLog,
		"leader-epoch-checkpoint": KindLeaderEpochs, "00000000000000000005-0000000002.checkpoint": KindMetadataSnapshot,
		"replication-offset-checkpoint": KindOffsets, "x/quorum-state": KindQuorumState, "readme.md": "",
	} {
		if got, ok := KindOf(name); got != want || ok != (want != "") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, k := range Kinds() {
		if got, err := ParseKind(string(k)); err != nil || got != k {
			t.Errorf("%s: %v", k, err)
		}
	}
	if _, err := ParseKind("exe"); err == nil {
		t.Error("exe is no type")
	}
}

// FuzzDump dumps any bytes as each type of file: whatever they are, the dump ends, with
// entries that have JSON.
func FuzzDump(f *testing.F) {
	w := newWorld(f)
	kinds := Kinds()
	for i, k := range kinds {
		for _, path := range []string{
			w.file(0, ".log"), w.file(0, ".index"), w.file(0, ".timeindex"), w.file(0, ".txnindex"), w.file(1, ".snapshot"),
			metaFolder + "/00000000000000000000.log", metaFolder + "/00000000000000000000-0000000000.checkpoint", testFolder + "/" + leaderepoch.File,
			testDir + "/recovery-point-offset-checkpoint", testFolder + "/partition.metadata", testDir + "/meta.properties", metaFolder + "/" + quorum.StateFile,
		} {
			if kind, _ := KindOf(path); kind == k {
				data := w.read(path)
				f.Add(uint8(i), "", data[:min(len(data), 3000)])
			}
		}
	}
	f.Add(uint8(0), kafka.ConsumerOffsetsTopic, offsetsBatch())
	f.Fuzz(func(t *testing.T, kind uint8, topic string, data []byte) {
		fsys := memfs.New()
		w := &world{t: t, fs: fsys}
		path := filepath.Join("/", "00000000000000000000.any")
		w.write(path, data)
		o := DumpOptions{Kind: kinds[int(kind)%len(kinds)], Topic: topic, Records: true}
		n := 0
		w.must(dump(context.Background(), fsys, path, o, func(e Entry) error {
			n++
			_, err := json.Marshal(e)
			return err
		}))
		if n > 10*len(data)+10 {
			t.Fatalf("%d entries of %d bytes", n, len(data))
		}
	})
}

func offsetsBatch() []byte {
	key := kmsg.OffsetCommitKey{Version: 1, Group: "g", Topic: "t"}
	value := kmsg.NewOffsetCommitValue()
	value.Version = 4
	b := record.NewBuilder(record.NewOptions(0))
	b.Append(1, key.AppendTo(nil), value.AppendTo(nil))
	return b.Build()
}

// FuzzVerify changes the bytes of one file of a folder: a verification ends without error of
// its own, and what it finds is complete.
func FuzzVerify(f *testing.F) {
	f.Add(uint8(0), uint16(100), []byte{1})
	f.Add(uint8(3), uint16(0), []byte{0xff, 0xff})
	f.Add(uint8(9), uint16(30), []byte("garbage"))
	f.Fuzz(func(t *testing.T, file uint8, at uint16, patch []byte) {
		w := newWorld(t)
		var files []string
		for _, dir := range []string{testDir, testFolder, metaFolder} {
			entries, err := w.fs.ReadDir(dir)
			w.must(err)
			for _, e := range entries {
				if !e.IsDir() {
					files = append(files, filepath.Join(dir, e.Name()))
				}
			}
		}
		w.edit(files[int(file)%len(files)], func(b []byte) []byte {
			at := min(int(at), len(b))
			n := copy(b[at:], patch)
			return append(b, patch[n:]...)
		})
		findings, _ := w.verify()
		for _, finding := range findings {
			if reflect.ValueOf(*finding).IsZero() || finding.Cure == "" {
				t.Errorf("%+v", finding)
			}
		}
	})
}
