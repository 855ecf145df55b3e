package compat

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/test/apachekafka"
)

// fileScenario writes records whose every byte is known, for comparing what is
// in the data folder after a clean stop: each file is a step.
type fileScenario struct {
	scenario
	// dirs are the folders of partitions that the script fills.
	dirs []string
}

func fileScenarios() []fileScenario {
	return []fileScenario{
		{scenario{name: "Files: segments, indexes", run: fillSegments}, []string{"segments-0", "segments-1"}},
		{scenario{name: "Files: codecs", run: fillCodecs}, []string{"codecs-0"}},
		{scenario{name: "Files: idempotent producers", run: fillIdempotent}, []string{"idempotent-0"}},
		{scenario{name: "Files: deleted records", run: fillDeleted}, []string{"deleted-0"}},
		{scenario{name: "Files: committed offsets", run: fillOffsets}, []string{"__consumer_offsets-0", "__consumer_offsets-1", "__consumer_offsets-2", "__consumer_offsets-3"}},
		// What concerns all partitions, of the scripts above.
		{scenario{name: "Files: checkpoints", run: func(*client) {}}, []string{"."}},
	}
}

// compareFiles runs the scripts on two new brokers, stops both, and compares
// their data folders.
func compareFiles(t *testing.T, install *apachekafka.Install) []result {
	t.Helper()
	kafka, moldau := startBoth(t, install)
	both := []*node{kafka, moldau}
	for _, s := range fileScenarios() {
		var wg sync.WaitGroup
		for _, n := range both {
			wg.Go(func() {
				if _, err := runOn(t.Context(), s.scenario, n); err != nil {
					t.Errorf("%s: %v", n.name, err)
				}
			})
		}
		wg.Wait()
	}
	kafka.stop()
	moldau.stop()
	if t.Failed() {
		t.FailNow()
	}
	var results []result
	for _, s := range fileScenarios() {
		t.Run(strings.TrimPrefix(s.name, "Files: "), func(t *testing.T) {
			var scripts [2]*script
			for i, n := range both {
				scripts[i] = newScript()
				for _, dir := range s.dirs {
					if err := scripts[i].readDir(n.dir, dir); err != nil {
						t.Fatal(err)
					}
				}
			}
			align(scripts)
			results = append(results, compareScripts(t, s.name, scripts))
		})
	}
	return results
}

// leftOut are folders that compareLeft does not compare: the metadata log and
// deleted partitions; where the broker has stamped or compressed records; where
// the brokers differ on purpose (the scenarios of the topics' names).
var leftOut = regexp.MustCompile(`^(__cluster_metadata-0|.*-delete|(list-)?append-time-0|codec-.*|(twice|surplus|deltas|marked)-0)$`)

// compareLeft compares what all scenarios have left in the data folders.
func compareLeft(t *testing.T, kafka, moldau *node) result {
	t.Helper()
	kafka.stop()
	moldau.stop()
	both := []*node{kafka, moldau}
	var scripts [2]*script
	for i, n := range both {
		scripts[i] = newScript()
		entries, err := os.ReadDir(n.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !e.IsDir() || leftOut.MatchString(e.Name()) {
				continue
			}
			if err := scripts[i].readDir(n.dir, e.Name()); err != nil {
				t.Fatal(err)
			}
		}
	}
	align(scripts)
	return compareScripts(t, "Files: what all scenarios have left", scripts)
}

// appendBatches produces batches one by one, each of which must be taken.
func (c *client) appendBatches(topic string, id [16]byte, partition int32, batches ...[]byte) {
	for _, b := range batches {
		req := produce(topic, id, -1, nil)
		req.Topics[0].Partitions[0].Partition, req.Topics[0].Partitions[0].Records = partition, b
		if code := c.quiet(req).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
			c.fail("produce to %s: %s", topic, codeName(code))
		}
	}
}

// fillSegments writes batches of many sizes over several segments and indexes.
func fillSegments(c *client) {
	id := c.create("segments", 2, "segment.bytes", "1048576", "index.interval.bytes", "512", "segment.index.bytes", "1024")
	for partition := range int32(2) {
		for i := range 400 {
			records := []rec{keyed(fmt.Sprint("key-", i), strings.Repeat("v", 1+(i*37)%(3000+2000*int(partition))))}
			for k := range i % 4 {
				records = append(records, rec{value: []byte(fmt.Sprint(i, k)), ms: int64(k * 7)})
			}
			b := newBatch(records...)
			// Times go up, down and stand still.
			b.FirstTimestamp += int64((i%11)*13 - i%3)
			b.MaxTimestamp += int64((i%11)*13 - i%3)
			c.appendBatches("segments", id, partition, seal(b))
		}
	}
}

// fillCodecs writes what the client has compressed, which stays as it is.
func fillCodecs(c *client) {
	id := c.create("codecs", 1)
	for attribute, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		b := newBatch(value(strings.Repeat("some text ", 200)), rec{key: []byte("k"), headers: []kmsg.Header{{Key: "h", Value: []byte("v")}}}, rec{})
		if attribute > 0 {
			b = compressed(b, codec, int16(attribute))
		}
		c.appendBatches("codecs", id, 0, seal(b))
	}
}

// fillIdempotent has two producers whose state goes into a snapshot, over a roll.
func fillIdempotent(c *client) {
	id := c.create("idempotent", 1, "segment.bytes", "1048576")
	first, second := c.newProducerID(), c.newProducerID()
	for i := range int32(12) {
		c.appendBatches("idempotent", id, 0,
			seal(idempotent(newBatch(value(strings.Repeat("a", 90_000)), value("b")), first, 0, 2*i)),
			seal(idempotent(newBatch(value("c")), second, int16(i/7), i%7)))
	}
}

// fillDeleted deletes whole segments and a part of one.
func fillDeleted(c *client) {
	id := c.create("deleted", 1, "segment.bytes", "1048576")
	for range 30 {
		c.appendBatches("deleted", id, 0, seal(newBatch(value(strings.Repeat("x", 100_000)), value("y"))))
	}
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.SetVersion(2)
	req.TimeoutMillis = 5000
	req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "deleted", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 0, Offset: 45}}}}
	c.quiet(req)
}

// fillOffsets commits offsets without a group and as the only member of one.
func fillOffsets(c *client) {
	c.create("committed", 3)
	for _, group := range []string{"alone", "member"} {
		c.coordinator(group)
	}
	commit := func(group, member string, generation int32, partition int32, offset int64, metadata string) {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.SetVersion(8)
		req.Group, req.MemberID, req.Generation = group, member, generation
		req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "committed", Partitions: []kmsg.OffsetCommitRequestTopicPartition{
			{Partition: partition, Offset: offset, LeaderEpoch: -1, Metadata: kmsg.StringPtr(metadata)},
		}}}
		if code := c.quiet(req).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
			c.fail("commit: %s", codeName(code))
		}
	}
	for i := range int64(5) {
		commit("alone", "", -1, int32(i%3), i*10, fmt.Sprint("note ", i))
	}
	joined := c.joined("member", "range")
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.SetVersion(5)
	sync.Group, sync.MemberID, sync.Generation = "member", joined.MemberID, joined.Generation
	sync.ProtocolType, sync.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: joined.MemberID, MemberAssignment: []byte("assigned")}}
	c.quiet(sync)
	commit("member", joined.MemberID, joined.Generation, 2, 77, "")
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.SetVersion(5)
	leave.Group = "member"
	leave.Members = []kmsg.LeaveGroupRequestMember{{MemberID: joined.MemberID}}
	c.quiet(leave)
	del := kmsg.NewPtrDeleteGroupsRequest()
	del.SetVersion(2)
	del.Groups = []string{"alone"}
	c.quiet(del)
}

// readDir adds a step for each file of a folder.
func (s *script) readDir(root, dir string) error {
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		return err
	}
	list := map[string]string{}
	var steps []step
	for _, entry := range entries {
		if entry.IsDir() || entry.Name() == ".lock" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(root, dir, entry.Name()))
		if err != nil {
			return err
		}
		list[entry.Name()] = fmt.Sprint(len(raw), " bytes")
		if dir == "." || strings.HasPrefix(dir, "__") || strings.HasSuffix(entry.Name(), ".snapshot") {
			list[entry.Name()] = "there" // Random ids, and what is masked of a snapshot, make the sizes differ.
		}
		steps = append(steps, step{name: filepath.Join(dir, entry.Name()), fields: fileFields(dir, entry.Name(), raw)})
	}
	s.steps = append(s.steps, step{name: dir, fields: list})
	s.steps = append(s.steps, steps...)
	return nil
}

// align gives both scripts the same steps, for a file that only one has.
func align(scripts [2]*script) {
	for i, s := range scripts {
		for _, theirs := range scripts[1-i].steps {
			if !slices.ContainsFunc(s.steps, func(ours step) bool { return ours.name == theirs.name }) {
				s.steps = append(s.steps, step{name: theirs.name, fields: map[string]string{"file": "missing"}})
			}
		}
	}
	for _, s := range scripts {
		slices.SortFunc(s.steps, func(a, b step) int { return strings.Compare(a.name, b.name) })
	}
}

// fileFields are the contents of a file, each with a name that says where it is.
func fileFields(dir, name string, raw []byte) map[string]string {
	switch {
	case strings.HasPrefix(dir, "__consumer_offsets") && strings.HasSuffix(name, ".log"):
		return offsetsFields(raw)
	case strings.HasSuffix(name, ".log"):
		return logFields(raw)
	case strings.HasPrefix(dir, "__") && strings.HasSuffix(name, "index"):
		return map[string]string{"size": "depends on random ids"}
	case strings.HasSuffix(name, ".index"):
		return entryFields(raw, 8)
	case strings.HasSuffix(name, ".timeindex"):
		return entryFields(raw, 12)
	case strings.HasSuffix(name, ".snapshot"):
		return snapshotFields(raw)
	case name == "meta.properties" || name == "partition.metadata" || strings.HasSuffix(name, "-checkpoint"):
		return lineFields(raw)
	case name == ".kafka_cleanshutdown":
		return jsonFields(raw)
	}
	return map[string]string{"bytes": hex.EncodeToString(raw)}
}

// logFields are the batches of a segment, byte by byte.
func logFields(raw []byte) map[string]string {
	fields := map[string]string{}
	for position := 0; position+12 <= len(raw); {
		size := min(12+int(binary.BigEndian.Uint32(raw[position+8:])), len(raw)-position)
		fields[fmt.Sprintf("batch at %d", position)] = hex.EncodeToString(raw[position : position+size])
		position += size
	}
	return fields
}

// snapshotFields are the producers of a snapshot, each with its last entry, which
// is the one that Apache Kafka takes.
func snapshotFields(raw []byte) map[string]string {
	const header, entry = 2 + 4 + 4, 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8
	if len(raw) < header || (len(raw)-header)%entry != 0 || int(binary.BigEndian.Uint32(raw[6:])) != (len(raw)-header)/entry ||
		binary.BigEndian.Uint32(raw[2:]) != crc32.Checksum(raw[6:], crc32.MakeTable(crc32.Castagnoli)) {
		return map[string]string{"broken": hex.EncodeToString(raw)}
	}
	fields := map[string]string{"version": fmt.Sprint(binary.BigEndian.Uint16(raw))}
	for e := range slices.Chunk(raw[header:], entry) {
		fields[fmt.Sprintf("producer %d", binary.BigEndian.Uint64(e))] = hex.EncodeToString(e)
	}
	return fields
}

// entryFields are the entries of an index.
func entryFields(raw []byte, size int) map[string]string {
	fields := map[string]string{"surplus": hex.EncodeToString(raw[len(raw)-len(raw)%size:])}
	for i := 0; i+size <= len(raw); i += size {
		fields[fmt.Sprintf("entry %d", i/size)] = hex.EncodeToString(raw[i : i+size])
	}
	return fields
}

// unalike are values of text files that each broker draws or stamps itself.
var unalike = regexp.MustCompile(`^((?:directory\.id|topic_id): ?|directory\.id=|cluster\.id=).*$`)

// lineFields are the lines of a text file, in whatever order.
func lineFields(raw []byte) map[string]string {
	fields := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "__cluster_metadata") || strings.HasPrefix(line, "#") {
			continue // The metadata log is each broker's own, and so is a comment.
		}
		fields[unalike.ReplaceAllString(line, "$1...")] = "there"
	}
	return fields
}

func jsonFields(raw []byte) map[string]string {
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		return map[string]string{"json": err.Error()}
	}
	fields := map[string]string{}
	for key, value := range object {
		fields[key] = fmt.Sprintf("%T", value) // A broker epoch is an offset of the metadata log.
	}
	return fields
}

var randomID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// offsetsFields are the records of a segment of __consumer_offsets, with the
// broker's clock and the random parts of member ids masked.
func offsetsFields(raw []byte) map[string]string {
	fields := map[string]string{}
	for n := 0; len(raw) > 12; n++ {
		size := 12 + int(binary.BigEndian.Uint32(raw[8:]))
		var b kmsg.RecordBatch
		if err := b.ReadFrom(raw[:size]); err != nil {
			fields[fmt.Sprintf("batch %d", n)] = err.Error()
			return fields
		}
		raw = raw[size:]
		name := fmt.Sprintf("batch %d", n)
		fields[name] = fmt.Sprintf("offset %d epoch %d attributes %d last %d producer %d/%d/%d records %d", b.FirstOffset, b.PartitionLeaderEpoch,
			b.Attributes, b.LastOffsetDelta, b.ProducerID, b.ProducerEpoch, b.FirstSequence, b.NumRecords)
		reader := kbin.Reader{Src: b.Records}
		var records []string
		for range b.NumRecords {
			record := kbin.Reader{Src: reader.Span(int(reader.Varint()))}
			attributes, _, _ := record.Int8(), record.Varlong(), record.Varint()
			key, value := record.VarintBytes(), record.VarintBytes()
			records = append(records, fmt.Sprintf("attributes %d %s headers %d", attributes, offsetsRecord(key, value), record.Varint()))
		}
		slices.Sort(records) // Kafka's order within a batch is that of a hash map.
		fields[name+" records"] = strings.Join(records, "; ")
	}
	return fields
}

// offsetsRecord shows a record's key and value, bytes included: what is encoded
// again after the masks must differ in nothing else.
func offsetsRecord(key, value []byte) string {
	if len(key) < 2 {
		return hex.EncodeToString(key) + " = " + hex.EncodeToString(value)
	}
	switch kind := binary.BigEndian.Uint16(key); {
	case kind <= 1 && value != nil:
		var v kmsg.OffsetCommitValue
		if err := v.ReadFrom(value); err != nil {
			return err.Error()
		}
		if v.CommitTimestamp > epoch {
			v.CommitTimestamp = 1
		}
		if v.ExpireTimestamp > epoch {
			v.ExpireTimestamp = 1
		}
		if v.TopicID != ([16]byte{}) {
			v.TopicID = [16]byte{1}
		}
		value = v.AppendTo(nil)
	case kind == 2 && value != nil:
		var v kmsg.GroupMetadataValue
		if err := v.ReadFrom(value); err != nil {
			return err.Error()
		}
		if v.CurrentStateTimestamp > epoch {
			v.CurrentStateTimestamp = 1
		}
		if v.Leader != nil {
			v.Leader = kmsg.StringPtr(randomID.ReplaceAllString(*v.Leader, "random"))
		}
		for i := range v.Members {
			v.Members[i].MemberID = randomID.ReplaceAllString(v.Members[i].MemberID, "random")
		}
		sortBy(v.Members, func(m kmsg.GroupMetadataValueMember) string { return m.MemberID }) // Kafka's order is that of a hash map.
		value = v.AppendTo(nil)
	}
	return fmt.Sprintf("key %q value %q", key, value)
}

// Two folders that differ in one byte must not be taken for equal.
func TestFilesThatDifferAreTold(t *testing.T) {
	batch := seal(newBatch(value("a"), value("b")))
	other := bytes.Clone(batch)
	other[len(other)-2] ^= 1
	for name, pair := range map[string][2][]byte{
		"00000000000000000000.log":       {batch, other},
		"00000000000000000000.index":     {make([]byte, 16), append(make([]byte, 15), 1)},
		"00000000000000000000.timeindex": {make([]byte, 12), append(make([]byte, 12), 0)},
		"leader-epoch-checkpoint":        {[]byte("0\n1\n0 0\n"), []byte("0\n1\n1 0\n")},
		"00000000000000000007.snapshot":  {{1, 2}, {1, 3}},
	} {
		if maps.Equal(fileFields("t-0", name, pair[0]), fileFields("t-0", name, pair[1])) {
			t.Errorf("%s: two contents look the same", name)
		}
	}
	if got := slices.Sorted(maps.Keys(lineFields([]byte("version: 0\ntopic_id: abc\n")))); !slices.Equal(got, []string{"topic_id: ...", "version: 0"}) {
		t.Errorf("partition.metadata reads as %q", got)
	}
}
