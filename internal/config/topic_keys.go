package config

import (
	"math"
)

// topicKeys are the keys of a topic.
var topicKeys = []Key{
	{
		Name: "segment.bytes", Type: Int, Default: int32(1073741824), Valid: atLeast(1048576), Importance: Medium, Synonyms: []string{"log.segment.bytes"},
	},
	{
		Name: "segment.ms", Type: Long, Default: int64(604800000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"log.roll.ms", "log.roll.hours"},
	},
	{
		Name: "segment.jitter.ms", Type: Long, Default: int64(0), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.roll.jitter.ms", "log.roll.jitter.hours"},
	},
	{
		Name: "segment.index.bytes", Type: Int, Default: int32(10485760), Valid: atLeast(4), Importance: Medium, Synonyms: []string{"log.index.size.max.bytes"},
	},
	{
		Name: "flush.messages", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"log.flush.interval.messages"},
	},
	{
		Name: "flush.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.flush.interval.ms", "log.flush.scheduler.interval.ms"},
	},
	{
		Name: "retention.bytes", Type: Long, Default: int64(-1), Importance: Medium, Synonyms: []string{"log.retention.bytes"},
	},
	{
		Name: "retention.ms", Type: Long, Default: int64(604800000), Valid: atLeast(-1), Importance: Medium, Synonyms: []string{"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
	},
	{
		Name: "max.message.bytes", Type: Int, Default: int32(1048588), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"message.max.bytes"},
	},
	{
		Name: "max.decompressed.message.bytes", Type: Int, Default: int32(2147483639), Valid: between{1, 2147483639}, Importance: Medium, Synonyms: []string{"max.decompressed.message.bytes"},
	},
	{
		Name: "index.interval.bytes", Type: Int, Default: int32(4096), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.index.interval.bytes"},
	},
	{
		Name: "delete.retention.ms", Type: Long, Default: int64(86400000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.cleaner.delete.retention.ms"},
	},
	{
		Name: "min.compaction.lag.ms", Type: Long, Default: int64(0), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.cleaner.min.compaction.lag.ms"},
	},
	{
		Name: "max.compaction.lag.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"log.cleaner.max.compaction.lag.ms"},
	},
	{
		Name: "file.delete.delay.ms", Type: Long, Default: int64(60000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.segment.delete.delay.ms"},
	},
	{
		Name: "min.cleanable.dirty.ratio", Type: Double, Default: 0.5, Valid: between{0, 1}, Importance: Medium, Synonyms: []string{"log.cleaner.min.cleanable.ratio"},
	},
	{
		Name: "cleanup.policy", Type: List, Default: []string{"delete"}, Valid: listOf{allowed: []string{"compact", "delete"}, empty: true}, Importance: Medium, Synonyms: []string{"log.cleanup.policy"},
	},
	{
		Name: "unclean.leader.election.enable", Type: Boolean, Default: false, Importance: Medium, Synonyms: []string{"unclean.leader.election.enable"},
	},
	{
		Name: "min.insync.replicas", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"min.insync.replicas"},
	},
	{
		Name: "compression.type", Type: String, Default: "producer", Valid: oneOf{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}, Importance: Medium, Synonyms: []string{"compression.type"},
	},
	{
		Name: "compression.gzip.level", Type: Int, Default: int32(-1), Valid: gzipLevel{}, Importance: Medium, Synonyms: []string{"compression.gzip.level"},
	},
	{
		Name: "compression.lz4.level", Type: Int, Default: int32(9), Valid: between{1, 17}, Importance: Medium, Synonyms: []string{"compression.lz4.level"},
	},
	{
		Name: "compression.zstd.level", Type: Int, Default: int32(3), Valid: between{-131072, 22}, Importance: Medium, Synonyms: []string{"compression.zstd.level"},
	},
	{
		Name: "preallocate", Type: Boolean, Default: false, Importance: Medium, Synonyms: []string{"log.preallocate"},
	},
	{
		Name: "message.timestamp.type", Type: String, Default: "CreateTime", Valid: oneOf{"CreateTime", "LogAppendTime"}, Importance: Medium, Synonyms: []string{"log.message.timestamp.type"},
	},
	{
		Name: "message.timestamp.before.max.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.message.timestamp.before.max.ms"},
	},
	{
		Name: "message.timestamp.after.max.ms", Type: Long, Default: int64(3600000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.message.timestamp.after.max.ms"},
	},
	{
		Name: "leader.replication.throttled.replicas", Type: List, Default: []string{}, Valid: throttledReplicas{}, Importance: Medium,
	},
	{
		Name: "follower.replication.throttled.replicas", Type: List, Default: []string{}, Valid: throttledReplicas{}, Importance: Medium,
	},
	{
		Name: "remote.storage.enable", Type: Boolean, Default: false, Importance: Medium,
	},
	{
		Name: "local.retention.ms", Type: Long, Default: int64(-2), Valid: atLeast(-2), Importance: Medium, Synonyms: []string{"log.local.retention.ms"},
	},
	{
		Name: "local.retention.bytes", Type: Long, Default: int64(-2), Valid: atLeast(-2), Importance: Medium, Synonyms: []string{"log.local.retention.bytes"},
	},
	{
		Name: "remote.log.copy.disable", Type: Boolean, Default: false, Importance: Medium,
	},
	{
		Name: "remote.copy.lag.ms", Type: Long, Default: int64(0), Valid: atLeast(-1), Importance: Medium, Synonyms: []string{"log.remote.copy.lag.ms"},
	},
	{
		Name: "remote.copy.lag.bytes", Type: Long, Default: int64(-1), Valid: atLeast(-1), Importance: Medium, Synonyms: []string{"log.remote.copy.lag.bytes"},
	},
	{
		Name: "remote.log.delete.on.disable", Type: Boolean, Default: false, Importance: Medium,
	},
	{
		Name: "errors.deadletterqueue.group.enable", Type: Boolean, Default: false, Importance: Medium,
	},
	{
		Name: "internal.segment.bytes", Type: Int, Importance: Medium, Internal: true,
	},
}
