package config

import (
	"time"
)

// replicationKeys are the keys of replication and leader election.
var replicationKeys = []Key{
	{
		Name: "controller.socket.timeout.ms", Type: Int, Default: int32(30000), Importance: Medium,
		Doc: "How long, in milliseconds, a request from the controllers' side to a broker may take.",
	},
	{
		Name: "default.replication.factor", Type: Int, Default: int32(1), Importance: Medium,
		Doc: "How many replicas a topic gets when neither its creator nor a broker's automatic creation says.",
	},
	{
		Name: "replica.lag.time.max.ms", Type: Long, Default: int64(30000),
		Doc: "A follower that has not caught up with its leader for this many milliseconds leaves the in-sync replicas.",
	},
	{
		Name: "replica.socket.timeout.ms", Type: Int, Default: int32(30000),
		Doc: "How long, in milliseconds, a follower waits for the answer to a fetch. At least replica.fetch.wait.max.ms.",
	},
	{
		Name: "replica.socket.receive.buffer.bytes", Type: Int, Default: int32(65536),
		Doc: "The size, in bytes, of the system's receive buffer of a follower's connections.",
	},
	{
		Name: "replica.fetch.max.bytes", Type: Int, Default: int32(1048576), Valid: atLeast(0), Importance: Medium,
		Doc: "How many bytes of one partition a follower asks for at once. A first batch that is larger still comes.",
	},
	{
		Name: "replica.fetch.wait.max.ms", Type: Int, Default: int32(500),
		Doc: "How long, in milliseconds, a leader may hold back a follower's fetch for more data. At most replica.lag.time.max.ms.",
	},
	{
		Name: "replica.fetch.backoff.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium,
		Doc: "How long, in milliseconds, a follower leaves a partition alone after an error.",
	},
	{
		Name: "replica.fetch.min.bytes", Type: Int, Default: int32(1),
		Doc: "How many bytes a follower's fetch waits for, at most for replica.fetch.wait.max.ms.",
	},
	{
		Name: "replica.fetch.response.max.bytes", Type: Int, Default: int32(10485760), Valid: atLeast(0), Importance: Medium,
		Doc: "How many bytes of all partitions a follower asks for at once. A first batch that is larger still comes.",
	},
	{
		Name: "num.replica.fetchers", Type: Int, Default: int32(1), Valid: atLeast(1), Dynamic: ClusterWide,
		Doc: "How many fetchers a follower runs for each leading broker. More of them use more of the network, and of the leader.",
	},
	{
		Name: "replica.high.watermark.checkpoint.interval.ms", Type: Long, Default: int64(5000),
		Doc: "How often, in milliseconds, the high watermarks are written to disk.",
	},
	{
		Name: "fetch.purgatory.purge.interval.requests", Type: Int, Default: int32(1000), Importance: Medium,
		Doc: "After how many finished fetches the waiting room is tidied up.",
	},
	{
		Name: "producer.purgatory.purge.interval.requests", Type: Int, Default: int32(1000), Importance: Medium,
		Doc: "After how many finished produce requests the waiting room is tidied up.",
	},
	{
		Name: "delete.records.purgatory.purge.interval.requests", Type: Int, Default: int32(1), Importance: Medium,
		Doc: "After how many finished deletions of records the waiting room is tidied up.",
	},
	{
		Name: "auto.leader.rebalance.enable", Type: Boolean, Default: true,
		Doc: "Whether partitions are led by their preferred replica again by themselves, once it is back.",
	},
	{
		Name: "leader.imbalance.check.interval.seconds", Type: Long, Default: int64(300), Valid: atLeast(1),
		Doc: "How often, in seconds, the controller looks for partitions not led by their preferred replica.",
	},
	{
		Name: "unclean.leader.election.interval.ms", Type: Long, Default: int64(300000), Valid: atLeast(1), Importance: Medium, Internal: true,
		Doc: "How often, in milliseconds, the controller looks for partitions without leader that may get an unclean one.",
	},
	{
		Name: "unclean.leader.election.enable", Type: Boolean, Default: false, Dynamic: ClusterWide,
		Doc: "Whether a replica that is not in sync may lead when no other is left. It brings a partition back at the price of lost records.",
	},
	{
		Name: "security.inter.broker.protocol", Type: String, Default: "PLAINTEXT", Valid: oneOf{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, Importance: Medium,
		Doc: "What brokers speak among each other, naming the listener of the same name. Not together with inter.broker.listener.name.",
	},
	{
		Name: "inter.broker.listener.name", Type: String, Importance: Medium,
		Doc: "The listener over which brokers talk to each other. Not set means the one named like security.inter.broker.protocol.",
	},
	{
		Name: "replica.selector.class", Type: String, Importance: Medium,
		Doc: "The class that picks the replica a consumer reads from. org.apache.kafka.common.replica.RackAwareReplicaSelector picks one in the consumer's rack; not set means the leader.",
	},
	{
		Name: "follower.fetch.last.tiered.offset.enable", Type: Boolean, Default: false, Importance: Medium, Dynamic: ClusterWide,
		Doc: "Whether a new follower starts where tiered storage ends instead of copying what is there.",
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
