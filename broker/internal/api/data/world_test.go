package data

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"moldau.dev/moldau/broker/internal/fetchsession"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const self = kafka.NodeID(1)

// pipeListener is a listener in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// world is node 1 of two with its data APIs behind a connection in memory.
type world struct {
	t        testing.TB
	logs     *storage.Manager
	replicas *replica.Manager
	handlers *Handlers
	server   *network.Server
	listener *pipeListener
	image    *metadata.Image
	ids      map[string]kafka.UUID
	config   config.Topic
}

// noController refuses what no test here needs.
type noController struct{}

func (noController) AlterPartition(context.Context, *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error) {
	return nil, errors.New("no controller")
}

func (noController) AssignReplicasToDirs(context.Context, *kmsg.AssignReplicasToDirsRequest) (*kmsg.AssignReplicasToDirsResponse, error) {
	return nil, errors.New("no controller")
}

// inWorld runs a subtest in a bubble with a clock of its own.
func inWorld(t *testing.T, name string, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
	})
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, memfs.New(), "/data")
}

func newWorldOn(t testing.TB, fsys vfs.FS, dir string) *world {
	t.Helper()
	w := &world{
		t: t, image: metadata.EmptyImage(), ids: map[string]kafka.UUID{}, listener: newPipeListener(),
		config: config.Topic{
			SegmentBytes: 1 << 30, SegmentMs: math.MaxInt64 / 2, SegmentIndexBytes: 10 << 20, IndexIntervalBytes: 4096,
			FlushMessages: math.MaxInt64, FlushMs: math.MaxInt64, RetentionBytes: -1, RetentionMs: -1, FileDeleteDelayMs: 60_000,
			Cleanup: config.Cleanup{Delete: true}, MaxMessageBytes: 1 << 20, CompressionType: "producer",
			TimestampBeforeMaxMs: math.MaxInt64, TimestampAfterMaxMs: math.MaxInt64, MinInSyncReplicas: 1,
		},
	}
	logs, err := storage.Open(t.Context(), storage.Options{FS: fsys, Dirs: []string{dir}, ConfigFor: func(string) *config.Topic { return &w.config }})
	if err != nil {
		t.Fatal(err)
	}
	w.logs = logs
	logger := slog.New(slog.DiscardHandler)
	w.replicas = replica.New(replica.Options{
		NodeID: self, Logs: logs, Logger: logger, ReplicaLagTimeMax: time.Hour, Controller: noController{},
		BrokerEpoch: func() kafka.BrokerEpoch { return 101 },
	})
	w.handlers = &Handlers{
		Replicas: w.replicas, Sessions: fetchsession.NewCache(10), FetchMaxBytes: 50 << 20, Logger: logger,
		ProducerIDs: &ProducerIDs{Allocate: func(context.Context) (IDBlock, error) { return IDBlock{First: 7000, Size: 2}, nil }},
	}
	w.server = network.New(network.Options{Handler: w, Limits: network.DefaultLimits(), Logger: logger})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.replicas.Run(ctx) })
	running.Go(func() { _ = w.server.Serve(w.listener, "PLAINTEXT") })
	t.Cleanup(func() {
		shutdown, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		_ = w.server.Shutdown(shutdown) // Fails when a test left a request waiting on purpose.
		cancel()
		running.Wait()
		if err := logs.Close(context.Background(), 101); err != nil {
			t.Error(err)
		}
	})
	var brokers []metadata.Record
	for id := range kafka.NodeID(2) {
		brokers = append(brokers, &metadata.RegisterBrokerRecord{
			BrokerID: id + 1, BrokerEpoch: kafka.BrokerEpoch(101 + id), IncarnationID: kafka.NewUUID(),
			Endpoints: []metadata.Endpoint{{Name: "PLAINTEXT", Host: "host", Port: uint16(9092 + id)}},
		})
	}
	w.apply(brokers...)
	return w
}

// Handle serves Produce and Fetch, which answer by themselves.
func (w *world) Handle(ctx context.Context, r *network.Request) {
	switch r.Header.Key {
	case int16(kmsg.Produce):
		w.handlers.Produce(ctx, r)
	case int16(kmsg.Fetch):
		w.handlers.Fetch(ctx, r)
	default:
		r.Close(errors.New("another API"))
	}
}

func (w *world) apply(records ...metadata.Record) {
	w.t.Helper()
	delta := metadata.NewDelta(w.image)
	for _, r := range records {
		if err := delta.Replay(r); err != nil {
			w.t.Fatal(err)
		}
	}
	w.image = delta.Apply(w.image.Offset()+kafka.Offset(len(records)), 1)
	w.replicas.Apply(delta, w.image)
}

// create makes a topic whose partitions have these replicas, led by the first of each.
func (w *world) create(topic string, partitions ...[]kafka.NodeID) {
	w.t.Helper()
	w.ids[topic] = kafka.NewUUID()
	records := []metadata.Record{&metadata.TopicRecord{Name: topic, TopicID: w.ids[topic]}}
	for i, replicas := range partitions {
		records = append(records, &metadata.PartitionRecord{
			PartitionID: int32(i), TopicID: w.ids[topic], Replicas: replicas, ISR: replicas, Leader: replicas[0], LeaderEpoch: 5, PartitionEpoch: 10,
			Directories: make([]kafka.UUID, len(replicas)),
		})
	}
	w.apply(records...)
}

// client is a connection in memory that speaks single requests.
type client struct {
	t    testing.TB
	conn net.Conn
	next int32
}

func (w *world) dial() *client {
	w.t.Helper()
	ours, theirs := net.Pipe()
	w.listener.conns <- theirs
	c := &client{t: w.t, conn: ours}
	w.t.Cleanup(func() { _ = ours.Close() })
	return c
}

// send writes a request.
func (c *client) send(req kmsg.Request) {
	c.t.Helper()
	c.next++
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, c.next)
	if _, err := c.conn.Write(frame); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads the next response into resp.
func (c *client) receive(resp kmsg.Response) error {
	_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	var size [4]byte
	if _, err := io.ReadFull(c.conn, size[:]); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c.conn, body); err != nil {
		return err
	}
	body = body[4:] // The correlation id.
	if resp.IsFlexible() {
		body = body[1:]
	}
	return resp.ReadFrom(body)
}

// ask sends a request and gives its response.
func ask[Resp kmsg.Response](c *client, req kmsg.Request) Resp {
	c.t.Helper()
	c.send(req)
	return answer[Resp](c, req)
}

func answer[Resp kmsg.Response](c *client, req kmsg.Request) Resp {
	c.t.Helper()
	resp := req.ResponseKind().(Resp)
	if err := c.receive(resp); err != nil {
		c.t.Fatalf("%s: %v", protocol.KeyName(req.Key()), err)
	}
	return resp
}

// batchOf is a batch of records of that many bytes in all, about.
func batchOf(records, size int) record.Batch {
	b := record.NewBuilder(record.NewOptions(0))
	for range records {
		b.Append(time.Now().UnixMilli(), nil, make([]byte, size/records))
	}
	return b.Build()
}

// produce asks to append a batch to each of the partitions of a topic.
func (w *world) produce(version, acks int16, topic string, batch []byte, partitions ...int32) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = version, acks, 10_000
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = topic, w.ids[topic]
	for _, id := range partitions {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = id, batch
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

// fetch asks for all records of the partitions of a topic.
func (w *world) fetch(version int16, topic string, partitions ...int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = version, -1, 0, 1, 50<<20, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = topic, w.ids[topic]
	for _, id := range partitions {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LogStartOffset = id, 10<<20, -1, -1
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}
