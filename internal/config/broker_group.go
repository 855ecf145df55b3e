package config

import (
	"math"
	"time"
)

// groupCoordinatorKeys are the keys of the group coordinator.
var groupCoordinatorKeys = []Key{
	{
		Name: "group.coordinator.rebalance.protocols", Type: List, Default: []string{"classic", "consumer", "streams"}, Valid: listOf{allowed: []string{"consumer", "classic", "share", "streams"}}, Importance: Medium,
	},
	{
		Name: "group.coordinator.threads", Type: Int, Default: int32(4), Valid: atLeast(1),
	},
	{
		Name: "group.coordinator.background.threads", Type: Int, Default: int32(2), Valid: atLeast(1),
	},
	{
		Name: "group.coordinator.append.linger.ms", Type: Int, Default: int32(-1), Valid: atLeast(-1), Importance: Medium,
	},
	{
		Name: "offsets.commit.timeout.ms", Type: Int, Default: int32(5000), Valid: atLeast(1),
	},
	{
		Name: "offsets.load.buffer.size", Type: Int, Default: int32(5242880), Valid: atLeast(1),
	},
	{
		Name: "offsets.topic.replication.factor", Type: Short, Default: int16(3), Valid: atLeast(1),
	},
	{
		Name: "offsets.topic.num.partitions", Type: Int, Default: int32(50), Valid: atLeast(1),
	},
	{
		Name: "offsets.topic.segment.bytes", Type: Int, Default: int32(104857600), Valid: atLeast(1),
	},
	{
		Name: "offsets.topic.compression.codec", Type: Int, Default: int32(0),
	},
	{
		Name: "group.coordinator.cached.buffer.max.bytes", Type: Int, Default: int32(1048588), Valid: atLeast(524288), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "offset.metadata.max.bytes", Type: Int, Default: int32(4096),
	},
	{
		Name: "offsets.retention.minutes", Type: Int, Default: int32(10080), Valid: atLeast(1),
	},
	{
		Name: "offsets.retention.check.interval.ms", Type: Long, Default: int64(600000), Valid: atLeast(1),
	},
	{
		Name: "group.min.session.timeout.ms", Type: Int, Default: int32(6000), Importance: Medium,
	},
	{
		Name: "group.max.session.timeout.ms", Type: Int, Default: int32(1800000), Importance: Medium,
	},
	{
		Name: "group.initial.rebalance.delay.ms", Type: Int, Default: int32(3000), Importance: Medium,
	},
	{
		Name: "group.max.size", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.consumer.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.consumer.min.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.consumer.max.session.timeout.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.consumer.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.consumer.min.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.consumer.max.heartbeat.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.consumer.max.size", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.consumer.assignors", Type: List, Default: []string{"uniform", "range"}, Valid: listOf{}, Importance: Medium,
	},
	{
		Name: "group.consumer.migration.policy", Type: String, Default: "bidirectional", Valid: oneOfFold{"DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"}, Importance: Medium,
	},
	{
		Name: "group.consumer.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "group.consumer.min.assignment.interval.ms", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "group.consumer.max.assignment.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "group.consumer.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Dynamic: ClusterWide, Internal: true,
	},
	{
		Name: "group.consumer.regex.refresh.interval.ms", Type: Int, Default: int32(600000), Valid: atLeast(10000), Importance: Medium, Internal: true,
	},
	{
		Name: "group.share.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.share.min.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.share.max.session.timeout.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.share.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.share.min.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.share.max.heartbeat.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.share.max.size", Type: Int, Default: int32(200), Valid: between{1, 1000}, Importance: Medium,
	},
	{
		Name: "group.share.assignors", Type: List, Default: []string{"simple"}, Valid: listOf{}, Importance: Medium,
	},
	{
		Name: "group.share.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "group.share.min.assignment.interval.ms", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "group.share.max.assignment.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "group.share.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Dynamic: ClusterWide, Internal: true,
	},
	{
		Name: "group.share.initialize.retry.interval.ms", Type: Int, Default: int32(30000), Valid: atLeast(1), Importance: Low, Internal: true,
	},
	{
		Name: "errors.deadletterqueue.auto.create.topics.enable", Type: Boolean, Default: false, Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "errors.deadletterqueue.topic.name.prefix", Type: String, Default: "dlq.", Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "group.streams.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.streams.min.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.streams.max.session.timeout.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.streams.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.streams.min.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.streams.max.heartbeat.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.streams.max.size", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.streams.num.standby.replicas", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "group.streams.max.standby.replicas", Type: Int, Default: int32(2), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "group.streams.initial.rebalance.delay.ms", Type: Int, Default: int32(3000), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "group.streams.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "group.streams.min.assignment.interval.ms", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "group.streams.max.assignment.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "group.streams.assignors", Type: List, Default: []string{"sticky"}, Valid: listOf{}, Importance: Medium,
	},
	{
		Name: "group.streams.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Dynamic: ClusterWide, Internal: true,
	},
	{
		Name: "group.streams.task.offset.interval.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium, Internal: true,
	},
	{
		Name: "group.streams.min.task.offset.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(1), Importance: Medium, Internal: true,
	},
	{
		Name: "group.streams.num.warmup.replicas", Type: Int, Default: int32(2), Valid: atLeast(0), Importance: Medium, Internal: true,
	},
	{
		Name: "group.streams.max.warmup.replicas", Type: Int, Default: int32(20), Valid: atLeast(0), Importance: Medium, Internal: true,
	},
	{
		Name: "group.streams.rack.aware.assignment.tags", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Low,
	},
	{
		Name: "group.streams.topology.description.plugin.class", Type: Class, Importance: Medium,
	},
	{
		Name: "group.streams.acceptable.recovery.lag", Type: Long, Default: int64(10000), Valid: atLeast(0), Importance: Medium, Internal: true,
	},
}

// GroupCoordinatorSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type GroupCoordinatorSettings struct {
	GroupCoordinatorThreads                     int           // group.coordinator.threads
	GroupCoordinatorBackgroundThreads           int           // group.coordinator.background.threads
	GroupCoordinatorAppendLinger                time.Duration // group.coordinator.append.linger.ms
	OffsetsCommitTimeout                        time.Duration // offsets.commit.timeout.ms
	OffsetsLoadBufferSize                       int           // offsets.load.buffer.size
	OffsetsTopicReplicationFactor               int16         // offsets.topic.replication.factor
	OffsetsTopicNumPartitions                   int           // offsets.topic.num.partitions
	OffsetsTopicSegmentBytes                    int           // offsets.topic.segment.bytes
	OffsetsTopicCompressionCodec                int           // offsets.topic.compression.codec
	GroupCoordinatorCachedBufferMaxBytes        int           // group.coordinator.cached.buffer.max.bytes
	OffsetMetadataMaxBytes                      int           // offset.metadata.max.bytes
	OffsetsRetention                            time.Duration // offsets.retention.minutes
	OffsetsRetentionCheckInterval               time.Duration // offsets.retention.check.interval.ms
	GroupMinSessionTimeout                      time.Duration // group.min.session.timeout.ms
	GroupMaxSessionTimeout                      time.Duration // group.max.session.timeout.ms
	GroupInitialRebalanceDelay                  time.Duration // group.initial.rebalance.delay.ms
	GroupMaxSize                                int           // group.max.size
	GroupConsumerSessionTimeout                 time.Duration // group.consumer.session.timeout.ms
	GroupConsumerMinSessionTimeout              time.Duration // group.consumer.min.session.timeout.ms
	GroupConsumerMaxSessionTimeout              time.Duration // group.consumer.max.session.timeout.ms
	GroupConsumerHeartbeatInterval              time.Duration // group.consumer.heartbeat.interval.ms
	GroupConsumerMinHeartbeatInterval           time.Duration // group.consumer.min.heartbeat.interval.ms
	GroupConsumerMaxHeartbeatInterval           time.Duration // group.consumer.max.heartbeat.interval.ms
	GroupConsumerMaxSize                        int           // group.consumer.max.size
	GroupConsumerAssignors                      []string      // group.consumer.assignors
	GroupConsumerMigrationPolicy                string        // group.consumer.migration.policy
	GroupConsumerAssignmentInterval             time.Duration // group.consumer.assignment.interval.ms
	GroupConsumerMinAssignmentInterval          time.Duration // group.consumer.min.assignment.interval.ms
	GroupConsumerMaxAssignmentInterval          time.Duration // group.consumer.max.assignment.interval.ms
	GroupConsumerAssignorOffloadEnable          bool          // group.consumer.assignor.offload.enable
	GroupConsumerRegexRefreshInterval           time.Duration // group.consumer.regex.refresh.interval.ms
	GroupShareSessionTimeout                    time.Duration // group.share.session.timeout.ms
	GroupShareMinSessionTimeout                 time.Duration // group.share.min.session.timeout.ms
	GroupShareMaxSessionTimeout                 time.Duration // group.share.max.session.timeout.ms
	GroupShareHeartbeatInterval                 time.Duration // group.share.heartbeat.interval.ms
	GroupShareMinHeartbeatInterval              time.Duration // group.share.min.heartbeat.interval.ms
	GroupShareMaxHeartbeatInterval              time.Duration // group.share.max.heartbeat.interval.ms
	GroupShareMaxSize                           int           // group.share.max.size
	GroupShareAssignors                         []string      // group.share.assignors
	GroupShareAssignmentInterval                time.Duration // group.share.assignment.interval.ms
	GroupShareMinAssignmentInterval             time.Duration // group.share.min.assignment.interval.ms
	GroupShareMaxAssignmentInterval             time.Duration // group.share.max.assignment.interval.ms
	GroupShareAssignorOffloadEnable             bool          // group.share.assignor.offload.enable
	GroupShareInitializeRetryInterval           time.Duration // group.share.initialize.retry.interval.ms
	ErrorsDeadLetterQueueAutoCreateTopicsEnable bool          // errors.deadletterqueue.auto.create.topics.enable
	ErrorsDeadLetterQueueTopicNamePrefix        string        // errors.deadletterqueue.topic.name.prefix
	GroupStreamsSessionTimeout                  time.Duration // group.streams.session.timeout.ms
	GroupStreamsMinSessionTimeout               time.Duration // group.streams.min.session.timeout.ms
	GroupStreamsMaxSessionTimeout               time.Duration // group.streams.max.session.timeout.ms
	GroupStreamsHeartbeatInterval               time.Duration // group.streams.heartbeat.interval.ms
	GroupStreamsMinHeartbeatInterval            time.Duration // group.streams.min.heartbeat.interval.ms
	GroupStreamsMaxHeartbeatInterval            time.Duration // group.streams.max.heartbeat.interval.ms
	GroupStreamsMaxSize                         int           // group.streams.max.size
	GroupStreamsNumStandbyReplicas              int           // group.streams.num.standby.replicas
	GroupStreamsMaxStandbyReplicas              int           // group.streams.max.standby.replicas
	GroupStreamsInitialRebalanceDelay           time.Duration // group.streams.initial.rebalance.delay.ms
	GroupStreamsAssignmentInterval              time.Duration // group.streams.assignment.interval.ms
	GroupStreamsMinAssignmentInterval           time.Duration // group.streams.min.assignment.interval.ms
	GroupStreamsMaxAssignmentInterval           time.Duration // group.streams.max.assignment.interval.ms
	GroupStreamsAssignors                       []string      // group.streams.assignors
	GroupStreamsAssignorOffloadEnable           bool          // group.streams.assignor.offload.enable
	GroupStreamsTaskOffsetInterval              time.Duration // group.streams.task.offset.interval.ms
	GroupStreamsMinTaskOffsetInterval           time.Duration // group.streams.min.task.offset.interval.ms
	GroupStreamsNumWarmupReplicas               int           // group.streams.num.warmup.replicas
	GroupStreamsMaxWarmupReplicas               int           // group.streams.max.warmup.replicas
	GroupStreamsRackAwareAssignmentTags         []string      // group.streams.rack.aware.assignment.tags
	GroupStreamsAcceptableRecoveryLag           int64         // group.streams.acceptable.recovery.lag
}

func groupCoordinatorSettings(v values) GroupCoordinatorSettings {
	return GroupCoordinatorSettings{
		GroupCoordinatorThreads:                     v.int("group.coordinator.threads"),
		GroupCoordinatorBackgroundThreads:           v.int("group.coordinator.background.threads"),
		GroupCoordinatorAppendLinger:                v.duration("group.coordinator.append.linger.ms", time.Millisecond),
		OffsetsCommitTimeout:                        v.duration("offsets.commit.timeout.ms", time.Millisecond),
		OffsetsLoadBufferSize:                       v.int("offsets.load.buffer.size"),
		OffsetsTopicReplicationFactor:               v.int16("offsets.topic.replication.factor"),
		OffsetsTopicNumPartitions:                   v.int("offsets.topic.num.partitions"),
		OffsetsTopicSegmentBytes:                    v.int("offsets.topic.segment.bytes"),
		OffsetsTopicCompressionCodec:                v.int("offsets.topic.compression.codec"),
		GroupCoordinatorCachedBufferMaxBytes:        v.int("group.coordinator.cached.buffer.max.bytes"),
		OffsetMetadataMaxBytes:                      v.int("offset.metadata.max.bytes"),
		OffsetsRetention:                            v.duration("offsets.retention.minutes", time.Minute),
		OffsetsRetentionCheckInterval:               v.duration("offsets.retention.check.interval.ms", time.Millisecond),
		GroupMinSessionTimeout:                      v.duration("group.min.session.timeout.ms", time.Millisecond),
		GroupMaxSessionTimeout:                      v.duration("group.max.session.timeout.ms", time.Millisecond),
		GroupInitialRebalanceDelay:                  v.duration("group.initial.rebalance.delay.ms", time.Millisecond),
		GroupMaxSize:                                v.int("group.max.size"),
		GroupConsumerSessionTimeout:                 v.duration("group.consumer.session.timeout.ms", time.Millisecond),
		GroupConsumerMinSessionTimeout:              v.duration("group.consumer.min.session.timeout.ms", time.Millisecond),
		GroupConsumerMaxSessionTimeout:              v.duration("group.consumer.max.session.timeout.ms", time.Millisecond),
		GroupConsumerHeartbeatInterval:              v.duration("group.consumer.heartbeat.interval.ms", time.Millisecond),
		GroupConsumerMinHeartbeatInterval:           v.duration("group.consumer.min.heartbeat.interval.ms", time.Millisecond),
		GroupConsumerMaxHeartbeatInterval:           v.duration("group.consumer.max.heartbeat.interval.ms", time.Millisecond),
		GroupConsumerMaxSize:                        v.int("group.consumer.max.size"),
		GroupConsumerAssignors:                      v.list("group.consumer.assignors"),
		GroupConsumerMigrationPolicy:                v.text("group.consumer.migration.policy"),
		GroupConsumerAssignmentInterval:             v.duration("group.consumer.assignment.interval.ms", time.Millisecond),
		GroupConsumerMinAssignmentInterval:          v.duration("group.consumer.min.assignment.interval.ms", time.Millisecond),
		GroupConsumerMaxAssignmentInterval:          v.duration("group.consumer.max.assignment.interval.ms", time.Millisecond),
		GroupConsumerAssignorOffloadEnable:          v.bool("group.consumer.assignor.offload.enable"),
		GroupConsumerRegexRefreshInterval:           v.duration("group.consumer.regex.refresh.interval.ms", time.Millisecond),
		GroupShareSessionTimeout:                    v.duration("group.share.session.timeout.ms", time.Millisecond),
		GroupShareMinSessionTimeout:                 v.duration("group.share.min.session.timeout.ms", time.Millisecond),
		GroupShareMaxSessionTimeout:                 v.duration("group.share.max.session.timeout.ms", time.Millisecond),
		GroupShareHeartbeatInterval:                 v.duration("group.share.heartbeat.interval.ms", time.Millisecond),
		GroupShareMinHeartbeatInterval:              v.duration("group.share.min.heartbeat.interval.ms", time.Millisecond),
		GroupShareMaxHeartbeatInterval:              v.duration("group.share.max.heartbeat.interval.ms", time.Millisecond),
		GroupShareMaxSize:                           v.int("group.share.max.size"),
		GroupShareAssignors:                         v.list("group.share.assignors"),
		GroupShareAssignmentInterval:                v.duration("group.share.assignment.interval.ms", time.Millisecond),
		GroupShareMinAssignmentInterval:             v.duration("group.share.min.assignment.interval.ms", time.Millisecond),
		GroupShareMaxAssignmentInterval:             v.duration("group.share.max.assignment.interval.ms", time.Millisecond),
		GroupShareAssignorOffloadEnable:             v.bool("group.share.assignor.offload.enable"),
		GroupShareInitializeRetryInterval:           v.duration("group.share.initialize.retry.interval.ms", time.Millisecond),
		ErrorsDeadLetterQueueAutoCreateTopicsEnable: v.bool("errors.deadletterqueue.auto.create.topics.enable"),
		ErrorsDeadLetterQueueTopicNamePrefix:        v.text("errors.deadletterqueue.topic.name.prefix"),
		GroupStreamsSessionTimeout:                  v.duration("group.streams.session.timeout.ms", time.Millisecond),
		GroupStreamsMinSessionTimeout:               v.duration("group.streams.min.session.timeout.ms", time.Millisecond),
		GroupStreamsMaxSessionTimeout:               v.duration("group.streams.max.session.timeout.ms", time.Millisecond),
		GroupStreamsHeartbeatInterval:               v.duration("group.streams.heartbeat.interval.ms", time.Millisecond),
		GroupStreamsMinHeartbeatInterval:            v.duration("group.streams.min.heartbeat.interval.ms", time.Millisecond),
		GroupStreamsMaxHeartbeatInterval:            v.duration("group.streams.max.heartbeat.interval.ms", time.Millisecond),
		GroupStreamsMaxSize:                         v.int("group.streams.max.size"),
		GroupStreamsNumStandbyReplicas:              v.int("group.streams.num.standby.replicas"),
		GroupStreamsMaxStandbyReplicas:              v.int("group.streams.max.standby.replicas"),
		GroupStreamsInitialRebalanceDelay:           v.duration("group.streams.initial.rebalance.delay.ms", time.Millisecond),
		GroupStreamsAssignmentInterval:              v.duration("group.streams.assignment.interval.ms", time.Millisecond),
		GroupStreamsMinAssignmentInterval:           v.duration("group.streams.min.assignment.interval.ms", time.Millisecond),
		GroupStreamsMaxAssignmentInterval:           v.duration("group.streams.max.assignment.interval.ms", time.Millisecond),
		GroupStreamsAssignors:                       v.list("group.streams.assignors"),
		GroupStreamsAssignorOffloadEnable:           v.bool("group.streams.assignor.offload.enable"),
		GroupStreamsTaskOffsetInterval:              v.duration("group.streams.task.offset.interval.ms", time.Millisecond),
		GroupStreamsMinTaskOffsetInterval:           v.duration("group.streams.min.task.offset.interval.ms", time.Millisecond),
		GroupStreamsNumWarmupReplicas:               v.int("group.streams.num.warmup.replicas"),
		GroupStreamsMaxWarmupReplicas:               v.int("group.streams.max.warmup.replicas"),
		GroupStreamsRackAwareAssignmentTags:         v.list("group.streams.rack.aware.assignment.tags"),
		GroupStreamsAcceptableRecoveryLag:           v.int64("group.streams.acceptable.recovery.lag"),
	}
}
