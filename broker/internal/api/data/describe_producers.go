package data

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// DescribeProducers lists the producers that partitions remember (KIP-664).
func (h *Handlers) DescribeProducers(_ context.Context, _ *request.Context, req *kmsg.DescribeProducersRequest) *kmsg.DescribeProducersResponse {
	resp := req.ResponseKind().(*kmsg.DescribeProducersResponse)
	for _, t := range req.Topics {
		topic := kmsg.NewDescribeProducersResponseTopic()
		topic.Topic = t.Topic
		invalid := kafka.ValidateTopicName(t.Topic)
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, h.describeProducers(kafka.TopicPartition{Topic: t.Topic, Partition: p}, invalid))
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func (h *Handlers) describeProducers(tp kafka.TopicPartition, err error) kmsg.DescribeProducersResponseTopicPartition {
	answer := kmsg.NewDescribeProducersResponseTopicPartition()
	answer.Partition = tp.Partition
	if err == nil {
		producers, lookupErr := h.Replicas.ActiveProducers(tp)
		err = lookupErr
		for _, p := range producers {
			active := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
			active.ProducerID, active.ProducerEpoch = int64(p.ProducerID), int32(p.ProducerEpoch)
			active.LastSequence, active.LastTimestamp = p.LastSequence, p.LastTimestamp
			active.CoordinatorEpoch, active.CurrentTxnStartOffset = p.CoordinatorEpoch, int64(p.CurrentTxnFirstOffset)
			answer.ActiveProducers = append(answer.ActiveProducers, active)
		}
	}
	answer.ErrorCode, answer.ErrorMessage = protocol.Code(err), protocol.Message(err)
	return answer
}
