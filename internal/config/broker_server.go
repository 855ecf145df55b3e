package config

import (
	"time"
)

// serverKeys are the keys of the node in general.
var serverKeys = []Key{
	{
		Name: "broker.id", Type: Int, Default: int32(-1),
	},
	{
		Name: "message.max.bytes", Type: Int, Default: int32(1048588), Valid: atLeast(0), Dynamic: ClusterWide,
	},
	{
		Name: "max.decompressed.message.bytes", Type: Int, Default: int32(2147483639), Valid: between{1, 2147483639}, Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "num.io.threads", Type: Int, Default: int32(8), Valid: atLeast(1), Dynamic: ClusterWide,
	},
	{
		Name: "num.replica.alter.log.dirs.threads", Type: Int,
	},
	{
		Name: "background.threads", Type: Int, Default: int32(10), Valid: atLeast(1), Dynamic: ClusterWide,
	},
	{
		Name: "request.timeout.ms", Type: Int, Default: int32(30000),
	},
	{
		Name: "socket.connection.setup.timeout.ms", Type: Long, Default: int64(10000), Importance: Medium,
	},
	{
		Name: "socket.connection.setup.timeout.max.ms", Type: Long, Default: int64(30000), Importance: Medium,
	},
	{
		Name: "config.providers", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Low, Dynamic: ClusterWide,
	},
	{
		Name: "authorizer.class.name", Type: String, Default: "", Valid: nonNull{}, Importance: Low,
	},
	{
		Name: "early.start.listeners", Type: List, Valid: listOf{empty: true, null: true},
	},
	{
		Name: "broker.rack", Type: String, Importance: Medium,
	},
	{
		Name: "controlled.shutdown.enable", Type: Boolean, Default: true, Importance: Medium,
	},
	{
		Name: "delete.topic.enable", Type: Boolean, Default: true,
	},
	{
		Name: "compression.type", Type: String, Default: "producer", Valid: oneOf{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}, Dynamic: ClusterWide,
	},
	{
		Name: "compression.gzip.level", Type: Int, Default: int32(-1), Valid: gzipLevel{}, Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "compression.lz4.level", Type: Int, Default: int32(9), Valid: between{1, 17}, Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "compression.zstd.level", Type: Int, Default: int32(3), Valid: between{-131072, 22}, Importance: Medium, Dynamic: ClusterWide,
	},
	{
		Name: "max.incremental.fetch.session.cache.slots", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "fetch.max.bytes", Type: Int, Default: int32(57671680), Valid: atLeast(1024), Importance: Medium,
	},
	{
		Name: "max.request.partition.size.limit", Type: Int, Default: int32(2000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "unstable.api.versions.enable", Type: Boolean, Default: false, Internal: true,
	},
	{
		Name: "unstable.feature.versions.enable", Type: Boolean, Default: false, Internal: true,
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
