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
	for _, t := range req.Topics {
		if len(t.Partitions) == 0 {
			continue
		}
		topic, err := topicOf(image, req.Version >= 10, t.Topic, t.TopicID)
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
		}
	}
	if len(known.Topics) > 0 {
		mergeCommitted(resp, h.Groups.OffsetCommit(ctx, &known))
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

// mergeCommitted adds the coordinator's answers to the topics of the response.
func mergeCommitted(resp, committed *kmsg.OffsetCommitResponse) {
	byName := make(map[string]int, len(resp.Topics))
	for i := range resp.Topics {
		byName[resp.Topics[i].Topic] = i
	}
	for _, t := range committed.Topics {
		rt := &resp.Topics[byName[t.Topic]]
		rt.Partitions = append(rt.Partitions, t.Partitions...)
	}
}
