package checkpoint

import (
	"maps"
	"slices"
	"strconv"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// The offset checkpoints of a log directory.
const (
	// RecoveryPointFile holds up to where each log is known to be synced.
	RecoveryPointFile = "recovery-point-offset-checkpoint"
	// HighWatermarkFile holds each log's high watermark.
	HighWatermarkFile = "replication-offset-checkpoint"
	// LogStartOffsetFile holds start offsets above that of the first segment.
	LogStartOffsetFile = "log-start-offset-checkpoint"
	// CleanerOffsetFile holds up to where each log is compacted.
	CleanerOffsetFile = "cleaner-offset-checkpoint"
)

type partitionOffset struct {
	partition kafka.TopicPartition
	offset    kafka.Offset
}

// ReadOffsets reads an offset checkpoint. A missing or empty file gives an empty
// map, never nil; a partition named twice has its last offset.
func ReadOffsets(fsys vfs.FS, path string) (map[kafka.TopicPartition]kafka.Offset, error) {
	entries, err := ReadEntries(fsys, path, parsePartitionOffset)
	if err != nil {
		return nil, err
	}
	offsets := make(map[kafka.TopicPartition]kafka.Offset, len(entries))
	for _, entry := range entries {
		offsets[entry.partition] = entry.offset
	}
	return offsets, nil
}

// WriteOffsets replaces an offset checkpoint atomically and durably, sorted by
// partition.
func WriteOffsets(fsys vfs.FS, path string, offsets map[kafka.TopicPartition]kafka.Offset) error {
	return vfs.WriteFileAtomic(fsys, path, encodeOffsets(offsets))
}

func encodeOffsets(offsets map[kafka.TopicPartition]kafka.Offset) []byte {
	partitions := slices.SortedFunc(maps.Keys(offsets), kafka.TopicPartition.Compare)
	return AppendEntries(nil, partitions, func(dst []byte, tp kafka.TopicPartition) []byte {
		dst = append(dst, tp.Topic...)
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, int64(tp.Partition), 10)
		dst = append(dst, ' ')
		return strconv.AppendInt(dst, int64(offsets[tp]), 10)
	})
}

func parsePartitionOffset(fields []string) (partitionOffset, bool) {
	if len(fields) != 3 || fields[0] == "" {
		return partitionOffset{}, false
	}
	partition, err := strconv.ParseInt(fields[1], 10, 32)
	if err != nil {
		return partitionOffset{}, false
	}
	offset, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return partitionOffset{}, false
	}
	tp := kafka.TopicPartition{Topic: fields[0], Partition: int32(partition)}
	return partitionOffset{partition: tp, offset: kafka.Offset(offset)}, true
}
