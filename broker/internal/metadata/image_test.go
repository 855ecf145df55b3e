package metadata

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"moldau.dev/moldau/internal/kafka"
)

// replay gives the Image after the records, in one Delta.
func replay(t testing.TB, base *Image, records ...Record) *Image {
	t.Helper()
	return apply(t, NewDelta(base), records...)
}

func apply(t testing.TB, d *Delta, records ...Record) *Image {
	t.Helper()
	for _, r := range records {
		if err := d.Replay(r); err != nil {
			t.Fatalf("replay %+v: %v", r, err)
		}
	}
	return d.Apply(d.Base().Offset()+kafka.Offset(len(records)), 1)
}

// dump encodes all the Image says.
func dump(im *Image) []byte {
	var b []byte
	for r := range im.Records() {
		b = AppendRecord(b, r)
	}
	return b
}

// generator draws records that fit the Image they are replayed on.
type generator struct {
	t     *rapid.T
	next  byte
	image *Image
}

func (g *generator) uuid() kafka.UUID {
	g.next++
	return kafka.UUID{g.next, 1: 1, 15: 200}
}

func (g *generator) nodes(label string, least int) []kafka.NodeID {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) kafka.NodeID {
		return kafka.NodeID(rapid.Int32Range(1, 5).Draw(t, "node"))
	}), least, 4, rapid.ID[kafka.NodeID]).Draw(g.t, label)
}

func (g *generator) topic() *Topic {
	topics := slices.Collect(g.image.Topics())
	if len(topics) == 0 {
		return nil
	}
	return rapid.SampledFrom(topics).Draw(g.t, "topic")
}

// record draws one record; it may be nil where none of the kind is possible.
func (g *generator) record() Record {
	name := func() string { return rapid.SampledFrom([]string{"a", "b", "c", "d.e", "f_g"}).Draw(g.t, "name") }
	switch rapid.IntRange(0, 16).Draw(g.t, "kind") {
	case 0:
		if n := name(); g.image.Topic(n) == nil {
			return &TopicRecord{Name: n, TopicID: g.uuid()}
		}
	case 1, 2, 3:
		return g.partition()
	case 4, 5:
		return g.partitionChange()
	case 6:
		if topic := g.topic(); topic != nil {
			return &RemoveTopicRecord{TopicID: topic.ID}
		}
	case 7:
		r := &ConfigRecord{ResourceType: ResourceTopic, ResourceName: name(), Name: name()}
		if rapid.Bool().Draw(g.t, "set") {
			r.Value = ptr(name())
		}
		return r
	case 8:
		return &RegisterBrokerRecord{
			BrokerID: kafka.NodeID(rapid.IntRange(1, 3).Draw(g.t, "broker")), BrokerEpoch: kafka.BrokerEpoch(g.next), IncarnationID: g.uuid(),
			Fenced: true, LogDirs: []kafka.UUID{dirB, dirA}, Endpoints: []Endpoint{{Name: "P", Host: "h", Port: 1}}, Features: []FeatureRange{{Name: "x", Max: 1}},
		}
	case 9, 10:
		return g.brokerChange()
	case 11:
		return &FeatureLevelRecord{Name: rapid.SampledFrom([]string{"share.version", "group.version"}).Draw(g.t, "feature"), Level: int16(rapid.IntRange(0, 2).Draw(g.t, "level"))}
	case 12:
		return &ProducerIDsRecord{BrokerID: 1, NextProducerID: g.image.NextProducerID() + 1000}
	case 13:
		return &ClientQuotaRecord{
			Entity: []QuotaEntity{{Type: "user", Name: ptr(name())}, {Type: "client-id"}}, Name: name(),
			Value: 1, Remove: rapid.Bool().Draw(g.t, "remove"),
		}
	case 14:
		if rapid.Bool().Draw(g.t, "remove") {
			return &RemoveUserScramCredentialRecord{Name: name(), Mechanism: 1}
		}
		return &UserScramCredentialRecord{Name: name(), Mechanism: 1, Salt: []byte{1}, StoredKey: []byte{2}, ServerKey: []byte{3}, Iterations: 4096}
	case 15:
		if rapid.Bool().Draw(g.t, "remove") {
			return &RemoveDelegationTokenRecord{TokenID: name()}
		}
		return &DelegationTokenRecord{TokenID: name(), Owner: "o", Requester: "r", Renewers: []string{}}
	case 16:
		if acls := slices.Collect(g.image.ACLs()); len(acls) > 3 {
			return &RemoveAccessControlEntryRecord{ID: acls[0].ID}
		}
		return &AccessControlEntryRecord{ID: g.uuid(), ResourceName: name(), Principal: "User:a", Host: "*"}
	}
	return nil
}

func (g *generator) partition() Record {
	topic := g.topic()
	if topic == nil {
		return nil
	}
	replicas := g.nodes("replicas", 1)
	return &PartitionRecord{
		PartitionID: rapid.Int32Range(0, 12).Draw(g.t, "partition"), TopicID: topic.ID, Replicas: replicas, ISR: replicas[:1],
		RemovingReplicas: []kafka.NodeID{}, AddingReplicas: []kafka.NodeID{}, Leader: replicas[0], Directories: slices.Repeat([]kafka.UUID{dirA}, len(replicas)),
	}
}

func (g *generator) partitionChange() Record {
	topic := g.topic()
	if topic == nil || topic.NumPartitions() == 0 {
		return nil
	}
	var ids []int32
	for id := range topic.Partitions() {
		ids = append(ids, id)
	}
	r := NewPartitionChange(2, rapid.SampledFrom(ids).Draw(g.t, "partition"), topic.ID)
	r.ISR = g.nodes("isr", 0)
	r.ELR = g.nodes("elr", 0)
	r.Leader = kafka.NodeID(rapid.Int32Range(-2, 4).Draw(g.t, "leader"))
	return r
}

func (g *generator) brokerChange() Record {
	brokers := slices.Collect(g.image.Brokers())
	if len(brokers) == 0 {
		return nil
	}
	b := rapid.SampledFrom(brokers).Draw(g.t, "broker")
	if rapid.IntRange(0, 4).Draw(g.t, "unregister") == 0 {
		return &UnregisterBrokerRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch}
	}
	return &BrokerRegistrationChangeRecord{
		BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: FencingChange(rapid.IntRange(-1, 1).Draw(g.t, "fenced")),
		InControlledShutdown: rapid.Bool().Draw(g.t, "shutdown"), CordonedLogDirs: []kafka.UUID{dirA},
	}
}

// The same records give the same Image, whether replayed one by one, at once,
// or from the snapshot; older Images stay what they were; and the Delta of a
// snapshot load names what the Delta of the records names.
func TestImagesAreDeterminedByTheirRecords(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		start := replay(t, EmptyImage(), &FeatureLevelRecord{Name: FeatureMetadataVersion, Level: int16(NewestMetadataVersion)})
		g := &generator{t: rt, image: start}
		var records []Record
		images, dumps := []*Image{start}, [][]byte{dump(start)}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			r := g.record()
			if r == nil {
				continue
			}
			records = append(records, r)
			g.image = replay(t, g.image, r)
			images, dumps = append(images, g.image), append(dumps, dump(g.image))
		}
		last := images[len(images)-1]
		for i, im := range images {
			if !bytes.Equal(dump(im), dumps[i]) {
				rt.Fatalf("Image %d has changed", i)
			}
		}
		at := rapid.IntRange(0, len(images)-1).Draw(rt, "base")
		d := NewDelta(images[at])
		if !apply(t, d, records[at:]...).Equal(last) {
			rt.Fatal("replayed at once, the Image differs")
		}
		loaded := replay(t, EmptyImage(), slices.Collect(last.Records())...)
		if !loaded.Equal(last) {
			rt.Fatal("loaded from its own records, the Image differs")
		}
		n := 0
		for topic := range last.Topics() {
			n += topic.NumPartitions()
		}
		if n != last.NumPartitions() {
			rt.Fatalf("NumPartitions = %d, want %d", last.NumPartitions(), n)
		}
		checkDiff(rt, d, Diff(images[at], loaded))
	})
}

// checkDiff checks that what Diff finds changed, the Delta has named. The Delta
// may name more, such as what was changed back.
func checkDiff(t *rapid.T, replayed, diff *Delta) {
	named := map[string]bool{}
	for _, c := range replayed.Topics() {
		named[nameChange(c, -1)] = true
		for _, p := range c.Partitions {
			named[nameChange(c, p)] = true
		}
	}
	for _, c := range diff.Topics() {
		if !named[nameChange(c, -1)] {
			t.Fatalf("the Delta does not name %s", nameChange(c, -1))
		}
		for _, p := range c.Partitions {
			if !named[nameChange(c, p)] {
				t.Fatalf("the Delta does not name %s", nameChange(c, p))
			}
		}
	}
	for _, b := range diff.Brokers() {
		if !slices.Contains(replayed.Brokers(), b) {
			t.Fatalf("the Delta does not name broker %d", b)
		}
	}
	for _, r := range diff.Configs() {
		if !slices.Contains(replayed.Configs(), r) {
			t.Fatalf("the Delta does not name %v", r)
		}
	}
	for _, flags := range [][2]bool{
		{diff.FeaturesChanged(), replayed.FeaturesChanged()},
		{diff.ACLsChanged(), replayed.ACLsChanged()},
		{diff.ClientQuotasChanged(), replayed.ClientQuotasChanged()},
		{diff.ScramChanged(), replayed.ScramChanged()},
		{diff.DelegationTokensChanged(), replayed.DelegationTokensChanged()},
		{diff.ProducerIDsChanged(), replayed.ProducerIDsChanged()},
	} {
		if flags[0] && !flags[1] {
			t.Fatal("the Delta does not name a change")
		}
	}
}

func nameChange(c TopicChange, partition int32) string {
	return fmt.Sprint(c.Old == nil, c.New == nil, partition, (*topicOf(c)).ID)
}

func topicOf(c TopicChange) *Topic {
	if c.New != nil {
		return c.New
	}
	return c.Old
}

func TestTreeIsAnOrderedMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tr := tree[int, int]{compare: func(a, b int) int { return a - b }}
		model := map[int]int{}
		for i := range rapid.IntRange(0, 200).Draw(rt, "steps") {
			key := rapid.IntRange(0, 60).Draw(rt, "key")
			if rapid.IntRange(0, 2).Draw(rt, "op") == 0 {
				tr = tr.remove(key)
				delete(model, key)
			} else {
				tr = tr.put(key, i)
				model[key] = i
			}
		}
		last, n := -1, 0
		for key, value := range tr.all() {
			if key <= last || model[key] != value {
				rt.Fatalf("%d: %d after %d", key, value, last)
			}
			last, n = key, n+1
		}
		if n != len(model) || tr.len() != n {
			rt.Fatalf("%d entries, len %d, want %d", n, tr.len(), len(model))
		}
		from := rapid.IntRange(0, 60).Draw(rt, "from")
		for key := range tr.from(from) {
			if key < from {
				rt.Fatalf("%d from %d", key, from)
			}
			n--
		}
		for key := range model {
			if key < from {
				n--
			}
		}
		if n != 0 {
			rt.Fatalf("from %d: %d entries missing", from, n)
		}
		checkBalance(rt, tr.root)
	})
}

func checkBalance(t *rapid.T, n *treeNode[int, int]) int8 {
	if n == nil {
		return 0
	}
	left, right := checkBalance(t, n.left), checkBalance(t, n.right)
	if left-right > 1 || right-left > 1 || n.height != max(left, right)+1 {
		t.Fatalf("node %d: heights %d and %d, says %d", n.key, left, right, n.height)
	}
	return n.height
}

func TestTransactionsCountWhenTheyEnd(t *testing.T) {
	base := replay(t, EmptyImage(), &TopicRecord{Name: "before", TopicID: dirA})
	open := replay(t, base, &TopicRecord{Name: "same-batch", TopicID: dirB}, &BeginTransactionRecord{}, &TopicRecord{Name: "inside", TopicID: topicID})
	if open.Topic("inside") != nil || open.Topic("same-batch") == nil || !open.InTransaction() {
		t.Fatal("an open transaction shows, or hides what came before it")
	}
	end := NewDelta(open)
	ended := apply(t, end, &RemoveTopicRecord{TopicID: dirA}, &EndTransactionRecord{})
	if ended.Topic("inside") == nil || ended.Topic("before") != nil || ended.InTransaction() {
		t.Fatal("an ended transaction does not show")
	}
	if n := len(end.Topics()); n != 2 {
		t.Errorf("the Delta names %d topics, want the two of the transaction", n)
	}
	abort := NewDelta(open)
	aborted := apply(t, abort, &AbortTransactionRecord{})
	if aborted.Topic("inside") != nil || !aborted.Equal(open) || aborted.InTransaction() || len(abort.Topics()) != 0 {
		t.Fatal("an aborted transaction shows")
	}
	if err := NewDelta(open).Replay(&BeginTransactionRecord{}); err == nil {
		t.Error("a transaction may begin inside another")
	}
	if err := NewDelta(base).Replay(&EndTransactionRecord{}); err == nil {
		t.Error("a transaction may end that has not begun")
	}
}

func TestReplayRefusesRecordsThatDoNotFit(t *testing.T) {
	base := replay(t, EmptyImage(), &TopicRecord{Name: "a", TopicID: topicID}, &RegisterBrokerRecord{BrokerID: 1, BrokerEpoch: 5})
	short := &PartitionRecord{TopicID: topicID, Replicas: nodes{1, 2}, Directories: []kafka.UUID{dirA}}
	for want, r := range map[string]Record{
		"exists already":                 &TopicRecord{Name: "a", TopicID: dirA},
		"topic id":                       &TopicRecord{Name: "b", TopicID: topicID},
		"does not exist":                 &PartitionRecord{TopicID: dirA},
		"1 log directories for 2":        short,
		"partition a-3 does not exist":   NewPartitionChange(2, 3, topicID),
		"not registered":                 &FenceBrokerRecord{BrokerID: 2},
		"broker epoch 4 is not":          &UnfenceBrokerRecord{BrokerID: 1, BrokerEpoch: 4},
		"fencing change 5":               &BrokerRegistrationChangeRecord{BrokerID: 1, BrokerEpoch: 5, Fenced: 5},
		"level 34 is not supported":      &FeatureLevelRecord{Name: FeatureMetadataVersion, Level: 34},
		"topic \"zzz\" does not exist":   &ClearElrRecord{TopicName: "zzz"},
		"RemoveTopicRecord: topic id":    &RemoveTopicRecord{TopicID: dirA},
		"PartitionChangeRecord: topic i": NewPartitionChange(2, 0, dirA),
	} {
		d := NewDelta(base)
		if err := d.Replay(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
		if !d.Apply(0, 0).Equal(base) {
			t.Errorf("%+v: refused, and changed something", r)
		}
	}
}

func TestBootstrapRecordsAreThoseOfKafkaStorageFormat(t *testing.T) {
	want := []Record{
		&FeatureLevelRecord{"metadata.version", 33},
		&FeatureLevelRecord{"eligible.leader.replicas.version", 1},
		&FeatureLevelRecord{"group.version", 1},
		&FeatureLevelRecord{"share.version", 2},
		&FeatureLevelRecord{"streams.version", 1},
		&FeatureLevelRecord{"transaction.version", 2},
	}
	if got := BootstrapRecords(NewestMetadataVersion); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := BootstrapRecords(MetadataVersion37IV2); len(got) != 1 {
		t.Errorf("3.7 has more than metadata.version: %+v", got)
	}
}

func TestMetadataVersionNames(t *testing.T) {
	for v, want := range map[MetadataVersion]string{7: "3.3-IV3", 17: "3.7-IV2", 26: "4.1-IV0", 33: "4.4-IV2", 34: "level 34"} {
		if v.String() != want {
			t.Errorf("%d: %v, want %s", int16(v), v, want)
		}
	}
	for _, test := range []struct {
		from, to MetadataVersion
		want     bool
	}{{33, 32, true}, {33, 33, false}, {31, 30, false}, {29, 23, false}, {29, 22, true}, {30, 29, true}} {
		if got := test.from.MetadataChangedSince(test.to); got != test.want {
			t.Errorf("metadata changed from %v to %v: %v", test.to, test.from, got)
		}
	}
}

func TestClearElr(t *testing.T) {
	p := &PartitionRecord{TopicID: topicID, Replicas: nodes{1, 2}, ELR: nodes{2}, LastKnownELR: nodes{1}}
	q := &PartitionRecord{TopicID: dirA, Replicas: nodes{1}, ELR: nodes{1}}
	base := replay(t, EmptyImage(), &TopicRecord{Name: "a", TopicID: topicID}, p, &TopicRecord{Name: "b", TopicID: dirA}, q)
	one := replay(t, base, &ClearElrRecord{TopicName: "a"})
	if got := one.Topic("a").Partition(0); len(got.ELR)+len(got.LastKnownELR) != 0 || got.PartitionEpoch != 1 || got.LeaderEpoch != 0 {
		t.Errorf("a-0: %+v", got)
	}
	if len(one.Topic("b").Partition(0).ELR) != 1 {
		t.Error("b-0 lost its ELR")
	}
	if len(replay(t, base, &ClearElrRecord{}).Topic("b").Partition(0).ELR) != 0 {
		t.Error("b-0 kept its ELR")
	}
}

func BenchmarkPublishOneTopicAmong10000Partitions(b *testing.B) {
	d := NewDelta(EmptyImage())
	for i := range 1000 {
		id := kafka.UUID{byte(i), byte(i >> 8), 1}
		_ = d.Replay(&TopicRecord{Name: fmt.Sprintf("topic-%d", i), TopicID: id})
		for p := range int32(10) {
			_ = d.Replay(&PartitionRecord{PartitionID: p, TopicID: id, Replicas: nodes{1}, ISR: nodes{1}, Leader: 1})
		}
	}
	im := d.Apply(0, 0)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		d := NewDelta(im)
		id := kafka.UUID{byte(n), byte(n >> 8), byte(n >> 16), 9}
		_ = d.Replay(&TopicRecord{Name: "new", TopicID: id})
		_ = d.Replay(&PartitionRecord{TopicID: id, Replicas: nodes{1}, ISR: nodes{1}, Leader: 1})
		d.Apply(1, 1)
	}
}
