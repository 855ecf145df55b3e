package data

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// newest are the newest versions served.
const (
	newestProduce = 13
	newestFetch   = 18
)

func TestProducedIsFetchedInEveryVersion(t *testing.T) {
	w := newWorld(t)
	w.create("events", []kafka.NodeID{1}, []kafka.NodeID{1})
	c := w.dial()
	offset := int64(0)
	for version := int16(3); version <= newestProduce; version++ {
		for _, acks := range []int16{-1, 1} {
			resp := ask[*kmsg.ProduceResponse](c, w.produce(version, acks, "events", batchOf(2, 100), 0, 1))
			for i, p := range resp.Topics[0].Partitions {
				if p.Partition != int32(i) || p.ErrorCode != 0 || p.BaseOffset != offset || p.LogAppendTime != -1 || version >= 5 && p.LogStartOffset != 0 {
					t.Fatalf("version %d, acks %d: %+v", version, acks, p)
				}
			}
			offset += 2
		}
	}
	for version := int16(4); version <= newestFetch; version++ {
		resp := ask[*kmsg.FetchResponse](c, w.fetch(version, "events", 0, 1))
		for i, p := range resp.Topics[0].Partitions {
			n := 0
			for rest := p.RecordBatches; len(rest) > 0; n++ {
				batch, after, err := record.Read(rest)
				if err != nil || batch.Check() != nil || batch.BaseOffset() != kafka.Offset(2*n) {
					t.Fatalf("version %d: batch %d: %v", version, n, err)
				}
				rest = after
			}
			if p.Partition != int32(i) || p.ErrorCode != 0 || p.HighWatermark != offset || p.LastStableOffset != offset || int64(2*n) != offset {
				t.Fatalf("version %d: %d batches, %+v", version, n, p.HighWatermark)
			}
		}
	}
}

// TestPipelinedProducesAreAnsweredInOrder sends many requests before it reads any
// answer: those with acks=all wait, and are appended nevertheless.
func TestPipelinedProducesAreAnsweredInOrder(t *testing.T) {
	w := newWorld(t)
	w.create("alone", []kafka.NodeID{1})
	w.create("shared", []kafka.NodeID{1, 2})
	c := w.dial()
	const rounds = 10 // Fewer than a connection may have in flight.
	var sending sync.WaitGroup
	sending.Go(func() {
		for range rounds {
			c.send(w.produce(9, -1, "shared", batchOf(1, 10), 0))
			c.send(w.produce(9, -1, "alone", batchOf(1, 10), 0))
			c.send(w.produce(9, 0, "alone", batchOf(1, 10), 0)) // Has no answer.
			c.send(w.produce(9, 1, "shared", batchOf(1, 10), 0))
		}
	})
	sending.Wait()
	follower := w.dial()
	for offset := int64(0); offset < 2*rounds; {
		resp := ask[*kmsg.FetchResponse](follower, w.follow("shared", offset))
		if offset = resp.Topics[0].Partitions[0].HighWatermark; offset < 0 {
			t.Fatalf("%+v", resp)
		}
		// The follower has what it was sent.
		for rest := resp.Topics[0].Partitions[0].RecordBatches; len(rest) > 0; {
			batch, after, err := record.Read(rest)
			if err != nil {
				t.Fatal(err)
			}
			rest, offset = after, int64(batch.NextOffset())
		}
	}
	ask[*kmsg.FetchResponse](follower, w.follow("shared", 2*rounds))
	for i := range rounds {
		for j, want := range []int64{int64(2 * i), int64(2 * i), int64(2*i + 1)} {
			resp := answer[*kmsg.ProduceResponse](c, w.produce(9, -1, "", nil))
			if p := resp.Topics[0].Partitions[0]; p.ErrorCode != 0 || p.BaseOffset != want {
				t.Fatalf("round %d, answer %d: %s %+v, want offset %d", i, j, resp.Topics[0].Topic, p, want)
			}
		}
	}
}

// follow is a fetch by broker 2.
func (w *world) follow(topic string, offset int64) *kmsg.FetchRequest {
	req := w.fetch(newestFetch, topic, 0)
	req.ReplicaState.ID, req.ReplicaState.Epoch = 2, 102
	req.Topics[0].Partitions[0].FetchOffset, req.Topics[0].Partitions[0].LogStartOffset = offset, 0
	return req
}

func TestProduceErrors(t *testing.T) {
	w := newWorld(t)
	w.create("events", []kafka.NodeID{1}, []kafka.NodeID{2})
	w.create(kafka.ConsumerOffsetsTopic, []kafka.NodeID{1})
	corrupt := batchOf(1, 100)
	corrupt[len(corrupt)-1]++
	transactional := record.NewOptions(0)
	transactional.Transactional, transactional.ProducerID, transactional.ProducerEpoch, transactional.BaseSequence = true, 9, 0, 0
	b := record.NewBuilder(transactional)
	b.Append(1, nil, []byte("v"))
	inTxn := b.Build()
	two := append(bytes.Clone(batchOf(1, 10)), batchOf(1, 10)...)
	txnID := "txn"
	for name, test := range map[string]struct {
		change func(*kmsg.ProduceRequest)
		err    *kerr.Error
		closes bool
	}{
		"works":             {change: func(*kmsg.ProduceRequest) {}},
		"other leader":      {change: func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Partition = 1 }, err: kerr.NotLeaderForPartition},
		"unknown partition": {change: func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Partition = 2 }, err: kerr.UnknownTopicOrPartition},
		"unknown topic id":  {change: func(r *kmsg.ProduceRequest) { r.Topics[0].TopicID = kafka.UUID{1} }, err: kerr.UnknownTopicID},
		"unknown topic":     {change: func(r *kmsg.ProduceRequest) { r.Version, r.Topics[0].Topic = 12, "nope" }, err: kerr.UnknownTopicOrPartition},
		"acks 2":            {change: func(r *kmsg.ProduceRequest) { r.Acks = 2 }, err: kerr.InvalidRequiredAcks},
		"internal topic":    {change: func(r *kmsg.ProduceRequest) { r.Topics[0].TopicID = w.ids[kafka.ConsumerOffsetsTopic] }, err: kerr.InvalidTopicException},
		"corrupt":           {change: func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Records = corrupt }, err: kerr.CorruptMessage},
		"two batches":       {change: func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Records = two }, err: kerr.InvalidRecord},
		"too large":         {change: func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Records = batchOf(1, 2<<20) }, err: kerr.MessageTooLarge},
		"transaction without id": {
			change: func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Records = inTxn }, err: kerr.TransactionalIDAuthorizationFailed,
		},
		"transaction": {change: func(r *kmsg.ProduceRequest) {
			r.TransactionID, r.Topics[0].Partitions[0].Records = &txnID, inTxn
		}, err: kerr.InvalidTxnState},
		"acks 0 works":           {change: func(r *kmsg.ProduceRequest) { r.Acks = 0 }},
		"acks 0 on other leader": {change: func(r *kmsg.ProduceRequest) { r.Acks, r.Topics[0].Partitions[0].Partition = 0, 1 }, closes: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := w.dial()
			req := w.produce(newestProduce, -1, "events", batchOf(1, 100), 0)
			test.change(req)
			c.send(req)
			if req.Acks == 0 && !test.closes {
				req = w.produce(newestProduce, -1, "events", batchOf(1, 100), 0)
				c.send(req)
			}
			resp := req.ResponseKind().(*kmsg.ProduceResponse)
			err := c.receive(resp)
			if test.closes {
				if !errors.Is(err, io.EOF) {
					t.Fatalf("%v, want the connection closed", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			p := resp.Topics[0].Partitions[0]
			want := int16(0)
			if test.err != nil {
				want = test.err.Code
			}
			if p.ErrorCode != want || (want == 0) != (p.BaseOffset >= 0) {
				t.Fatalf("%v, want %v", kerr.ErrorForCode(p.ErrorCode), test.err)
			}
			if want == kerr.NotLeaderForPartition.Code {
				if p.CurrentLeader.LeaderID != 2 || p.CurrentLeader.LeaderEpoch != 5 || len(resp.Brokers) != 1 || resp.Brokers[0].Port != 9093 {
					t.Fatalf("no hint to the leader: %+v %+v", p.CurrentLeader, resp.Brokers)
				}
			}
		})
	}
}

// TestProduceTellsALeaderOnce: many partitions of one leader need its address once.
func TestProduceTellsALeaderOnce(t *testing.T) {
	w := newWorld(t)
	w.create("events", []kafka.NodeID{2}, []kafka.NodeID{2}, []kafka.NodeID{1})
	c := w.dial()
	produced := ask[*kmsg.ProduceResponse](c, w.produce(newestProduce, -1, "events", batchOf(1, 10), 0, 1, 2))
	if len(produced.Brokers) != 1 || produced.Topics[0].Partitions[1].CurrentLeader.LeaderID != 2 {
		t.Fatalf("%+v", produced)
	}
	fetched := ask[*kmsg.FetchResponse](c, w.fetch(newestFetch, "events", 0, 1, 2))
	if len(fetched.Brokers) != 1 || fetched.Topics[0].Partitions[1].CurrentLeader.LeaderID != 2 {
		t.Fatalf("%+v", fetched)
	}
}

func TestWaitingProduceIsAnsweredWhateverHappens(t *testing.T) {
	for name, test := range map[string]struct {
		timeout int32
		happens func(w *world)
		err     *kerr.Error
	}{
		"time": {timeout: 10, happens: func(*world) {}, err: kerr.RequestTimedOut},
		"the leader moves": {timeout: 60_000, happens: func(w *world) {
			w.apply(&metadata.PartitionChangeRecord{TopicID: w.ids["events"], Leader: 2, LeaderRecoveryState: metadata.RecoveryUnchanged})
		}, err: kerr.NotLeaderForPartition},
	} {
		inWorld(t, name, func(t *testing.T, w *world) {
			w.create("events", []kafka.NodeID{1, 2})
			c := w.dial()
			req := w.produce(newestProduce, -1, "events", batchOf(1, 10), 0)
			req.TimeoutMillis = test.timeout
			c.send(req)
			synctest.Wait()
			test.happens(w)
			if p := answer[*kmsg.ProduceResponse](c, req).Topics[0].Partitions[0]; p.ErrorCode != test.err.Code || p.BaseOffset != -1 {
				t.Fatalf("%+v, want %v", p, test.err)
			}
		})
	}
	inWorld(t, "the client goes", func(t *testing.T, w *world) {
		w.create("events", []kafka.NodeID{1, 2})
		c := w.dial()
		c.send(w.produce(newestProduce, -1, "events", batchOf(1, 10), 0))
		_ = c.conn.Close()
		synctest.Wait()
		if n := w.replicas.Waiting()["Produce"]; n != 1 {
			t.Fatalf("%d produces wait", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := w.replicas.Waiting()["Produce"]; n != 0 || w.server.Connections() != 0 {
			t.Fatalf("%d produces wait, %d connections", n, w.server.Connections())
		}
	})
}
