package config

import (
	"math"
	"time"
)

// groupCoordinatorKeys are the keys of the group coordinator.
var groupCoordinatorKeys = []Key{
	{
		Name: "group.coordinator.rebalance.protocols", Type: List, Default: []string{"classic", "consumer", "streams"}, Valid: listOf{allowed: []string{"consumer", "classic", "share", "streams"}}, Importance: Medium,
		Doc: "The kinds of groups the broker serves. Deprecated: the cluster's features decide.",
	},
	{
		Name: "group.coordinator.threads", Type: Int, Default: int32(4), Valid: atLeast(1),
		Doc: "How many threads of work the group coordinator spreads its partitions over.",
	},
	{
		Name: "group.coordinator.background.threads", Type: Int, Default: int32(2), Valid: atLeast(1),
		Doc: "How many threads compute assignments and the like beside the group coordinator's own.",
	},
	{
		Name: "group.coordinator.append.linger.ms", Type: Int, Default: int32(-1), Valid: atLeast(-1), Importance: Medium,
		Doc: "How long, in milliseconds, the group coordinator gathers records before it writes them. 0 does not wait, -1 adapts to the load.",
	},
	{
		Name: "offsets.commit.timeout.ms", Type: Int, Default: int32(5000), Valid: atLeast(1),
		Doc: "How long, in milliseconds, an offset commit may wait for its replicas before it fails.",
	},
	{
		Name: "offsets.load.buffer.size", Type: Int, Default: int32(5242880), Valid: atLeast(1),
		Doc: "How many bytes of __consumer_offsets are read at once when a coordinator loads a partition.",
	},
	{
		Name: "offsets.topic.replication.factor", Type: Short, Default: int16(3), Valid: atLeast(1),
		Doc: "How many replicas __consumer_offsets gets. It is only created once there are as many brokers.",
	},
	{
		Name: "offsets.topic.num.partitions", Type: Int, Default: int32(50), Valid: atLeast(1),
		Doc: "How many partitions __consumer_offsets gets. It must not change once the topic exists.",
	},
	{
		Name: "offsets.topic.segment.bytes", Type: Int, Default: int32(104857600), Valid: atLeast(1),
		Doc: "The size, in bytes, of the segments of __consumer_offsets. Small ones make loading faster.",
	},
	{
		Name: "offsets.topic.compression.codec", Type: Int, Default: int32(0),
		Doc: "The codec for the records of __consumer_offsets, by number: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.",
	},
	{
		Name: "group.coordinator.cached.buffer.max.bytes", Type: Int, Default: int32(1048588), Valid: atLeast(524288), Importance: Medium, Dynamic: ClusterWide,
		Doc: "The largest write buffer, in bytes, that the group coordinator keeps for reuse.",
	},
	{
		Name: "offset.metadata.max.bytes", Type: Int, Default: int32(4096),
		Doc: "The longest text, in bytes, that a consumer may attach to a committed offset.",
	},
	{
		Name: "offsets.retention.minutes", Type: Int, Default: int32(10080), Valid: atLeast(1),
		Doc: "How long, in minutes, committed offsets are kept after the group has become empty, or after the commit where a consumer has no group.",
	},
	{
		Name: "offsets.retention.check.interval.ms", Type: Long, Default: int64(600000), Valid: atLeast(1),
		Doc: "How often, in milliseconds, the coordinator looks for offsets to drop.",
	},
	{
		Name: "group.min.session.timeout.ms", Type: Int, Default: int32(6000), Importance: Medium,
		Doc: "The shortest session, in milliseconds, that a member of a classic group may ask for.",
	},
	{
		Name: "group.max.session.timeout.ms", Type: Int, Default: int32(1800000), Importance: Medium,
		Doc: "The longest session, in milliseconds, that a member of a classic group may ask for.",
	},
	{
		Name: "group.initial.rebalance.delay.ms", Type: Int, Default: int32(3000), Importance: Medium,
		Doc: "How long, in milliseconds, an empty classic group waits for more members before its first assignment.",
	},
	{
		Name: "group.max.size", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(1), Importance: Medium,
		Doc: "How many members a classic group has at most.",
	},
	{
		Name: "group.consumer.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
		Doc: "After how many milliseconds without a heartbeat a member leaves a consumer group.",
	},
	{
		Name: "group.consumer.min.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
		Doc: "The smallest consumer.session.timeout.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.consumer.max.session.timeout.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium,
		Doc: "The largest consumer.session.timeout.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.consumer.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
		Doc: "How often, in milliseconds, members of consumer groups send heartbeats.",
	},
	{
		Name: "group.consumer.min.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
		Doc: "The smallest consumer.heartbeat.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.consumer.max.heartbeat.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(1), Importance: Medium,
		Doc: "The largest consumer.heartbeat.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.consumer.max.size", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(1), Importance: Medium,
		Doc: "How many members a consumer group has at most.",
	},
	{
		Name: "group.consumer.assignors", Type: List, Default: []string{"uniform", "range"}, Valid: listOf{}, Importance: Medium,
		Doc: "The assignors that consumer groups can choose from, the default first: uniform spreads partitions evenly, range keeps same-numbered partitions of topics together.",
	},
	{
		Name: "group.consumer.migration.policy", Type: String, Default: "bidirectional", Valid: oneOfFold{"DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"}, Importance: Medium,
		Doc: "Whether groups may change between the classic and the consumer protocol while they run: disabled, upgrade, downgrade or bidirectional.",
	},
	{
		Name: "group.consumer.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "The shortest time, in milliseconds, between two assignments of a consumer group. Changes in between are gathered.",
	},
	{
		Name: "group.consumer.min.assignment.interval.ms", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium,
		Doc: "The smallest consumer.assignment.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.consumer.max.assignment.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(0), Importance: Medium,
		Doc: "The largest consumer.assignment.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.consumer.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Dynamic: ClusterWide, Internal: true,
		Doc: "Whether assignments of consumer groups are computed beside the coordinator's own work.",
	},
	{
		Name: "group.consumer.regex.refresh.interval.ms", Type: Int, Default: int32(600000), Valid: atLeast(10000), Importance: Medium, Internal: true,
		Doc: "How often, in milliseconds, subscriptions by regular expression are matched against the topics again.",
	},
	{
		Name: "group.share.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
		Doc: "After how many milliseconds without a heartbeat a member leaves a share group.",
	},
	{
		Name: "group.share.min.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
		Doc: "The smallest share.session.timeout.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.share.max.session.timeout.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium,
		Doc: "The largest share.session.timeout.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.share.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
		Doc: "How often, in milliseconds, members of share groups send heartbeats.",
	},
	{
		Name: "group.share.min.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
		Doc: "The smallest share.heartbeat.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.share.max.heartbeat.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(1), Importance: Medium,
		Doc: "The largest share.heartbeat.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.share.max.size", Type: Int, Default: int32(200), Valid: between{1, 1000}, Importance: Medium,
		Doc: "How many members a share group has at most.",
	},
	{
		Name: "group.share.assignors", Type: List, Default: []string{"simple"}, Valid: listOf{}, Importance: Medium,
		Doc: "The assignor of share groups; exactly one.",
	},
	{
		Name: "group.share.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "The shortest time, in milliseconds, between two assignments of a share group.",
	},
	{
		Name: "group.share.min.assignment.interval.ms", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium,
		Doc: "The smallest share.assignment.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.share.max.assignment.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(0), Importance: Medium,
		Doc: "The largest share.assignment.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.share.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Dynamic: ClusterWide, Internal: true,
		Doc: "Whether assignments of share groups are computed beside the coordinator's own work.",
	},
	{
		Name: "group.share.initialize.retry.interval.ms", Type: Int, Default: int32(30000), Valid: atLeast(1), Importance: Low, Internal: true,
		Doc: "How long, in milliseconds, to wait before a share partition whose state could not be set up is tried again.",
	},
	{
		Name: "errors.deadletterqueue.auto.create.topics.enable", Type: Boolean, Default: false, Importance: Medium, Dynamic: ClusterWide,
		Doc: "Whether the topic for records that a share group gave up on is created by itself.",
	},
	{
		Name: "errors.deadletterqueue.topic.name.prefix", Type: String, Default: "dlq.", Importance: Medium, Dynamic: ClusterWide,
		Doc: "What the names of topics for given-up records must begin with where they are created by themselves.",
	},
	{
		Name: "group.streams.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
		Doc: "After how many milliseconds without a heartbeat a member leaves a streams group.",
	},
	{
		Name: "group.streams.min.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium,
		Doc: "The smallest streams.session.timeout.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.streams.max.session.timeout.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium,
		Doc: "The largest streams.session.timeout.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.streams.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
		Doc: "How often, in milliseconds, members of streams groups send heartbeats.",
	},
	{
		Name: "group.streams.min.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium,
		Doc: "The smallest streams.heartbeat.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.streams.max.heartbeat.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(1), Importance: Medium,
		Doc: "The largest streams.heartbeat.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.streams.max.size", Type: Int, Default: int32(math.MaxInt32), Valid: atLeast(1), Importance: Medium,
		Doc: "How many members a streams group has at most.",
	},
	{
		Name: "group.streams.num.standby.replicas", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium,
		Doc: "How many standby copies of each task's state a streams group keeps.",
	},
	{
		Name: "group.streams.max.standby.replicas", Type: Int, Default: int32(2), Valid: atLeast(0), Importance: Medium,
		Doc: "The largest streams.num.standby.replicas that a group may set.",
	},
	{
		Name: "group.streams.initial.rebalance.delay.ms", Type: Int, Default: int32(3000), Valid: atLeast(0), Importance: Medium,
		Doc: "How long, in milliseconds, an empty streams group waits for more members before its first assignment.",
	},
	{
		Name: "group.streams.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "The shortest time, in milliseconds, between two assignments of a streams group.",
	},
	{
		Name: "group.streams.min.assignment.interval.ms", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium,
		Doc: "The smallest streams.assignment.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.streams.max.assignment.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(0), Importance: Medium,
		Doc: "The largest streams.assignment.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.streams.assignors", Type: List, Default: []string{"sticky"}, Valid: listOf{}, Importance: Medium,
		Doc: "The task assignors that streams groups can choose from, the default first.",
	},
	{
		Name: "group.streams.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Dynamic: ClusterWide, Internal: true,
		Doc: "Whether assignments of streams groups are computed beside the coordinator's own work.",
	},
	{
		Name: "group.streams.task.offset.interval.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium, Internal: true,
		Doc: "How often, in milliseconds, members of streams groups report how far their tasks are.",
	},
	{
		Name: "group.streams.min.task.offset.interval.ms", Type: Int, Default: int32(15000), Valid: atLeast(1), Importance: Medium, Internal: true,
		Doc: "The smallest streams.task.offset.interval.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.streams.num.warmup.replicas", Type: Int, Default: int32(2), Valid: atLeast(0), Importance: Medium, Internal: true,
		Doc: "How many extra copies of tasks may be warmed up on other members at once before they move there.",
	},
	{
		Name: "group.streams.max.warmup.replicas", Type: Int, Default: int32(20), Valid: atLeast(0), Importance: Medium, Internal: true,
		Doc: "The largest streams.num.warmup.replicas that a group may set.",
	},
	{
		Name: "group.streams.rack.aware.assignment.tags", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Low,
		Doc: "The client tags over which standby tasks are spread, separated by commas.",
	},
	{
		Name: "group.streams.topology.description.plugin.class", Type: Class, Importance: Medium,
		Doc: "The class that keeps descriptions of the topologies of streams groups.",
	},
	{
		Name: "group.streams.acceptable.recovery.lag", Type: Long, Default: int64(10000), Valid: atLeast(0), Importance: Medium, Internal: true,
		Doc: "How many records a task's copy may be behind to count as caught up.",
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
