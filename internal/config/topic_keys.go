package config

import (
	"math"
)

// topicKeys are the keys of a topic.
var topicKeys = []Key{
	{
		Name: "segment.bytes", Type: Int, Default: int32(1073741824), Valid: atLeast(1048576), Importance: Medium, Synonyms: []string{"log.segment.bytes"},
		Doc: "The size, in bytes, at which a segment file is closed and the next begun. Retention and compaction work on whole closed segments.",
	},
	{
		Name: "segment.ms", Type: Long, Default: int64(604800000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"log.roll.ms", "log.roll.hours"},
		Doc: "The age, in milliseconds, at which a segment file is closed and the next begun, even if it is not full.",
	},
	{
		Name: "segment.jitter.ms", Type: Long, Default: int64(0), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.roll.jitter.ms", "log.roll.jitter.hours"},
		Doc: "Up to how many milliseconds earlier segments are closed, at random, so that not all are at once.",
	},
	{
		Name: "segment.index.bytes", Type: Int, Default: int32(10485760), Valid: atLeast(4), Importance: Medium, Synonyms: []string{"log.index.size.max.bytes"},
		Doc: "The largest size, in bytes, of a segment's index file. A full index closes the segment.",
	},
	{
		Name: "flush.messages", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"log.flush.interval.messages"},
		Doc: "After how many records the log is forced to disk. 1 makes every record durable before it is acknowledged.",
	},
	{
		Name: "flush.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.flush.interval.ms", "log.flush.scheduler.interval.ms"},
		Doc: "How long, in milliseconds, a record may be in memory only before the log is forced to disk.",
	},
	{
		Name: "retention.bytes", Type: Long, Default: int64(-1), Importance: Medium, Synonyms: []string{"log.retention.bytes"},
		Doc: "How many bytes a partition may have before its oldest segments are deleted, with cleanup.policy=delete. -1 has no limit.",
	},
	{
		Name: "retention.ms", Type: Long, Default: int64(604800000), Valid: atLeast(-1), Importance: Medium, Synonyms: []string{"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
		Doc: "How long, in milliseconds, records are kept with cleanup.policy=delete. -1 for ever.",
	},
	{
		Name: "max.message.bytes", Type: Int, Default: int32(1048588), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"message.max.bytes"},
		Doc: "The largest record batch, in bytes as stored, that is taken.",
	},
	{
		Name: "max.decompressed.message.bytes", Type: Int, Default: int32(2147483639), Valid: between{1, 2147483639}, Importance: Medium, Synonyms: []string{"max.decompressed.message.bytes"},
		Doc: "The largest single record, in bytes once decompressed, that the broker reads out of a compressed batch; larger ones are refused.",
	},
	{
		Name: "index.interval.bytes", Type: Int, Default: int32(4096), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.index.interval.bytes"},
		Doc: "After how many bytes of records the index gets an entry. Smaller finds records faster and costs space.",
	},
	{
		Name: "delete.retention.ms", Type: Long, Default: int64(86400000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.cleaner.delete.retention.ms"},
		Doc: "How long, in milliseconds, tombstones and transaction markers stay readable in a compacted topic. A reader that starts at the beginning must be done by then.",
	},
	{
		Name: "min.compaction.lag.ms", Type: Long, Default: int64(0), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.cleaner.min.compaction.lag.ms"},
		Doc: "How long, in milliseconds, a record stays uncompacted at least.",
	},
	{
		Name: "max.compaction.lag.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"log.cleaner.max.compaction.lag.ms"},
		Doc: "How long, in milliseconds, a record that can be compacted stays uncompacted at most.",
	},
	{
		Name: "file.delete.delay.ms", Type: Long, Default: int64(60000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.segment.delete.delay.ms"},
		Doc: "How long, in milliseconds, the files of a deleted segment stay on disk.",
	},
	{
		Name: "min.cleanable.dirty.ratio", Type: Double, Default: 0.5, Valid: between{0, 1}, Importance: Medium, Synonyms: []string{"log.cleaner.min.cleanable.ratio"},
		Doc: "Which part of the log, from 0 to 1, must be not yet compacted before it is compacted again.",
	},
	{
		Name: "cleanup.policy", Type: List, Default: []string{"delete"}, Valid: listOf{allowed: []string{"compact", "delete"}, empty: true}, Importance: Medium, Synonyms: []string{"log.cleanup.policy"},
		Doc: "What happens to old records: delete removes them, compact keeps the last of each key, both do both, and an empty list keeps everything.",
	},
	{
		Name: "unclean.leader.election.enable", Type: Boolean, Default: false, Importance: Medium, Synonyms: []string{"unclean.leader.election.enable"},
		Doc: "Whether a replica that is not in sync may lead when no other is left. It brings a partition back at the price of lost records.",
	},
	{
		Name: "min.insync.replicas", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"min.insync.replicas"},
		Doc: "How many replicas must have a record before acks=all is answered, and must be in sync for it to be taken at all.",
	},
	{
		Name: "compression.type", Type: String, Default: "producer", Valid: oneOf{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}, Importance: Medium, Synonyms: []string{"compression.type"},
		Doc: "How batches are stored: as the producer sent them, uncompressed, or with one codec.",
	},
	{
		Name: "compression.gzip.level", Type: Int, Default: int32(-1), Valid: gzipLevel{}, Importance: Medium, Synonyms: []string{"compression.gzip.level"},
		Doc: "The level for gzip where the broker compresses, 1 (fast) to 9 (small); -1 is the codec's default.",
	},
	{
		Name: "compression.lz4.level", Type: Int, Default: int32(9), Valid: between{1, 17}, Importance: Medium, Synonyms: []string{"compression.lz4.level"},
		Doc: "The level for lz4 where the broker compresses, 1 (fast) to 17 (small).",
	},
	{
		Name: "compression.zstd.level", Type: Int, Default: int32(3), Valid: between{-131072, 22}, Importance: Medium, Synonyms: []string{"compression.zstd.level"},
		Doc: "The level for zstd where the broker compresses; higher is smaller and slower.",
	},
	{
		Name: "preallocate", Type: Boolean, Default: false, Importance: Medium, Synonyms: []string{"log.preallocate"},
		Doc: "Whether the space of a segment is reserved when it is begun.",
	},
	{
		Name: "message.timestamp.type", Type: String, Default: "CreateTime", Valid: oneOf{"CreateTime", "LogAppendTime"}, Importance: Medium, Synonyms: []string{"log.message.timestamp.type"},
		Doc: "Whose time a record bears: CreateTime is the producer's, LogAppendTime the broker's.",
	},
	{
		Name: "message.timestamp.before.max.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.message.timestamp.before.max.ms"},
		Doc: "How many milliseconds a record's timestamp may be before the broker's clock. Older ones are refused. Without effect with LogAppendTime.",
	},
	{
		Name: "message.timestamp.after.max.ms", Type: Long, Default: int64(3600000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"log.message.timestamp.after.max.ms"},
		Doc: "How many milliseconds a record's timestamp may be after the broker's clock. Later ones are refused. Without effect with LogAppendTime.",
	},
	{
		Name: "leader.replication.throttled.replicas", Type: List, Default: []string{}, Valid: throttledReplicas{}, Importance: Medium,
		Doc: "The replicas whose leaders are throttled, as partition:broker separated by commas, or * for all.",
	},
	{
		Name: "follower.replication.throttled.replicas", Type: List, Default: []string{}, Valid: throttledReplicas{}, Importance: Medium,
		Doc: "The replicas that are throttled as followers, as partition:broker separated by commas, or * for all.",
	},
	{
		Name: "remote.storage.enable", Type: Boolean, Default: false, Importance: Medium,
		Doc: "Whether closed segments are copied to tiered storage.",
	},
	{
		Name: "local.retention.ms", Type: Long, Default: int64(-2), Valid: atLeast(-2), Importance: Medium, Synonyms: []string{"log.local.retention.ms"},
		Doc: "How long, in milliseconds, records that are in tiered storage also stay on local disk. -2 means retention.ms.",
	},
	{
		Name: "local.retention.bytes", Type: Long, Default: int64(-2), Valid: atLeast(-2), Importance: Medium, Synonyms: []string{"log.local.retention.bytes"},
		Doc: "How many bytes that are in tiered storage also stay on local disk. -2 means retention.bytes.",
	},
	{
		Name: "remote.log.copy.disable", Type: Boolean, Default: false, Importance: Medium,
		Doc: "Whether tiered storage is only read and no longer added to.",
	},
	{
		Name: "remote.copy.lag.ms", Type: Long, Default: int64(0), Valid: atLeast(-1), Importance: Medium, Synonyms: []string{"log.remote.copy.lag.ms"},
		Doc: "How old, in milliseconds, a closed segment must be before it is copied to tiered storage. -1 means when it could leave the local disk.",
	},
	{
		Name: "remote.copy.lag.bytes", Type: Long, Default: int64(-1), Valid: atLeast(-1), Importance: Medium, Synonyms: []string{"log.remote.copy.lag.bytes"},
		Doc: "How many newer bytes a closed segment must be behind before it is copied to tiered storage. -1 means when it could leave the local disk.",
	},
	{
		Name: "remote.log.delete.on.disable", Type: Boolean, Default: false, Importance: Medium,
		Doc: "Whether tiered data is deleted when remote.storage.enable is switched off.",
	},
	{
		Name: "errors.deadletterqueue.group.enable", Type: Boolean, Default: false, Importance: Medium,
		Doc: "Whether share groups may use this topic for the records they gave up on.",
	},
	{
		Name: "internal.segment.bytes", Type: Int, Importance: Medium, Internal: true,
		Doc: "Overrides segment.bytes without its lower bound. For tests.",
	},
}
