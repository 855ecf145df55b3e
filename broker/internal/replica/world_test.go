package replica

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const self = kafka.NodeID(1)

var (
	events = kafka.TopicPartition{Topic: "events", Partition: 0}
	dirA   = kafka.UUID{0xa, 0xa}
)

// world is node 1 of three, on a disk in memory, with a controller of which the
// test plays the part.
type world struct {
	t          testing.TB
	fs         *faultfs.FS
	logs       *storage.Manager
	m          *Manager
	controller *fakeController
	image      *metadata.Image
	ids        map[string]kafka.UUID

	mu      sync.Mutex
	configs map[string]config.Topic
}

func defaultConfig() config.Topic {
	return config.Topic{
		SegmentBytes: 1 << 20, SegmentMs: math.MaxInt64 / 2, SegmentIndexBytes: 1 << 20, IndexIntervalBytes: 4096,
		FlushMessages: math.MaxInt64, FlushMs: math.MaxInt64, RetentionBytes: -1, RetentionMs: -1, FileDeleteDelayMs: 60_000,
		Cleanup: config.Cleanup{Delete: true}, MaxMessageBytes: 1 << 20, CompressionType: "producer",
		TimestampBeforeMaxMs: math.MaxInt64, TimestampAfterMaxMs: math.MaxInt64, MinInSyncReplicas: 1,
	}
}

// inWorld runs the test in a bubble with a clock of its own.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, newWorld(t))
	})
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, fs: faultfs.New(memfs.New()), controller: &fakeController{}, image: metadata.EmptyImage(),
		ids: map[string]kafka.UUID{}, configs: map[string]config.Topic{},
	}
	if err := w.fs.MkdirAll("/data", 0o755); err != nil {
		t.Fatal(err)
	}
	meta := checkpoint.MetaProperties{Version: 1, ClusterID: "c", NodeID: self, DirectoryID: dirA}
	if err := checkpoint.WriteMetaProperties(w.fs, "/data", meta, time.Now()); err != nil {
		t.Fatal(err)
	}
	logs, err := storage.Open(t.Context(), storage.Options{FS: w.fs, Dirs: []string{"/data"}, ConfigFor: w.configFor})
	if err != nil {
		t.Fatal(err)
	}
	w.logs = logs
	w.m = New(Options{
		NodeID: self, Logs: logs, Logger: slog.New(slog.DiscardHandler), ReplicaLagTimeMax: 30 * time.Second,
		Controller: w.controller, BrokerEpoch: func() kafka.BrokerEpoch { return w.m.Image().Broker(self).Epoch },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.fs.SetHook(nil)
		_ = logs.Close(context.Background(), 1) // Disks that failed cannot be closed cleanly.
	})
	var brokers []metadata.Record
	for id := range kafka.NodeID(3) {
		brokers = append(brokers, registration(id+1, kafka.BrokerEpoch(101+id)))
	}
	w.apply(brokers...)
	return w
}

func registration(id kafka.NodeID, epoch kafka.BrokerEpoch) *metadata.RegisterBrokerRecord {
	return &metadata.RegisterBrokerRecord{BrokerID: id, BrokerEpoch: epoch, IncarnationID: kafka.UUID{byte(id), byte(epoch)}}
}

func (w *world) configFor(topic string) *config.Topic {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.configs[topic]
	if !ok {
		c = defaultConfig()
	}
	return &c
}

// configure sets a topic's configuration, also of one that exists.
func (w *world) configure(topic string, change func(c *config.Topic)) {
	c := *w.configFor(topic)
	change(&c)
	w.mu.Lock()
	w.configs[topic] = c
	w.mu.Unlock()
	w.m.UpdateConfigs([]string{topic}, w.configFor)
}

// apply has the manager follow the records, as one change of the metadata.
func (w *world) apply(records ...metadata.Record) {
	w.t.Helper()
	delta := metadata.NewDelta(w.image)
	for _, r := range records {
		if err := delta.Replay(r); err != nil {
			w.t.Fatal(err)
		}
	}
	w.image = delta.Apply(w.image.Offset()+kafka.Offset(len(records)), 1)
	w.m.Apply(delta, w.image)
}

func (w *world) topicRecord(name string) *metadata.TopicRecord {
	w.ids[name] = kafka.NewUUID()
	return &metadata.TopicRecord{Name: name, TopicID: w.ids[name]}
}

// partitionRecord is a partition led by the first of its replicas, all in sync,
// in leader epoch 5.
func (w *world) partitionRecord(tp kafka.TopicPartition, replicas ...kafka.NodeID) *metadata.PartitionRecord {
	dirs := make([]kafka.UUID, len(replicas))
	for i := range dirs {
		dirs[i] = dirA
	}
	return &metadata.PartitionRecord{
		PartitionID: tp.Partition, TopicID: w.ids[tp.Topic], Replicas: replicas, ISR: replicas, Leader: replicas[0], LeaderEpoch: 5, PartitionEpoch: 10,
		Directories: dirs,
	}
}

// create makes the partition events-0 with these replicas.
func (w *world) create(replicas ...kafka.NodeID) *Replica {
	w.t.Helper()
	w.apply(w.topicRecord(events.Topic), w.partitionRecord(events, replicas...))
	return w.replica(events)
}

// change is a change of events-0 that leaves the leader alone unless it is set.
func (w *world) change(change metadata.PartitionChangeRecord) {
	w.t.Helper()
	change.TopicID, change.LeaderRecoveryState = w.ids[events.Topic], metadata.RecoveryUnchanged
	if change.Leader == 0 {
		change.Leader = metadata.LeaderUnchanged
	}
	w.apply(&change)
}

func (w *world) replica(tp kafka.TopicPartition) *Replica {
	w.t.Helper()
	r, err := w.m.Replica(tp)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// batch has that many records of about a hundred bytes.
func batch(records int) record.Batch {
	b := record.NewBuilder(record.NewOptions(0))
	for i := range records {
		b.Append(1_700_000_000_000+int64(i), nil, make([]byte, 90))
	}
	return b.Build()
}

func (w *world) append(r *Replica, records int, acks Acks) Appended {
	w.t.Helper()
	a, err := r.Append(batch(records), acks, record.Client)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// produced is what became of a produce that waits.
type produced struct {
	answered, expired bool
	acknowledged      bool
	err               error
}

// await waits for a batch as a Produce request does.
func (w *world) await(a Appended, timeout time.Duration) func() produced {
	var mu sync.Mutex
	var p produced
	batches := []Appended{a}
	w.m.Await(batches, timeout, func(expired bool) {
		mu.Lock()
		defer mu.Unlock()
		if p.answered {
			w.t.Error("answered twice")
		}
		p.answered, p.expired = true, expired
		p.acknowledged, p.err = batches[0].Acknowledged()
	})
	return func() produced {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return p
	}
}

// follow is a fetch by a follower that does not wait.
func (w *world) follow(id kafka.NodeID, offset kafka.Offset) Fetched {
	return w.fetchAs(id, Wanted{TopicPartition: events, Offset: offset, CurrentLeaderEpoch: 5, LastFetchedEpoch: -1})
}

func (w *world) fetchAs(id kafka.NodeID, wanted Wanted) Fetched {
	if wanted.MaxBytes == 0 {
		wanted.MaxBytes = 1 << 20
	}
	results := w.fetch(context.Background(), followerParams(id), []Wanted{wanted})
	results[0].Records.Release()
	return results[0]
}

func followerParams(id kafka.NodeID) FetchParams {
	return FetchParams{
		Replica: id, ReplicaEpoch: kafka.BrokerEpoch(100 + id), Isolation: ReadLogEnd, LeaderOnly: true, MinBytes: 1, MaxBytes: 1 << 20,
	}
}

func consumerParams(wait time.Duration, minBytes int) FetchParams {
	return FetchParams{Replica: kafka.NoNode, ReplicaEpoch: -1, MaxWait: wait, MinBytes: minBytes, MaxBytes: 1 << 20}
}

// fetch waits for the answer; ctx hurries it.
func (w *world) fetch(ctx context.Context, params FetchParams, wanted []Wanted) []Fetched {
	done := make(chan struct{})
	f := &Fetch{FetchParams: params, Wanted: wanted, Done: func() { close(done) }}
	if w.m.Fetch(f) {
		return f.Results
	}
	w.m.AwaitFetch(f)
	select {
	case <-done:
	case <-ctx.Done():
		w.m.Hurry(f)
		<-done
	}
	return f.Results
}

func releaseAll(results []Fetched) {
	for i := range results {
		results[i].Records.Release()
	}
}

// poll is a fetch on its own goroutine.
type poll struct {
	done    chan struct{}
	results []Fetched
	took    time.Duration
}

func (w *world) poll(ctx context.Context, params FetchParams, wanted ...Wanted) *poll {
	for i := range wanted {
		if wanted[i].MaxBytes == 0 {
			wanted[i].MaxBytes = 1 << 20
		}
	}
	p := &poll{done: make(chan struct{})}
	started := time.Now()
	go func() {
		defer close(p.done)
		p.results = w.fetch(ctx, params, wanted)
		p.took = time.Since(started)
		releaseAll(p.results)
	}()
	synctest.Wait()
	return p
}

func (p *poll) waiting() bool {
	synctest.Wait()
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func consume(tp kafka.TopicPartition, offset kafka.Offset) Wanted {
	return Wanted{TopicPartition: tp, Offset: offset, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}
}

// fakeController records what it is asked and answers as it is told; it accepts
// everything by default.
type fakeController struct {
	mu     sync.Mutex
	alters []*kmsg.AlterPartitionRequest
	assign []*kmsg.AssignReplicasToDirsRequest
	// failures are returned for the next requests.
	failures []error
	// refusal is the error code for each partition of AlterPartition.
	refusal int16
}

func (c *fakeController) failure() error {
	if len(c.failures) == 0 {
		return nil
	}
	err := c.failures[0]
	c.failures = c.failures[1:]
	return err
}

func (c *fakeController) AlterPartition(_ context.Context, req *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alters = append(c.alters, req)
	if err := c.failure(); err != nil {
		return nil, err
	}
	resp := req.ResponseKind().(*kmsg.AlterPartitionResponse)
	for _, t := range req.Topics {
		topic := kmsg.NewAlterPartitionResponseTopic()
		topic.TopidID = t.TopicID
		for _, p := range t.Partitions {
			answer := kmsg.NewAlterPartitionResponseTopicPartition()
			answer.Partition, answer.ErrorCode = p.Partition, c.refusal
			answer.LeaderID, answer.LeaderEpoch, answer.PartitionEpoch = int32(self), p.LeaderEpoch, p.PartitionEpoch+1
			for _, member := range p.NewEpochISR {
				answer.ISR = append(answer.ISR, member.BrokerID)
			}
			topic.Partitions = append(topic.Partitions, answer)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp, nil
}

func (c *fakeController) AssignReplicasToDirs(_ context.Context, req *kmsg.AssignReplicasToDirsRequest) (*kmsg.AssignReplicasToDirsResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.assign = append(c.assign, req)
	if err := c.failure(); err != nil {
		return nil, err
	}
	return req.ResponseKind().(*kmsg.AssignReplicasToDirsResponse), nil
}

// asked gives the AlterPartition requests so far.
func (c *fakeController) asked() []*kmsg.AlterPartitionRequest {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*kmsg.AlterPartitionRequest(nil), c.alters...)
}
