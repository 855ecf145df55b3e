package config

import (
	"time"
)

// serverKeys are the keys of the node in general.
var serverKeys = []Key{
	{
		Name: "broker.id", Type: Int, Default: int32(-1),
		Doc: "The former name of node.id, kept for old files. Both must be the same.",
	},
	{
		Name: "message.max.bytes", Type: Int, Default: int32(1048588), Valid: atLeast(0), Dynamic: ClusterWide,
		Doc: "The largest record batch, in bytes as stored, that a topic takes unless it sets max.message.bytes.",
	},
	{
		Name: "max.decompressed.message.bytes", Type: Int, Default: int32(2147483639), Valid: between{1, 2147483639}, Importance: Medium, Dynamic: ClusterWide,
		Doc: "The largest single record, in bytes once decompressed, that the broker reads out of a compressed batch; larger ones are refused. The default of a topic's key of this name.",
	},
	{
		Name: "num.io.threads", Type: Int, Default: int32(8), Valid: atLeast(1), Dynamic: ClusterWide,
		Doc: "Threads for handling requests in Apache Kafka. Accepted and changeable; requests here run on their connection and need no pool.",
	},
	{
		Name: "num.replica.alter.log.dirs.threads", Type: Int,
		Doc: "How many partitions may be moved between log directories at the same time. Not set means one per log directory.",
	},
	{
		Name: "background.threads", Type: Int, Default: int32(10), Valid: atLeast(1), Dynamic: ClusterWide,
		Doc: "Threads for housekeeping in Apache Kafka. Accepted and changeable; it is not a limit here.",
	},
	{
		Name: "request.timeout.ms", Type: Int, Default: int32(30000),
		Doc: "How long, in milliseconds, a request of this node to another one may take before it is given up or tried again.",
	},
	{
		Name: "socket.connection.setup.timeout.ms", Type: Long, Default: int64(10000), Importance: Medium,
		Doc: "How long, in milliseconds, this node waits for a connection to another one to be set up. Doubled after each failure.",
	},
	{
		Name: "socket.connection.setup.timeout.max.ms", Type: Long, Default: int64(30000), Importance: Medium,
		Doc: "The highest value, in milliseconds, that the waiting time for setting up a connection grows to.",
	},
	{
		Name: "config.providers", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Low, Dynamic: ClusterWide,
		Doc: "Names of config providers, separated by commas. Each needs config.providers.<name>.class; values may then contain ${name:path:key}.",
	},
	{
		Name: "authorizer.class.name", Type: String, Default: "", Valid: nonNull{}, Importance: Low,
		Doc: "The class that decides who may do what. Empty allows everybody everything; org.apache.kafka.metadata.authorizer.StandardAuthorizer checks the cluster's ACLs.",
	},
	{
		Name: "early.start.listeners", Type: List, Valid: listOf{empty: true, null: true},
		Doc: "Listeners that serve before the authorizer has loaded its rules. Not set means the controller's listeners.",
	},
	{
		Name: "broker.rack", Type: String, Importance: Medium,
		Doc: "The rack, zone or room this broker stands in. Replicas are spread over racks, and consumers may read from their own.",
	},
	{
		Name: "controlled.shutdown.enable", Type: Boolean, Default: true, Importance: Medium,
		Doc: "Whether a broker that is told to stop first hands its partitions to others.",
	},
	{
		Name: "delete.topic.enable", Type: Boolean, Default: true,
		Doc: "Whether topics can be deleted.",
	},
	{
		Name: "compression.type", Type: String, Default: "producer", Valid: oneOf{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}, Dynamic: ClusterWide,
		Doc: "How batches are stored unless a topic says otherwise: as the producer sent them, uncompressed, or with one codec.",
	},
	{
		Name: "compression.gzip.level", Type: Int, Default: int32(-1), Valid: gzipLevel{}, Importance: Medium, Dynamic: ClusterWide,
		Doc: "The level for gzip where the broker compresses, 1 (fast) to 9 (small); -1 is the codec's default.",
	},
	{
		Name: "compression.lz4.level", Type: Int, Default: int32(9), Valid: between{1, 17}, Importance: Medium, Dynamic: ClusterWide,
		Doc: "The level for lz4 where the broker compresses, 1 (fast) to 17 (small).",
	},
	{
		Name: "compression.zstd.level", Type: Int, Default: int32(3), Valid: between{-131072, 22}, Importance: Medium, Dynamic: ClusterWide,
		Doc: "The level for zstd where the broker compresses; higher is smaller and slower.",
	},
	{
		Name: "max.incremental.fetch.session.cache.slots", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium,
		Doc: "How many incremental fetch sessions the broker keeps for consumers and followers. 0 switches them off.",
	},
	{
		Name: "fetch.max.bytes", Type: Int, Default: int32(57671680), Valid: atLeast(1024), Importance: Medium,
		Doc: "The largest answer, in bytes, to one fetch request. A first batch that is larger is still sent.",
	},
	{
		Name: "max.request.partition.size.limit", Type: Int, Default: int32(2000), Valid: atLeast(1), Importance: Medium,
		Doc: "The largest number of partitions that one request for describing topics is answered with; the rest comes in further pages.",
	},
	{
		Name: "unstable.api.versions.enable", Type: Boolean, Default: false, Internal: true,
		Doc: "Whether versions of requests that are not final yet are offered. For tests.",
	},
	{
		Name: "unstable.feature.versions.enable", Type: Boolean, Default: false, Internal: true,
		Doc: "Whether levels of features that are not final yet can be used. For tests.",
	},
}

// ServerSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type ServerSettings struct {
	NumIOThreads                         int           // num.io.threads
	BackgroundThreads                    int           // background.threads
	RequestTimeout                       time.Duration // request.timeout.ms
	SocketConnectionSetupTimeout         time.Duration // socket.connection.setup.timeout.ms
	SocketConnectionSetupTimeoutMax      time.Duration // socket.connection.setup.timeout.max.ms
	AuthorizerClassName                  string        // authorizer.class.name
	BrokerRack                           string        // broker.rack
	ControlledShutdownEnable             bool          // controlled.shutdown.enable
	DeleteTopicEnable                    bool          // delete.topic.enable
	MaxIncrementalFetchSessionCacheSlots int           // max.incremental.fetch.session.cache.slots
	FetchMaxBytes                        int           // fetch.max.bytes
	MaxRequestPartitionSizeLimit         int           // max.request.partition.size.limit
	UnstableAPIVersionsEnable            bool          // unstable.api.versions.enable
	UnstableFeatureVersionsEnable        bool          // unstable.feature.versions.enable
}

func serverSettings(v values) ServerSettings {
	return ServerSettings{
		NumIOThreads:                         v.int("num.io.threads"),
		BackgroundThreads:                    v.int("background.threads"),
		RequestTimeout:                       v.duration("request.timeout.ms", time.Millisecond),
		SocketConnectionSetupTimeout:         v.duration("socket.connection.setup.timeout.ms", time.Millisecond),
		SocketConnectionSetupTimeoutMax:      v.duration("socket.connection.setup.timeout.max.ms", time.Millisecond),
		AuthorizerClassName:                  v.text("authorizer.class.name"),
		BrokerRack:                           v.text("broker.rack"),
		ControlledShutdownEnable:             v.bool("controlled.shutdown.enable"),
		DeleteTopicEnable:                    v.bool("delete.topic.enable"),
		MaxIncrementalFetchSessionCacheSlots: v.int("max.incremental.fetch.session.cache.slots"),
		FetchMaxBytes:                        v.int("fetch.max.bytes"),
		MaxRequestPartitionSizeLimit:         v.int("max.request.partition.size.limit"),
		UnstableAPIVersionsEnable:            v.bool("unstable.api.versions.enable"),
		UnstableFeatureVersionsEnable:        v.bool("unstable.feature.versions.enable"),
	}
}
