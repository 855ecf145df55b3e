package group

import (
	"time"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/config"
)

// Config is the group coordinator's part of the broker's configuration. All
// fields must be set; ConfigOf does.
type Config struct {
	Threads         int            // group.coordinator.threads
	AppendLinger    time.Duration  // group.coordinator.append.linger.ms; negative is adaptive.
	WriteTimeout    time.Duration  // offsets.commit.timeout.ms
	Compression     compress.Codec // offsets.topic.compression.codec
	MaxCachedBuffer int            // group.coordinator.cached.buffer.max.bytes
	Partitions      int32          // offsets.topic.num.partitions

	MinSessionTimeout     time.Duration // group.min.session.timeout.ms
	MaxSessionTimeout     time.Duration // group.max.session.timeout.ms
	InitialRebalanceDelay time.Duration // group.initial.rebalance.delay.ms
	MaxSize               int           // group.max.size

	OffsetMetadataMaxSize         int           // offset.metadata.max.bytes
	OffsetsRetention              time.Duration // offsets.retention.minutes
	OffsetsRetentionCheckInterval time.Duration // offsets.retention.check.interval.ms
}

// ConfigOf takes the coordinator's part out of the broker's configuration.
func ConfigOf(b *config.Broker) Config {
	return Config{
		Threads:                       b.GroupCoordinatorThreads,
		AppendLinger:                  b.GroupCoordinatorAppendLinger,
		WriteTimeout:                  b.OffsetsCommitTimeout,
		Compression:                   compress.Codec(b.OffsetsTopicCompressionCodec),
		MaxCachedBuffer:               b.GroupCoordinatorCachedBufferMaxBytes,
		Partitions:                    int32(b.OffsetsTopicNumPartitions),
		MinSessionTimeout:             b.GroupMinSessionTimeout,
		MaxSessionTimeout:             b.GroupMaxSessionTimeout,
		InitialRebalanceDelay:         b.GroupInitialRebalanceDelay,
		MaxSize:                       b.GroupMaxSize,
		OffsetMetadataMaxSize:         b.OffsetMetadataMaxBytes,
		OffsetsRetention:              b.OffsetsRetention,
		OffsetsRetentionCheckInterval: b.OffsetsRetentionCheckInterval,
	}
}
