package offline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"moldau.dev/moldau/internal/vfs"
)

// testdata/kafka was written by Apache Kafka 4.4.0: topics with all codecs, several
// segments, idempotent producers, transactions, a classic and a consumer group, a
// SCRAM user. testdata/dump-log.txt is what its kafka-dump-log prints of the files.
const (
	kafkaDir  = "testdata/kafka"
	kafkaDump = "testdata/dump-log.txt"
)

func TestDumpSaysWhatKafkaDumpLogSays(t *testing.T) {
	want, err := os.ReadFile(kafkaDump)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, part := range strings.Split("\n"+string(want), "\nDumping ")[1:] {
		name, lines, _ := strings.Cut(part, "\n")
		t.Run(name, func(t *testing.T) {
			compared += compareDump(t, filepath.Join(kafkaDir, name), strings.Split(strings.TrimSpace(lines), "\n"))
		})
	}
	if compared < 400 {
		t.Errorf("only %d lines were compared", compared)
	}
}

// compareDump compares the lines of kafka-dump-log with our entries of the file.
func compareDump(t *testing.T, path string, lines []string) int {
	t.Helper()
	var got []string
	err := Dump(t.Context(), path, DumpOptions{Records: true, Secrets: true}, func(e Entry) error {
		if line := dumpLogLine(t, e); line != "" {
			got = append(got, line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, line := range lines {
		if strings.HasPrefix(line, "Log starting offset") || strings.HasPrefix(line, "Snapshot end offset") || strings.Contains(line, "offset: 0 position: 0") {
			continue
		}
		want = append(want, normal(t, line))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	return len(want)
}

// normal gives a line of kafka-dump-log with its JSON in one form.
func normal(t *testing.T, line string) string {
	line, payload, found := strings.Cut(line, " payload: ")
	if !found {
		// A control record of the metadata log.
		before, data, found := strings.Cut(line, " {")
		if !found {
			return line
		}
		return strings.TrimSuffix(before, ":") + " " + canonical(t, "{"+data)
	}
	line, key, keyFound := strings.Cut(line, " key: ")
	if keyFound {
		line += " key: " + canonical(t, key)
	}
	return line + " payload: " + canonical(t, payload)
}

// canonical sorts the fields of JSON. It leaves out those that are null, which only one of the two
// shows, and what members of classic groups hand to each other, which dump-log looks into.
func canonical(t *testing.T, text string) string {
	if !strings.HasPrefix(text, "{") {
		return text
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	b, err := json.Marshal(withoutNull(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// isDefault tells whether a tagged field has its default, which dump-log leaves out.
func isDefault(name string, field any) bool {
	switch name {
	case "leaderRecoveryState":
		return field == 0.0 || field == -1.0
	case "fenced":
		return field == 0.0
	case "inControlledShutdown":
		return field == false
	case "leader":
		return field == -2.0
	default:
		return false
	}
}

func withoutNull(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, field := range v {
			if field == nil || name == "subscription" || name == "assignment" || isDefault(name, field) {
				delete(v, name)
			} else if v[name] = withoutNull(field); name == "inControlledShutdown" {
				v[name] = true // It is a number in changes.
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNull(v[i])
		}
	}
	return v
}

// dumpLogLine gives an entry as kafka-dump-log prints it.
func dumpLogLine(t *testing.T, e Entry) string {
	optional := func(n int64) string {
		if n < 0 {
			return "OptionalLong.empty"
		}
		return fmt.Sprintf("OptionalLong[%d]", n)
	}
	switch e := e.(type) {
	case *Batch:
		horizon := int64(-1)
		if e.DeleteHorizonMs != nil {
			horizon = *e.DeleteHorizonMs
		}
		return fmt.Sprintf("baseOffset: %d lastOffset: %d count: %d baseSequence: %d lastSequence: %d producerId: %d producerEpoch: %d partitionLeaderEpoch: %d "+
			"isTransactional: %t isControl: %t deleteHorizonMs: %s position: %d %s: %d size: %d magic: %d compresscodec: %s crc: %d isvalid: %t",
			e.BaseOffset, e.LastOffset, e.Count, e.BaseSequence, e.LastSequence, e.ProducerID, e.ProducerEpoch, e.PartitionLeaderEpoch,
			e.IsTransactional, e.IsControl, optional(horizon), e.Position, e.TimestampType, e.MaxTimestamp, e.Size, e.Magic, e.Compression, e.CRC, e.IsValid)
	case *Record:
		return recordLine(t, e)
	case *IndexEntry:
		return fmt.Sprintf("offset: %d position: %d", e.Offset, e.Position)
	case *TimeIndexEntry:
		return fmt.Sprintf("timestamp: %d offset: %d", e.Timestamp, e.Offset)
	case *AbortedTxn:
		return fmt.Sprintf("version: 0 producerId: %d firstOffset: %d lastOffset: %d lastStableOffset: %d", e.ProducerID, e.FirstOffset, e.LastOffset, e.LastStableOffset)
	case *Producer:
		line := fmt.Sprintf("producerId: %d producerEpoch: %d coordinatorEpoch: %d currentTxnFirstOffset: %s lastTimestamp: %d ",
			e.ProducerID, e.ProducerEpoch, e.CoordinatorEpoch, optional(e.CurrentTxnFirstOffset), e.LastTimestamp)
		if e.LastOffset >= 0 {
			line += fmt.Sprintf("firstSequence: %d lastSequence: %d lastOffset: %d offsetDelta: %d timestamp: %d",
				e.LastSequence-e.OffsetDelta, e.LastSequence, e.LastOffset, e.OffsetDelta, e.LastTimestamp)
		}
		return line
	case *Finding:
		t.Error(e)
	}
	return ""
}

func recordLine(t *testing.T, r *Record) string {
	headers := make([]string, 0, len(r.Headers))
	for _, h := range r.Headers {
		headers = append(headers, h.Key)
	}
	line := fmt.Sprintf("| offset: %d CreateTime: %d keySize: %d valueSize: %d sequence: %d headerKeys: [%s]",
		r.Offset, r.Timestamp, r.KeySize, r.ValueSize, r.Sequence, strings.Join(headers, ","))
	d := r.Decoded
	switch {
	case r.Control == "COMMIT" || r.Control == "ABORT":
		var data struct{ CoordinatorEpoch int32 }
		if err := json.Unmarshal(d.Data, &data); err != nil {
			t.Fatal(err)
		}
		return line + fmt.Sprintf(" endTxnMarker: %s coordinatorEpoch: %d", r.Control, data.CoordinatorEpoch)
	case r.Control != "":
		name := map[string]string{
			"LEADER_CHANGE": "LeaderChange", "SNAPSHOT_HEADER": "SnapshotHeader", "SNAPSHOT_FOOTER": "SnapshotFooter",
			"KRAFT_VERSION": "KRaftVersion", "KRAFT_VOTERS": "KRaftVoters",
		}[r.Control]
		return line + " " + name + " " + canonical(t, string(d.Data))
	case d != nil && d.Key != nil:
		kind := map[string]string{
			"OffsetCommit": "1", "GroupMetadata": "2", "ConsumerGroupMetadata": "3", "ConsumerGroupMemberMetadata": "5",
			"ConsumerGroupTargetAssignmentMetadata": "6", "ConsumerGroupTargetAssignmentMember": "7", "ConsumerGroupCurrentMemberAssignment": "8", "TransactionLog": "0",
		}[d.Name]
		line += " key: " + canonical(t, fmt.Sprintf(`{"type":%q,"data":%s}`, kind, d.Key))
		if d.Version == nil {
			return line + " payload: <DELETE>"
		}
		return line + " payload: " + canonical(t, fmt.Sprintf(`{"version":"%d","data":%s}`, *d.Version, d.Data))
	case d != nil:
		return line + " payload: " + canonical(t, fmt.Sprintf(`{"type":%q,"version":%d,"data":%s}`, screaming(d.Name), *d.Version, d.Data))
	}
	if r.Key != nil {
		line += " key: " + *r.Key
	}
	if r.Value != nil {
		line += " payload: " + *r.Value
	}
	return line
}

// screaming gives PARTITION_RECORD for PartitionRecord.
func screaming(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// TestVerifyLikesWhatApacheKafkaLeaves copies the folder, since a checkout may lose files that begin
// with a dot, and adds the marker of a clean shutdown.
func TestVerifyLikesWhatApacheKafkaLeaves(t *testing.T) {
	exists, err := vfs.Exists(vfs.Default, filepath.Join(kafkaDir, ".kafka_cleanshutdown"))
	if err != nil || !exists {
		t.Fatalf("the marker of a clean shutdown is missing: %v", err)
	}
	summary, err := Verify(t.Context(), []string{kafkaDir}, VerifyOptions{}, func(f *Finding) error {
		t.Error(f)
		return nil
	})
	if err != nil || summary.Partitions != 5 || summary.Segments != 7 || summary.Records != 161 {
		t.Errorf("%+v, %v", summary, err)
	}
	m, err := LoadMetadata(t.Context(), []string{kafkaDir}, MetadataOptions{}, func(f *Finding) { t.Error(f) })
	if err != nil {
		t.Fatal(err)
	}
	retention, err := m.Root.Get("/configs/TOPIC/events/retention.ms")
	if err != nil || string(retention.Value) != `"86400000"` || !strings.Contains(m.Snapshot, "00000000000000000080-0000000001.checkpoint") || m.Offset != 93 {
		t.Errorf("%+v, %v; %+v", retention, err, m)
	}
}
