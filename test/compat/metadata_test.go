package compat

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func metadataScenarios() []scenario {
	return []scenario{
		{name: "Metadata: topics by name", run: metadataByName},
		{name: "Metadata: topics by id", run: metadataByID},
		{name: "Metadata: no topics", run: metadataNone},
		{name: "Metadata: auto-creation", run: metadataAutoCreate},
		{name: "Metadata: authorized operations", run: metadataOperations},
		{name: "DescribeTopicPartitions", needs: []kmsg.Key{kmsg.DescribeTopicPartitions}, run: describeTopicPartitions},
		{name: "FindCoordinator", run: findCoordinator},
	}
}

func metadata(topics ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &topic
		req.Topics = append(req.Topics, t)
	}
	return req
}

func metadataByName(c *client) {
	c.create("meta", 3)
	c.create("meta-2", 1)
	for _, topics := range [][]string{
		{"meta"},
		{"meta", "meta-2"},
		{"meta-unknown"},
		{"meta", "meta-unknown"},
		{""},
		{"."},
		{".."},
		{"white space"},
		{strings.Repeat("x", 249)},
		{strings.Repeat("x", 250)},
		{"meta", "meta"},
		{"__consumer_offsets_"},
		{"ä"},
		{"a/b"},
	} {
		c.each(fmt.Sprintf("%.40q", topics), 0, 13, func(v int16) kmsg.Request {
			if v < 4 && (topics[0] != "meta" || len(topics) > 1 && topics[1] == "meta-unknown") {
				return metadata("meta-2") // These versions would create the topic.
			}
			return metadata(topics...)
		})
	}
	c.each("other versions", 14, 14, func(int16) kmsg.Request { return metadata("meta") })
}

func metadataByID(c *client) {
	id := c.create("meta-id", 2)
	name, other := "meta-id", "meta-other"
	for _, test := range []struct {
		name  string
		topic kmsg.MetadataRequestTopic
	}{
		{"an id", kmsg.MetadataRequestTopic{TopicID: id}},
		{"an unknown id", kmsg.MetadataRequestTopic{TopicID: [16]byte{1}}},
		{"the zero id and no name", kmsg.MetadataRequestTopic{}},
		{"an id and its name", kmsg.MetadataRequestTopic{TopicID: id, Topic: &name}},
		{"an id and another name", kmsg.MetadataRequestTopic{TopicID: id, Topic: &other}},
		{"an unknown id and a name", kmsg.MetadataRequestTopic{TopicID: [16]byte{1}, Topic: &name}},
	} {
		c.each(test.name, 10, 13, func(int16) kmsg.Request {
			return &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{test.topic}}
		})
	}
	c.each("an id and a name", 12, 13, func(int16) kmsg.Request {
		return &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{{TopicID: id}, {Topic: &name}}}
	})
}

func metadataNone(c *client) {
	c.each("an empty list", 1, 13, func(int16) kmsg.Request { return metadata() })
}

func metadataAutoCreate(c *client) {
	for v := int16(0); v <= 13; v++ {
		topic := fmt.Sprintf("auto-%d", v)
		req := metadata(topic)
		req.SetVersion(v)
		req.AllowAutoTopicCreation = true
		c.ask(fmt.Sprintf("a topic that is not there, v%d", v), req)
		c.awaitTopic(topic, 1)
		c.ask(fmt.Sprintf("a topic that has been created, v%d", v), req)
	}
	c.each("an invalid name", 4, 13, func(int16) kmsg.Request {
		req := metadata("in valid")
		req.AllowAutoTopicCreation = true
		return req
	})
	c.create("auto.1", 1)
	c.each("a colliding name", 4, 13, func(int16) kmsg.Request {
		req := metadata("auto_1")
		req.AllowAutoTopicCreation = true
		return req
	})
}

func metadataOperations(c *client) {
	c.create("meta-ops", 1)
	c.each("of topics", 8, 13, func(int16) kmsg.Request {
		req := metadata("meta-ops", "meta-unknown")
		req.IncludeTopicAuthorizedOperations = true
		return req
	})
	c.each("of the cluster", 8, 10, func(int16) kmsg.Request {
		req := metadata("meta-ops")
		req.IncludeClusterAuthorizedOperations = true
		return req
	})
}

func describeTopicPartitions(c *client) {
	c.create("dtp-a", 5)
	c.create("dtp-b", 3)
	c.create("dtp-c", 1)
	ask := func(name string, limit int32, cursor *kmsg.DescribeTopicPartitionsRequestCursor, topics ...string) {
		req := kmsg.NewPtrDescribeTopicPartitionsRequest()
		req.ResponsePartitionLimit, req.Cursor = limit, cursor
		for _, t := range topics {
			topic := kmsg.NewDescribeTopicPartitionsRequestTopic()
			topic.Topic = t
			req.Topics = append(req.Topics, topic)
		}
		c.ask(name, req)
	}
	at := func(topic string, partition int32) *kmsg.DescribeTopicPartitionsRequestCursor {
		return &kmsg.DescribeTopicPartitionsRequestCursor{Topic: topic, Partition: partition}
	}
	all := []string{"dtp-a", "dtp-b", "dtp-c"}
	for _, limit := range []int32{-1, 0, 1, 4, 5, 6, 8, 9, 2000, 5000} {
		ask(fmt.Sprintf("limit %d", limit), limit, nil, all...)
	}
	for _, cursor := range []*kmsg.DescribeTopicPartitionsRequestCursor{
		at("dtp-a", 0), at("dtp-a", 3), at("dtp-a", 5), at("dtp-a", 99), at("dtp-b", 1), at("dtp-c", 0), at("dtp-d", 0), at("dtp-0", 2), at("", 0), at("dtp-b", -1), at("dtp-aa", 1),
	} {
		ask(fmt.Sprintf("cursor %s %d", cursor.Topic, cursor.Partition), 2000, cursor, all...)
		ask(fmt.Sprintf("cursor %s %d, limit 2", cursor.Topic, cursor.Partition), 2, cursor, all...)
	}
	ask("in another order", 2000, nil, "dtp-c", "dtp-a", "dtp-b")
	ask("twice", 2000, nil, "dtp-c", "dtp-c")
	ask("unknown", 2000, nil, "dtp-unknown", "dtp-a")
	ask("invalid", 2000, nil, "not a name", "", "dtp-c")
	ask("an unknown one, limit 1", 1, nil, "dtp-0", "dtp-a")
}

func findCoordinator(c *client) {
	// The first request of all creates the topic.
	first := kmsg.NewPtrFindCoordinatorRequest()
	first.SetVersion(3)
	first.CoordinatorKey = "g"
	c.until("there is a coordinator", first, func(r kmsg.Response) bool { return r.(*kmsg.FindCoordinatorResponse).ErrorCode == 0 })
	c.awaitTopic("__consumer_offsets", 4)
	for _, key := range []string{"g", "", "another group"} {
		c.each(fmt.Sprintf("group %q", key), 0, 6, func(int16) kmsg.Request {
			return &kmsg.FindCoordinatorRequest{CoordinatorKey: key, CoordinatorKeys: []string{key}}
		})
	}
	c.each("several groups", 4, 6, func(int16) kmsg.Request {
		return &kmsg.FindCoordinatorRequest{CoordinatorKeys: []string{"a", "", "b", "a"}}
	})
	c.each("no keys", 4, 6, func(int16) kmsg.Request { return &kmsg.FindCoordinatorRequest{} })
	for _, kind := range []int8{3, -1, 100} {
		c.each(fmt.Sprintf("type %d", kind), 1, 6, func(int16) kmsg.Request {
			return &kmsg.FindCoordinatorRequest{CoordinatorKey: "k", CoordinatorKeys: []string{"k"}, CoordinatorType: kind}
		})
	}
	for _, key := range []string{"k", "g:AAAAAAAAAAAAAAAAAAAAAQ:0", ":AAAAAAAAAAAAAAAAAAAAAQ:0", "g::0", "g:AAAAAAAAAAAAAAAAAAAAAQ:x"} {
		c.each(fmt.Sprintf("share key %q before it is known", key), 1, 5, func(int16) kmsg.Request {
			return &kmsg.FindCoordinatorRequest{CoordinatorKey: key, CoordinatorKeys: []string{key}, CoordinatorType: 2}
		})
	}
}
