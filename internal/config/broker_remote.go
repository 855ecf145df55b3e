package config

import (
	"math"
)

// remoteKeys are the keys of tiered storage.
var remoteKeys = []Key{
	{
		Name: "remote.log.storage.system.enable", Type: Boolean, Default: false, Importance: Medium,
	},
	{
		Name: "remote.log.storage.manager.impl.prefix", Type: String, Default: "rsm.config.", Valid: nonEmptyText{}, Importance: Medium,
	},
	{
		Name: "remote.log.metadata.manager.impl.prefix", Type: String, Default: "rlmm.config.", Valid: nonEmptyText{}, Importance: Medium,
	},
	{
		Name: "remote.log.storage.manager.class.name", Type: String, Valid: nonEmptyText{}, Importance: Medium,
	},
	{
		Name: "remote.log.storage.manager.class.path", Type: String, Importance: Medium,
	},
	{
		Name: "remote.log.metadata.manager.class.name", Type: String, Default: "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", Valid: nonEmptyText{}, Importance: Medium,
	},
	{
		Name: "remote.log.metadata.manager.class.path", Type: String, Importance: Medium,
	},
	{
		Name: "remote.log.metadata.manager.listener.name", Type: String, Valid: nonEmptyText{}, Importance: Medium,
	},
	{
		Name: "remote.log.metadata.custom.metadata.max.bytes", Type: Int, Default: int32(128), Valid: atLeast(0), Importance: Low,
	},
	{
		Name: "remote.log.index.file.cache.total.size.bytes", Type: Long, Default: int64(1073741824), Valid: atLeast(1), Importance: Low, Dynamic: ClusterWide,
	},
	{
		Name: "remote.log.index.file.cache.ttl.ms", Type: Long, Default: int64(900000), Valid: atLeast(-1), Importance: Low, Internal: true,
	},
	{
		Name: "remote.log.manager.thread.pool.size", Type: Int, Default: int32(2), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "remote.log.manager.copier.thread.pool.size", Type: Int, Default: int32(10), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "remote.log.manager.expiration.thread.pool.size", Type: Int, Default: int32(10), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "remote.log.manager.follower.thread.pool.size", Type: Int, Default: int32(2), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "remote.log.manager.task.interval.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Low,
	},
	{
		Name: "remote.log.manager.task.retry.backoff.ms", Type: Long, Default: int64(500), Valid: atLeast(1), Importance: Low, Internal: true,
	},
	{
		Name: "remote.log.manager.task.retry.backoff.max.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Low, Internal: true,
	},
	{
		Name: "remote.log.manager.task.retry.jitter", Type: Double, Default: 0.2, Valid: between{0, 0.5}, Importance: Low, Internal: true,
	},
	{
		Name: "remote.log.reader.threads", Type: Int, Default: int32(10), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "remote.log.reader.max.pending.tasks", Type: Int, Default: int32(100), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "log.local.retention.ms", Type: Long, Default: int64(-2), Valid: atLeast(-2), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "log.local.retention.bytes", Type: Long, Default: int64(-2), Valid: atLeast(-2), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "log.remote.copy.lag.ms", Type: Long, Default: int64(0), Valid: atLeast(-1), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "log.remote.copy.lag.bytes", Type: Long, Default: int64(-1), Valid: atLeast(-1), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "remote.log.manager.copy.max.bytes.per.second", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "remote.log.manager.copy.quota.window.num", Type: Int, Default: int32(11), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "remote.log.manager.copy.quota.window.size.seconds", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "remote.log.manager.fetch.max.bytes.per.second", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "remote.log.manager.fetch.quota.window.num", Type: Int, Default: int32(11), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "remote.log.manager.fetch.quota.window.size.seconds", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "remote.fetch.max.wait.ms", Type: Int, Default: int32(500), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "remote.list.offsets.request.timeout.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
	},
}
