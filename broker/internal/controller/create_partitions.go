package controller

import (
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// CreatePartitions adds partitions to topics. Each topic has its own error in
// the response.
func (c *Core) CreatePartitions(_ time.Time, req *kmsg.CreatePartitionsRequest) Result {
	count := map[string]int{}
	for _, t := range req.Topics {
		count[t.Topic]++
	}
	resp := kmsg.NewPtrCreatePartitionsResponse()
	resp.Version = req.Version
	var records []metadata.Record
	for i := range req.Topics {
		name := req.Topics[i].Topic
		if count[name] == 0 {
			continue
		}
		t := kmsg.NewCreatePartitionsResponseTopic()
		t.Topic = name
		var err error
		if count[name] > 1 {
			err = kafka.Errorf(kerr.InvalidRequest, "Duplicate topic name.")
			count[name] = 0
		} else {
			var created []metadata.Record
			created, err = c.createPartitions(&req.Topics[i])
			records = append(records, created...)
		}
		t.ErrorCode, t.ErrorMessage = protocol.Code(err), protocol.Message(err)
		resp.Topics = append(resp.Topics, t)
	}
	result := Result{Records: records, Response: resp, Atomic: true}.bounded()
	if req.ValidateOnly {
		result.Records = nil
	}
	return result
}

func (c *Core) createPartitions(t *kmsg.CreatePartitionsRequestTopic) ([]metadata.Record, error) {
	topic := c.image.Topic(t.Topic)
	if topic == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	have := topic.NumPartitions()
	additional := int(t.Count) - have
	switch {
	case additional == 0:
		return nil, kafka.Errorf(kerr.InvalidPartitions, "Topic already has %d partition(s).", have)
	case additional < 0:
		return nil, kafka.Errorf(kerr.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Topic, have, t.Count)
	case t.Assignment != nil && len(t.Assignment) != additional:
		return nil, kafka.Errorf(kerr.InvalidReplicaAssignment,
			"Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", additional, len(t.Assignment))
	case additional > maxRecordsPerOperation:
		return nil, kafka.Errorf(kerr.PolicyViolation, "Unable to perform excessively large batch operation.")
	}
	first := topic.Partition(0)
	if first == nil || len(first.Replicas) > math.MaxInt16 {
		return nil, kafka.Errorf(kerr.UnknownServerError, "Invalid state: topic %s appears to have no partitions.", t.Topic)
	}
	assignments, err := c.assignNewPartitions(t, have, additional, len(first.Replicas))
	if err != nil {
		return nil, err
	}
	records := make([]metadata.Record, len(assignments))
	for i, a := range assignments {
		records[i] = c.newPartitionRecord(topic.ID, int32(have+i), a)
	}
	return records, nil
}

func (c *Core) assignNewPartitions(t *kmsg.CreatePartitionsRequestTopic, have, additional, replicationFactor int) ([]newAssignment, error) {
	if t.Assignment == nil {
		placed, err := newPlacer(c.options.Rand, c.image).place(additional, replicationFactor)
		if err != nil {
			return nil, err
		}
		return c.withISRs(placed, replicationFactor)
	}
	assignments := make([]newAssignment, len(t.Assignment))
	for i, a := range t.Assignment {
		assignment, err := c.handAssignment(a.Replicas, replicationFactor, int32(have+i))
		if err != nil {
			return nil, err
		}
		assignments[i] = assignment
	}
	return assignments, nil
}
