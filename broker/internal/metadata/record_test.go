package metadata

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"moldau.dev/moldau/internal/kafka"
)

var (
	topicID = kafka.UUID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	dirA    = kafka.UUID{0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20}
	dirB    = kafka.UUID{0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30}
)

func ptr(s string) *string { return &s }

type nodes = []kafka.NodeID

// goldenRecords are the records whose bytes are in testdata/records.txt, as
// Apache Kafka 4.4.0 wrote them.
func goldenRecords() map[string]Record {
	records := map[string]Record{
		"RegisterBrokerMinimal v4": &RegisterBrokerRecord{
			Version: 4, BrokerID: 1, BrokerEpoch: -1, Endpoints: []Endpoint{}, Features: []FeatureRange{},
		},
		"RegisterBrokerCordonNone v4": &RegisterBrokerRecord{
			Version: 4, BrokerID: 1, BrokerEpoch: 5, Endpoints: []Endpoint{}, Features: []FeatureRange{}, Fenced: true, CordonedLogDirs: []kafka.UUID{},
		},
		"UnregisterBroker v0": &UnregisterBrokerRecord{BrokerID: 3, BrokerEpoch: 77},
		"Topic v0":            &TopicRecord{Name: "grüße-topic", TopicID: topicID},
		"PartitionMinimal v2": &PartitionRecord{
			Version: 2, TopicID: topicID, Replicas: nodes{1}, ISR: nodes{1}, RemovingReplicas: nodes{}, AddingReplicas: nodes{}, Leader: 1,
			Directories: []kafka.UUID{dirA},
		},
		"Config v0":              &ConfigRecord{ResourceType: ResourceTopic, ResourceName: "foo", Name: "retention.ms", Value: ptr("1000")},
		"ConfigDelete v0":        &ConfigRecord{ResourceType: ResourceBroker, Name: "x"},
		"PartitionChangeNone v2": NewPartitionChange(2, 1, topicID),
		"FenceBroker v0":         &FenceBrokerRecord{BrokerID: 2, BrokerEpoch: 1 << 40},
		"UnfenceBroker v0":       &UnfenceBrokerRecord{BrokerID: 2, BrokerEpoch: 1 << 40},
		"RemoveTopic v0":         &RemoveTopicRecord{TopicID: topicID},
		"DelegationToken v0": &DelegationTokenRecord{
			Owner: "User:a", Requester: "User:b", Renewers: []string{"User:c", "User:d"},
			IssueTimestamp: 1, MaxTimestamp: 2, ExpirationTimestamp: 3, TokenID: "tok",
		},
		"UserScramCredential v0": &UserScramCredentialRecord{
			Name: "alice", Mechanism: 1, Salt: []byte{1, 2}, StoredKey: []byte{3}, ServerKey: []byte{4, 5, 6}, Iterations: 4096,
		},
		"FeatureLevel v0": &FeatureLevelRecord{Name: "metadata.version", Level: 33},
		"ClientQuota v0": &ClientQuotaRecord{
			Entity: []QuotaEntity{{Type: "user", Name: ptr("alice")}, {Type: "client-id"}}, Name: "producer_byte_rate", Value: 1.5,
		},
		"ProducerIds v0": &ProducerIDsRecord{BrokerID: 1, BrokerEpoch: 12, NextProducerID: 2000},
		"AccessControlEntry v0": &AccessControlEntryRecord{
			ID: topicID, ResourceType: 2, ResourceName: "foo", PatternType: 3, Principal: "User:alice", Host: "*", Operation: 4, PermissionType: 3,
		},
		"RemoveAccessControlEntry v0":  &RemoveAccessControlEntryRecord{ID: topicID},
		"NoOp v0":                      &NoOpRecord{},
		"ZkMigrationState v0":          &ZkMigrationStateRecord{State: 4},
		"RemoveUserScramCredential v0": &RemoveUserScramCredentialRecord{Name: "alice", Mechanism: 2},
		"BeginTransaction v0":          &BeginTransactionRecord{},
		"BeginTransactionNamed v0":     &BeginTransactionRecord{Name: ptr("Bootstrap records")},
		"EndTransaction v0":            &EndTransactionRecord{},
		"AbortTransaction v0":          &AbortTransactionRecord{},
		"AbortTransactionReason v0":    &AbortTransactionRecord{Reason: ptr("because")},
		"RemoveDelegationToken v0":     &RemoveDelegationTokenRecord{TokenID: "tok"},
		"RegisterController v0": &RegisterControllerRecord{
			ControllerID: 1, IncarnationID: topicID, Endpoints: []Endpoint{{Name: "CONTROLLER", Host: "h", Port: 9093}},
			Features: []FeatureRange{{Name: "kraft.version", Max: 1}},
		},
		"ClearElr v0":             &ClearElrRecord{TopicName: "foo"},
		"UnregisterController v0": &UnregisterControllerRecord{ControllerID: 9},
	}
	for v := range int16(5) {
		r := &RegisterBrokerRecord{
			Version: v, BrokerID: 3, IncarnationID: topicID, BrokerEpoch: 77, Rack: ptr("r1"), Fenced: true,
			Endpoints: []Endpoint{{Name: "PLAINTEXT", Host: "example.org", Port: 40000}, {Name: "SSL", Host: "h", Port: 9093, SecurityProtocol: 1}},
			Features:  []FeatureRange{{Name: "metadata.version", Min: 7, Max: 33}},
		}
		r.InControlledShutdown = v >= 1
		r.IsMigratingZkBroker = v >= 2
		if v >= 3 {
			r.LogDirs = []kafka.UUID{dirA, dirB}
		}
		if v >= 4 {
			r.CordonedLogDirs = []kafka.UUID{dirB}
		}
		records[fmt.Sprintf("RegisterBroker v%d", v)] = r
	}
	for v := range int16(3) {
		p := &PartitionRecord{
			Version: v, PartitionID: 5, TopicID: topicID, Replicas: nodes{1, 2, 3}, ISR: nodes{2, 3}, RemovingReplicas: nodes{1}, AddingReplicas: nodes{3},
			Leader: 2, LeaderRecoveryState: LeaderRecovering, LeaderEpoch: 9, PartitionEpoch: 300,
		}
		c := NewPartitionChange(v, 1, topicID)
		c.ISR, c.Leader, c.Replicas, c.RemovingReplicas, c.AddingReplicas = nodes{1, 2}, kafka.NoNode, nodes{4, 5}, nodes{}, nodes{6}
		c.LeaderRecoveryState = LeaderRecovered
		if v >= 1 {
			p.Directories = []kafka.UUID{dirA, dirB, {}}
			c.Directories = []kafka.UUID{dirA, dirB}
		}
		if v >= 2 {
			p.ELR, p.LastKnownELR = nodes{1}, nodes{3}
			c.ELR, c.LastKnownELR = nodes{}, nodes{7}
		}
		records[fmt.Sprintf("Partition v%d", v)] = p
		records[fmt.Sprintf("PartitionChange v%d", v)] = c
	}
	for v := range int16(4) {
		r := &BrokerRegistrationChangeRecord{Version: v, BrokerID: 4, BrokerEpoch: 8, Fenced: Unfence, InControlledShutdown: v >= 1}
		if v >= 2 {
			r.LogDirs = []kafka.UUID{dirA}
		}
		if v >= 3 {
			r.CordonedLogDirs = []kafka.UUID{}
		}
		records[fmt.Sprintf("BrokerRegistrationChange v%d", v)] = r
	}
	return records
}

func goldenBytes(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/records.txt")
	if err != nil {
		t.Fatal(err)
	}
	golden := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " v")
		version, digits, _ := strings.Cut(digits, " ")
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		golden[name+" v"+version] = b
	}
	return golden
}

func TestRecordsAreByteForByteThoseOfApacheKafka(t *testing.T) {
	golden, records := goldenBytes(t), goldenRecords()
	for name, b := range golden {
		t.Run(name, func(t *testing.T) {
			want := records[name]
			if want == nil {
				t.Fatal("no such record in the table")
			}
			if got := Encode(want); !bytes.Equal(got, b) {
				t.Errorf("Encode gives\n%x, want\n%x", got, b)
			}
			got, err := Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			// Version 0 and nil slices stand for what old versions do not say.
			if got := Encode(got); !bytes.Equal(got, b) {
				t.Errorf("decoded and encoded again:\n%x, want\n%x", got, b)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("Decode gives\n%+v, want\n%+v", got, want)
			}
		})
	}
	if len(golden) != len(records) {
		t.Errorf("%d golden records and %d in the table", len(golden), len(records))
	}
}

func TestEveryRecordTypeHasGoldenBytes(t *testing.T) {
	seen := map[int16]bool{}
	for _, r := range goldenRecords() {
		seen[r.Key()] = true
	}
	for key := range int16(64) {
		if r, newest := newRecord(uint32(key), 0); r != nil && !seen[key] {
			t.Errorf("%T has none", r)
		} else if r != nil && newest > 4 {
			t.Errorf("%T: newest version %d", r, newest)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, test := range map[string]struct{ digits, want string }{
		"nothing":                  {"", "ends in the middle"},
		"an unknown frame":         {"021400", "frame version 2 is unknown"},
		"an unknown key":           {"010600", "key 6 is unknown"},
		"a huge key":               {"01ffffffff0f00", "key 4294967295 is unknown"},
		"a newer version":          {"011401", "version 1 is newer than 0"},
		"a cut record":             {"010200", "ends in the middle"},
		"a long varint":            {"0114ffffffffffffffffff7f", "32 bits"},
		"bytes at the end":         {"0114000000", "1 bytes too many"},
		"a null where none may be": {"01020000" + strings.Repeat("00", 17), "may not be null"},
		"a string beyond the end":  {"010200" + "ff7f" + "61", "does not fit"},
		"too many array elements":  {"010300" + "00000000" + strings.Repeat("00", 16) + "ff01", "does not fit"},
		"a tag beyond the end":     {"01140001" + "0009", "ends in the middle"},
		"tags out of order":        {"01140002" + "050100" + "050100", "comes after"},
		"a tag with bytes left":    {"011700" + "01" + "0003" + "02" + "61" + "62", "bytes too many"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := hex.DecodeString(test.digits)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Decode(b); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Decode: %v, want %q", err, test.want)
			}
		})
	}
}

func TestUnknownTagsAreSkipped(t *testing.T) {
	b := append(Encode(&NoOpRecord{})[:3], 2, 7, 3, 'a', 'b', 'c', 9, 0)
	r, err := Decode(b)
	if err != nil || !reflect.DeepEqual(r, &NoOpRecord{}) {
		t.Errorf("Decode: %v, %v", r, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range goldenBytes(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(Encode(r))
		if err != nil {
			t.Fatalf("%+v does not decode again: %v", r, err)
		}
		if !bytes.Equal(Encode(again), Encode(r)) {
			t.Fatalf("%+v became %+v", r, again)
		}
	})
}
