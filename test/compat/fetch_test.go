package compat

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetch is a request for partition 0 of a topic from an offset, without session.
func fetch(id [16]byte, topic string, offset int64) *kmsg.FetchRequest {
	return fetchOf(fetchTopic(id, topic, fetchPartition(0, offset)))
}

func fetchOf(topics ...kmsg.FetchRequestTopic) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(12)
	req.ReplicaID, req.MaxBytes, req.SessionEpoch = -1, 50<<20, -1
	req.Topics = topics
	return req
}

func fetchTopic(id [16]byte, topic string, partitions ...kmsg.FetchRequestTopicPartition) kmsg.FetchRequestTopic {
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID, t.Partitions = topic, id, partitions
	return t
}

func fetchPartition(partition int32, offset int64) kmsg.FetchRequestTopicPartition {
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 10<<20
	return p
}

func fetchScenarios() []scenario {
	return []scenario{
		{name: "Fetch: every version", run: fetchVersions},
		{name: "Fetch: offsets", run: fetchOffsets},
		{name: "Fetch: what is not there", run: fetchUnknown},
		{name: "Fetch: limits", run: fetchLimits},
		{name: "Fetch: waiting", run: fetchWaiting},
		{name: "Fetch: leader epochs", run: fetchEpochs},
		{name: "Fetch: isolation levels", run: fetchIsolation},
		{name: "Fetch: after records were deleted", run: fetchDeleted},
		{name: "Fetch: sessions with topic ids", run: func(c *client) { fetchSessions(c, 13, "sessions-ids") }},
		{name: "Fetch: sessions with names", run: func(c *client) { fetchSessions(c, 12, "sessions-names") }},
		{name: "Fetch: errors of sessions", run: fetchSessionErrors},
		{name: "Fetch: as a replica", run: fetchReplica},
	}
}

// fill appends batches of one record each of about that size to partition 0.
func (c *client) fill(topic string, id [16]byte, batches, size int) {
	for range batches {
		c.quiet(produce(topic, id, -1, seal(newBatch(value(strings.Repeat("x", size))))))
	}
}

func fetchVersions(c *client) {
	id := c.create("fetch-versions", 1)
	c.fill("fetch-versions", id, 2, 10)
	c.quiet(produce("fetch-versions", id, -1, seal(compressed(newBatch(value("a"), value("b")), kgo.ZstdCompression(), 4))))
	c.each("from 0", 0, 19, func(int16) kmsg.Request { return fetch(id, "fetch-versions", 0) })
	c.each("within a batch", 4, 18, func(int16) kmsg.Request { return fetch(id, "fetch-versions", 3) })
	c.each("at the end", 4, 18, func(int16) kmsg.Request { return fetch(id, "fetch-versions", 4) })
	c.each("out of range", 4, 18, func(int16) kmsg.Request { return fetch(id, "fetch-versions", 5) })
	c.each("unknown", 4, 18, func(int16) kmsg.Request { return fetch([16]byte{1}, "fetch-unknown", 5) })
	c.each("with a rack", 11, 18, func(int16) kmsg.Request {
		req := fetch(id, "fetch-versions", 0)
		req.Rack = "rack"
		return req
	})
	c.each("with a cluster id", 12, 18, func(int16) kmsg.Request {
		req := fetch(id, "fetch-versions", 0)
		req.ClusterID = kmsg.StringPtr("another")
		return req
	})
}

func fetchOffsets(c *client) {
	id := c.create("fetch-offsets", 1)
	c.fill("fetch-offsets", id, 3, 10)
	for _, offset := range []int64{0, 1, 2, 3, 4, -1, -2, -3, math.MaxInt64, math.MinInt64} {
		c.ask(fmt.Sprint(offset), fetch(id, "fetch-offsets", offset))
	}
}

func fetchUnknown(c *client) {
	id := c.create("fetch-known", 2)
	for _, v := range []int16{4, 12, 13, 18} {
		ask := func(name string, topics ...kmsg.FetchRequestTopic) {
			req := fetchOf(topics...)
			req.SetVersion(v)
			c.ask(fmt.Sprintf("%s, v%d", name, v), req)
		}
		ask("nothing")
		ask("a topic without partitions", fetchTopic(id, "fetch-known"))
		ask("unknown topic", fetchTopic([16]byte{1}, "unknown", fetchPartition(0, 0)))
		ask("the zero id", fetchTopic([16]byte{}, "", fetchPartition(0, 0)))
		ask("unknown partition", fetchTopic(id, "fetch-known", fetchPartition(2, 0)))
		ask("partition -1", fetchTopic(id, "fetch-known", fetchPartition(-1, 0)))
		ask("known and unknown", fetchTopic(id, "fetch-known", fetchPartition(1, 0), fetchPartition(7, 0), fetchPartition(0, 0)), fetchTopic([16]byte{1}, "unknown", fetchPartition(0, 0)))
		ask("a topic twice", fetchTopic(id, "fetch-known", fetchPartition(0, 0)), fetchTopic(id, "fetch-known", fetchPartition(1, 0)))
	}
}

func fetchLimits(c *client) {
	id := c.create("fetch-limits", 3)
	for p := range int32(3) {
		for range 3 {
			req := produce("", id, -1, nil)
			req.Topics[0] = produceTopic("fetch-limits", id, map[int32][]byte{p: seal(newBatch(value(strings.Repeat("x", 1000))))})
			c.quiet(req)
		}
	}
	three := func(partitionMax int32) *kmsg.FetchRequest {
		var partitions []kmsg.FetchRequestTopicPartition
		for p := range int32(3) {
			part := fetchPartition(p, 0)
			part.PartitionMaxBytes = partitionMax
			partitions = append(partitions, part)
		}
		return fetchOf(fetchTopic(id, "fetch-limits", partitions...))
	}
	for _, maxBytes := range []int32{-1, 0, 1, 500, 1068, 1100, 2200, 3300, 4000, math.MaxInt32} {
		for _, partitionMax := range []int32{-1, 0, 1, 500, 1068, 1100, 2136, 3000, math.MaxInt32} {
			req := three(partitionMax)
			req.MaxBytes = maxBytes
			c.ask(fmt.Sprintf("at most %d bytes, %d of a partition", maxBytes, partitionMax), req)
		}
	}
	req := three(1)
	req.Topics[0].Partitions[0].FetchOffset = 3
	req.MaxBytes = 1
	c.ask("the first is empty", req)
	req.Topics[0].Partitions[0].FetchOffset = 9
	c.ask("the first is out of range", req)
	req = three(1 << 20)
	req.Topics[0].Partitions[0], req.Topics[0].Partitions[2] = req.Topics[0].Partitions[2], req.Topics[0].Partitions[0]
	req.MaxBytes = 4000
	c.ask("in another order", req)
}

func fetchWaiting(c *client) {
	id := c.create("fetch-waiting", 2)
	c.fill("fetch-waiting", id, 1, 100)
	for _, test := range []struct {
		name                        string
		offset                      int64
		minBytes, maxBytes, maxWait int32
		waits                       bool
	}{
		{"enough is there", 0, 1, 1000, 5000, false},
		{"nothing is asked for", 1, 0, 1000, 5000, false},
		{"min bytes -1", 1, -1, 1000, 5000, false},
		{"no wait", 1, 1, 1000, 0, false},
		{"negative wait", 1, 1, 1000, -1, false},
		{"at the end", 1, 1, 1000, 300, true},
		{"too little is there", 0, 10_000, 100_000, 300, true},
		{"min bytes above max bytes", 0, 10_000, 50, 5000, false},
		{"out of range", 7, 1, 1000, 5000, false},
	} {
		req := fetch(id, "fetch-waiting", test.offset)
		req.MinBytes, req.MaxBytes, req.MaxWaitMillis = test.minBytes, test.maxBytes, test.maxWait
		start := time.Now()
		c.ask(test.name, req)
		c.script.note(test.name+": it waited", waited(start, test.maxWait))
	}
	req := fetchOf(fetchTopic(id, "fetch-waiting", fetchPartition(1, 0)), fetchTopic([16]byte{1}, "unknown", fetchPartition(0, 0)))
	req.MinBytes, req.MaxWaitMillis = 1, 5000
	start := time.Now()
	c.ask("another topic is unknown", req)
	c.script.note("another topic is unknown: it waited", waited(start, req.MaxWaitMillis))
	c.longPoll(id)
}

// waited tells whether a fetch took most of the time that it was given.
func waited(start time.Time, maxWait int32) bool {
	return maxWait > 0 && time.Since(start) > time.Duration(maxWait)*time.Millisecond*2/3
}

// longPoll lets a fetch wait until there are records.
func (c *client) longPoll(id [16]byte) {
	reader := c.other("reader")
	defer reader.close()
	req := fetch(id, "fetch-waiting", 1)
	req.MinBytes, req.MaxWaitMillis = 1, 10_000
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("reader"))
	if err := reader.write(formatter.AppendRequest(nil, req, reader.last+1)); err != nil {
		c.fail("%v", err)
	}
	c.quiet(produce("fetch-waiting", id, -1, seal(newBatch(value("late")))))
	resp, err := reader.read(req)
	c.script.recordAnswer("records arrive while it waits", c.node, req, resp, err)
}

func fetchEpochs(c *client) {
	id := c.create("fetch-epochs", 1)
	c.fill("fetch-epochs", id, 2, 10)
	for _, v := range []int16{9, 12, 16, 18} {
		for _, current := range []int32{-1, 0, 1, 5, -2} {
			req := fetch(id, "fetch-epochs", 0)
			req.SetVersion(v)
			req.Topics[0].Partitions[0].CurrentLeaderEpoch = current
			c.ask(fmt.Sprintf("leader epoch %d, v%d", current, v), req)
		}
		for _, last := range []int32{-1, 0, 1, -2} {
			for _, offset := range []int64{0, 2, 3} {
				req := fetch(id, "fetch-epochs", offset)
				req.SetVersion(v)
				req.Topics[0].Partitions[0].LastFetchedEpoch = last
				c.ask(fmt.Sprintf("from %d, last epoch %d, v%d", offset, last, v), req)
			}
		}
	}
}

func fetchIsolation(c *client) {
	id := c.create("fetch-isolation", 1)
	c.fill("fetch-isolation", id, 2, 10)
	for _, level := range []int8{0, 1, 2, -1} {
		c.each(fmt.Sprintf("level %d", level), 4, 18, func(int16) kmsg.Request {
			req := fetch(id, "fetch-isolation", 0)
			req.IsolationLevel = level
			return req
		})
	}
}

func fetchDeleted(c *client) {
	id := c.create("fetch-deleted", 1)
	c.fill("fetch-deleted", id, 2, 10)
	c.quiet(produce("fetch-deleted", id, -1, plain()))
	c.quiet(deleteRecords("fetch-deleted", map[int32]int64{0: 3}))
	for _, offset := range []int64{0, 2, 3, 4, 5} {
		c.ask(fmt.Sprint(offset), fetch(id, "fetch-deleted", offset))
	}
}

// sessionOf is the id of the session in an answer.
func sessionOf(resp kmsg.Response) int32 {
	if r, ok := resp.(*kmsg.FetchResponse); ok {
		return r.SessionID
	}
	return 0
}

func fetchSessions(c *client, version int16, topic string) {
	id, otherID := c.create(topic, 3), c.create(topic+"-other", 2)
	c.fill(topic, id, 1, 10)
	session, epoch := int32(0), int32(0)
	ask := func(name string, forgotten []kmsg.FetchRequestForgottenTopic, topics ...kmsg.FetchRequestTopic) kmsg.Response {
		req := fetchOf(topics...)
		req.SetVersion(version)
		req.SessionID, req.SessionEpoch, req.ForgottenTopics = session, epoch, forgotten
		resp := c.ask(name, req)
		epoch++
		return resp
	}
	forget := func(id [16]byte, topic string, partitions ...int32) []kmsg.FetchRequestForgottenTopic {
		return []kmsg.FetchRequestForgottenTopic{{Topic: topic, TopicID: id, Partitions: partitions}}
	}
	all := fetchTopic(id, topic, fetchPartition(0, 0), fetchPartition(1, 0), fetchPartition(2, 0))
	session = sessionOf(ask("a new session", nil, all))
	ask("nothing new, but records are still there", nil)
	ask("records were read", nil, fetchTopic(id, topic, fetchPartition(0, 1)))
	ask("nothing new", nil)
	c.fill(topic, id, 1, 10)
	ask("new records", nil)
	ask("they were read", nil, fetchTopic(id, topic, fetchPartition(0, 2)))
	ask("another topic", nil, fetchTopic(otherID, topic+"-other", fetchPartition(1, 0), fetchPartition(0, 0)))
	ask("an unknown topic", nil, fetchTopic([16]byte{9}, "unknown", fetchPartition(0, 0)))
	ask("it is still unknown", nil)
	ask("it is forgotten", forget([16]byte{9}, "unknown", 0))
	ask("an unknown partition", nil, fetchTopic(id, topic, fetchPartition(9, 0)))
	ask("an error stays", nil)
	ask("the unknown partition is forgotten", forget(id, topic, 9))
	ask("what was not there is forgotten", forget(id, topic, 8))
	ask("out of range", nil, fetchTopic(id, topic, fetchPartition(0, 99)))
	ask("still out of range", nil)
	ask("in range again", nil, fetchTopic(id, topic, fetchPartition(0, 0)))
	ask("forgotten and added at once", forget(id, topic, 0), fetchTopic(id, topic, fetchPartition(0, 0)))
	ask("after that", nil)
	c.quiet(deleteRecords(topic, map[int32]int64{0: 1}))
	ask("the log start offset moved", nil, fetchTopic(id, topic, fetchPartition(0, 2)))
	ask("all is forgotten", append(forget(id, topic, 0, 1, 2), forget(otherID, topic+"-other", 0, 1)...))
	ask("an empty session", nil)
	old := session
	epoch = 0
	session = sessionOf(ask("a new session in place of the old", nil, all))
	c.script.note("the new session is another one", session != old && session != 0)
	epoch = -1
	ask("the session is closed", nil, all)
	epoch = 2
	ask("the closed session", nil)
}

func fetchSessionErrors(c *client) {
	id := c.create("session-errors", 1)
	topic := fetchTopic(id, "session-errors", fetchPartition(0, 0))
	ask := func(name string, version int16, session, epoch int32, topics ...kmsg.FetchRequestTopic) int32 {
		req := fetchOf(topics...)
		req.SetVersion(version)
		req.SessionID, req.SessionEpoch = session, epoch
		return sessionOf(c.ask(name, req))
	}
	for _, v := range []int16{7, 12, 13, 18} {
		step := func(name string) string { return fmt.Sprintf("%s, v%d", name, v) }
		ask(step("unknown session"), v, 12345, 1)
		ask(step("unknown session, first epoch"), v, 12345, 0, topic)
		ask(step("unknown session, last epoch"), v, 12345, -1, topic)
		ask(step("no session, epoch 1"), v, 0, 1, topic)
		ask(step("no session, epoch -2"), v, 0, -2, topic)
		ask(step("no partitions"), v, 0, 0)
		session := ask(step("new"), v, 0, 0, topic)
		ask(step("epoch too high"), v, session, 2)
		ask(step("epoch too low"), v, session, -5)
		ask(step("the right one after an error"), v, session, 1)
		ask(step("the same epoch again"), v, session, 1)
		other := int16(13)
		if v >= 13 {
			other = 12
		}
		ask(step("another kind of names"), other, session, 2)
		ask(step("after another kind of names"), v, session, 2)
		ask(step("and then"), v, session, 3)
		ask(step("closed"), v, session, -1)
		ask(step("closed twice"), v, session, -1)
		ask(step("after it is closed"), v, session, 4)
	}
}

func fetchReplica(c *client) {
	id := c.create("fetch-replica", 1)
	c.fill("fetch-replica", id, 2, 10)
	for _, replica := range []int32{-2, 0, 1, 2, 99} {
		c.each(fmt.Sprintf("replica %d", replica), 4, 18, func(v int16) kmsg.Request {
			req := fetch(id, "fetch-replica", 0)
			if req.ReplicaID = replica; v >= 15 {
				req.ReplicaState.ID = replica
			}
			return req
		})
	}
}
