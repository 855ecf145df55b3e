package data

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// The wire's isolation levels.
const (
	readUncommitted = 0
	readCommitted   = 1
)

// checkIsolation refuses levels that do not exist.
//
// Differs from Kafka: it answers UNKNOWN_SERVER_ERROR.
func checkIsolation(level int8) error {
	if level != readUncommitted && level != readCommitted {
		return kerr.InvalidRequest
	}
	return nil
}

// firstListOffsetsVersion tells since which version a special timestamp may be asked for.
var firstListOffsetsVersion = map[int64]int16{
	replica.LatestTimestamp:        1,
	replica.EarliestTimestamp:      1,
	replica.MaxTimestamp:           7,
	replica.EarliestLocalTimestamp: 8,
	replica.LatestTieredTimestamp:  9,
	replica.EarliestPendingUpload:  11,
}

// ListOffsets finds offsets by timestamp.
//
// Differs from Kafka: a partition that is named twice has two answers, so that
// there is one for each entry of the request.
func (h *Handlers) ListOffsets(_ context.Context, _ *request.Context, req *kmsg.ListOffsetsRequest) *kmsg.ListOffsetsResponse {
	resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
	repeated := repeatedPartitions(req)
	for _, t := range req.Topics {
		if len(t.Partitions) == 0 {
			continue
		}
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			tp := kafka.TopicPartition{Topic: t.Topic, Partition: p.Partition}
			answer, err := replica.OffsetAnswer{Offset: kafka.UnknownOffset, Timestamp: -1, LeaderEpoch: kafka.NoLeaderEpoch}, error(kerr.InvalidRequest)
			if !repeated[tp] {
				answer, err = h.listOffset(req, tp, &p)
			}
			topic.Partitions = append(topic.Partitions, h.offsetResponse(req.Version, tp, answer, err))
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func repeatedPartitions(req *kmsg.ListOffsetsRequest) map[kafka.TopicPartition]bool {
	seen, repeated := map[kafka.TopicPartition]bool{}, map[kafka.TopicPartition]bool{}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			tp := kafka.TopicPartition{Topic: t.Topic, Partition: p.Partition}
			if seen[tp] {
				repeated[tp] = true
			}
			seen[tp] = true
		}
	}
	return repeated
}

func (h *Handlers) listOffset(req *kmsg.ListOffsetsRequest, tp kafka.TopicPartition, p *kmsg.ListOffsetsRequestTopicPartition) (replica.OffsetAnswer, error) {
	if first, special := firstListOffsetsVersion[p.Timestamp]; p.Timestamp < 0 && (!special || req.Version < first) {
		return replica.OffsetAnswer{Offset: kafka.UnknownOffset, Timestamp: -1, LeaderEpoch: kafka.NoLeaderEpoch}, kerr.UnsupportedVersion
	}
	if err := checkIsolation(req.IsolationLevel); err != nil {
		return replica.OffsetAnswer{Offset: kafka.UnknownOffset, Timestamp: -1, LeaderEpoch: kafka.NoLeaderEpoch}, err
	}
	query := replica.OffsetQuery{
		Timestamp: p.Timestamp, CurrentLeaderEpoch: kafka.LeaderEpoch(p.CurrentLeaderEpoch), Replica: kafka.NodeID(req.ReplicaID),
	}
	if req.IsolationLevel == readCommitted {
		query.Isolation = replica.ReadCommitted
	}
	return h.Replicas.ListOffset(tp, query)
}

func (h *Handlers) offsetResponse(version int16, tp kafka.TopicPartition, answer replica.OffsetAnswer, err error) kmsg.ListOffsetsResponseTopicPartition {
	resp := kmsg.NewListOffsetsResponseTopicPartition()
	resp.Partition = tp.Partition
	resp.Offset, resp.Timestamp = int64(answer.Offset), answer.Timestamp
	if version >= 4 {
		resp.LeaderEpoch = int32(answer.LeaderEpoch)
	}
	if errors.Is(err, kerr.OffsetNotAvailable) && version < 5 {
		err = kerr.LeaderNotAvailable // Older clients do not know the other.
	}
	resp.ErrorCode = protocol.Code(err)
	if resp.ErrorCode == kerr.UnknownServerError.Code {
		h.Logger.Error("Listing offsets failed", "partition", tp.String(), "error", err)
	}
	return resp
}
