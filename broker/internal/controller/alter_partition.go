package controller

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// AlterPartition lets the leaders of partitions change their ISRs (KIP-497).
// STALE_BROKER_EPOCH refuses the request; each partition has its own error
// otherwise. NEW_LEADER_ELECTED says that the change is made, but completed a
// reassignment that took the leadership from the broker.
func (c *Core) AlterPartition(_ time.Time, req *kmsg.AlterPartitionRequest) Result {
	broker, err := c.checkBrokerEpoch(kafka.NodeID(req.BrokerID), kafka.BrokerEpoch(req.BrokerEpoch))
	if err != nil {
		return Result{Err: err}
	}
	resp := kmsg.NewPtrAlterPartitionResponse()
	resp.Version = req.Version
	var records []metadata.Record
	for i := range req.Topics {
		t := &req.Topics[i]
		topic := c.image.TopicByID(t.TopicID)
		if topic == nil && req.Version < 2 {
			topic = c.image.Topic(t.Topic)
		}
		rt := kmsg.NewAlterPartitionResponseTopic()
		rt.Topic, rt.TopidID = t.Topic, t.TopicID
		for j := range t.Partitions {
			p := kmsg.NewAlterPartitionResponseTopicPartition()
			p.Partition = t.Partitions[j].Partition
			record, err := c.alterPartition(broker.ID, topic, &t.Partitions[j], &p)
			if record != nil {
				records = append(records, record)
			}
			p.ErrorCode = protocol.Code(err)
			rt.Partitions = append(rt.Partitions, p)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return Result{Records: records, Response: resp}
}

// alterPartition gives the record of one partition's change, if anything
// changes, and fills its part of the response.
func (c *Core) alterPartition(
	broker kafka.NodeID, topic *metadata.Topic,
	req *kmsg.AlterPartitionRequestTopicPartition, resp *kmsg.AlterPartitionResponseTopicPartition,
) (metadata.Record, error) {
	if topic == nil {
		return nil, kerr.UnknownTopicID
	}
	partition := topic.Partition(req.Partition)
	isr := wantedISR(req)
	if err := c.checkAlterPartition(broker, partition, req, isr); err != nil {
		c.log.Debug("Refusing AlterPartition", "broker", broker, "partition", describe(topic.Name, req.Partition), "isr", isr, "error", err)
		return nil, err
	}
	p := c.newPartitionChange(topic, req.Partition, partition)
	if c.uncleanElectionEnabled(topic.Name) {
		p.election = electUnclean
	}
	p.isr = make([]kafka.NodeID, len(isr))
	for i, member := range isr {
		p.isr[i] = kafka.NodeID(member.BrokerID)
	}
	p.recovery = metadata.LeaderRecoveryState(req.LeaderRecoveryState)
	record := p.record()
	if record == nil {
		fillAlterPartition(resp, partition)
		return nil, nil
	}
	changed, err := partition.Merge(record)
	if err != nil {
		return nil, kafka.Errorf(kerr.UnknownServerError, "%v", err)
	}
	if record.Leader != metadata.LeaderUnchanged && record.Leader != broker {
		return record, kerr.NewLeaderElected
	}
	fillAlterPartition(resp, changed)
	return record, nil
}

func fillAlterPartition(resp *kmsg.AlterPartitionResponseTopicPartition, p *metadata.Partition) {
	resp.LeaderID = int32(p.Leader)
	resp.LeaderEpoch = int32(p.LeaderEpoch)
	resp.ISR = int32s(p.ISR)
	resp.LeaderRecoveryState = int8(p.LeaderRecoveryState)
	resp.PartitionEpoch = int32(p.PartitionEpoch)
}

// wantedISR gives the ISR with broker epochs; requests of before version 3 have
// none, which skips their check.
func wantedISR(req *kmsg.AlterPartitionRequestTopicPartition) []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR {
	if len(req.NewISR) == 0 {
		return req.NewEpochISR
	}
	isr := make([]kmsg.AlterPartitionRequestTopicPartitionNewEpochISR, len(req.NewISR))
	for i, id := range req.NewISR {
		isr[i] = kmsg.AlterPartitionRequestTopicPartitionNewEpochISR{BrokerID: id, BrokerEpoch: -1}
	}
	return isr
}

func (c *Core) checkAlterPartition(
	broker kafka.NodeID, p *metadata.Partition,
	req *kmsg.AlterPartitionRequestTopicPartition, isr []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR,
) error {
	recovery := metadata.LeaderRecoveryState(req.LeaderRecoveryState)
	switch {
	case p == nil:
		return kerr.UnknownTopicOrPartition
	case req.LeaderEpoch > int32(p.LeaderEpoch) || req.PartitionEpoch > int32(p.PartitionEpoch):
		// The leader knows more than this controller, which then is not the
		// active one any more.
		return kerr.NotController
	case req.LeaderEpoch < int32(p.LeaderEpoch):
		return kerr.FencedLeaderEpoch
	case broker != p.Leader:
		return kerr.InvalidRequest
	case req.PartitionEpoch < int32(p.PartitionEpoch):
		return kerr.InvalidUpdateVersion
	case !validISR(p, isr):
		return kerr.InvalidRequest
	case recovery != metadata.LeaderRecovered && recovery != metadata.LeaderRecovering:
		return kerr.InvalidRequest
	case recovery == metadata.LeaderRecovering && (len(isr) > 1 || p.LeaderRecoveryState == metadata.LeaderRecovered):
		return kerr.InvalidRequest
	}
	for _, member := range isr {
		b := c.image.Broker(kafka.NodeID(member.BrokerID))
		if b == nil || !b.Active() || member.BrokerEpoch != -1 && member.BrokerEpoch != int64(b.Epoch) {
			return kerr.IneligibleReplica
		}
	}
	return nil
}

// validISR tells whether the ISR has the leader and only replicas, each once.
func validISR(p *metadata.Partition, isr []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) bool {
	seen := map[int32]bool{}
	for _, member := range isr {
		if seen[member.BrokerID] || !slices.Contains(p.Replicas, kafka.NodeID(member.BrokerID)) {
			return false
		}
		seen[member.BrokerID] = true
	}
	return seen[int32(p.Leader)]
}

// AssignReplicasToDirs lets a broker say in which log directories its replicas
// are (KIP-858). Replicas in an offline directory leave the ISRs.
func (c *Core) AssignReplicasToDirs(_ time.Time, req *kmsg.AssignReplicasToDirsRequest) Result {
	if !c.version().DirectoriesSupported() {
		return refuse(kerr.UnsupportedVersion, "Directory assignment is not supported yet.")
	}
	broker, err := c.checkBrokerEpoch(kafka.NodeID(req.BrokerID), kafka.BrokerEpoch(req.BrokerEpoch))
	if err != nil {
		return Result{Err: err}
	}
	resp := kmsg.NewPtrAssignReplicasToDirsResponse()
	resp.Version = req.Version
	var records []metadata.Record
	offline := map[*metadata.Partition]bool{}
	for _, d := range req.Directories {
		rd := kmsg.NewAssignReplicasToDirsResponseDirectory()
		rd.ID = d.ID
		for _, t := range d.Topics {
			rt := kmsg.NewAssignReplicasToDirsResponseDirectoryTopic()
			rt.TopicID = t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewAssignReplicasToDirsResponseDirectoryTopicPartition()
				rp.Partition = p.Partition
				partition, record, err := c.assignDirectory(broker, t.TopicID, p.Partition, d.ID)
				if record != nil {
					records = append(records, record)
				}
				if err == nil && !broker.HasOnlineDirectory(d.ID) {
					offline[partition] = true
				}
				rp.ErrorCode = protocol.Code(err)
				rt.Partitions = append(rt.Partitions, rp)
			}
			rd.Topics = append(rd.Topics, rt)
		}
		resp.Directories = append(resp.Directories, rd)
	}
	if len(offline) > 0 {
		records = append(records, c.partitionChanges(
			leadershipChange{remove: broker.ID, add: kafka.NoNode, unclean: kafka.NoNode},
			func(p *metadata.Partition) bool { return offline[p] },
		)...)
	}
	return Result{Records: records, Response: resp}
}

func (c *Core) assignDirectory(b *metadata.Broker, topicID kafka.UUID, id int32, dir kafka.UUID) (*metadata.Partition, metadata.Record, error) {
	topic := c.image.TopicByID(topicID)
	if topic == nil {
		return nil, nil, kerr.UnknownTopicID
	}
	partition := topic.Partition(id)
	switch {
	case partition == nil:
		return nil, nil, kerr.UnknownTopicOrPartition
	case !partition.HasReplica(b.ID):
		return nil, nil, kerr.NotLeaderForPartition
	}
	p := c.newPartitionChange(topic, id, partition)
	p.directories[b.ID] = dir
	if record := p.record(); record != nil {
		return partition, record, nil
	}
	return partition, nil, nil
}
