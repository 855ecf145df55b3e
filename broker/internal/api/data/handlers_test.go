package data

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/kafka"
)

func TestProducerIDsComeFromBlocks(t *testing.T) {
	inWorld(t, "", func(t *testing.T, w *world) {
		next, asked := kafka.ProducerID(7000), 0
		var failure error
		w.handlers.ProducerIDs.Allocate = func(context.Context) (IDBlock, error) {
			asked++
			if failure != nil {
				return IDBlock{}, failure
			}
			block := IDBlock{First: next, Size: 2}
			next += 1000
			return block, nil
		}
		ask := func(change func(*kmsg.InitProducerIDRequest)) *kmsg.InitProducerIDResponse {
			req := kmsg.NewPtrInitProducerIDRequest()
			req.Version = 5
			change(req)
			return w.handlers.InitProducerID(t.Context(), nil, req)
		}
		plain := func(*kmsg.InitProducerIDRequest) {}
		for i, want := range []int64{7000, 7001, 8000} {
			if resp := ask(plain); resp.ErrorCode != 0 || resp.ProducerID != want || resp.ProducerEpoch != 0 {
				t.Fatalf("%d: %+v, want id %d", i, resp, want)
			}
		}
		if asked != 2 {
			t.Fatalf("the controller was asked %d times", asked)
		}
		ask(plain) // The last of the block.
		failure = errors.New("no controller")
		if resp := ask(plain); resp.ErrorCode != kerr.CoordinatorLoadInProgress.Code || resp.ProducerID != -1 {
			t.Fatalf("%+v: the producer would not try again", resp)
		}
		failure = nil
		if resp := ask(plain); resp.ProducerID != 9000 {
			t.Fatalf("%+v", resp)
		}
		for name, change := range map[string]func(*kmsg.InitProducerIDRequest){
			"id without epoch": func(r *kmsg.InitProducerIDRequest) { r.ProducerID = 7000 },
			"epoch without id": func(r *kmsg.InitProducerIDRequest) { r.ProducerEpoch = 1 },
		} {
			if resp := ask(change); resp.ErrorCode != kerr.InvalidRequest.Code {
				t.Errorf("%s: %+v", name, resp)
			}
		}
	})
}

func TestListOffsetsVersionsAndRepeats(t *testing.T) {
	inWorld(t, "", func(t *testing.T, w *world) {
		w.create("events", []kafka.NodeID{1}, []kafka.NodeID{2})
		c := w.dial()
		ask[*kmsg.ProduceResponse](c, w.produce(newestProduce, -1, "events", batchOf(3, 30), 0))
		list := func(version int16, timestamp int64, partitions ...int32) (all []kmsg.ListOffsetsResponseTopicPartition) {
			req := kmsg.NewPtrListOffsetsRequest()
			req.Version, req.ReplicaID = version, -1
			topic := kmsg.NewListOffsetsRequestTopic()
			topic.Topic = "events"
			for _, id := range partitions {
				p := kmsg.NewListOffsetsRequestTopicPartition()
				p.Partition, p.Timestamp, p.CurrentLeaderEpoch = id, timestamp, -1
				topic.Partitions = append(topic.Partitions, p)
			}
			req.Topics = append(req.Topics, topic)
			return w.handlers.ListOffsets(t.Context(), nil, req).Topics[0].Partitions
		}
		for _, test := range []struct {
			version   int16
			timestamp int64
			offset    int64
			err       int16
		}{
			{1, -1, 3, 0},
			{1, -2, 0, 0},
			{6, -3, -1, kerr.UnsupportedVersion.Code},
			{7, -3, 0, 0},
			{7, -4, -1, kerr.UnsupportedVersion.Code},
			{8, -4, 0, 0},
			{9, -5, -1, 0},
			{10, -6, -1, kerr.UnsupportedVersion.Code},
			{11, -6, -1, 0},
			{11, -7, -1, kerr.UnsupportedVersion.Code},
			{11, 0, 0, 0},
		} {
			if p := list(test.version, test.timestamp, 0)[0]; p.ErrorCode != test.err || p.Offset != test.offset {
				t.Errorf("version %d, timestamp %d: %+v", test.version, test.timestamp, p)
			}
		}
		if p := list(11, -1, 1)[0]; p.ErrorCode != kerr.NotLeaderForPartition.Code || p.Offset != -1 || p.Timestamp != -1 {
			t.Errorf("%+v", p)
		}
		for _, p := range list(11, -1, 0, 0) {
			if p.ErrorCode != kerr.InvalidRequest.Code {
				t.Errorf("named twice: %+v", p)
			}
		}
	})
}

func TestDeleteRecordsAndWhatIsLeft(t *testing.T) {
	inWorld(t, "", func(t *testing.T, w *world) {
		w.create("events", []kafka.NodeID{1}, []kafka.NodeID{2})
		w.create(kafka.ConsumerOffsetsTopic, []kafka.NodeID{1})
		c := w.dial()
		ask[*kmsg.ProduceResponse](c, w.produce(newestProduce, -1, "events", batchOf(3, 30), 0))
		req := kmsg.NewPtrDeleteRecordsRequest()
		req.Version, req.TimeoutMillis = 2, 60_000
		add := func(topic string, partition int32, offset int64) {
			p := kmsg.NewDeleteRecordsRequestTopicPartition()
			p.Partition, p.Offset = partition, offset
			req.Topics = append(req.Topics, kmsg.DeleteRecordsRequestTopic{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{p}})
		}
		add("events", 0, 2)
		add("events", 1, 0)
		add("events", 2, 0)
		add(kafka.ConsumerOffsetsTopic, 0, 0)
		add("events", 0, 4)
		resp := w.handlers.DeleteRecords(t.Context(), nil, req)
		for i, want := range []struct {
			low int64
			err int16
		}{
			{2, 0},
			{-1, kerr.NotLeaderForPartition.Code},
			{-1, kerr.UnknownTopicOrPartition.Code},
			{-1, kerr.InvalidTopicException.Code},
			{-1, kerr.OffsetOutOfRange.Code},
		} {
			if p := resp.Topics[i].Partitions[0]; p.LowWatermark != want.low || p.ErrorCode != want.err {
				t.Errorf("%d: %+v, want %+v", i, p, want)
			}
		}
		if p := ask[*kmsg.FetchResponse](c, w.fetch(newestFetch, "events", 0)).Topics[0].Partitions[0]; p.ErrorCode != kerr.OffsetOutOfRange.Code {
			t.Errorf("%+v", p)
		}
	})
}
