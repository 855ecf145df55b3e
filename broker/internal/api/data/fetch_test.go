package data

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// told are the partitions that a response speaks of, in order.
func told(resp *kmsg.FetchResponse) (partitions []int32) {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			partitions = append(partitions, p.Partition)
		}
	}
	return partitions
}

func TestFetchSession(t *testing.T) {
	inWorld(t, "", func(t *testing.T, w *world) {
		w.create("events", []kafka.NodeID{1}, []kafka.NodeID{1}, []kafka.NodeID{2})
		c := w.dial()
		open := w.fetch(newestFetch, "events", 0, 1, 2)
		open.SessionEpoch = 0
		resp := ask[*kmsg.FetchResponse](c, open)
		if resp.SessionID == 0 || len(told(resp)) != 3 || resp.Topics[0].Partitions[2].ErrorCode != kerr.NotLeaderForPartition.Code {
			t.Fatalf("%+v", resp)
		}
		id, epoch := resp.SessionID, int32(0)
		next := func(change func(*kmsg.FetchRequest)) *kmsg.FetchResponse {
			req := w.fetch(newestFetch, "events")
			req.Topics = nil
			epoch++
			req.SessionID, req.SessionEpoch = id, epoch
			change(req)
			return ask[*kmsg.FetchResponse](c, req)
		}
		forget := func(req *kmsg.FetchRequest) {
			f := kmsg.NewFetchRequestForgottenTopic()
			f.TopicID, f.Partitions = w.ids["events"], []int32{2}
			req.ForgottenTopics = append(req.ForgottenTopics, f)
		}
		if got := told(next(func(*kmsg.FetchRequest) {})); len(got) != 1 || got[0] != 2 {
			t.Fatalf("told of %v, want only the partition that fails", got)
		}
		if got := told(next(forget)); len(got) != 0 {
			t.Fatalf("told of %v", got)
		}
		ask[*kmsg.ProduceResponse](w.dial(), w.produce(newestProduce, -1, "events", batchOf(1, 10), 1))
		resp = next(func(*kmsg.FetchRequest) {})
		if got := told(resp); len(got) != 1 || got[0] != 1 || len(resp.Topics[0].Partitions[0].RecordBatches) == 0 {
			t.Fatalf("told of %v", got)
		}
		if resp := next(func(req *kmsg.FetchRequest) { req.SessionEpoch += 5 }); resp.ErrorCode != kerr.InvalidFetchSessionEpoch.Code || resp.SessionID != 0 {
			t.Fatalf("%+v", resp)
		}
		if resp := next(func(req *kmsg.FetchRequest) { req.SessionID++ }); resp.ErrorCode != kerr.FetchSessionIDNotFound.Code {
			t.Fatalf("%+v", resp)
		}
	})
}

// TestRepeatedFetchIsRefused: the same request by two connections at once; the
// one that comes too late finds its session used, and its records are let go.
func TestOvertakenFetchIsRefused(t *testing.T) {
	inWorld(t, "", func(t *testing.T, w *world) {
		w.create("events", []kafka.NodeID{1})
		slow, fast := w.dial(), w.dial()
		open := w.fetch(newestFetch, "events", 0)
		open.SessionEpoch = 0
		id := ask[*kmsg.FetchResponse](slow, open).SessionID
		wait := w.fetch(newestFetch, "events")
		wait.Topics, wait.SessionID, wait.SessionEpoch, wait.MaxWaitMillis = nil, id, 1, 60_000
		slow.send(wait)
		synctest.Wait()
		again := w.fetch(newestFetch, "events")
		again.Topics, again.SessionID, again.SessionEpoch = nil, id, 2
		if resp := ask[*kmsg.FetchResponse](fast, again); resp.ErrorCode != 0 {
			t.Fatalf("%+v", resp)
		}
		ask[*kmsg.ProduceResponse](fast, w.produce(newestProduce, -1, "events", batchOf(1, 10), 0))
		if resp := answer[*kmsg.FetchResponse](slow, wait); resp.ErrorCode != kerr.InvalidFetchSessionEpoch.Code || len(resp.Topics) != 0 {
			t.Fatalf("%+v", resp)
		}
	})
}

func TestLongPollOverTheWire(t *testing.T) {
	poll := func(w *world) *kmsg.FetchRequest {
		w.create("events", []kafka.NodeID{1}, []kafka.NodeID{1})
		req := w.fetch(newestFetch, "events", 0, 1)
		req.MaxWaitMillis = 60_000
		return req
	}
	inWorld(t, "a record", func(t *testing.T, w *world) {
		c, req, began := w.dial(), poll(w), time.Now()
		c.send(req)
		synctest.Wait()
		ask[*kmsg.ProduceResponse](w.dial(), w.produce(newestProduce, -1, "events", batchOf(1, 10), 1))
		resp := answer[*kmsg.FetchResponse](c, req)
		if p := resp.Topics[0].Partitions[1]; p.HighWatermark != 1 || len(p.RecordBatches) == 0 || time.Since(began) != 0 {
			t.Fatalf("%+v after %v", p, time.Since(began))
		}
	})
	inWorld(t, "records for all its partitions in one request", func(t *testing.T, w *world) {
		c, req := w.dial(), poll(w)
		c.send(req)
		synctest.Wait()
		ask[*kmsg.ProduceResponse](w.dial(), w.produce(newestProduce, -1, "events", batchOf(1, 10), 0, 1))
		for _, p := range answer[*kmsg.FetchResponse](c, req).Topics[0].Partitions {
			if p.HighWatermark != 1 || len(p.RecordBatches) == 0 {
				t.Fatalf("%+v", p)
			}
		}
	})
	inWorld(t, "the topic is deleted", func(t *testing.T, w *world) {
		c, req := w.dial(), poll(w)
		c.send(req)
		synctest.Wait()
		w.apply(&metadata.RemoveTopicRecord{TopicID: w.ids["events"]})
		resp := answer[*kmsg.FetchResponse](c, req)
		for _, p := range resp.Topics[0].Partitions {
			if p.ErrorCode != kerr.UnknownTopicOrPartition.Code && p.ErrorCode != kerr.NotLeaderForPartition.Code && p.ErrorCode != 0 {
				t.Fatalf("%+v", p)
			}
		}
	})
	inWorld(t, "the node stops", func(t *testing.T, w *world) {
		c, req, began := w.dial(), poll(w), time.Now()
		c.send(req)
		synctest.Wait()
		stopped := make(chan error, 1)
		go func() { stopped <- w.server.Shutdown(t.Context()) }()
		if resp := answer[*kmsg.FetchResponse](c, req); resp.ErrorCode != 0 || time.Since(began) > time.Second {
			t.Fatalf("%+v after %v", resp, time.Since(began))
		}
		if err := c.receive(req.ResponseKind()); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
	})
	inWorld(t, "the client goes", func(t *testing.T, w *world) {
		c, req := w.dial(), poll(w)
		c.send(req)
		synctest.Wait()
		_ = c.conn.Close()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := w.replicas.Waiting()["Fetch"]; n != 0 || w.server.Connections() != 0 {
			t.Fatalf("%d fetches wait, %d connections", n, w.server.Connections())
		}
	})
}

func TestFetchOfATopicCreatedAnew(t *testing.T) {
	inWorld(t, "", func(t *testing.T, w *world) {
		w.create("events", []kafka.NodeID{1})
		old := w.fetch(newestFetch, "events", 0)
		w.apply(&metadata.RemoveTopicRecord{TopicID: w.ids["events"]})
		w.create("events", []kafka.NodeID{1})
		resp := ask[*kmsg.FetchResponse](w.dial(), old)
		if p := resp.Topics[0].Partitions[0]; p.ErrorCode != kerr.UnknownTopicID.Code || p.HighWatermark != -1 {
			t.Fatalf("%+v", p)
		}
	})
}

func TestReadCommittedNamesNoTransactions(t *testing.T) {
	inWorld(t, "", func(t *testing.T, w *world) {
		w.create("events", []kafka.NodeID{1})
		c := w.dial()
		ask[*kmsg.ProduceResponse](c, w.produce(newestProduce, -1, "events", batchOf(1, 10), 0))
		for version := int16(4); version <= newestFetch; version++ {
			req := w.fetch(version, "events", 0)
			if p := ask[*kmsg.FetchResponse](c, req).Topics[0].Partitions[0]; p.AbortedTransactions != nil {
				t.Fatalf("version %d: aborted transactions for a reader of everything", version)
			}
			req.IsolationLevel = 1
			if p := ask[*kmsg.FetchResponse](c, req).Topics[0].Partitions[0]; p.AbortedTransactions == nil || len(p.RecordBatches) == 0 || p.LastStableOffset != 1 {
				t.Fatalf("version %d: %+v", version, p)
			}
		}
	})
}
