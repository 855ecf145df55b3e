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

// AlterPartitionReassignments starts, changes and cancels the move of
// partitions to other brokers (KIP-455): the new replicas are added first, and
// the old ones removed once the new ones are in sync. Each partition has its
// own error in the response.
func (c *Core) AlterPartitionReassignments(_ time.Time, req *kmsg.AlterPartitionAssignmentsRequest) Result {
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.Version = req.Version
	if len(req.Topics) == 0 { // As in Apache Kafka: what was asked is not repeated where nothing is to be done.
		resp.ErrorMessage = kmsg.StringPtr("")
		return Result{Response: resp}
	}
	resp.AllowReplicationFactorChange = req.AllowReplicationFactorChange
	allowChange := req.AllowReplicationFactorChange || req.Version < 1
	var records []metadata.Record
	for _, t := range req.Topics {
		rt := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		rt.Topic = t.Topic
		for i := range t.Partitions {
			record, err := c.reassign(t.Topic, &t.Partitions[i], allowChange)
			if record != nil {
				records = append(records, record)
			}
			p := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			p.Partition, p.ErrorCode, p.ErrorMessage = t.Partitions[i].Partition, protocol.Code(err), protocol.Message(err)
			rt.Partitions = append(rt.Partitions, p)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return Result{Records: records, Response: resp, Atomic: true}.bounded()
}

func (c *Core) reassign(name string, req *kmsg.AlterPartitionAssignmentsRequestTopicPartition, allowChange bool) (metadata.Record, error) {
	topic := c.image.Topic(name)
	if topic == nil {
		return nil, kafka.Errorf(kerr.UnknownTopicOrPartition, "Unable to find a topic named %s.", name)
	}
	partition := topic.Partition(req.Partition)
	if partition == nil {
		return nil, kafka.Errorf(kerr.UnknownTopicOrPartition, "Unable to find partition %s:%d.", name, req.Partition)
	}
	p := c.newPartitionChange(topic, req.Partition, partition)
	var err error
	if req.Replicas == nil {
		err = c.cancelReassignment(topic, p)
	} else {
		err = c.changeReassignment(p, nodeIDs(req.Replicas), allowChange)
	}
	if err != nil {
		return nil, err
	}
	if record := p.record(); record != nil {
		return record, nil
	}
	return nil, nil
}

// changeReassignment aims at the target. Replicas that are to go stay at the
// end of the list until the new ones are in sync.
func (c *Core) changeReassignment(p *partitionChange, target []kafka.NodeID, allowChange bool) error {
	if err := c.checkAssignment(target, 0); err != nil {
		return err
	}
	if !allowChange {
		if current := len(without(p.partition.Replicas, p.partition.RemovingReplicas...)); current != len(target) {
			return kafka.Errorf(kerr.InvalidReplicationFactor, "The replication factor is changed from %d to %d", current, len(target))
		}
	}
	removing := slices.Sorted(slices.Values(without(p.partition.Replicas, target...)))
	adding := slices.Sorted(slices.Values(without(target, p.partition.Replicas...)))
	p.replicas = slices.Concat(target, removing)
	if len(removing) > 0 {
		p.removing = removing
	}
	if len(adding) > 0 {
		p.adding = adding
	}
	return nil
}

// cancelReassignment goes back to the replicas of before. If only added ones
// are in sync, that takes an unclean election.
func (c *Core) cancelReassignment(topic *metadata.Topic, p *partitionChange) error {
	if !p.partition.Reassigning() {
		return kerr.NoReassignmentInProgress
	}
	p.replicas = without(p.partition.Replicas, p.partition.AddingReplicas...)
	p.isr = without(p.partition.ISR, p.partition.AddingReplicas...)
	p.removing, p.adding = nil, nil
	unclean := c.uncleanElectionEnabled(topic.Name)
	if len(p.isr) == 0 {
		switch {
		case len(p.replicas) == 0:
			return kafka.Errorf(kerr.InvalidReplicaAssignment, "Invalid replica assignment: addingReplicas contains all replicas.")
		case !unclean:
			return kafka.Errorf(kerr.InvalidReplicaAssignment,
				"Unable to revert partition assignment for %s:%d because it would require an unclean leader election.", topic.Name, p.id)
		}
		p.isr = p.replicas[:1]
	}
	if unclean {
		p.election = electUnclean
	}
	return nil
}

// ListPartitionReassignments lists the reassignments under way, of all topics
// or of those asked for. It only reads.
func (c *Core) ListPartitionReassignments(_ time.Time, req *kmsg.ListPartitionReassignmentsRequest) Result {
	resp := kmsg.NewPtrListPartitionReassignmentsResponse()
	resp.Version = req.Version
	if req.Topics == nil {
		for topic := range c.image.Topics() {
			addReassignments(resp, topic, nil)
		}
		return Result{Response: resp}
	}
	for _, t := range req.Topics {
		if topic := c.image.Topic(t.Topic); topic != nil {
			addReassignments(resp, topic, notNilPartitions(t.Partitions))
		}
	}
	return Result{Response: resp}
}

func notNilPartitions(ids []int32) []int32 {
	if ids == nil {
		return []int32{}
	}
	return ids
}

// addReassignments adds those of one topic; nil asks for all partitions.
func addReassignments(resp *kmsg.ListPartitionReassignmentsResponse, topic *metadata.Topic, ids []int32) {
	rt := kmsg.NewListPartitionReassignmentsResponseTopic()
	rt.Topic = topic.Name
	if ids == nil {
		for id := range topic.Partitions() {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		partition := topic.Partition(id)
		if partition == nil || !partition.Reassigning() {
			continue
		}
		p := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
		p.Partition = id
		p.Replicas = int32s(partition.Replicas)
		p.AddingReplicas = int32s(partition.AddingReplicas)
		p.RemovingReplicas = int32s(partition.RemovingReplicas)
		rt.Partitions = append(rt.Partitions, p)
	}
	if len(rt.Partitions) > 0 {
		resp.Topics = append(resp.Topics, rt)
	}
}
