package compat

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func offsetScenarios() []scenario {
	return []scenario{
		{name: "ListOffsets: every version and special timestamp", run: listOffsetsSpecial},
		{name: "ListOffsets: timestamps", run: listOffsetsTimes},
		{name: "ListOffsets: errors", run: listOffsetsErrors},
		{name: "ListOffsets: an empty log and a deleted start", run: listOffsetsEmpty},
		{name: "OffsetForLeaderEpoch", run: offsetForLeaderEpoch},
		{name: "DeleteRecords", run: deleteRecordsCases},
		{name: "DeleteRecords: topics that forbid it", run: deleteRecordsForbidden},
		{name: "InitProducerId", run: initProducerID},
		{name: "InitProducerId: of a producer that there is", run: initProducerAgain},
		{name: "DescribeProducers", run: describeProducers},
	}
}

func listOffsetsSpecial(c *client) {
	id := c.create("list-special", 1)
	c.quiet(produce("list-special", id, -1, seal(newBatch(value("a"), rec{value: []byte("b"), ms: 100}, rec{value: []byte("c"), ms: 50}))))
	c.quiet(produce("list-special", id, -1, seal(newBatch(value("d")))))
	for timestamp := int64(-8); timestamp < 2; timestamp++ {
		c.each(fmt.Sprint(timestamp), 0, 12, func(int16) kmsg.Request { return listOffsets("list-special", map[int32]int64{0: timestamp}) })
	}
	for _, isolation := range []int8{1, 2, -1} {
		for _, timestamp := range []int64{-1, -2, -3, epoch - 10_000} {
			c.each(fmt.Sprintf("%s at isolation level %d", stamp(timestamp), isolation), 2, 11, func(int16) kmsg.Request {
				req := listOffsets("list-special", map[int32]int64{0: timestamp})
				req.IsolationLevel = isolation
				return req
			})
		}
	}
}

func listOffsetsTimes(c *client) {
	id := c.create("list-times", 1)
	at := func(first int64, records ...rec) *kmsg.RecordBatch {
		b := newBatch(records...)
		b.MaxTimestamp += first - b.FirstTimestamp
		b.FirstTimestamp = first
		return b
	}
	c.quiet(produce("list-times", id, -1, seal(at(epoch-10_000, value("a"), rec{value: []byte("b"), ms: 100}, rec{value: []byte("c"), ms: 50}))))
	c.quiet(produce("list-times", id, -1, seal(compressed(at(epoch-9000, value("d"), rec{value: []byte("e"), ms: 1000}, rec{value: []byte("f"), ms: 500}), kgo.Lz4Compression(), 3))))
	c.quiet(produce("list-times", id, -1, seal(at(epoch-8500, value("g")))))
	c.quiet(produce("list-times", id, -1, seal(at(-1, value("h")))))
	c.quiet(produce("list-times", id, -1, seal(at(epoch-8000, value("i"), rec{value: []byte("j"), ms: 0}))))
	for _, timestamp := range []int64{0, epoch - 20_000, epoch - 10_000, epoch - 9999, epoch - 9900, epoch - 9899, epoch - 9000, epoch - 8999, epoch - 8500, epoch - 8000, epoch - 7999, math.MaxInt64, -3} {
		for _, v := range []int16{1, 4, 7, 11} {
			req := listOffsets("list-times", map[int32]int64{0: timestamp})
			req.SetVersion(v)
			c.ask(fmt.Sprintf("%s, v%d", stamp(timestamp), v), req)
		}
	}
	appended := c.create("list-append-time", 1, "message.timestamp.type", "LogAppendTime")
	c.quiet(produce("list-append-time", appended, -1, plain()))
	for _, timestamp := range []int64{0, epoch - 20_000, epoch + hour, -3} {
		req := listOffsets("list-append-time", map[int32]int64{0: timestamp})
		req.SetVersion(7)
		c.ask(stamp(timestamp)+" with LogAppendTime", req)
	}
}

func listOffsetsErrors(c *client) {
	c.create("list-errors", 2)
	c.each("unknown topic", 1, 11, func(int16) kmsg.Request { return listOffsets("list-unknown", map[int32]int64{0: -1}) })
	c.each("unknown partition", 1, 11, func(int16) kmsg.Request { return listOffsets("list-errors", map[int32]int64{0: -1, 7: -1, -1: -1}) })
	c.each("invalid topic", 1, 11, func(int16) kmsg.Request { return listOffsets("a topic", map[int32]int64{0: -1}) })
	c.each("a partition twice", 1, 11, func(int16) kmsg.Request {
		req := listOffsets("list-errors", map[int32]int64{0: -1, 1: -2})
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, listOffsetsPartition(0, -2))
		return req
	})
	c.each("a topic twice", 1, 11, func(int16) kmsg.Request {
		req := listOffsets("list-errors", map[int32]int64{0: -1})
		req.Topics = append(req.Topics, req.Topics[0])
		return req
	})
	c.each("no topics", 1, 11, func(int16) kmsg.Request { return &kmsg.ListOffsetsRequest{ReplicaID: -1} })
	c.each("no partitions", 1, 11, func(int16) kmsg.Request { return listOffsets("list-errors", nil) })
	for _, leader := range []int32{-1, 0, 1, -2} {
		c.each(fmt.Sprintf("leader epoch %d", leader), 4, 11, func(int16) kmsg.Request {
			req := listOffsets("list-errors", map[int32]int64{0: -1})
			req.Topics[0].Partitions[0].CurrentLeaderEpoch = leader
			return req
		})
	}
	for _, replica := range []int32{-3, -2, 0, 1, 5} {
		c.each(fmt.Sprintf("replica %d", replica), 1, 11, func(int16) kmsg.Request {
			req := listOffsets("list-errors", map[int32]int64{0: -1})
			req.ReplicaID = replica
			return req
		})
	}
}

func listOffsetsEmpty(c *client) {
	id := c.create("list-empty", 1)
	ask := func(name string) {
		for _, timestamp := range []int64{-1, -2, -3, -4, -5, -6, 0, epoch} {
			req := listOffsets("list-empty", map[int32]int64{0: timestamp})
			req.SetVersion(11)
			c.ask(fmt.Sprintf("%s: %s", name, stamp(timestamp)), req)
		}
	}
	ask("empty")
	c.quiet(produce("list-empty", id, -1, plain()))
	c.quiet(produce("list-empty", id, -1, plain()))
	c.quiet(deleteRecords("list-empty", map[int32]int64{0: 1}))
	ask("the first is deleted")
	c.quiet(deleteRecords("list-empty", map[int32]int64{0: 2}))
	ask("the first batch is deleted")
	c.quiet(deleteRecords("list-empty", map[int32]int64{0: -1}))
	ask("all are deleted")
}

func offsetForLeaderEpoch(c *client) {
	id := c.create("epochs", 1)
	request := func(topic string, partition, current, wanted, replica int32) *kmsg.OffsetForLeaderEpochRequest {
		req := kmsg.NewPtrOffsetForLeaderEpochRequest()
		req.ReplicaID = replica
		t := kmsg.NewOffsetForLeaderEpochRequestTopic()
		t.Topic = topic
		p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = partition, current, wanted
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
		return req
	}
	c.each("an empty log", 2, 4, func(int16) kmsg.Request { return request("epochs", 0, -1, 0, -1) })
	c.fill("epochs", id, 3, 10)
	for _, wanted := range []int32{-2, -1, 0, 1, 9} {
		for _, current := range []int32{-2, -1, 0, 1} {
			c.each(fmt.Sprintf("epoch %d, the leader's %d", wanted, current), 2, 4, func(int16) kmsg.Request { return request("epochs", 0, current, wanted, -1) })
		}
	}
	c.each("unknown topic", 0, 5, func(int16) kmsg.Request { return request("epochs-unknown", 0, -1, 0, -1) })
	c.each("unknown partition", 2, 4, func(int16) kmsg.Request { return request("epochs", 5, -1, 0, -1) })
	c.each("no topics", 2, 4, func(int16) kmsg.Request { return kmsg.NewPtrOffsetForLeaderEpochRequest() })
	c.each("a partition twice, and -1", 2, 4, func(int16) kmsg.Request {
		req := request("epochs", 0, -1, 0, -1)
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, req.Topics[0].Partitions[0], request("epochs", -1, -1, 0, -1).Topics[0].Partitions[0])
		return req
	})
	for _, replica := range []int32{-2, 0, 1, 7} {
		c.each(fmt.Sprintf("replica %d", replica), 3, 4, func(int16) kmsg.Request { return request("epochs", 0, -1, 0, replica) })
	}
}

func deleteRecords(topic string, offsets map[int32]int64) *kmsg.DeleteRecordsRequest {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.SetVersion(2)
	req.TimeoutMillis = 5000
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = topic
	for _, p := range slices.Sorted(maps.Keys(offsets)) {
		part := kmsg.NewDeleteRecordsRequestTopicPartition()
		part.Partition, part.Offset = p, offsets[p]
		t.Partitions = append(t.Partitions, part)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func deleteRecordsCases(c *client) {
	id := c.create("delete", 2)
	for range 3 {
		c.quiet(produce("delete", id, -1, plain()))
	}
	for _, offset := range []int64{0, 1, 1, 0, 3, 7, -1, 6, -2, math.MaxInt64, 5} {
		c.each(fmt.Sprintf("offset %d", offset), 0, 2, func(int16) kmsg.Request { return deleteRecords("delete", map[int32]int64{0: offset}) })
	}
	c.each("several", 0, 2, func(int16) kmsg.Request { return deleteRecords("delete", map[int32]int64{0: 6, 1: 0, 2: 0}) })
	c.each("unknown topic", 0, 2, func(int16) kmsg.Request { return deleteRecords("delete-unknown", map[int32]int64{0: 1}) })
	c.each("invalid topic", 0, 2, func(int16) kmsg.Request { return deleteRecords("not a name", map[int32]int64{0: 1}) })
	c.each("no topics", 0, 2, func(int16) kmsg.Request { return kmsg.NewPtrDeleteRecordsRequest() })
	c.each("no partitions", 0, 2, func(int16) kmsg.Request { return deleteRecords("delete", nil) })
	c.each("partition -1", 0, 2, func(int16) kmsg.Request { return deleteRecords("delete", map[int32]int64{-1: 1}) })
	c.each("the metadata log", 0, 2, func(int16) kmsg.Request { return deleteRecords("__cluster_metadata", map[int32]int64{0: 1}) })
	c.each("a partition twice", 0, 2, func(int16) kmsg.Request {
		req := deleteRecords("delete", map[int32]int64{1: 0})
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, req.Topics[0].Partitions[0])
		return req
	})
	zero := deleteRecords("delete", map[int32]int64{0: 6})
	zero.TimeoutMillis = 0
	c.ask("a timeout of 0", zero)
	zero.TimeoutMillis = -1
	c.ask("a timeout of -1", zero)
}

func deleteRecordsForbidden(c *client) {
	compacted := c.create("delete-compact", 1, "cleanup.policy", "compact")
	c.quiet(produce("delete-compact", compacted, -1, seal(newBatch(keyed("k", "v")))))
	c.ask("compact", deleteRecords("delete-compact", map[int32]int64{0: 1}))
	both := c.create("delete-both", 1, "cleanup.policy", "compact,delete")
	c.quiet(produce("delete-both", both, -1, seal(newBatch(keyed("k", "v")))))
	c.ask("compact,delete", deleteRecords("delete-both", map[int32]int64{0: 1}))
	none := c.create("delete-none", 1, "cleanup.policy", "")
	c.quiet(produce("delete-none", none, -1, plain()))
	c.ask("no policy", deleteRecords("delete-none", map[int32]int64{0: 1}))
	c.ask("an internal topic that is not there", deleteRecords("__transaction_state", map[int32]int64{0: 1}))
}

func initProducerID(c *client) {
	c.newProducerID()
	request := func(id int64, epoch int16) *kmsg.InitProducerIDRequest {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.ProducerID, req.ProducerEpoch, req.TransactionTimeoutMillis = id, epoch, 60_000
		return req
	}
	c.each("a new id", 0, 5, func(int16) kmsg.Request { return request(-1, -1) })
	c.each("id 5 and epoch 5", 0, 5, func(int16) kmsg.Request { return request(5, 5) })
	c.each("id 5 without epoch", 0, 5, func(int16) kmsg.Request { return request(5, -1) })
	c.each("epoch 5 without id", 0, 5, func(int16) kmsg.Request { return request(-1, 5) })
	c.each("id -2", 0, 5, func(int16) kmsg.Request { return request(-2, -2) })
	c.each("an empty transactional id", 0, 5, func(int16) kmsg.Request {
		req := request(-1, -1)
		req.TransactionalID = kmsg.StringPtr("")
		return req
	})
	for _, timeout := range []int32{0, -1, math.MaxInt32} {
		c.each(fmt.Sprintf("a timeout of %d", timeout), 0, 5, func(int16) kmsg.Request {
			req := request(-1, -1)
			req.TransactionTimeoutMillis = timeout
			return req
		})
	}
}

// initProducerAgain asks with an id and epoch that there are (KIP-360), and goes on
// producing with the old and the new ones.
func initProducerAgain(c *client) {
	id := c.create("again", 1)
	ask := func(name string, producer int64, epoch int16, sequence int32) {
		c.ask(name, produce("again", id, -1, seal(idempotent(newBatch(value("a"), value("b")), producer, epoch, sequence))))
	}
	again := func(name string, producer int64, epoch int16) int64 {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.SetVersion(4)
		req.ProducerID, req.ProducerEpoch = producer, epoch
		resp := c.ask(name, req).(*kmsg.InitProducerIDResponse)
		c.script.note(name+": another id", fmt.Sprint(resp.ProducerID != producer, resp.ProducerEpoch, resp.ErrorCode))
		return resp.ProducerID
	}
	first := c.newProducerID()
	ask("the first batch", first, 0, 0)
	second := again("its id and epoch", first, 0)
	ask("the new id begins", second, 0, 0)
	ask("the old one goes on", first, 0, 2)
	ask("the old one bumps its epoch by itself", first, 1, 0)
	ask("and is fenced with the old epoch", first, 0, 4)
	third := again("an epoch that it has left", first, 0)
	ask("the third begins", third, 0, 0)
	again("an epoch that it has not reached", first, 7)
	ask("the last epoch but one", first, math.MaxInt16-1, 0)
	again("the last epoch but one is asked for", first, math.MaxInt16-1)
	ask("the last epoch", first, math.MaxInt16, 0)
	again("the last epoch is asked for", first, math.MaxInt16)
	ask("next in the last epoch", first, math.MaxInt16, 2)
	c.ask("what is in the log", fetch(id, "again", 0))
}

func describeProducers(c *client) {
	id := c.create("producers", 2)
	first, second := c.newProducerID(), c.newProducerID()
	c.quiet(produce("producers", id, -1, seal(idempotent(newBatch(value("a"), value("b")), first, 3, 0))))
	c.quiet(produce("producers", id, -1, seal(idempotent(newBatch(value("a")), first, 3, 2))))
	request := func(topic string, partitions ...int32) *kmsg.DescribeProducersRequest {
		req := kmsg.NewPtrDescribeProducersRequest()
		t := kmsg.NewDescribeProducersRequestTopic()
		t.Topic, t.Partitions = topic, partitions
		req.Topics = append(req.Topics, t)
		return req
	}
	c.ask("one producer", request("producers", 0))
	c.ask("none", request("producers", 1))
	c.quiet(produce("producers", id, -1, seal(idempotent(newBatch(value("a")), second, 0, 9))))
	c.script.note("two producers", len(c.quiet(request("producers", 0)).(*kmsg.DescribeProducersResponse).Topics[0].Partitions[0].ActiveProducers))
	c.ask("unknown partition", request("producers", 1, 5, -1))
	c.ask("unknown topic", request("producers-unknown", 0))
	c.ask("invalid topic", request("not a name", 0))
	c.ask("empty topic", request("", 0))
	c.ask("no partitions", request("producers"))
	c.ask("a partition twice", request("producers", 1, 1))
	c.ask("no topics", kmsg.NewPtrDescribeProducersRequest())
}
