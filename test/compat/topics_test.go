package compat

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// create makes a topic and waits until it can be used. Its id is written as
// its name from now on.
func (c *client) create(topic string, partitions int32, configs ...string) [16]byte {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.TimeoutMillis = 10_000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, partitions, 1
	for i := 0; i < len(configs); i += 2 {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = configs[i], &configs[i+1]
		t.Configs = append(t.Configs, config)
	}
	req.Topics = append(req.Topics, t)
	answer := c.quiet(req).(*kmsg.CreateTopicsResponse).Topics[0]
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		c.fail("create %s: %v %s", topic, err, *answer.ErrorMessage)
	}
	c.script.names.topics[answer.TopicID] = "id of " + topic
	c.awaitTopic(topic, partitions)
	return answer.TopicID
}

// awaitTopic waits until every partition of a topic has a log with a leader.
func (c *client) awaitTopic(topic string, partitions int32) {
	req := listOffsets(topic, map[int32]int64{})
	req.SetVersion(4)
	for p := range partitions {
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, listOffsetsPartition(p, -1))
	}
	c.until("every partition of "+topic+" answers", req, func(resp kmsg.Response) bool {
		for _, p := range resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
			if p.ErrorCode != 0 {
				return false
			}
		}
		return true
	})
}

func listOffsets(topic string, timestamps map[int32]int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	for _, p := range slices.Sorted(maps.Keys(timestamps)) {
		t.Partitions = append(t.Partitions, listOffsetsPartition(p, timestamps[p]))
	}
	req.Topics = append(req.Topics, t)
	req.ReplicaID = -1
	return req
}

func listOffsetsPartition(partition int32, timestamp int64) kmsg.ListOffsetsRequestTopicPartition {
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, timestamp
	return p
}
