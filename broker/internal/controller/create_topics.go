package controller

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// maxPartitionsPerRequest bounds how many partitions one request may create.
const maxPartitionsPerRequest = 10_000

// CreateTopics creates topics, each of them or not at all. Topics that are
// wrong or exist have an error and a message of their own in the response.
func (c *Core) CreateTopics(_ time.Time, req *kmsg.CreateTopicsRequest) Result {
	count := map[string]int{}
	for i := range req.Topics {
		count[req.Topics[i].Topic]++
	}
	if err := c.checkTotalPartitions(req.Topics, count); err != nil {
		return Result{Err: err}
	}
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.Version = req.Version
	var records []metadata.Record
	for i := range req.Topics {
		name := req.Topics[i].Topic
		if count[name] == 0 {
			continue // A duplicate that has its answer.
		}
		t := kmsg.NewCreateTopicsResponseTopic()
		t.Topic = name
		created, err := c.createTopic(&req.Topics[i], count[name] > 1, &t)
		if err != nil {
			t.ErrorCode, t.ErrorMessage = protocol.Code(err), protocol.Message(err)
			t.Configs = []kmsg.CreateTopicsResponseTopicConfig{} // Null would mean that the client may not see them.
		}
		if count[name] > 1 {
			count[name] = 0
		}
		records = append(records, created...)
		resp.Topics = append(resp.Topics, t)
	}
	result := Result{Records: records, Response: resp, Atomic: true}.bounded()
	if req.ValidateOnly {
		result.Records = nil
	}
	return result
}

// checkTotalPartitions refuses the request as a whole when it is so large that
// serving it would hurt.
func (c *Core) checkTotalPartitions(topics []kmsg.CreateTopicsRequestTopic, count map[string]int) error {
	total := int64(0)
	for i := range topics {
		t := &topics[i]
		switch {
		case count[t.Topic] > 1:
			// Duplicates are refused, whatever their size.
		case len(t.ReplicaAssignment) > 0:
			total += int64(len(t.ReplicaAssignment))
		case t.NumPartitions == -1:
			total += int64(c.options.Config.Broker.NumPartitions)
		case t.NumPartitions > 0:
			total += int64(t.NumPartitions)
		}
		if total > maxPartitionsPerRequest {
			return kafka.Errorf(kerr.PolicyViolation, "Excessively large number of partitions per request.")
		}
	}
	return nil
}

// createTopic gives the records that create one topic, and fills its part of
// the response.
func (c *Core) createTopic(t *kmsg.CreateTopicsRequestTopic, duplicate bool, resp *kmsg.CreateTopicsResponseTopic) ([]metadata.Record, error) {
	if err := c.checkNewTopicName(t.Topic, duplicate); err != nil {
		return nil, err
	}
	configs, err := c.newTopicConfigs(t)
	if err != nil {
		return nil, err
	}
	assignments, err := c.assignNewTopic(t)
	if err != nil {
		return nil, err
	}
	id := c.options.NewUUID()
	records := make([]metadata.Record, 0, 1+len(configs)+len(assignments))
	records = append(records, &metadata.TopicRecord{Name: t.Topic, TopicID: id})
	records = append(records, configs...)
	for i, a := range assignments {
		records = append(records, c.newPartitionRecord(id, int32(i), a))
	}
	resp.TopicID = id
	resp.NumPartitions = int32(len(assignments))
	resp.ReplicationFactor = int16(len(assignments[0].replicas))
	resp.Configs = c.effectiveTopicConfigs(configs)
	return records, nil
}

func (c *Core) checkNewTopicName(name string, duplicate bool) error {
	switch {
	case duplicate:
		return kafka.Errorf(kerr.InvalidRequest, "Duplicate topic name.")
	case name == kafka.ClusterMetadataTopic:
		return kafka.Errorf(kerr.InvalidRequest, "Creation of internal topic %s is prohibited.", name)
	case c.image.Topic(name) != nil:
		return kafka.Errorf(kerr.TopicAlreadyExists, "Topic '%s' already exists.", name)
	}
	unified, canCollide := unifyCollisionChars(name)
	if others := c.collisions[unified]; canCollide && len(others) > 0 {
		names := make([]string, 0, len(others))
		for other := range others {
			names = append(names, other)
		}
		return kafka.Errorf(kerr.InvalidTopicException, "Topic '%s' collides with existing topic: %s", name, slices.Min(names))
	}
	return kafka.ValidateTopicName(name)
}

// newTopicConfigs checks the configs of a topic and gives their records.
func (c *Core) newTopicConfigs(t *kmsg.CreateTopicsRequestTopic) ([]metadata.Record, error) {
	var nulls []string
	var ops []kmsg.IncrementalAlterConfigsRequestResourceConfig
	for _, entry := range t.Configs {
		if entry.Value == nil {
			nulls = append(nulls, entry.Name)
		}
		op := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		op.Name, op.Value = entry.Name, entry.Value
		ops = append(ops, op)
	}
	if len(nulls) > 0 {
		return nil, kafka.Errorf(kerr.InvalidConfig, "Null value not supported for topic configs: %s", strings.Join(nulls, ","))
	}
	if len(ops) == 0 {
		return nil, nil
	}
	change := configChange{resource: metadata.ConfigResource{Type: metadata.ResourceTopic, Name: t.Topic}, isNew: true}
	if err := change.alter(ops); err != nil {
		return nil, err
	}
	return c.configRecords(&change), c.checkConfigChange(&change)
}

// newAssignment is where a new partition goes.
type newAssignment struct {
	replicas, isr []kafka.NodeID
}

func (c *Core) newPartitionRecord(topicID kafka.UUID, id int32, a newAssignment) *metadata.PartitionRecord {
	p := &metadata.Partition{Replicas: a.replicas, ISR: a.isr, Leader: a.isr[0]}
	for _, replica := range a.replicas {
		p.Directories = append(p.Directories, c.defaultDirectory(replica))
	}
	return p.Record(topicID, id, c.version())
}

// assignNewTopic gives the assignments of the topic's partitions, chosen by the
// client or placed here. There is at least one.
func (c *Core) assignNewTopic(t *kmsg.CreateTopicsRequestTopic) ([]newAssignment, error) {
	switch {
	case len(t.ReplicaAssignment) > 0:
		return c.assignByHand(t)
	case t.ReplicationFactor < -1 || t.ReplicationFactor == 0:
		return nil, kafka.Errorf(kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	case t.NumPartitions < -1 || t.NumPartitions == 0:
		return nil, kafka.Errorf(kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	partitions, replicationFactor := int(t.NumPartitions), int(t.ReplicationFactor)
	if partitions == -1 {
		partitions = c.options.Config.Broker.NumPartitions
	}
	if replicationFactor == -1 {
		replicationFactor = c.options.Config.Broker.DefaultReplicationFactor
	}
	placed, err := newPlacer(c.options.Rand, c.image).place(partitions, replicationFactor)
	if err != nil {
		return nil, kafka.Errorf(kerr.InvalidReplicationFactor, "Unable to replicate the partition %d time(s): %s", replicationFactor, *protocol.Message(err))
	}
	return c.withISRs(placed, replicationFactor)
}

// withISRs makes every live replica a member of the new partition's ISR.
func (c *Core) withISRs(placed [][]kafka.NodeID, replicationFactor int) ([]newAssignment, error) {
	assignments := make([]newAssignment, len(placed))
	for i, replicas := range placed {
		isr := c.activeOf(replicas)
		if len(isr) == 0 {
			return nil, kafka.Errorf(kerr.InvalidReplicationFactor,
				"Unable to replicate the partition %d time(s): All brokers are currently fenced or in controlled shutdown.", replicationFactor)
		}
		assignments[i] = newAssignment{replicas: replicas, isr: isr}
	}
	return assignments, nil
}

func (c *Core) activeOf(replicas []kafka.NodeID) []kafka.NodeID {
	var active []kafka.NodeID
	for _, replica := range replicas {
		if c.isActive(replica) {
			active = append(active, replica)
		}
	}
	return active
}

func (c *Core) assignByHand(t *kmsg.CreateTopicsRequestTopic) ([]newAssignment, error) {
	switch {
	case t.ReplicationFactor != -1:
		return nil, kafka.Errorf(kerr.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	case t.NumPartitions != -1:
		return nil, kafka.Errorf(kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	byID := map[int32]newAssignment{}
	replicationFactor := 0
	for _, a := range t.ReplicaAssignment {
		if _, ok := byID[a.Partition]; ok {
			return nil, kafka.Errorf(kerr.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition %d", a.Partition)
		}
		assignment, err := c.handAssignment(a.Replicas, replicationFactor, a.Partition)
		if err != nil {
			return nil, err
		}
		replicationFactor = len(a.Replicas)
		byID[a.Partition] = assignment
	}
	assignments := make([]newAssignment, len(byID))
	for i := range assignments {
		a, ok := byID[int32(i)]
		if !ok {
			return nil, kafka.Errorf(kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
		assignments[i] = a
	}
	return assignments, nil
}

// handAssignment checks an assignment that the client chose. A replication
// factor of 0 allows any.
func (c *Core) handAssignment(brokers []int32, replicationFactor int, partition int32) (newAssignment, error) {
	replicas := nodeIDs(brokers)
	if err := c.checkAssignment(replicas, replicationFactor); err != nil {
		return newAssignment{}, err
	}
	isr := c.activeOf(replicas)
	if len(isr) == 0 {
		return newAssignment{}, kafka.Errorf(kerr.InvalidReplicaAssignment,
			"All brokers specified in the manual partition assignment for partition %d are fenced or in controlled shutdown.", partition)
	}
	return newAssignment{replicas: replicas, isr: isr}, nil
}

func nodeIDs(brokers []int32) []kafka.NodeID {
	ids := make([]kafka.NodeID, len(brokers))
	for i, b := range brokers {
		ids[i] = kafka.NodeID(b)
	}
	return ids
}

func int32s(ids []kafka.NodeID) []int32 {
	list := make([]int32, len(ids))
	for i, id := range ids {
		list[i] = int32(id)
	}
	return list
}

// checkAssignment refuses replica lists that are empty, name unknown brokers or
// one twice, or have not the replication factor; 0 allows any.
func (c *Core) checkAssignment(replicas []kafka.NodeID, replicationFactor int) error {
	if len(replicas) == 0 {
		return kafka.Errorf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	sorted := slices.Sorted(slices.Values(replicas))
	for i, id := range sorted {
		b := c.image.Broker(id)
		switch {
		case b == nil:
			return kafka.Errorf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but no such broker is registered.", id)
		case !b.HasUncordonedDirectory():
			return kafka.Errorf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but all its log directories are cordoned.", id)
		case i > 0 && sorted[i-1] == id:
			return kafka.Errorf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", id)
		}
	}
	if replicationFactor > 0 && len(replicas) != replicationFactor {
		return kafka.Errorf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes a partition with %d replica(s), "+
			"but this is not consistent with previous partitions, which have %d replica(s).", len(replicas), replicationFactor)
	}
	return nil
}

// effectiveTopicConfigs describes what a topic with these configs will have.
func (c *Core) effectiveTopicConfigs(records []metadata.Record) []kmsg.CreateTopicsResponseTopicConfig {
	explicit := map[string]string{}
	for _, record := range records {
		if r, ok := record.(*metadata.ConfigRecord); ok {
			explicit[r.Name] = *r.Value
		}
	}
	entries := config.DescribeTopic(c.options.Config, c.image.Config(clusterResource), c.image.Config(brokerResource(c.options.NodeID)), explicit)
	slices.SortFunc(entries, func(a, b config.Entry) int { return cmp.Compare(a.Name, b.Name) })
	described := make([]kmsg.CreateTopicsResponseTopicConfig, 0, len(entries))
	for _, entry := range entries {
		d := kmsg.NewCreateTopicsResponseTopicConfig()
		d.Name, d.ReadOnly, d.IsSensitive, d.Source = entry.Name, entry.ReadOnly, entry.Sensitive, int8(entry.Source)
		if !entry.Sensitive {
			d.Value = entry.Value
		}
		described = append(described, d)
	}
	return described
}
