package peer

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/internal/kafka"
)

// describeQuorum answers to a request for __cluster_metadata-0 and nothing else.
// All that any other request names is UNKNOWN_TOPIC_OR_PARTITION, and a node that
// does not lead is NOT_LEADER_OR_FOLLOWER, as in Apache Kafka.
func (l *Local) describeQuorum(ctx context.Context, req *kmsg.DescribeQuorumRequest) (kmsg.Response, error) {
	status, err := l.quorum.Status(ctx)
	if err != nil {
		return nil, err
	}
	resp := req.ResponseKind().(*kmsg.DescribeQuorumResponse)
	resp.ErrorMessage = kmsg.StringPtr("")
	var refusal *kerr.Error
	switch {
	case !asksForMetadataLog(req):
		refusal = kerr.UnknownTopicOrPartition
	case !l.quorum.IsActive():
		refusal = kerr.NotLeaderForPartition
	default:
		resp.Nodes = nodes(status)
	}
	for _, topic := range req.Topics {
		t := kmsg.NewDescribeQuorumResponseTopic()
		t.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			p := kmsg.NewDescribeQuorumResponseTopicPartition()
			p.Partition = partition.Partition
			if refusal != nil {
				p.ErrorCode, p.ErrorMessage = refusal.Code, &refusal.Description
			} else {
				describe(&p, status)
			}
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp, nil
}

func asksForMetadataLog(req *kmsg.DescribeQuorumRequest) bool {
	return len(req.Topics) == 1 && req.Topics[0].Topic == kafka.ClusterMetadataTopic &&
		len(req.Topics[0].Partitions) == 1 && req.Topics[0].Partitions[0].Partition == 0
}

func nodes(status quorum.Status) []kmsg.DescribeQuorumResponseNode {
	var all []kmsg.DescribeQuorumResponseNode
	for _, v := range status.Voters {
		n := kmsg.NewDescribeQuorumResponseNode()
		n.NodeID = int32(v.ID)
		for _, e := range v.Endpoints {
			listener := kmsg.NewDescribeQuorumResponseNodeListener()
			listener.Name, listener.Host, listener.Port = e.Name, e.Host, e.Port
			n.Listeners = append(n.Listeners, listener)
		}
		all = append(all, n)
	}
	return all
}

func describe(p *kmsg.DescribeQuorumResponseTopicPartition, status quorum.Status) {
	p.ErrorMessage = kmsg.StringPtr("")
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
