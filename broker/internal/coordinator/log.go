package coordinator

import (
	"context"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// Log is what the runtime needs of the partitions of its internal topic. The
// replica manager implements it. All methods are safe for concurrent use, for
// any partition; one that this broker does not lead is refused with
// NOT_LEADER_OR_FOLLOWER.
type Log interface {
	// CheckAppend gives the error with which Append would refuse any batch now:
	// NOT_LEADER_OR_FOLLOWER, also for another leader epoch; NOT_ENOUGH_REPLICAS
	// when fewer than min.insync.replicas are in sync; KAFKA_STORAGE_ERROR.
	CheckAppend(tp kafka.TopicPartition, epoch kafka.LeaderEpoch) error

	// Append writes a batch as the leader of that epoch, as a produce request
	// with acks=all would (min.insync.replicas is checked), but does not wait
	// for replication. It assigns the offsets and stamps the epoch, in place; the
	// memory stays the caller's. It returns the offset after the batch.
	Append(tp kafka.TopicPartition, epoch kafka.LeaderEpoch, batch record.Batch) (end kafka.Offset, err error)

	// Read calls fn with every batch from the log start to the log end, committed
	// or not, and returns the log end. The memory is fn's until it returns. It
	// ends early with fn's or ctx's error.
	Read(ctx context.Context, tp kafka.TopicPartition, fn func(record.Batch) error) (end kafka.Offset, err error)

	// HighWatermark is the offset after the last committed record, 0 if the
	// partition is not known.
	HighWatermark(tp kafka.TopicPartition) kafka.Offset

	// OnHighWatermark calls fn with each new high watermark until cancel is
	// called. fn does not block and may be called under the log's locks.
	OnHighWatermark(tp kafka.TopicPartition, fn func(kafka.Offset)) (cancel func())

	// MaxBatchSize bounds the batches that Append takes, in bytes; 0 if the
	// partition is not known.
	MaxBatchSize(tp kafka.TopicPartition) int
}
