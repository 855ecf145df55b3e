package config

import (
	"time"
)

// replicationKeys are the keys of replication and leader election.
var replicationKeys = []Key{
	{
		Name: "controller.socket.timeout.ms", Type: Int, Default: int32(30000), Importance: Medium,
	},
	{
		Name: "default.replication.factor", Type: Int, Default: int32(1), Importance: Medium,
	},
	{
		Name: "replica.lag.time.max.ms", Type: Long, Default: int64(30000),
	},
	{
		Name: "replica.socket.timeout.ms", Type: Int, Default: int32(30000),
	},
	{
		Name: "replica.socket.receive.buffer.bytes", Type: Int, Default: int32(65536),
	},
	{
		Name: "replica.fetch.max.bytes", Type: Int, Default: int32(1048576), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "replica.fetch.wait.max.ms", Type: Int, Default: int32(500),
	},
	{
		Name: "replica.fetch.backoff.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "replica.fetch.min.bytes", Type: Int, Default: int32(1),
	},
	{
		Name: "replica.fetch.response.max.bytes", Type: Int, Default: int32(10485760), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "num.replica.fetchers", Type: Int, Default: int32(1), Valid: atLeast(1), Dynamic: ClusterWide,
	},
	{
		Name: "replica.high.watermark.checkpoint.interval.ms", Type: Long, Default: int64(5000),
	},
	{
		Name: "fetch.purgatory.purge.interval.requests", Type: Int, Default: int32(1000), Importance: Medium,
	},
	{
		Name: "producer.purgatory.purge.interval.requests", Type: Int, Default: int32(1000), Importance: Medium,
	},
	{
		Name: "delete.records.purgatory.purge.interval.requests", Type: Int, Default: int32(1), Importance: Medium,
	},
	{
		Name: "auto.leader.rebalance.enable", Type: Boolean, Default: true,
	},
	{
		Name: "leader.imbalance.check.interval.seconds", Type: Long, Default: int64(300), Valid: atLeast(1),
	},
	{
		Name: "unclean.leader.election.interval.ms", Type: Long, Default: int64(300000), Valid: atLeast(1), Importance: Medium, Internal: true,
	},
	{
		Name: "unclean.leader.election.enable", Type: Boolean, Default: false, Dynamic: ClusterWide,
	},
	{
		Name: "security.inter.broker.protocol", Type: String, Default: "PLAINTEXT", Valid: oneOf{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, Importance: Medium,
	},
	{
		Name: "inter.broker.listener.name", Type: String, Importance: Medium,
	},
	{
		Name: "replica.selector.class", Type: String, Importance: Medium,
	},
	{
		Name: "follower.fetch.last.tiered.offset.enable", Type: Boolean, Default: false, Importance: Medium, Dynamic: ClusterWide,
	},
}

// ReplicationSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type ReplicationSettings struct {
	ControllerSocketTimeout                     time.Duration // controller.socket.timeout.ms
	DefaultReplicationFactor                    int           // default.replication.factor
	ReplicaLagTimeMax                           time.Duration // replica.lag.time.max.ms
	ReplicaSocketTimeout                        time.Duration // replica.socket.timeout.ms
	ReplicaSocketReceiveBufferBytes             int           // replica.socket.receive.buffer.bytes
	ReplicaFetchMaxBytes                        int           // replica.fetch.max.bytes
	ReplicaFetchWaitMax                         time.Duration // replica.fetch.wait.max.ms
	ReplicaFetchBackoff                         time.Duration // replica.fetch.backoff.ms
	ReplicaFetchMinBytes                        int           // replica.fetch.min.bytes
	ReplicaFetchResponseMaxBytes                int           // replica.fetch.response.max.bytes
	NumReplicaFetchers                          int           // num.replica.fetchers
	ReplicaHighWatermarkCheckpointInterval      time.Duration // replica.high.watermark.checkpoint.interval.ms
	FetchPurgatoryPurgeIntervalRequests         int           // fetch.purgatory.purge.interval.requests
	ProducerPurgatoryPurgeIntervalRequests      int           // producer.purgatory.purge.interval.requests
	DeleteRecordsPurgatoryPurgeIntervalRequests int           // delete.records.purgatory.purge.interval.requests
	AutoLeaderRebalanceEnable                   bool          // auto.leader.rebalance.enable
	LeaderImbalanceCheckInterval                time.Duration // leader.imbalance.check.interval.seconds
	UncleanLeaderElectionInterval               time.Duration // unclean.leader.election.interval.ms
	FollowerFetchLastTieredOffsetEnable         bool          // follower.fetch.last.tiered.offset.enable
}

func replicationSettings(v values) ReplicationSettings {
	return ReplicationSettings{
		ControllerSocketTimeout:                     v.duration("controller.socket.timeout.ms", time.Millisecond),
		DefaultReplicationFactor:                    v.int("default.replication.factor"),
		ReplicaLagTimeMax:                           v.duration("replica.lag.time.max.ms", time.Millisecond),
		ReplicaSocketTimeout:                        v.duration("replica.socket.timeout.ms", time.Millisecond),
		ReplicaSocketReceiveBufferBytes:             v.int("replica.socket.receive.buffer.bytes"),
		ReplicaFetchMaxBytes:                        v.int("replica.fetch.max.bytes"),
		ReplicaFetchWaitMax:                         v.duration("replica.fetch.wait.max.ms", time.Millisecond),
		ReplicaFetchBackoff:                         v.duration("replica.fetch.backoff.ms", time.Millisecond),
		ReplicaFetchMinBytes:                        v.int("replica.fetch.min.bytes"),
		ReplicaFetchResponseMaxBytes:                v.int("replica.fetch.response.max.bytes"),
		NumReplicaFetchers:                          v.int("num.replica.fetchers"),
		ReplicaHighWatermarkCheckpointInterval:      v.duration("replica.high.watermark.checkpoint.interval.ms", time.Millisecond),
		FetchPurgatoryPurgeIntervalRequests:         v.int("fetch.purgatory.purge.interval.requests"),
		ProducerPurgatoryPurgeIntervalRequests:      v.int("producer.purgatory.purge.interval.requests"),
		DeleteRecordsPurgatoryPurgeIntervalRequests: v.int("delete.records.purgatory.purge.interval.requests"),
		AutoLeaderRebalanceEnable:                   v.bool("auto.leader.rebalance.enable"),
		LeaderImbalanceCheckInterval:                v.duration("leader.imbalance.check.interval.seconds", time.Second),
		UncleanLeaderElectionInterval:               v.duration("unclean.leader.election.interval.ms", time.Millisecond),
		FollowerFetchLastTieredOffsetEnable:         v.bool("follower.fetch.last.tiered.offset.enable"),
	}
}
