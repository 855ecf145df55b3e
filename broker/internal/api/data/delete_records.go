package data

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// DeleteRecords moves the log start offset of partitions.
//
// Differs from Kafka: a partition that is named twice has two answers, so that
// there is one for each entry of the request.
func (h *Handlers) DeleteRecords(ctx context.Context, _ *request.Context, req *kmsg.DeleteRecordsRequest) *kmsg.DeleteRecordsResponse {
	var deletions []replica.Deletion
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			d := replica.Deletion{
				TopicPartition: kafka.TopicPartition{Topic: t.Topic, Partition: p.Partition}, Offset: kafka.Offset(p.Offset),
				LowWatermark: kafka.UnknownOffset,
			}
			if kafka.IsInternalTopic(t.Topic) && h.image().Partition(d.TopicPartition) != nil {
				d.Err = kafka.Errorf(kerr.InvalidTopicException, "Cannot delete records of internal topic %s", t.Topic)
			}
			deletions = append(deletions, d)
		}
	}
	h.Replicas.DeleteRecords(ctx, millis(req.TimeoutMillis), deletions)
	resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
	for _, t := range req.Topics {
		if len(t.Partitions) == 0 {
			continue
		}
		topic := kmsg.NewDeleteRecordsResponseTopic()
		topic.Topic = t.Topic
		for range t.Partitions {
			d := &deletions[0]
			deletions = deletions[1:]
			answer := kmsg.NewDeleteRecordsResponseTopicPartition()
			answer.Partition, answer.LowWatermark, answer.ErrorCode = d.TopicPartition.Partition, int64(d.LowWatermark), protocol.Code(d.Err)
			if answer.ErrorCode == kerr.UnknownServerError.Code {
				h.Logger.Error("Deleting records failed", "partition", d.TopicPartition.String(), "error", d.Err)
			}
			topic.Partitions = append(topic.Partitions, answer)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}
