package metadata

import "moldau.dev/moldau/internal/kafka"

// TopicRecord creates a topic; its partitions follow as records of their own.
type TopicRecord struct {
	Name    string
	TopicID kafka.UUID
}

// Key gives KeyTopic.
func (*TopicRecord) Key() int16 { return KeyTopic }

// WireVersion gives 0, the only version.
func (*TopicRecord) WireVersion() int16 { return 0 }

func (r *TopicRecord) code(c *codec) {
	c.string(&r.Name)
	c.uuid(&r.TopicID)
	c.tags()
}

// RemoveTopicRecord deletes a topic with its partitions and its configs.
type RemoveTopicRecord struct {
	TopicID kafka.UUID
}

// Key gives KeyRemoveTopic.
func (*RemoveTopicRecord) Key() int16 { return KeyRemoveTopic }

// WireVersion gives 0, the only version.
func (*RemoveTopicRecord) WireVersion() int16 { return 0 }

func (r *RemoveTopicRecord) code(c *codec) {
	c.uuid(&r.TopicID)
	c.tags()
}

// LeaderRecoveryState says whether a partition's leader was elected cleanly.
type LeaderRecoveryState int8

// The recovery states of a partition's leader.
const (
	// RecoveryUnchanged only stands in a PartitionChangeRecord.
	RecoveryUnchanged LeaderRecoveryState = -1
	// LeaderRecovered says that the leader came from the in-sync replicas, or
	// has recovered from an unclean election.
	LeaderRecovered LeaderRecoveryState = 0
	// LeaderRecovering says that the leader was elected uncleanly and has not
	// recovered yet.
	LeaderRecovering LeaderRecoveryState = 1
)

// PartitionRecord says the whole state of a partition.
type PartitionRecord struct {
	// Version is the oldest version to encode in, 0 to 2.
	Version             int16
	PartitionID         int32
	TopicID             kafka.UUID
	Replicas            []kafka.NodeID // In the order of preference.
	ISR                 []kafka.NodeID
	RemovingReplicas    []kafka.NodeID
	AddingReplicas      []kafka.NodeID
	Leader              kafka.NodeID // kafka.NoNode when there is none.
	LeaderRecoveryState LeaderRecoveryState
	LeaderEpoch         kafka.LeaderEpoch
	PartitionEpoch      kafka.PartitionEpoch
	// Directories holds the log directory of each replica, in the order of
	// Replicas. From version 1.
	Directories []kafka.UUID
	// ELR holds the eligible leader replicas, LastKnownELR those before the
	// last unclean shutdowns; nil when there are none. From version 2.
	ELR, LastKnownELR []kafka.NodeID
}

// Key gives KeyPartition.
func (*PartitionRecord) Key() int16 { return KeyPartition }

// WireVersion gives the version it is encoded in.
func (r *PartitionRecord) WireVersion() int16 {
	switch {
	case r.ELR != nil || r.LastKnownELR != nil:
		return max(r.Version, 2)
	case len(r.Directories) > 0:
		return max(r.Version, 1)
	default:
		return r.Version
	}
}

func (r *PartitionRecord) code(c *codec) {
	c.int32(&r.PartitionID)
	c.uuid(&r.TopicID)
	c.nodes(&r.Replicas)
	c.nodes(&r.ISR)
	c.nodes(&r.RemovingReplicas)
	c.nodes(&r.AddingReplicas)
	c.node(&r.Leader)
	c.int32((*int32)(&r.LeaderEpoch))
	c.int32((*int32)(&r.PartitionEpoch))
	if c.version >= 1 {
		c.uuids(&r.Directories)
	}
	known := []tag{{0, r.LeaderRecoveryState != LeaderRecovered, func() { c.int8((*int8)(&r.LeaderRecoveryState)) }}}
	if c.version >= 2 {
		known = append(
			known,
			tag{1, r.ELR != nil, func() { c.nullableNodes(&r.ELR) }},
			tag{2, r.LastKnownELR != nil, func() { c.nullableNodes(&r.LastKnownELR) }},
		)
	}
	c.tags(known...)
}

// LeaderUnchanged in a PartitionChangeRecord keeps leader and leader epoch.
const LeaderUnchanged kafka.NodeID = -2

// PartitionChangeRecord changes parts of a partition. Every one raises the
// partition epoch; one with a leader, even the same as before, raises the
// leader epoch. Build it with NewPartitionChange, which sets "no change" everywhere.
type PartitionChangeRecord struct {
	// Version is the oldest version to encode in, 0 to 2.
	Version     int16
	PartitionID int32
	TopicID     kafka.UUID
	// Nil slices mean no change, empty ones mean none.
	ISR                 []kafka.NodeID
	Leader              kafka.NodeID // LeaderUnchanged, kafka.NoNode or a broker.
	Replicas            []kafka.NodeID
	RemovingReplicas    []kafka.NodeID
	AddingReplicas      []kafka.NodeID
	LeaderRecoveryState LeaderRecoveryState
	ELR, LastKnownELR   []kafka.NodeID // From version 2.
	Directories         []kafka.UUID   // From version 1.
}

// NewPartitionChange returns a record that changes nothing yet.
func NewPartitionChange(version int16, partition int32, topicID kafka.UUID) *PartitionChangeRecord {
	return &PartitionChangeRecord{
		Version:             version,
		PartitionID:         partition,
		TopicID:             topicID,
		Leader:              LeaderUnchanged,
		LeaderRecoveryState: RecoveryUnchanged,
	}
}

// Key gives KeyPartitionChange.
func (*PartitionChangeRecord) Key() int16 { return KeyPartitionChange }

// WireVersion gives the version it is encoded in.
func (r *PartitionChangeRecord) WireVersion() int16 {
	switch {
	case r.ELR != nil || r.LastKnownELR != nil:
		return max(r.Version, 2)
	case r.Directories != nil:
		return max(r.Version, 1)
	default:
		return r.Version
	}
}

func (r *PartitionChangeRecord) code(c *codec) {
	c.int32(&r.PartitionID)
	c.uuid(&r.TopicID)
	known := []tag{
		{0, r.ISR != nil, func() { c.nullableNodes(&r.ISR) }},
		{1, r.Leader != LeaderUnchanged, func() { c.node(&r.Leader) }},
		{2, r.Replicas != nil, func() { c.nullableNodes(&r.Replicas) }},
		{3, r.RemovingReplicas != nil, func() { c.nullableNodes(&r.RemovingReplicas) }},
		{4, r.AddingReplicas != nil, func() { c.nullableNodes(&r.AddingReplicas) }},
		{5, r.LeaderRecoveryState != RecoveryUnchanged, func() { c.int8((*int8)(&r.LeaderRecoveryState)) }},
	}
	if c.version >= 2 {
		known = append(
			known,
			tag{6, r.ELR != nil, func() { c.nullableNodes(&r.ELR) }},
			tag{7, r.LastKnownELR != nil, func() { c.nullableNodes(&r.LastKnownELR) }},
		)
	}
	if c.version >= 1 {
		known = append(known, tag{8, r.Directories != nil, func() { c.nullableUUIDs(&r.Directories) }})
	}
	c.tags(known...)
}

// ClearElrRecord empties the eligible leader replicas of one topic, or of all
// topics when TopicName is empty.
type ClearElrRecord struct {
	TopicName string
}

// Key gives KeyClearElr.
func (*ClearElrRecord) Key() int16 { return KeyClearElr }

// WireVersion gives 0, the only version.
func (*ClearElrRecord) WireVersion() int16 { return 0 }

func (r *ClearElrRecord) code(c *codec) {
	c.string(&r.TopicName)
	c.tags()
}
