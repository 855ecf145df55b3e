package config

import (
	"time"
)

// shareKeys are the keys of share groups and the share coordinator.
var shareKeys = []Key{
	{
		Name: "group.share.delivery.count.limit", Type: Int, Default: int32(5), Valid: between{2, 10}, Importance: Medium,
		Doc: "How often a record of a share group is delivered before it is given up.",
	},
	{
		Name: "group.share.max.delivery.count.limit", Type: Int, Default: int32(10), Valid: between{5, 25}, Importance: Medium,
		Doc: "The largest share.delivery.count.limit that a group may set.",
	},
	{
		Name: "group.share.min.delivery.count.limit", Type: Int, Default: int32(2), Valid: between{2, 5}, Importance: Medium,
		Doc: "The smallest share.delivery.count.limit that a group may set.",
	},
	{
		Name: "group.share.record.lock.duration.ms", Type: Int, Default: int32(30000), Valid: between{1000, 3600000}, Importance: Medium,
		Doc: "For how many milliseconds a delivered record of a share group is kept from other members.",
	},
	{
		Name: "group.share.min.record.lock.duration.ms", Type: Int, Default: int32(15000), Valid: between{1000, 30000}, Importance: Medium,
		Doc: "The smallest share.record.lock.duration.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.share.max.record.lock.duration.ms", Type: Int, Default: int32(60000), Valid: between{30000, 3600000}, Importance: Medium,
		Doc: "The largest share.record.lock.duration.ms that a group may set, in milliseconds.",
	},
	{
		Name: "group.share.partition.max.record.locks", Type: Int, Default: int32(2000), Valid: between{100, 10000}, Importance: Medium,
		Doc: "How many records of one partition may be delivered and not yet acknowledged.",
	},
	{
		Name: "group.share.max.partition.max.record.locks", Type: Int, Default: int32(4000), Valid: between{2000, 10000}, Importance: Medium,
		Doc: "The largest share.partition.max.record.locks that a group may set.",
	},
	{
		Name: "group.share.min.partition.max.record.locks", Type: Int, Default: int32(100), Valid: between{100, 2000}, Importance: Medium,
		Doc: "The smallest share.partition.max.record.locks that a group may set.",
	},
	{
		Name: "share.fetch.purgatory.purge.interval.requests", Type: Int, Default: int32(1000), Importance: Medium,
		Doc: "After how many finished share fetches the waiting room is tidied up.",
	},
	{
		Name: "group.share.max.share.sessions", Type: Int, Default: int32(2000), Valid: atLeast(1), Importance: Medium,
		Doc: "How many share sessions one broker keeps.",
	},
	{
		Name: "group.share.persister.class.name", Type: String, Default: "org.apache.kafka.server.share.persister.DefaultStatePersister", Importance: Medium, Internal: true,
		Doc: "The class that keeps the state of share groups.",
	},
	{
		Name: "group.share.dlq.manager.class.name", Type: String, Default: "org.apache.kafka.server.share.dlq.DefaultShareGroupDLQManager", Importance: Medium, Internal: true,
		Doc: "The class that writes given-up records of share groups.",
	},
	{
		Name: "share.coordinator.state.topic.num.partitions", Type: Int, Default: int32(50), Valid: atLeast(1),
		Doc: "How many partitions __share_group_state gets. It must not change once the topic exists.",
	},
	{
		Name: "share.coordinator.state.topic.replication.factor", Type: Short, Default: int16(3), Valid: atLeast(1),
		Doc: "How many replicas __share_group_state gets. It is only created once there are as many brokers.",
	},
	{
		Name: "share.coordinator.state.topic.min.isr", Type: Short, Default: int16(2), Valid: atLeast(1),
		Doc: "The min.insync.replicas of __share_group_state.",
	},
	{
		Name: "share.coordinator.state.topic.segment.bytes", Type: Int, Default: int32(104857600), Valid: atLeast(1),
		Doc: "The size, in bytes, of the segments of __share_group_state.",
	},
	{
		Name: "share.coordinator.threads", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium,
		Doc: "How many threads of work the share coordinator spreads its partitions over.",
	},
	{
		Name: "share.coordinator.snapshot.update.records.per.snapshot", Type: Int, Default: int32(500), Valid: between{0, 500}, Importance: Medium,
		Doc: "After how many update records the share coordinator writes a whole snapshot of a share partition.",
	},
	{
		Name: "share.coordinator.load.buffer.size", Type: Int, Default: int32(5242880), Valid: atLeast(1),
		Doc: "How many bytes of __share_group_state are read at once when a coordinator loads a partition.",
	},
	{
		Name: "share.coordinator.state.topic.compression.codec", Type: Int, Default: int32(0),
		Doc: "The codec for the records of __share_group_state, by number: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.",
	},
	{
		Name: "share.coordinator.append.linger.ms", Type: Int, Default: int32(-1), Valid: atLeast(-1), Importance: Medium,
		Doc: "How long, in milliseconds, the share coordinator gathers records before it writes them. 0 does not wait, -1 adapts to the load.",
	},
	{
		Name: "share.coordinator.write.timeout.ms", Type: Int, Default: int32(5000), Valid: atLeast(1),
		Doc: "How long, in milliseconds, a write of the share coordinator may wait for its replicas.",
	},
	{
		Name: "share.coordinator.state.topic.prune.interval.ms", Type: Int, Default: int32(300000), Valid: atLeast(1), Importance: Low, Internal: true,
		Doc: "How often, in milliseconds, records that are no longer needed are deleted from __share_group_state.",
	},
	{
		Name: "share.coordinator.cold.partition.snapshot.interval.ms", Type: Int, Default: int32(300000), Valid: atLeast(1), Importance: Low, Internal: true,
		Doc: "How often, in milliseconds, share partitions that do not change get a new snapshot, so that old records can go.",
	},
	{
		Name: "share.coordinator.cached.buffer.max.bytes", Type: Int, Default: int32(1048588), Valid: atLeast(524288), Importance: Medium, Dynamic: ClusterWide,
		Doc: "The largest write buffer, in bytes, that the share coordinator keeps for reuse.",
	},
}

// ShareSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type ShareSettings struct {
	GroupShareDeliveryCountLimit                     int           // group.share.delivery.count.limit
	GroupShareMaxDeliveryCountLimit                  int           // group.share.max.delivery.count.limit
	GroupShareMinDeliveryCountLimit                  int           // group.share.min.delivery.count.limit
	GroupShareRecordLockDuration                     time.Duration // group.share.record.lock.duration.ms
	GroupShareMinRecordLockDuration                  time.Duration // group.share.min.record.lock.duration.ms
	GroupShareMaxRecordLockDuration                  time.Duration // group.share.max.record.lock.duration.ms
	GroupSharePartitionMaxRecordLocks                int           // group.share.partition.max.record.locks
	GroupShareMaxPartitionMaxRecordLocks             int           // group.share.max.partition.max.record.locks
	GroupShareMinPartitionMaxRecordLocks             int           // group.share.min.partition.max.record.locks
	ShareFetchPurgatoryPurgeIntervalRequests         int           // share.fetch.purgatory.purge.interval.requests
	GroupShareMaxShareSessions                       int           // group.share.max.share.sessions
	ShareCoordinatorStateTopicNumPartitions          int           // share.coordinator.state.topic.num.partitions
	ShareCoordinatorStateTopicReplicationFactor      int16         // share.coordinator.state.topic.replication.factor
	ShareCoordinatorStateTopicMinISR                 int16         // share.coordinator.state.topic.min.isr
	ShareCoordinatorStateTopicSegmentBytes           int           // share.coordinator.state.topic.segment.bytes
	ShareCoordinatorThreads                          int           // share.coordinator.threads
	ShareCoordinatorSnapshotUpdateRecordsPerSnapshot int           // share.coordinator.snapshot.update.records.per.snapshot
	ShareCoordinatorLoadBufferSize                   int           // share.coordinator.load.buffer.size
	ShareCoordinatorStateTopicCompressionCodec       int           // share.coordinator.state.topic.compression.codec
	ShareCoordinatorAppendLinger                     time.Duration // share.coordinator.append.linger.ms
	ShareCoordinatorWriteTimeout                     time.Duration // share.coordinator.write.timeout.ms
	ShareCoordinatorStateTopicPruneInterval          time.Duration // share.coordinator.state.topic.prune.interval.ms
	ShareCoordinatorColdPartitionSnapshotInterval    time.Duration // share.coordinator.cold.partition.snapshot.interval.ms
	ShareCoordinatorCachedBufferMaxBytes             int           // share.coordinator.cached.buffer.max.bytes
}

func shareSettings(v values) ShareSettings {
	return ShareSettings{
		GroupShareDeliveryCountLimit:                     v.int("group.share.delivery.count.limit"),
		GroupShareMaxDeliveryCountLimit:                  v.int("group.share.max.delivery.count.limit"),
		GroupShareMinDeliveryCountLimit:                  v.int("group.share.min.delivery.count.limit"),
		GroupShareRecordLockDuration:                     v.duration("group.share.record.lock.duration.ms", time.Millisecond),
		GroupShareMinRecordLockDuration:                  v.duration("group.share.min.record.lock.duration.ms", time.Millisecond),
		GroupShareMaxRecordLockDuration:                  v.duration("group.share.max.record.lock.duration.ms", time.Millisecond),
		GroupSharePartitionMaxRecordLocks:                v.int("group.share.partition.max.record.locks"),
		GroupShareMaxPartitionMaxRecordLocks:             v.int("group.share.max.partition.max.record.locks"),
		GroupShareMinPartitionMaxRecordLocks:             v.int("group.share.min.partition.max.record.locks"),
		ShareFetchPurgatoryPurgeIntervalRequests:         v.int("share.fetch.purgatory.purge.interval.requests"),
		GroupShareMaxShareSessions:                       v.int("group.share.max.share.sessions"),
		ShareCoordinatorStateTopicNumPartitions:          v.int("share.coordinator.state.topic.num.partitions"),
		ShareCoordinatorStateTopicReplicationFactor:      v.int16("share.coordinator.state.topic.replication.factor"),
		ShareCoordinatorStateTopicMinISR:                 v.int16("share.coordinator.state.topic.min.isr"),
		ShareCoordinatorStateTopicSegmentBytes:           v.int("share.coordinator.state.topic.segment.bytes"),
		ShareCoordinatorThreads:                          v.int("share.coordinator.threads"),
		ShareCoordinatorSnapshotUpdateRecordsPerSnapshot: v.int("share.coordinator.snapshot.update.records.per.snapshot"),
		ShareCoordinatorLoadBufferSize:                   v.int("share.coordinator.load.buffer.size"),
		ShareCoordinatorStateTopicCompressionCodec:       v.int("share.coordinator.state.topic.compression.codec"),
		ShareCoordinatorAppendLinger:                     v.duration("share.coordinator.append.linger.ms", time.Millisecond),
		ShareCoordinatorWriteTimeout:                     v.duration("share.coordinator.write.timeout.ms", time.Millisecond),
		ShareCoordinatorStateTopicPruneInterval:          v.duration("share.coordinator.state.topic.prune.interval.ms", time.Millisecond),
		ShareCoordinatorColdPartitionSnapshotInterval:    v.duration("share.coordinator.cold.partition.snapshot.interval.ms", time.Millisecond),
		ShareCoordinatorCachedBufferMaxBytes:             v.int("share.coordinator.cached.buffer.max.bytes"),
	}
}
