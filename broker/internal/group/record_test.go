package group

import (
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/group/offset"
	"moldau.dev/moldau/internal/kafka"
)

type keyValue struct{ key, value []byte }

// goldenRecords reads the records that Apache Kafka has serialized.
func goldenRecords(t testing.TB) map[string]keyValue {
	t.Helper()
	file, err := os.ReadFile("testdata/records.golden")
	if err != nil {
		t.Fatal(err)
	}
	records := make(map[string]keyValue)
	for line := range strings.Lines(string(file)) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			continue
		}
		var kv keyValue
		if kv.key, err = hex.DecodeString(fields[1]); err != nil {
			t.Fatal(err)
		}
		if fields[2] != "null" {
			if kv.value, err = hex.DecodeString(fields[2]); err != nil {
				t.Fatal(err)
			}
		}
		records[fields[0]] = kv
	}
	return records
}

const (
	goldenTime   = 1700000000000
	goldenExpiry = 1700000001000
)

var goldenTopicID = kafka.UUID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

func goldenOffset(adjust func(*offset.Committed)) OffsetCommit {
	c := &offset.Committed{
		Offset: 42, LeaderEpoch: 7, Metadata: "meta", CommitTimestamp: goldenTime,
		ExpireTimestamp: offset.NoExpiry, TopicID: goldenTopicID,
	}
	adjust(c)
	return OffsetCommit{Key: offset.Key{Group: "group", Topic: "topic", Partition: 3}, Value: c}
}

func goldenGroup(adjust func(*kmsg.GroupMetadataValue)) Metadata {
	m := kmsg.NewGroupMetadataValueMember()
	m.MemberID, m.InstanceID, m.ClientID, m.ClientHost = "m-1", kmsg.StringPtr("inst"), "c", "/127.0.0.1"
	m.RebalanceTimeoutMillis, m.SessionTimeoutMillis = 300000, 45000
	m.Subscription, m.Assignment = []byte{1, 2}, []byte{3}
	v := kmsg.NewGroupMetadataValue()
	v.Version = 3
	v.ProtocolType, v.Generation, v.Protocol, v.Leader = "consumer", 5, kmsg.StringPtr("range"), kmsg.StringPtr("m-1")
	v.CurrentStateTimestamp = goldenTime
	v.Members = []kmsg.GroupMetadataValueMember{m}
	adjust(&v)
	return Metadata{Group: "group", Value: &v}
}

func TestRecordsAreThoseOfKafka(t *testing.T) {
	records := map[string]Record{
		"offset-with-topic-id": goldenOffset(func(*offset.Committed) {}),
		"offset-without-topic-id": goldenOffset(func(c *offset.Committed) {
			c.LeaderEpoch, c.Metadata, c.TopicID = kafka.NoLeaderEpoch, "", kafka.UUID{}
		}),
		"offset-with-expiry": goldenOffset(func(c *offset.Committed) { c.ExpireTimestamp = goldenExpiry }),
		"offset-tombstone":   OffsetCommit{Key: offset.Key{Group: "group", Topic: "topic", Partition: 3}},
		"group-tombstone":    Metadata{Group: "group"},
		"group-new": goldenGroup(func(v *kmsg.GroupMetadataValue) {
			v.ProtocolType, v.Generation, v.Protocol, v.Leader, v.Members = "", 0, nil, nil, nil
		}),
		"group-empty": goldenGroup(func(v *kmsg.GroupMetadataValue) {
			v.Generation, v.Protocol, v.Leader, v.Members = 4, nil, nil, nil
		}),
		"group-stable": goldenGroup(func(v *kmsg.GroupMetadataValue) {
			m := v.Members[0]
			m.MemberID, m.InstanceID, m.ClientID = "m-2", nil, "d"
			m.RebalanceTimeoutMillis, m.SessionTimeoutMillis = 60000, 10000
			m.Subscription, m.Assignment = []byte{9}, []byte{}
			v.Members = append(v.Members, m)
		}),
	}
	golden := goldenRecords(t)
	for name, r := range records {
		key, value := codec{}.Encode(r)
		if want := golden[name]; string(key) != string(want.key) || string(value) != string(want.value) {
			t.Errorf("%s:\n got %x %x\nwant %x %x", name, key, value, want.key, want.value)
		}
		if (value == nil) != (golden[name].value == nil) {
			t.Errorf("%s: a tombstone and an empty value are mixed up", name)
		}
	}
}

func TestRecordsOfAllVersionsAreRead(t *testing.T) {
	old := func(c *offset.Committed) { c.LeaderEpoch, c.TopicID = kafka.NoLeaderEpoch, kafka.UUID{} }
	version := func(version int16, adjust func(v *kmsg.GroupMetadataValue, m *kmsg.GroupMetadataValueMember)) Record {
		return goldenGroup(func(v *kmsg.GroupMetadataValue) {
			v.Version = version
			adjust(v, &v.Members[0])
		})
	}
	want := map[string]Record{
		"read-offset-v0": goldenOffset(old),
		"read-offset-v1": goldenOffset(func(c *offset.Committed) { old(c); c.ExpireTimestamp = goldenExpiry }),
		"read-offset-v2": goldenOffset(old),
		"read-offset-v3": goldenOffset(func(c *offset.Committed) { c.TopicID = kafka.UUID{} }),
		"read-offset-v4": goldenOffset(func(*offset.Committed) {}),
		"read-group-v0": version(0, func(v *kmsg.GroupMetadataValue, m *kmsg.GroupMetadataValueMember) {
			v.CurrentStateTimestamp, m.RebalanceTimeoutMillis, m.InstanceID = -1, -1, nil
		}),
		"read-group-v1": version(1, func(v *kmsg.GroupMetadataValue, m *kmsg.GroupMetadataValueMember) {
			v.CurrentStateTimestamp, m.InstanceID = -1, nil
		}),
		"read-group-v2": version(2, func(_ *kmsg.GroupMetadataValue, m *kmsg.GroupMetadataValueMember) { m.InstanceID = nil }),
		"read-group-v3": version(3, func(*kmsg.GroupMetadataValue, *kmsg.GroupMetadataValueMember) {}),
		"read-group-v4": version(4, func(*kmsg.GroupMetadataValue, *kmsg.GroupMetadataValueMember) {}),
	}
	golden := goldenRecords(t)
	for name, w := range want {
		got, err := codec{}.Decode(golden[name].key, golden[name].value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(w, got, cmpopts.IgnoreUnexported(offset.Committed{}, kmsg.Tags{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// The oldest brokers wrote the key of an offset with version 0.
	key := append([]byte{0, 0}, golden["read-offset-v0"].key[2:]...)
	if r, err := (codec{}).Decode(key, golden["read-offset-v0"].value); err != nil || r.(OffsetCommit).Group != "group" {
		t.Errorf("legacy key: %v, %v", r, err)
	}
}

func TestRecordsOfOtherGroupTypesAreSkipped(t *testing.T) {
	for name, kv := range goldenRecords(t) {
		if !strings.HasPrefix(name, "unknown-") {
			continue
		}
		if _, err := (codec{}).Decode(kv.key, kv.value); !errors.Is(err, coordinator.ErrUnknownRecord) {
			t.Errorf("%s: %v, want ErrUnknownRecord", name, err)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, kv := range goldenRecords(f) {
		f.Add(kv.key, kv.value, kv.value == nil)
	}
	f.Fuzz(func(t *testing.T, key, value []byte, tombstone bool) {
		if tombstone {
			value = nil
		}
		r, err := codec{}.Decode(key, value)
		if err != nil {
			return
		}
		// Whatever can be read can be replayed, and survives being written again.
		s := testShard(t)
		if err := s.Replay(0, coordinator.NoProducer, r); err != nil {
			t.Fatal(err)
		}
		s.Loaded(time.Unix(0, 0))
		k, v := codec{}.Encode(r)
		again, err := codec{}.Decode(k, v)
		if err != nil {
			t.Fatalf("%x %x: %v", k, v, err)
		}
		if c, ok := r.(OffsetCommit); ok && c.Value != nil && c.Value.ExpireTimestamp == offset.NoExpiry {
			if diff := cmp.Diff(r, again, cmpopts.IgnoreUnexported(offset.Committed{})); diff != "" {
				t.Error(diff)
			}
		}
	})
}
