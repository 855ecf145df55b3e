package config

import (
	"math"
	"time"
)

// logKeys are the keys of logs and topic defaults.
var logKeys = []Key{
	{
		Name: "num.partitions", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium,
		Doc: "How many partitions a topic gets when its creator does not say.",
	},
	{
		Name: "log.dir", Type: List, Default: []string{"/tmp/kafka-logs"}, Valid: listOf{},
		Doc: "The directory for all data, where log.dirs is not set.",
	},
	{
		Name: "log.dirs", Type: List, Valid: listOf{null: true},
		Doc: "The directories for data, separated by commas, one per disk. New partitions go where the fewest are.",
	},
	{
		Name: "cordoned.log.dirs", Type: List, Default: []string{}, Valid: listOf{empty: true, null: true}, Importance: Medium, Dynamic: PerBroker,
		Doc: "Log directories, separated by commas, that get no new partitions; * for all of them.",
	},
	{
		Name: "log.segment.bytes", Type: Int, Default: int32(1073741824), Valid: atLeast(1048576), Dynamic: ClusterWide,
		Doc: "The size, in bytes, at which a segment file is closed and the next begun.",
	},
	{
		Name: "log.roll.ms", Type: Long, Dynamic: ClusterWide,
		Doc: "The age, in milliseconds, at which a segment file is closed and the next begun. Not set means log.roll.hours.",
	},
	{
		Name: "log.roll.hours", Type: Int, Default: int32(168), Valid: atLeast(1),
		Doc: "The age, in hours, at which a segment file is closed and the next begun. log.roll.ms comes first.",
	},
	{
		Name: "log.roll.jitter.ms", Type: Long, Dynamic: ClusterWide,
		Doc: "Up to how many milliseconds earlier segments are closed, at random, so that not all are at once. Not set means log.roll.jitter.hours.",
	},
	{
		Name: "log.roll.jitter.hours", Type: Int, Default: int32(0), Valid: atLeast(0),
		Doc: "Up to how many hours earlier segments are closed, at random. log.roll.jitter.ms comes first.",
	},
	{
		Name: "log.retention.ms", Type: Long, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, records are kept; -1 for ever. Not set means log.retention.minutes.",
	},
	{
		Name: "log.retention.minutes", Type: Int,
		Doc: "How long, in minutes, records are kept. Not set means log.retention.hours.",
	},
	{
		Name: "log.retention.hours", Type: Int, Default: int32(168),
		Doc: "How long, in hours, records are kept, if neither the value in minutes nor that in milliseconds is set.",
	},
	{
		Name: "log.retention.bytes", Type: Long, Default: int64(-1), Dynamic: ClusterWide,
		Doc: "How many bytes a partition may have before its oldest segments are deleted. -1 has no limit.",
	},
	{
		Name: "log.retention.check.interval.ms", Type: Long, Default: int64(300000), Valid: atLeast(1), Importance: Medium,
		Doc: "How often, in milliseconds, the broker looks for segments to delete.",
	},
	{
		Name: "log.cleanup.policy", Type: List, Default: []string{"delete"}, Valid: listOf{allowed: []string{"compact", "delete"}, empty: true}, Importance: Medium, Dynamic: ClusterWide,
		Doc: "What happens to old records: delete removes them, compact keeps the last of each key, both do both, and an empty list keeps everything.",
	},
	{
		Name: "log.index.size.max.bytes", Type: Int, Default: int32(10485760), Valid: atLeast(4), Importance: Medium, Dynamic: ClusterWide,
		Doc: "The largest size, in bytes, of a segment's index file. A full index closes the segment.",
	},
	{
		Name: "log.index.interval.bytes", Type: Int, Default: int32(4096), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "After how many bytes of records the index gets an entry. Smaller finds records faster and costs space.",
	},
	{
		Name: "log.flush.interval.messages", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Dynamic: ClusterWide,
		Doc: "After how many records a log is forced to disk. 1 makes every record durable before it is acknowledged.",
	},
	{
		Name: "log.segment.delete.delay.ms", Type: Long, Default: int64(60000), Valid: atLeast(0), Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, the files of a deleted segment stay on disk.",
	},
	{
		Name: "log.flush.scheduler.interval.ms", Type: Long, Default: int64(math.MaxInt64),
		Doc: "How often, in milliseconds, the broker looks for logs that are due to be forced to disk.",
	},
	{
		Name: "log.flush.interval.ms", Type: Long, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, a record may be in memory only before its log is forced to disk. Not set means log.flush.scheduler.interval.ms.",
	},
	{
		Name: "log.flush.offset.checkpoint.interval.ms", Type: Int, Default: int32(60000), Valid: atLeast(0),
		Doc: "How often, in milliseconds, it is noted up to where logs are on disk; recovery starts there.",
	},
	{
		Name: "log.flush.start.offset.checkpoint.interval.ms", Type: Int, Default: int32(60000), Valid: atLeast(0),
		Doc: "How often, in milliseconds, it is noted where logs begin.",
	},
	{
		Name: "log.preallocate", Type: Boolean, Default: false, Importance: Medium, Dynamic: ClusterWide,
		Doc: "Whether the space of a segment is reserved when it is begun.",
	},
	{
		Name: "num.recovery.threads.per.data.dir", Type: Int, Default: int32(2), Valid: atLeast(1), Dynamic: ClusterWide,
		Doc: "How many threads load and recover logs at start, and force them to disk at the end, for each log directory.",
	},
	{
		Name: "auto.create.topics.enable", Type: Boolean, Default: true,
		Doc: "Whether a topic is created when a client asks for one that does not exist.",
	},
	{
		Name: "min.insync.replicas", Type: Int, Default: int32(1), Valid: atLeast(1), Dynamic: ClusterWide,
		Doc: "How many replicas must have a record before acks=all is answered, and must be in sync for it to be taken at all.",
	},
	{
		Name: "log.message.timestamp.type", Type: String, Default: "CreateTime", Valid: oneOf{"CreateTime", "LogAppendTime"}, Importance: Medium, Dynamic: ClusterWide,
		Doc: "Whose time a record bears: CreateTime is the producer's, LogAppendTime the broker's.",
	},
	{
		Name: "log.message.timestamp.before.max.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many milliseconds a record's timestamp may be before the broker's clock. Older ones are refused.",
	},
	{
		Name: "log.message.timestamp.after.max.ms", Type: Long, Default: int64(3600000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many milliseconds a record's timestamp may be after the broker's clock. Later ones are refused.",
	},
	{
		Name: "create.topic.policy.class.name", Type: Class, Importance: Low,
		Doc: "The class that may refuse the creation of a topic. Read by the controllers.",
	},
	{
		Name: "alter.config.policy.class.name", Type: Class, Importance: Low,
		Doc: "The class that may refuse changes of configurations. Read by the controllers.",
	},
	{
		Name: "log.dir.failure.timeout.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Low,
		Doc: "A broker that cannot tell the controllers of a failed log directory for this many milliseconds stops itself.",
	},
	{
		Name: "log.initial.task.delay.ms", Type: Long, Default: int64(30000), Valid: atLeast(0), Importance: Low, Internal: true,
		Doc: "How long, in milliseconds, after the start the log's housekeeping begins.",
	},
}

// LogSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type LogSettings struct {
	NumPartitions                         int           // num.partitions
	LogRetentionCheckInterval             time.Duration // log.retention.check.interval.ms
	LogFlushSchedulerInterval             time.Duration // log.flush.scheduler.interval.ms
	LogFlushOffsetCheckpointInterval      time.Duration // log.flush.offset.checkpoint.interval.ms
	LogFlushStartOffsetCheckpointInterval time.Duration // log.flush.start.offset.checkpoint.interval.ms
	NumRecoveryThreadsPerDataDir          int           // num.recovery.threads.per.data.dir
	AutoCreateTopicsEnable                bool          // auto.create.topics.enable
	LogDirFailureTimeout                  time.Duration // log.dir.failure.timeout.ms
	LogInitialTaskDelay                   time.Duration // log.initial.task.delay.ms
}

func logSettings(v values) LogSettings {
	return LogSettings{
		NumPartitions:                         v.int("num.partitions"),
		LogRetentionCheckInterval:             v.duration("log.retention.check.interval.ms", time.Millisecond),
		LogFlushSchedulerInterval:             v.duration("log.flush.scheduler.interval.ms", time.Millisecond),
		LogFlushOffsetCheckpointInterval:      v.duration("log.flush.offset.checkpoint.interval.ms", time.Millisecond),
		LogFlushStartOffsetCheckpointInterval: v.duration("log.flush.start.offset.checkpoint.interval.ms", time.Millisecond),
		NumRecoveryThreadsPerDataDir:          v.int("num.recovery.threads.per.data.dir"),
		AutoCreateTopicsEnable:                v.bool("auto.create.topics.enable"),
		LogDirFailureTimeout:                  v.duration("log.dir.failure.timeout.ms", time.Millisecond),
		LogInitialTaskDelay:                   v.duration("log.initial.task.delay.ms", time.Millisecond),
	}
}
