package admin

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
	"moldau.dev/moldau/internal/kafka"
)

func (t *tool) newClusterQuorum() *cobra.Command {
	return &cobra.Command{
		Use:   "quorum",
		Short: "Show the controllers: who leads, and how far the others are",
		Long: `Show the quorum of the controllers (KRaft): the leader with its epoch, the high
watermark of the metadata log, and how far every voter and observer is behind.

An observer is a node that follows the metadata and does not vote: a broker.`,
		Example: `  moldau cluster quorum
  moldau cluster quorum -o json | jq '.replicas[] | select(.lag > 0)'`,
		Args: cmdline.Args(0, 0),
		RunE: t.run(clusterQuorum),
	}
}

// quorum is the quorum of the controllers, in JSON.
type quorum struct {
	LeaderID      int32           `json:"leaderId"`
	LeaderEpoch   int32           `json:"leaderEpoch"`
	HighWatermark int64           `json:"highWatermark"`
	Replicas      []quorumReplica `json:"replicas"`
}

// quorumReplica is a node that has the metadata log, in JSON.
type quorumReplica struct {
	NodeID       int32   `json:"nodeId"`
	DirectoryID  *string `json:"directoryId"`
	Voter        bool    `json:"voter"`
	LogEndOffset int64   `json:"logEndOffset"`
	Lag          int64   `json:"lag"`
	LastFetch    *string `json:"lastFetch"`
	LastCaughtUp *string `json:"lastCaughtUp"`

	host string
	port int32
}

// readQuorum asks for the quorum; kerr.UnsupportedVersion of a cluster without KRaft.
func (s *session) readQuorum(ctx context.Context) (*quorum, error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	topic, partition := kmsg.NewDescribeQuorumRequestTopic(), kmsg.NewDescribeQuorumRequestTopicPartition()
	topic.Topic = kafka.ClusterMetadataTopic
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, cmdline.KafkaError(err, pointee(resp.ErrorMessage))
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, errors.New("the cluster tells nothing of its quorum")
	}
	p := resp.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return nil, cmdline.KafkaError(err, pointee(p.ErrorMessage))
	}
	q := &quorum{LeaderID: p.LeaderID, LeaderEpoch: p.LeaderEpoch, HighWatermark: p.HighWatermark, Replicas: []quorumReplica{}}
	end := int64(0)
	for _, r := range slices.Concat(p.CurrentVoters, p.Observers) {
		if r.ReplicaID == p.LeaderID {
			end = r.LogEndOffset
		}
	}
	add := func(replicas []kmsg.DescribeQuorumResponseTopicPartitionReplicaState, voter bool) {
		for _, r := range replicas {
			replica := quorumReplica{
				NodeID: r.ReplicaID, DirectoryID: textOrNil(uuid(r.ReplicaDirectoryID)), Voter: voter, LogEndOffset: r.LogEndOffset, Lag: max(0, end-r.LogEndOffset),
				LastFetch: textOrNil(cmdline.Timestamp(r.LastFetchTimestamp)), LastCaughtUp: textOrNil(cmdline.Timestamp(r.LastCaughtUpTimestamp)),
			}
			for _, n := range resp.Nodes {
				if n.NodeID == r.ReplicaID && len(n.Listeners) > 0 {
					replica.host, replica.port = n.Listeners[0].Host, int32(n.Listeners[0].Port)
				}
			}
			q.Replicas = append(q.Replicas, replica)
		}
	}
	add(p.CurrentVoters, true)
	add(p.Observers, false)
	return q, nil
}

func clusterQuorum(ctx context.Context, s *session, _ []string) error {
	q, err := s.readQuorum(ctx)
	if err != nil {
		return err
	}
	return s.out.Write(q, func() error {
		facts := cmdline.NewFacts(s.env)
		facts.Add("Leader", q.LeaderID)
		facts.Add("Leader epoch", q.LeaderEpoch)
		facts.Add("High watermark", q.HighWatermark)
		if err := facts.Write(); err != nil {
			return err
		}
		table := cmdline.NewTable(s.env, ">NODE", "ROLE", ">LOG-END", ">LAG", "LAST-FETCH", "LAST-CAUGHT-UP", "DIRECTORY")
		for _, r := range q.Replicas {
			role := "observer"
			switch {
			case r.NodeID == q.LeaderID:
				role = s.env.Good("leader")
			case r.Voter:
				role = "voter"
			}
			table.Row(r.NodeID, role, r.LogEndOffset, r.Lag, pointee(r.LastFetch), pointee(r.LastCaughtUp), pointee(r.DirectoryID))
		}
		return s.section(table)
	})
}
