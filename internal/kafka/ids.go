package kafka

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
)

// Offset is the position of a record in its partition, dense from 0.
type Offset int64

// UnknownOffset is the wire's "no offset".
const UnknownOffset Offset = -1

// LeaderEpoch counts the leaders of one partition. It is raised by the
// controller at each change of leader, and stamped on every batch.
type LeaderEpoch int32

// NoLeaderEpoch is the wire's "epoch not known" and switches fencing off.
const NoLeaderEpoch LeaderEpoch = -1

// PartitionEpoch counts every change to a partition's record in the metadata.
type PartitionEpoch int32

// BrokerEpoch identifies one registration of a broker: the offset of its
// RegisterBrokerRecord in the metadata log.
type BrokerEpoch int64

// NodeID identifies a broker or controller in its cluster, from 0.
type NodeID int32

// NoNode is the wire's "no such node", for instance a partition without leader.
const NoNode NodeID = -1

// ProducerID identifies an idempotent or transactional producer.
type ProducerID int64

// NoProducerID marks batches of producers that are not idempotent.
const NoProducerID ProducerID = -1

// ProducerEpoch fences older instances of a producer.
type ProducerEpoch int16

// NoProducerEpoch goes with NoProducerID.
const NoProducerEpoch ProducerEpoch = -1

// NoSequence is the base sequence of a batch without producer id.
const NoSequence int32 = -1

// TopicPartition names one partition of a topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String gives the name of the partition's folder: topic-partition.
func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.Itoa(int(tp.Partition))
}

// Compare orders by topic, then partition.
func (tp TopicPartition) Compare(other TopicPartition) int {
	switch {
	case tp.Topic < other.Topic:
		return -1
	case tp.Topic > other.Topic:
		return 1
	default:
		return int(tp.Partition) - int(other.Partition)
	}
}

// UUID is Kafka's 128-bit identifier of topics, directories and clusters.
// The zero value means "none".
type UUID [16]byte

// MetadataTopicID is the fixed id of __cluster_metadata.
var MetadataTopicID = UUID{15: 1}

// Directory ids below 100 are reserved (org.apache.kafka.common.DirectoryId).
var (
	// UnassignedDirectory says that a replica has no log directory yet.
	UnassignedDirectory = UUID{}
	// LostDirectory says that a replica's log directory is offline.
	LostDirectory = UUID{15: 1}
	// MigratingDirectory says that the directory is not tracked.
	MigratingDirectory = UUID{15: 2}
)

// NewUUID returns a random UUID (version 4) that is not reserved and whose
// text form does not start with a dash, since tools would take it for a flag.
func NewUUID() UUID {
	for {
		var u UUID
		_, _ = rand.Read(u[:]) // crypto/rand.Read never fails.
		u[6] = u[6]&0x0f | 0x40
		u[8] = u[8]&0x3f | 0x80
		if u.String()[0] != '-' {
			return u
		}
	}
}

// IsZero tells whether the UUID is the "none" value.
func (u UUID) IsZero() bool { return u == UUID{} }

// String gives Kafka's text form: 22 characters of unpadded URL-safe base64.
func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// ParseUUID reads the text form.
func ParseUUID(s string) (UUID, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 16 {
		return UUID{}, fmt.Errorf("%q is not a Kafka id (22 characters of URL-safe base64)", s)
	}
	return UUID(b), nil
}
