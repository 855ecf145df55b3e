package data

import (
	"regexp"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCursors(t *testing.T) {
	c := newCursors()
	a, b, empty := partitionID{"t", 0}, partitionID{"t", 1}, partitionID{"t", 2}
	c.add(a, 0, 10)
	c.add(b, 5, 6)
	c.add(empty, 3, 3)
	if c.open != 2 {
		t.Fatalf("%d are open, want 2: an empty one is done", c.open)
	}
	c.advance(c.all[a], 9)
	c.advance(c.all[b], 7)
	c.advance(c.all[b], 8)
	if c.open != 1 || c.all[b].next != 8 {
		t.Fatalf("%d are open, b is at %d", c.open, c.all[b].next)
	}
	c.advance(c.all[a], 4)
	if c.all[a].next != 9 {
		t.Fatalf("a cursor went back to %d", c.all[a].next)
	}
	c.add(b, 0, 2) // Assigned again.
	if c.open != 2 {
		t.Fatalf("%d are open", c.open)
	}
	c.remove(b)
	c.remove(b)
	c.remove(a)
	if c.open != 0 {
		t.Fatalf("%d are open, none is left", c.open)
	}
}

func TestFilter(t *testing.T) {
	r := &kgo.Record{Key: []byte("k"), Value: []byte("an ERROR")}
	null := &kgo.Record{}
	empty := &kgo.Record{Key: []byte{}, Value: []byte{}}
	for name, c := range map[string]struct {
		filter filter
		record *kgo.Record
		want   bool
	}{
		"nothing asked":          {filter{anyKey: true}, null, true},
		"the key":                {filter{key: []byte("k")}, r, true},
		"another key":            {filter{key: []byte("kk")}, r, false},
		"the empty key":          {filter{key: []byte{}}, empty, true},
		"null is no empty key":   {filter{key: []byte{}}, null, false},
		"a match":                {filter{anyKey: true, value: regexp.MustCompile("ERR")}, r, true},
		"no match":               {filter{anyKey: true, value: regexp.MustCompile("^ERR")}, r, false},
		"null matches nothing":   {filter{anyKey: true, value: regexp.MustCompile("")}, null, false},
		"key fits and value not": {filter{key: []byte("k"), value: regexp.MustCompile("x")}, r, false},
		"an empty value can fit": {filter{anyKey: true, value: regexp.MustCompile("^$")}, empty, true},
	} {
		if got := c.filter.wants(c.record); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestDecodeInternal(t *testing.T) {
	offsetKey := kmsg.OffsetCommitKey{Version: 1, Group: "g", Topic: "t", Partition: 3}
	offsetValue := kmsg.OffsetCommitValue{Version: 3, Offset: 42, LeaderEpoch: 5, Metadata: "m", CommitTimestamp: 7}
	groupKey := kmsg.GroupMetadataKey{Version: 2, Group: "g"}
	transactionKey := kmsg.TxnMetadataKey{TransactionalID: "x"}
	for name, c := range map[string]struct {
		record             *kgo.Record
		wantKey, wantValue string
	}{
		"an offset": {
			&kgo.Record{Topic: consumerOffsets, Key: offsetKey.AppendTo(nil), Value: offsetValue.AppendTo(nil)},
			`{"type":"offset","group":"g","topic":"t","partition":3}`, `{"offset":42,"leaderEpoch":5,"metadata":"m","commitTimestamp":7}`,
		},
		"a tombstone":             {&kgo.Record{Topic: consumerOffsets, Key: groupKey.AppendTo(nil)}, `{"type":"group","group":"g"}`, "<nil>"},
		"a transaction":           {&kgo.Record{Topic: transactionState, Key: transactionKey.AppendTo(nil)}, `{"type":"transaction","transactionalId":"x"}`, "<nil>"},
		"a newer kind":            {&kgo.Record{Topic: consumerOffsets, Key: []byte{0, 9}, Value: []byte("v")}, "\x00\x09", "v"},
		"half a key":              {&kgo.Record{Topic: consumerOffsets, Key: []byte{0, 1, 0}, Value: []byte("v")}, "\x00\x01\x00", "v"},
		"a value of newer fields": {&kgo.Record{Topic: consumerOffsets, Key: offsetKey.AppendTo(nil), Value: []byte{0, 1}}, `{"type":"offset","group":"g","topic":"t","partition":3}`, "\x00\x01"},
		"no key":                  {&kgo.Record{Topic: consumerOffsets, Value: []byte("v")}, "<nil>", "v"},
	} {
		got := decodeInternal(c.record)
		key, value := string(got.Key), string(got.Value)
		if got.Key == nil {
			key = "<nil>"
		}
		if got.Value == nil {
			value = "<nil>"
		}
		if key != c.wantKey || value != c.wantValue {
			t.Errorf("%s: %s %s, want %s %s", name, key, value, c.wantKey, c.wantValue)
		}
	}
}
