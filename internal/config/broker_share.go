package config

import (
	"time"
)

// shareKeys are the keys of share groups and the share coordinator.
var shareKeys = []Key{
	{
		Name: "group.share.delivery.count.limit", Type: Int, Default: int32(5), Valid: between{2, 10}, Importance: Medium,
	},
	{
		Name: "group.share.max.delivery.count.limit", Type: Int, Default: int32(10), Valid: between{5, 25}, Importance: Medium,
	},
	{
		Name: "group.share.min.delivery.count.limit", Type: Int, Default: int32(2), Valid: between{2, 5}, Importance: Medium,
	},
	{
		Name: "group.share.record.lock.duration.ms", Type: Int, Default: int32(30000), Valid: between{1000, 3600000}, Importance: Medium,
	},
	{
		Name: "group.share.min.record.lock.duration.ms", Type: Int, Default: int32(15000), Valid: between{1000, 30000}, Importance: Medium,
	},
	{
		Name: "group.share.max.record.lock.duration.ms", Type: Int, Default: int32(60000), Valid: between{30000, 3600000}, Importance: Medium,
	},
	{
		Name: "group.share.partition.max.record.locks", Type: Int, Default: int32(2000), Valid: between{100, 10000}, Importance: Medium,
	},
	{
		Name: "group.share.max.partition.max.record.locks", Type: Int, Default: int32(4000), Valid: between{2000, 10000}, Importance: Medium,
	},
	{
		Name: "group.share.min.partition.max.record.locks", Type: Int, Default: int32(100), Valid: between{100, 2000}, Importance: Medium,
	},
	{
		Name: "share.fetch.purgatory.purge.interval.requests", Type: Int, Default: int32(1000), Importance: Medium,
	},
	{
		Name: "group.share.max.share.sessions", Type: Int, Default: int32(2000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "group.share.persister.class.name", Type: String, Default: "org.apache.kafka.server.share.persister.DefaultStatePersister", Importance: Medium, Internal: true,
	},
	{
		Name: "group.share.dlq.manager.class.name", Type: String, Default: "org.apache.kafka.server.share.dlq.DefaultShareGroupDLQManager", Importance: Medium, Internal: true,
	},
	{
		Name: "share.coordinator.state.topic.num.partitions", Type: Int, Default: int32(50), Valid: atLeast(1),
	},
	{
		Name: "share.coordinator.state.topic.replication.factor", Type: Short, Default: int16(3), Valid: atLeast(1),
	},
	{
		Name: "share.coordinator.state.topic.min.isr", Type: Short, Default: int16(2), Valid: atLeast(1),
	},
	{
		Name: "share.coordinator.state.topic.segment.bytes", Type: Int, Default: int32(104857600), Valid: atLeast(1),
	},
	{
		Name: "share.coordinator.threads", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "share.coordinator.snapshot.update.records.per.snapshot", Type: Int, Default: int32(500), Valid: between{0, 500}, Importance: Medium,
	},
	{
		Name: "share.coordinator.load.buffer.size", Type: Int, Default: int32(5242880), Valid: atLeast(1),
	},
	{
		Name: "share.coordinator.state.topic.compression.codec", Type: Int, Default: int32(0),
	},
	{
		Name: "share.coordinator.append.linger.ms", Type: Int, Default: int32(-1), Valid: atLeast(-1), Importance: Medium,
	},
	{
		Name: "share.coordinator.write.timeout.ms", Type: Int, Default: int32(5000), Valid: atLeast(1),
	},
	{
		Name: "share.coordinator.state.topic.prune.interval.ms", Type: Int, Default: int32(300000), Valid: atLeast(1), Importance: Low, Internal: true,
	},
	{
		Name: "share.coordinator.cold.partition.snapshot.interval.ms", Type: Int, Default: int32(300000), Valid: atLeast(1), Importance: Low, Internal: true,
	},
	{
		Name: "share.coordinator.cached.buffer.max.bytes", Type: Int, Default: int32(1048588), Valid: atLeast(524288), Importance: Medium, Dynamic: ClusterWide,
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
