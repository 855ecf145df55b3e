package checkpoint

import "moldau.dev/moldau/internal/kafka"

// The functions of this file read contents, for those who inspect files. The name
// is for errors, which are *CorruptError.

// PartitionOffset is one line of an offset checkpoint.
type PartitionOffset struct {
	Partition kafka.TopicPartition
	Offset    kafka.Offset
}

// ParseOffsets reads an offset checkpoint, in the order of its lines.
func ParseOffsets(name string, data []byte) ([]PartitionOffset, error) {
	entries, err := ParseEntries(name, data, parsePartitionOffset)
	if err != nil {
		return nil, err
	}
	offsets := make([]PartitionOffset, len(entries))
	for i, e := range entries {
		offsets[i] = PartitionOffset{Partition: e.partition, Offset: e.offset}
	}
	return offsets, nil
}

// ParsePartitionMetadata reads a partition.metadata; see ReadPartitionMetadata.
func ParsePartitionMetadata(name string, data []byte) (PartitionMetadata, error) {
	return parsePartitionMetadata(name, data)
}

// ParseMetaProperties reads a meta.properties.
func ParseMetaProperties(name string, data []byte) (MetaProperties, error) {
	return parseMetaProperties(name, data)
}

// ParseCleanShutdown reads a .kafka_cleanshutdown; NoBrokerEpoch if it does not
// tell its broker epoch.
func ParseCleanShutdown(data []byte) kafka.BrokerEpoch { return parseCleanShutdown(data) }
