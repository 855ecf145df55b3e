package topics

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// DescribeTopicPartitions describes topics in the order of their names, a
// bounded number of partitions at a time, with a cursor to go on from (KIP-966).
func (h *Handlers) DescribeTopicPartitions(
	_ context.Context, rc *request.Context, req *kmsg.DescribeTopicPartitionsRequest,
) *kmsg.DescribeTopicPartitionsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeTopicPartitionsResponse)
	image := h.Image()
	all := len(req.Topics) == 0
	names := wantedNames(image, req)
	if c := req.Cursor; c != nil && (c.Partition < 0 || !all && !slices.Contains(names, c.Topic)) {
		for _, t := range req.Topics {
			rt := kmsg.NewDescribeTopicPartitionsResponseTopic()
			rt.Topic, rt.ErrorCode = &t.Topic, kerr.InvalidRequest.Code
			resp.Topics = append(resp.Topics, rt)
		}
		return resp
	}
	remaining := max(min(h.MaxPartitions, int(req.ResponsePartitionLimit)), 1)
	for i := range names {
		if remaining == 0 {
			// The cursor points at the topic's beginning, which is not to say that
			// it exists.
			resp.NextCursor = cursorAt(names[i], 0)
			break
		}
		start := int32(0)
		if req.Cursor != nil && req.Cursor.Topic == names[i] {
			start = req.Cursor.Partition
		}
		t, next := describeTopic(image, rc.Listener, names[i], start, remaining)
		if all && t.ErrorCode != 0 {
			continue
		}
		resp.Topics = append(resp.Topics, t)
		remaining -= len(t.Partitions)
		if next >= 0 {
			resp.NextCursor = cursorAt(names[i], next)
			break
		}
	}
	return resp
}

func cursorAt(topic string, partition int32) *kmsg.DescribeTopicPartitionsResponseNextCursor {
	c := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	c.Topic, c.Partition = topic, partition
	return &c
}

// wantedNames gives the names from the cursor on, sorted, each once.
func wantedNames(image *metadata.Image, req *kmsg.DescribeTopicPartitionsRequest) []string {
	from := ""
	if req.Cursor != nil {
		from = req.Cursor.Topic
	}
	var names []string
	if len(req.Topics) == 0 {
		for topic := range image.TopicsFrom(from) {
			names = append(names, topic.Name)
		}
		return names
	}
	for _, t := range req.Topics {
		if t.Topic >= from {
			names = append(names, t.Topic)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// describeTopic describes up to limit partitions of a topic. Next is the first
// one left out, or -1.
func describeTopic(image *metadata.Image, listener, name string, start int32, limit int) (t kmsg.DescribeTopicPartitionsResponseTopic, next int32) {
	t = kmsg.NewDescribeTopicPartitionsResponseTopic()
	t.Topic, t.IsInternal, t.AuthorizedOperations = &name, kafka.IsInternalTopic(name), allTopicOperations
	topic := image.Topic(name)
	if topic == nil {
		t.ErrorCode = kerr.UnknownTopicOrPartition.Code
		if kafka.ValidateTopicName(name) != nil {
			t.ErrorCode = kerr.InvalidTopicException.Code
		}
		return t, -1
	}
	t.TopicID = topic.ID
	end := int32(min(int64(topic.NumPartitions()), int64(start)+int64(limit)))
	for id := start; id < end; id++ {
		partition := topic.Partition(id)
		if partition == nil {
			continue
		}
		p := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		p.Partition, p.LeaderID, p.LeaderEpoch = id, -1, int32(partition.LeaderEpoch)
		if leader := image.Broker(partition.Leader); leader != nil && hasListener(leader, listener) {
			p.LeaderID = int32(partition.Leader)
		}
		p.Replicas, p.ISR = int32s(partition.Replicas), int32s(partition.ISR)
		p.EligibleLeaderReplicas, p.LastKnownELR = int32s(partition.ELR), int32s(partition.LastKnownELR)
		p.OfflineReplicas = offlineReplicas(image, listener, partition)
		t.Partitions = append(t.Partitions, p)
	}
	if int(end) < topic.NumPartitions() {
		return t, end
	}
	return t, -1
}
