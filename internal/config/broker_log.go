package config

import (
	"math"
	"time"
)

// logKeys are the keys of logs and topic defaults.
var logKeys = []Key{
	{
		Name: "num.partitions", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "log.dir", Type: List, Default: []string{"/tmp/kafka-logs"}, Valid: listOf{},
	},
	{
		Name: "log.dirs", Type: List, Valid: listOf{null: true},
	},
	{
		Name: "cordoned.log.dirs", Type: List, Default: []string{}, Valid: listOf{empty: true, null: true}, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "log.segment.bytes", Type: Int, Default: int32(1073741824), Valid: atLeast(1048576), Dynamic: ClusterWide,
	},
	{
		Name: "log.roll.ms", Type: Long, Dynamic: ClusterWide,
	},
	{
		Name: "log.roll.hours", Type: Int, Default: int32(168), Valid: atLeast(1),
	},
	{
		Name: "log.roll.jitter.ms", Type: Long, Dynamic: ClusterWide,
	},
	{
		Name: "log.roll.jitter.hours", Type: Int, Default: int32(0), Valid: atLeast(0),
	},
	{
		Name: "log.retention.ms", Type: Long, Dynamic: ClusterWide,
	},
	{
		Name: "log.retention.minutes", Type: Int,
	},
	{
		Name: "log.retention.hours", Type: Int, Default: int32(168),
	},
	{
		Name: "log.retention.bytes", Type: Long, Default: int64(-1), Dynamic: ClusterWide,
	},
	{
		Name: "log.retention.check.interval.ms", Type: Long, Default: int64(300000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "log.cleanup.policy", Type: List, Default: []string{"delete"}, Valid: listOf{allowed: []string{"compact", "delete"}, empty: true}, Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "log.index.size.max.bytes", Type: Int, Default: int32(10485760), Valid: atLeast(4), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "log.index.interval.bytes", Type: Int, Default: int32(4096), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "log.flush.interval.messages", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Dynamic: ClusterWide,
	},
	{
		Name: "log.segment.delete.delay.ms", Type: Long, Default: int64(60000), Valid: atLeast(0), Dynamic: ClusterWide,
	},
	{
		Name: "log.flush.scheduler.interval.ms", Type: Long, Default: int64(math.MaxInt64),
	},
	{
		Name: "log.flush.interval.ms", Type: Long, Dynamic: ClusterWide,
	},
	{
		Name: "log.flush.offset.checkpoint.interval.ms", Type: Int, Default: int32(60000), Valid: atLeast(0),
	},
	{
		Name: "log.flush.start.offset.checkpoint.interval.ms", Type: Int, Default: int32(60000), Valid: atLeast(0),
	},
	{
		Name: "log.preallocate", Type: Boolean, Default: false, Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "num.recovery.threads.per.data.dir", Type: Int, Default: int32(2), Valid: atLeast(1), Dynamic: ClusterWide,
	},
	{
		Name: "auto.create.topics.enable", Type: Boolean, Default: true,
	},
	{
		Name: "min.insync.replicas", Type: Int, Default: int32(1), Valid: atLeast(1), Dynamic: ClusterWide,
	},
	{
		Name: "log.message.timestamp.type", Type: String, Default: "CreateTime", Valid: oneOf{"CreateTime", "LogAppendTime"}, Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "log.message.timestamp.before.max.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "log.message.timestamp.after.max.ms", Type: Long, Default: int64(3600000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "create.topic.policy.class.name", Type: Class, Importance: Low,
	},
	{
		Name: "alter.config.policy.class.name", Type: Class, Importance: Low,
	},
	{
		Name: "log.dir.failure.timeout.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Low,
	},
	{
		Name: "log.initial.task.delay.ms", Type: Long, Default: int64(30000), Valid: atLeast(0), Importance: Low, Internal: true,
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
