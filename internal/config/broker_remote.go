package config

import (
	"math"
)

// remoteKeys are the keys of tiered storage.
var remoteKeys = []Key{
	{
		Name: "remote.log.storage.system.enable", Type: Boolean, Default: false, Importance: Medium,
		Doc: "Whether topics may keep old segments in tiered storage.",
	},
	{
		Name: "remote.log.storage.manager.impl.prefix", Type: String, Default: "rsm.config.", Valid: nonEmptyText{}, Importance: Medium,
		Doc: "What the keys for the storage plug-in begin with.",
	},
	{
		Name: "remote.log.metadata.manager.impl.prefix", Type: String, Default: "rlmm.config.", Valid: nonEmptyText{}, Importance: Medium,
		Doc: "What the keys for the plug-in that keeps track of tiered segments begin with.",
	},
	{
		Name: "remote.log.storage.manager.class.name", Type: String, Valid: nonEmptyText{}, Importance: Medium,
		Doc: "The class that stores segments elsewhere.",
	},
	{
		Name: "remote.log.storage.manager.class.path", Type: String, Importance: Medium,
		Doc: "Where that class is loaded from.",
	},
	{
		Name: "remote.log.metadata.manager.class.name", Type: String, Default: "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", Valid: nonEmptyText{}, Importance: Medium,
		Doc: "The class that keeps track of tiered segments.",
	},
	{
		Name: "remote.log.metadata.manager.class.path", Type: String, Importance: Medium,
		Doc: "Where that class is loaded from.",
	},
	{
		Name: "remote.log.metadata.manager.listener.name", Type: String, Valid: nonEmptyText{}, Importance: Medium,
		Doc: "The listener over which the tracking of tiered segments talks to brokers.",
	},
	{
		Name: "remote.log.metadata.custom.metadata.max.bytes", Type: Int, Default: int32(128), Valid: atLeast(0), Importance: Low,
		Doc: "The most bytes a storage plug-in may attach to a segment.",
	},
	{
		Name: "remote.log.index.file.cache.total.size.bytes", Type: Long, Default: int64(1073741824), Valid: atLeast(1), Importance: Low, Dynamic: ClusterWide,
		Doc: "How many bytes of indexes of tiered segments are kept on local disk.",
	},
	{
		Name: "remote.log.index.file.cache.ttl.ms", Type: Long, Default: int64(900000), Valid: atLeast(-1), Importance: Low, Internal: true,
		Doc: "How long, in milliseconds, an unused index of a tiered segment is kept. -1 has no limit.",
	},
	{
		Name: "remote.log.manager.thread.pool.size", Type: Int, Default: int32(2), Valid: atLeast(1), Importance: Medium,
		Doc: "How many threads look after tiered storage, where the single pools are not set.",
	},
	{
		Name: "remote.log.manager.copier.thread.pool.size", Type: Int, Default: int32(10), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many threads copy segments to tiered storage.",
	},
	{
		Name: "remote.log.manager.expiration.thread.pool.size", Type: Int, Default: int32(10), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many threads remove old segments from tiered storage.",
	},
	{
		Name: "remote.log.manager.follower.thread.pool.size", Type: Int, Default: int32(2), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many threads follow what leaders have put into tiered storage.",
	},
	{
		Name: "remote.log.manager.task.interval.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Low,
		Doc: "How often, in milliseconds, partitions look for segments to copy or remove.",
	},
	{
		Name: "remote.log.manager.task.retry.backoff.ms", Type: Long, Default: int64(500), Valid: atLeast(1), Importance: Low, Internal: true,
		Doc: "The first wait, in milliseconds, before a failed tiering task is tried again.",
	},
	{
		Name: "remote.log.manager.task.retry.backoff.max.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Low, Internal: true,
		Doc: "The longest wait, in milliseconds, before a failed tiering task is tried again.",
	},
	{
		Name: "remote.log.manager.task.retry.jitter", Type: Double, Default: 0.2, Valid: between{0, 0.5}, Importance: Low, Internal: true,
		Doc: "Which part of that wait, from 0 to 0.5, is varied at random.",
	},
	{
		Name: "remote.log.reader.threads", Type: Int, Default: int32(10), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many reads from tiered storage run at once.",
	},
	{
		Name: "remote.log.reader.max.pending.tasks", Type: Int, Default: int32(100), Valid: atLeast(1), Importance: Medium,
		Doc: "How many reads from tiered storage may wait. Beyond that, fetches are refused.",
	},
	{
		Name: "log.local.retention.ms", Type: Long, Default: int64(-2), Valid: atLeast(-2), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, records that are in tiered storage also stay on local disk. -2 means as long as they are kept at all.",
	},
	{
		Name: "log.local.retention.bytes", Type: Long, Default: int64(-2), Valid: atLeast(-2), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many bytes of a partition that are in tiered storage also stay on local disk. -2 means as many as are kept at all.",
	},
	{
		Name: "log.remote.copy.lag.ms", Type: Long, Default: int64(0), Valid: atLeast(-1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How old, in milliseconds, a closed segment must be before it is copied to tiered storage. -1 means when it could leave the local disk.",
	},
	{
		Name: "log.remote.copy.lag.bytes", Type: Long, Default: int64(-1), Valid: atLeast(-1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many newer bytes a closed segment must be behind before it is copied to tiered storage. -1 means when it could leave the local disk.",
	},
	{
		Name: "remote.log.manager.copy.max.bytes.per.second", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many bytes per second are copied to tiered storage at most.",
	},
	{
		Name: "remote.log.manager.copy.quota.window.num", Type: Int, Default: int32(11), Valid: atLeast(1), Importance: Medium,
		Doc: "How many windows that limit is measured over.",
	},
	{
		Name: "remote.log.manager.copy.quota.window.size.seconds", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium,
		Doc: "The length, in seconds, of such a window.",
	},
	{
		Name: "remote.log.manager.fetch.max.bytes.per.second", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many bytes per second are read from tiered storage at most.",
	},
	{
		Name: "remote.log.manager.fetch.quota.window.num", Type: Int, Default: int32(11), Valid: atLeast(1), Importance: Medium,
		Doc: "How many windows that limit is measured over.",
	},
	{
		Name: "remote.log.manager.fetch.quota.window.size.seconds", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Medium,
		Doc: "The length, in seconds, of such a window.",
	},
	{
		Name: "remote.fetch.max.wait.ms", Type: Int, Default: int32(500), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, a fetch waits for tiered storage at most.",
	},
	{
		Name: "remote.list.offsets.request.timeout.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, a look-up of offsets waits for tiered storage at most.",
	},
}
