package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/vfs"
)

// startNodeOn starts a node whose files are in fsys, below /.
func startNodeOn(t *testing.T, fsys vfs.FS, overrides ...string) *testNode {
	t.Helper()
	n := prepareNodeOn(t, fsys, overrides...)
	n.start()
	return n
}

// prepareNodeOn gives the node that startNodeOn starts.
func prepareNodeOn(t *testing.T, fsys vfs.FS, overrides ...string) *testNode {
	t.Helper()
	return &testNode{t: t, cfg: Config{FS: fsys, Logger: testLogger(t), Overrides: append([]string{
		"listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0", "moldau.http.listener=", "log.dirs=/a,/b",
		"controller.quorum.bootstrap.servers=localhost:0",
	}, overrides...)}}
}

// history is what clients were told. It is safe for concurrent use.
type history struct {
	mu sync.Mutex
	// acked are the values of acknowledged records.
	acked map[string]bool
	// topics are those whose creation was acknowledged, with their ids; deleted are
	// those whose deletion was.
	topics  map[string]kadm.TopicID
	deleted map[string]bool
	// committed are the last acknowledged offsets of the group by partition.
	committed map[int32]int64
}

func newHistory() *history {
	return &history{acked: map[string]bool{}, topics: map[string]kadm.TopicID{}, deleted: map[string]bool{}, committed: map[int32]int64{}}
}

func (h *history) snapshot() *history {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &history{acked: maps.Clone(h.acked), topics: maps.Clone(h.topics), deleted: maps.Clone(h.deleted), committed: maps.Clone(h.committed)}
}

func (h *history) note(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

const (
	crashTopic      = "load"
	crashGroup      = "group"
	crashPartitions = 4
)

var sequence atomic.Int64

// produceLoad writes records one by one until ctx ends.
func (h *history) produceLoad(ctx context.Context, cl *kgo.Client) error {
	for ctx.Err() == nil {
		value := fmt.Sprintf("%d-%s", sequence.Add(1), strings.Repeat("x", 100))
		if err := cl.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr(); err != nil {
			return err
		}
		h.note(func() { h.acked[value] = true })
	}
	return nil
}

// commitOnceLoaded commits, asking again while the coordinator loads its
// partition, as every consumer does.
func commitOnceLoaded(ctx context.Context, admin *kadm.Client, offsets kadm.Offsets) error {
	for {
		err := admin.CommitAllOffsets(ctx, crashGroup, offsets)
		if !errors.Is(err, kerr.CoordinatorLoadInProgress) || ctx.Err() != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// commitLoad commits ever higher offsets until ctx ends.
func (h *history) commitLoad(ctx context.Context, admin *kadm.Client) error {
	for at := int64(1); ctx.Err() == nil; at++ {
		partition := int32(at % crashPartitions)
		offsets := kadm.Offsets{}
		offsets.AddOffset(crashTopic, partition, at, -1)
		if err := commitOnceLoaded(ctx, admin, offsets); err != nil {
			return err
		}
		h.note(func() { h.committed[partition] = at })
	}
	return nil
}

// topicLoad creates topics, and deletes every third, until ctx ends.
func (h *history) topicLoad(ctx context.Context, admin *kadm.Client) error {
	for ctx.Err() == nil {
		i := sequence.Add(1)
		topic := fmt.Sprintf("topic-%d", i)
		created, err := admin.CreateTopic(ctx, 2, 1, nil, topic)
		if err != nil {
			return err
		}
		h.note(func() { h.topics[topic] = created.ID })
		if i%3 != 0 {
			continue
		}
		h.note(func() { delete(h.topics, topic) }) // From here on either is right.
		if _, err := admin.DeleteTopic(ctx, topic); err != nil {
			return err
		}
		h.note(func() { h.deleted[topic] = true })
	}
	return nil
}

// check compares a node with the history: it may know more, but not less.
func (h *history) check(t *testing.T, n *testNode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	admin := n.admin()
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for topic, id := range h.topics {
		if found, ok := topics[topic]; !ok || found.Err != nil || found.ID != id {
			t.Errorf("topic %s with id %v is lost: %+v", topic, id, found)
		}
	}
	for topic := range h.deleted {
		if topics.Has(topic) {
			t.Errorf("topic %s is back", topic)
		}
	}
	for name, topic := range topics {
		for _, p := range topic.Partitions {
			if p.Err != nil || p.Leader != 1 {
				t.Errorf("partition %s-%d: leader %d, %v", name, p.Partition, p.Leader, p.Err)
			}
		}
	}
	committed, err := admin.FetchOffsets(ctx, crashGroup)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		t.Fatal(err)
	}
	for partition, want := range h.committed {
		if o, ok := committed.Lookup(crashTopic, partition); !ok || o.Err != nil || o.At < want {
			t.Errorf("partition %d: the group's offset is %+v, want %d or more", partition, o, want)
		}
	}
	h.checkRecords(t, readAll(t, n, crashTopic))
}

// checkRecords wants dense offsets, no record twice, and every acknowledged one.
func (h *history) checkRecords(t *testing.T, byPartition map[int32][]*kgo.Record) {
	t.Helper()
	seen := map[string]bool{}
	for partition, records := range byPartition {
		for i, r := range records {
			if r.Offset != records[0].Offset+int64(i) {
				t.Fatalf("partition %d: record %d has offset %d, the first one %d", partition, i, r.Offset, records[0].Offset)
			}
			if seen[string(r.Value)] {
				t.Errorf("record %.20s... is there twice", r.Value)
			}
			seen[string(r.Value)] = true
		}
	}
	for value := range h.acked {
		if !seen[value] {
			t.Errorf("acknowledged record %.20s... is lost", value)
		}
	}
}

// readAll reads a topic from its start to the end it has now.
func readAll(t *testing.T, n *testNode, topic string) map[int32][]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	admin := n.admin()
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil || starts.Error() != nil {
		t.Fatal(err, starts.Error())
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil || ends.Error() != nil {
		t.Fatal(err, ends.Error())
	}
	total := 0
	ends.Each(func(o kadm.ListedOffset) {
		start, _ := starts.Lookup(o.Topic, o.Partition)
		total += int(o.Offset - start.Offset)
	})
	return n.consume(topic, total)
}
