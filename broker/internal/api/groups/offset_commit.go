package groups

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// OffsetCommit serves the API. Topics are named, from version 10 on by id
// (KIP-848); what does not exist is refused partition by partition, the rest
// is committed.
func (h *Handlers) OffsetCommit(ctx context.Context, _ *request.Context, req *kmsg.OffsetCommitRequest) *kmsg.OffsetCommitResponse {
	image := h.Image()
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	known := *req
	known.Topics = nil
	var at []int // Where in the response each of the known topics is.
	for _, t := range req.Topics {
		topic, err := topicOf(image, req.Version >= 10, t.Topic, t.TopicID)
		if topic != nil && len(t.Partitions) == 0 {
			continue // Kafka leaves it out, but not one that it does not know.
		}
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		kt := kmsg.NewOffsetCommitRequestTopic()
		if topic != nil {
			rt.Topic, rt.TopicID = topic.Name, topic.ID
			kt.Topic, kt.TopicID = topic.Name, topic.ID
		}
		for _, p := range t.Partitions {
			code := err
			if code == nil && topic.Partition(p.Partition) == nil {
				code = kerr.UnknownTopicOrPartition
			}
			if code == nil {
				kt.Partitions = append(kt.Partitions, p)
				continue
			}
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code.Code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
		if len(kt.Partitions) > 0 {
			known.Topics = append(known.Topics, kt)
			at = append(at, len(resp.Topics)-1)
		}
	}
	if len(known.Topics) > 0 {
		for i, t := range h.Groups.OffsetCommit(ctx, &known).Topics {
			rt := &resp.Topics[at[i]]
			rt.Partitions = append(rt.Partitions, t.Partitions...)
		}
	}
	return resp
}

// topicOf resolves a topic by id or by name.
func topicOf(image *metadata.Image, byID bool, name string, id kafka.UUID) (*metadata.Topic, *kerr.Error) {
	if byID {
		if topic := image.TopicByID(id); topic != nil {
			return topic, nil
		}
		return nil, kerr.UnknownTopicID
	}
	if topic := image.Topic(name); topic != nil {
		return topic, nil
	}
	return nil, kerr.UnknownTopicOrPartition
}
