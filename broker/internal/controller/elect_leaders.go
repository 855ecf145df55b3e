package controller

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// Election types of the protocol (KIP-460).
const (
	electionPreferred int8 = 0
	electionUnclean   int8 = 1
)

// ElectLeaders elects the preferred leader of partitions, or a leader by an
// unclean election. With all topics asked for (nil), partitions that have the
// wanted leader are not in the response.
func (c *Core) ElectLeaders(_ time.Time, req *kmsg.ElectLeadersRequest) Result {
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.Version = req.Version
	if req.Topics != nil && len(req.Topics) == 0 {
		return Result{Response: resp} // Nothing to do, whatever the type.
	}
	if req.ElectionType != electionPreferred && req.ElectionType != electionUnclean {
		return refuse(kerr.InvalidRequest, "Unknown election type %d", req.ElectionType)
	}
	topics := req.Topics
	if topics == nil {
		topics = c.allPartitions()
	}
	var records []metadata.Record
	for _, t := range topics {
		rt := kmsg.NewElectLeadersResponseTopic()
		rt.Topic = t.Topic
		for _, id := range t.Partitions {
			record, err := c.electLeader(t.Topic, id, req.ElectionType)
			if req.Topics == nil && errors.Is(err, kerr.ElectionNotNeeded) {
				continue
			}
			if record != nil {
				records = append(records, record)
			}
			p := kmsg.NewElectLeadersResponseTopicPartition()
			p.Partition, p.ErrorCode, p.ErrorMessage = id, protocol.Code(err), protocol.Message(err)
			rt.Partitions = append(rt.Partitions, p)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return Result{Records: records, Response: resp}.bounded()
}

func (c *Core) allPartitions() []kmsg.ElectLeadersRequestTopic {
	all := []kmsg.ElectLeadersRequestTopic{}
	for topic := range c.image.Topics() {
		t := kmsg.NewElectLeadersRequestTopic()
		t.Topic = topic.Name
		for id := range topic.Partitions() {
			t.Partitions = append(t.Partitions, id)
		}
		all = append(all, t)
	}
	return all
}

func (c *Core) electLeader(name string, id int32, electionType int8) (metadata.Record, error) {
	topic := c.image.Topic(name)
	if topic == nil {
		return nil, kafka.Errorf(kerr.UnknownTopicOrPartition, "No such topic as %s", name)
	}
	partition := topic.Partition(id)
	if partition == nil {
		return nil, kafka.Errorf(kerr.UnknownTopicOrPartition, "No such partition as %s", describe(name, id))
	}
	p := c.newPartitionChange(topic, id, partition)
	needed, failed := !partition.HasPreferredLeader(), kerr.PreferredLeaderNotAvailable
	p.election = electPreferred
	if electionType == electionUnclean {
		needed, failed = partition.Leader == kafka.NoNode, kerr.EligibleLeadersNotAvailable
		p.election = electUnclean
	}
	if !needed {
		return nil, kafka.Errorf(kerr.ElectionNotNeeded, "Leader election not needed for topic partition.")
	}
	record := p.record()
	if record == nil {
		return nil, described(failed)
	}
	return record, nil
}

// described gives the error with the code's own description as its message,
// where Kafka tells it to clients.
func described(code *kerr.Error) error { return kafka.Errorf(code, "%s", code.Description) }
