package peer

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/internal/kafka"
)

// describeQuorum answers for __cluster_metadata-0; other partitions are
// UNKNOWN_TOPIC_OR_PARTITION, and a node that does not lead is
// NOT_LEADER_OR_FOLLOWER, as in Apache Kafka.
func (l *Local) describeQuorum(ctx context.Context, req *kmsg.DescribeQuorumRequest) (kmsg.Response, error) {
	status, err := l.quorum.Status(ctx)
	if err != nil {
		return nil, err
	}
	resp := req.ResponseKind().(*kmsg.DescribeQuorumResponse)
	for _, topic := range req.Topics {
		t := kmsg.NewDescribeQuorumResponseTopic()
		t.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			p := kmsg.NewDescribeQuorumResponseTopicPartition()
			p.Partition = partition.Partition
			switch {
			case topic.Topic != kafka.ClusterMetadataTopic || partition.Partition != 0:
				p.ErrorCode, p.ErrorMessage = kerr.UnknownTopicOrPartition.Code, &kerr.UnknownTopicOrPartition.Description
			case !l.quorum.IsActive():
				p.ErrorCode, p.ErrorMessage = kerr.NotLeaderForPartition.Code, &kerr.NotLeaderForPartition.Description
			default:
				describe(&p, status)
			}
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	for _, v := range status.Voters {
		n := kmsg.NewDescribeQuorumResponseNode()
		n.NodeID = int32(v.ID)
		for _, e := range v.Endpoints {
			listener := kmsg.NewDescribeQuorumResponseNodeListener()
			listener.Name, listener.Host, listener.Port = e.Name, e.Host, e.Port
			n.Listeners = append(n.Listeners, listener)
		}
		resp.Nodes = append(resp.Nodes, n)
	}
	return resp, nil
}

func describe(p *kmsg.DescribeQuorumResponseTopicPartition, status quorum.Status) {
	p.LeaderID, p.LeaderEpoch, p.HighWatermark = int32(status.Leader), int32(status.Epoch), int64(status.HighWatermark)
	for _, v := range status.Voters {
		r := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		r.ReplicaID, r.ReplicaDirectoryID, r.LogEndOffset = int32(v.ID), v.DirectoryID, int64(v.LogEndOffset)
		r.LastFetchTimestamp, r.LastCaughtUpTimestamp = timestamp(v.LastFetch), timestamp(v.LastCaughtUp)
		p.CurrentVoters = append(p.CurrentVoters, r)
	}
}

// timestamp gives milliseconds, -1 for an unknown time.
func timestamp(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}
