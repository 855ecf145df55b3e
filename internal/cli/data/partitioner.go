package data

import "github.com/twmb/franz-go/pkg/kgo"

// batchBytes is how much goes to one partition before records without a key move
// on to another one, as Kafka's producer does by its batch.size (KIP-794).
const batchBytes = 64 << 10

// partitioner sends a record to the partition that it names. For the others it
// does what Kafka's producer does: by the murmur2 hash of the key, and without a
// key to the partitions in turns, a batch at a time.
type partitioner struct{ byKey kgo.Partitioner }

func newPartitioner() kgo.Partitioner {
	return partitioner{kgo.UniformBytesPartitioner(batchBytes, true, true, nil)}
}

// ForTopic implements kgo.Partitioner.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.byKey.ForTopic(topic)}
}

type topicPartitioner struct{ kgo.TopicPartitioner }

// RequiresConsistency tells that a record may not go elsewhere because its
// partition has no leader.
func (p topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition != anyPartition || p.TopicPartitioner.RequiresConsistency(r)
}

// PartitionByBackup implements kgo.TopicBackupPartitioner.
func (p topicPartitioner) PartitionByBackup(r *kgo.Record, n int, backup kgo.TopicBackupIter) int {
	if r.Partition != anyPartition {
		return int(r.Partition)
	}
	if inner, ok := p.TopicPartitioner.(kgo.TopicBackupPartitioner); ok {
		return inner.PartitionByBackup(r, n, backup)
	}
	return p.Partition(r, n)
}
