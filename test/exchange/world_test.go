package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/test/apachekafka"
)

// world is all that clients can see of a broker and that must survive.
type world struct {
	ClusterID     string
	Topics        map[string]*topicState
	Offsets       map[string]string // "group topic-partition" -> what was committed.
	BrokerConfigs map[string]string // "broker key" -> dynamic value.
	Features      map[string]int16  // Finalized levels.
}

type topicState struct {
	ID         string
	Configs    map[string]string // Set on the topic itself.
	Partitions map[int32]*partitionState
}

type partitionState struct {
	Start, Stable, End int64
	// Records are all of them, with control records; Committed those that
	// read_committed gives.
	Records, Committed []recordState
	// EpochEnds are the ends of the leader epochs that records name.
	EpochEnds map[int32]string
}

type recordState struct {
	Offset, Timestamp int64
	LeaderEpoch       int32
	Attributes        string
	Key               string
	Value             string // A hash if it is long.
	Headers           string
}

// capture reads the world of a broker.
func capture(ctx context.Context, t *testing.T, addr string) *world {
	t.Helper()
	cl := dial(t, addr)
	adm := kadm.NewClient(cl)
	meta, err := adm.Metadata(ctx)
	check(t, err, "metadata")
	w := &world{ClusterID: meta.Cluster, Topics: map[string]*topicState{}, Offsets: map[string]string{}, BrokerConfigs: map[string]string{}}
	names := meta.Topics.Names()
	configs, err := adm.DescribeTopicConfigs(ctx, names...)
	check(t, err, "describe topic configs")
	for name, topic := range meta.Topics {
		check(t, topic.Err, "metadata of "+name)
		state := &topicState{ID: topic.ID.String(), Configs: map[string]string{}, Partitions: map[int32]*partitionState{}}
		for _, c := range configs {
			check(t, c.Err, "configs of "+c.Name)
			for _, entry := range c.Configs {
				if c.Name == name && entry.Source == kmsg.ConfigSourceDynamicTopicConfig {
					state.Configs[entry.Key] = entry.MaybeValue()
				}
			}
		}
		for _, p := range topic.Partitions {
			check(t, p.Err, fmt.Sprintf("metadata of %s-%d", name, p.Partition))
			state.Partitions[p.Partition] = capturePartition(ctx, t, cl, name, topic.ID, p.Partition)
		}
		w.Topics[name] = state
	}
	captureBrokerConfigs(ctx, t, adm, w)
	captureOffsets(ctx, t, adm, w)
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl)
	check(t, err, "features")
	w.Features = map[string]int16{}
	for _, f := range versions.FinalizedFeatures {
		w.Features[f.Name] = f.MaxVersionLevel
	}
	return w
}

func captureBrokerConfigs(ctx context.Context, t *testing.T, adm *kadm.Client, w *world) {
	t.Helper()
	for _, brokers := range [][]int32{nil, {apachekafka.NodeID}} {
		resources, err := adm.DescribeBrokerConfigs(ctx, brokers...)
		check(t, err, "describe broker configs")
		for _, resource := range resources {
			check(t, resource.Err, "broker configs")
			for _, c := range resource.Configs {
				if c.Source == kmsg.ConfigSourceDynamicBrokerConfig || c.Source == kmsg.ConfigSourceDynamicDefaultBrokerConfig {
					w.BrokerConfigs[fmt.Sprintf("%q %s", resource.Name, c.Key)] = c.MaybeValue()
				}
			}
		}
	}
}

func captureOffsets(ctx context.Context, t *testing.T, adm *kadm.Client, w *world) {
	t.Helper()
	for _, name := range groupNames {
		offsets, err := adm.FetchOffsets(ctx, name)
		if errors.Is(err, kerr.GroupIDNotFound) {
			continue
		}
		check(t, err, "offsets of "+name)
		offsets.Each(func(o kadm.OffsetResponse) {
			check(t, o.Err, "offsets of "+name)
			w.Offsets[fmt.Sprintf("%s %s-%d", name, o.Topic, o.Partition)] = fmt.Sprintf("%d epoch %d %q", o.At, o.LeaderEpoch, o.Metadata)
		})
	}
}

func capturePartition(ctx context.Context, t *testing.T, cl *kgo.Client, topic string, id kadm.TopicID, partition int32) *partitionState {
	t.Helper()
	adm := kadm.NewClient(cl)
	at := func(list func(context.Context, ...string) (kadm.ListedOffsets, error)) int64 {
		offsets, err := list(ctx, topic)
		check(t, err, "list offsets of "+topic)
		o, ok := offsets.Lookup(topic, partition)
		if !ok || o.Err != nil {
			t.Fatalf("offset of %s-%d: %v", topic, partition, o.Err)
		}
		return o.Offset
	}
	s := &partitionState{Start: at(adm.ListStartOffsets), Stable: at(adm.ListCommittedOffsets), End: at(adm.ListEndOffsets), EpochEnds: map[int32]string{}}
	s.Records = fetchAll(ctx, t, cl, topic, id, partition, kgo.ReadUncommitted(), s.Start, s.End)
	s.Committed = fetchAll(ctx, t, cl, topic, id, partition, kgo.ReadCommitted(), s.Start, s.Stable)
	for _, r := range s.Records {
		if _, done := s.EpochEnds[r.LeaderEpoch]; done {
			continue
		}
		var req kadm.OffsetForLeaderEpochRequest
		req.Add(topic, partition, r.LeaderEpoch)
		ends, err := adm.OffsetForLeaderEpoch(ctx, req)
		check(t, err, "leader epochs of "+topic)
		e := ends[topic][partition]
		check(t, e.Err, "leader epochs of "+topic)
		s.EpochEnds[r.LeaderEpoch] = fmt.Sprintf("epoch %d ends at %d", e.LeaderEpoch, e.EndOffset)
	}
	return s
}

// fetchAll reads a partition by plain Fetch requests, which, unlike a consumer,
// tell where they are also when the last records are filtered out.
func fetchAll(ctx context.Context, t *testing.T, cl *kgo.Client, topic string, id kadm.TopicID, partition int32, isolation kgo.IsolationLevel, from, to int64) []recordState {
	t.Helper()
	records := []recordState{}
	for at := from; at < to; {
		req := kmsg.NewPtrFetchRequest()
		req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = -1, 1000, 1, 4<<20
		req.IsolationLevel = isolationCode(isolation)
		rt := kmsg.NewFetchRequestTopic()
		rt.Topic, rt.TopicID = topic, id
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch = partition, at, 4<<20, -1
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		resp, err := req.RequestWith(ctx, cl.Broker(apachekafka.NodeID))
		check(t, err, "fetch "+topic)
		if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
			t.Fatalf("fetch %s-%d: an answer without the partition: %v", topic, partition, resp)
		}
		p := &resp.Topics[0].Partitions[0]
		check(t, kerr.ErrorForCode(p.ErrorCode), fmt.Sprintf("fetch %s-%d at %d", topic, partition, at))
		fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
			KeepControlRecords: true, Offset: at, IsolationLevel: isolation, Topic: topic, Partition: partition,
		}, p, kgo.DefaultDecompressor(), nil)
		check(t, fetched.Err, fmt.Sprintf("records of %s-%d at %d", topic, partition, at))
		if next <= at {
			t.Fatalf("fetch %s-%d at %d of %d: nothing comes", topic, partition, at, to)
		}
		for _, r := range fetched.Records {
			records = append(records, stateOf(r))
		}
		at = next
	}
	return records
}

func isolationCode(l kgo.IsolationLevel) int8 {
	if l == kgo.ReadCommitted() {
		return 1
	}
	return 0
}

func stateOf(r *kgo.Record) recordState {
	var headers strings.Builder
	for _, h := range r.Headers {
		fmt.Fprintf(&headers, "%s=%q ", h.Key, h.Value)
	}
	return recordState{
		Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), LeaderEpoch: r.LeaderEpoch, Attributes: fmt.Sprintf("%08b", attributesOf(r)),
		Key: shorten(r.Key), Value: shorten(r.Value), Headers: headers.String(),
	}
}

// attributesOf gives what a record's batch says of it: codec, kind of timestamp, transactional, control.
func attributesOf(r *kgo.Record) int {
	bits := int(r.Attrs.CompressionType()) | int(max(r.Attrs.TimestampType(), 0))<<3
	if r.Attrs.IsTransactional() {
		bits |= 1 << 4
	}
	if r.Attrs.IsControl() {
		bits |= 1 << 5
	}
	return bits
}

func shorten(b []byte) string {
	switch {
	case b == nil:
		return "null"
	case len(b) <= 32:
		return fmt.Sprintf("%q", b)
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%d bytes %s", len(b), hex.EncodeToString(sum[:8]))
}

// compare fails the test where after is not what before was. Topics that the
// brokers themselves write to (coordinators' topics, open transactions that the
// next coordinator aborts) may have grown.
func compare(t *testing.T, before, after *world, grows func(topic string) bool) {
	t.Helper()
	if d := cmp.Diff(slices.Sorted(maps.Keys(before.Topics)), slices.Sorted(maps.Keys(after.Topics))); d != "" {
		t.Errorf("topics (-before +after):\n%s", d)
	}
	for name, b := range before.Topics {
		a := after.Topics[name]
		if a == nil || name == compactedTopic {
			continue
		}
		if grows(name) {
			a = cutTo(b, a)
		}
		compareTopic(t, name, b, a)
	}
	for what, pair := range map[string][2]any{
		"cluster id": {before.ClusterID, after.ClusterID}, "committed offsets": {before.Offsets, after.Offsets},
		"broker configs": {before.BrokerConfigs, after.BrokerConfigs}, "features": {before.Features, after.Features},
	} {
		if d := cmp.Diff(pair[0], pair[1]); d != "" {
			t.Errorf("%s (-before +after):\n%s", what, d)
		}
	}
}

// compareCompacted compares a topic that the one who reads may have compacted
// further: what is left must be of what was there, with the last record of each
// key.
func compareCompacted(t *testing.T, before, after *world) {
	t.Helper()
	b, a := before.Topics[compactedTopic].Partitions[0], after.Topics[compactedTopic].Partitions[0]
	if b.End != a.End || b.Stable != a.Stable {
		t.Errorf("%s: stable offset and end were %d %d, are %d %d", compactedTopic, b.Stable, b.End, a.Stable, a.End)
	}
	was, last := map[int64]recordState{}, map[string]recordState{}
	for _, r := range b.Records {
		was[r.Offset], last[r.Key] = r, r
	}
	for _, r := range a.Records {
		if was[r.Offset] != r {
			t.Errorf("%s: record was %+v, is %+v", compactedTopic, was[r.Offset], r)
			return
		}
		if last[r.Key] == r {
			delete(last, r.Key)
		}
	}
	for key, r := range last {
		if r.Value != "null" { // A tombstone may go.
			t.Errorf("%s: the last record of %s is gone: %+v", compactedTopic, key, r)
		}
	}
}

// forgetDeletion takes out of after what DeleteRecords had taken away before a
// kill: the log start offset is written down once a minute by either broker.
func forgetDeletion(before, after *world) {
	b, a := before.Topics[trimmedTopic].Partitions[0], after.Topics[trimmedTopic].Partitions[0]
	if a.Start < b.Start {
		deleted := func(r recordState) bool { return r.Offset < b.Start }
		a.Start, a.Records, a.Committed = b.Start, slices.DeleteFunc(a.Records, deleted), slices.DeleteFunc(a.Committed, deleted)
	}
}

// compareTopic compares part by part: a diff of everything would be unreadable,
// and slow.
func compareTopic(t *testing.T, name string, b, a *topicState) {
	t.Helper()
	if b.ID != a.ID || !maps.Equal(b.Configs, a.Configs) {
		t.Errorf("%s: was %s %v, is %s %v", name, b.ID, b.Configs, a.ID, a.Configs)
	}
	if len(b.Partitions) != len(a.Partitions) {
		t.Errorf("%s: had %d partitions, has %d", name, len(b.Partitions), len(a.Partitions))
	}
	for id, bp := range b.Partitions {
		ap := a.Partitions[id]
		if ap == nil {
			continue
		}
		if bp.Start != ap.Start || bp.Stable != ap.Stable || bp.End != ap.End || !maps.Equal(bp.EpochEnds, ap.EpochEnds) {
			t.Errorf("%s-%d: start, stable, end: were %d %d %d %v, are %d %d %d %v", name, id,
				bp.Start, bp.Stable, bp.End, bp.EpochEnds, ap.Start, ap.Stable, ap.End, ap.EpochEnds)
		}
		compareRecords(t, fmt.Sprintf("%s-%d", name, id), bp.Records, ap.Records)
		compareRecords(t, fmt.Sprintf("%s-%d read_committed", name, id), bp.Committed, ap.Committed)
	}
}

func compareRecords(t *testing.T, where string, before, after []recordState) {
	t.Helper()
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			t.Errorf("%s: record %d was %+v, is %+v", where, i, before[i], after[i])
			return
		}
	}
	if len(before) != len(after) {
		t.Errorf("%s: had %d records, has %d", where, len(before), len(after))
	}
}

// cutTo gives a without what has come after b.
func cutTo(b, a *topicState) *topicState {
	cut := &topicState{ID: a.ID, Configs: a.Configs, Partitions: map[int32]*partitionState{}}
	for id, ap := range a.Partitions {
		bp := b.Partitions[id]
		if bp == nil || ap.End < bp.End {
			cut.Partitions[id] = ap
			continue
		}
		cut.Partitions[id] = &partitionState{
			Start: ap.Start, Stable: bp.Stable, End: bp.End, EpochEnds: bp.EpochEnds,
			Records: before(ap.Records, bp.End), Committed: before(ap.Committed, bp.Stable),
		}
	}
	return cut
}

func before(records []recordState, end int64) []recordState {
	return slices.DeleteFunc(slices.Clone(records), func(r recordState) bool { return r.Offset >= end })
}

func dial(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func check(t *testing.T, err error, what string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
