package config

import (
	"math"
	"time"
)

// kraftKeys are the keys of roles, controllers and the metadata log.
var kraftKeys = []Key{
	{
		Name: "process.roles", Type: List, Required: true, Valid: listOf{allowed: []string{"broker", "controller"}},
		Doc: "What this node is: broker, controller, or broker,controller for both.",
	},
	{
		Name: "node.id", Type: Int, Required: true, Valid: atLeast(0),
		Doc: "The number of this node, unique in the cluster, the same after every restart.",
	},
	{
		Name: "initial.broker.registration.timeout.ms", Type: Int, Default: int32(60000), Importance: Medium,
		Doc: "How long, in milliseconds, a broker tries to register with the controllers when it starts before it gives up.",
	},
	{
		Name: "broker.heartbeat.interval.ms", Type: Int, Default: int32(2000), Importance: Medium,
		Doc: "How often, in milliseconds, a broker tells the controllers that it is alive.",
	},
	{
		Name: "broker.session.timeout.ms", Type: Int, Default: int32(9000), Importance: Medium,
		Doc: "After how many milliseconds without a heartbeat the controllers take a broker for dead and move its leaderships.",
	},
	{
		Name: "controller.listener.names", Type: List, Required: true, Valid: listOf{},
		Doc: "The listeners of the controllers, separated by commas. A broker talks to the controllers over the first one.",
	},
	{
		Name: "sasl.mechanism.controller.protocol", Type: String, Default: "GSSAPI",
		Doc: "The SASL mechanism with which this node logs in at the controllers.",
	},
	{
		Name: "controller.performance.sample.period.ms", Type: Long, Default: int64(60000), Valid: atLeast(100), Importance: Medium, Internal: true,
		Doc: "How often, in milliseconds, the controller sums up how long its events took.",
	},
	{
		Name: "controller.performance.always.log.threshold.ms", Type: Long, Default: int64(2000), Valid: atLeast(0), Importance: Medium, Internal: true,
		Doc: "Events that keep the controller busy for more than this many milliseconds are always logged.",
	},
	{
		Name: "server.max.startup.time.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Internal: true,
		Doc: "How long, in milliseconds, the node may take to start before it stops itself.",
	},
	{
		Name: "metadata.log.max.record.bytes.between.snapshots", Type: Long, Default: int64(20971520), Valid: atLeast(1),
		Doc: "After how many bytes of new metadata records a snapshot is written.",
	},
	{
		Name: "metadata.log.max.snapshot.interval.ms", Type: Long, Default: int64(3600000), Valid: atLeast(0),
		Doc: "The longest time, in milliseconds, between two snapshots of the metadata while it changes. 0 leaves it to the bytes alone.",
	},
	{
		Name: "metadata.log.dir", Type: String,
		Doc: "The directory of the metadata log. Not set means the first log directory.",
	},
	{
		Name: "metadata.log.segment.bytes", Type: Int, Default: int32(1073741824), Valid: atLeast(8388608),
		Doc: "The size, in bytes, at which a segment file of the metadata log is closed and the next begun.",
	},
	{
		Name: "metadata.log.segment.ms", Type: Long, Default: int64(604800000),
		Doc: "The age, in milliseconds, at which a segment file of the metadata log is closed and the next begun.",
	},
	{
		Name: "metadata.max.retention.bytes", Type: Long, Default: int64(104857600),
		Doc: "How many bytes of metadata log and snapshots are kept, once newer snapshots make the older part unnecessary. Negative keeps everything.",
	},
	{
		Name: "metadata.max.retention.ms", Type: Long, Default: int64(604800000),
		Doc: "How long, in milliseconds, metadata log and snapshots are kept, once newer snapshots make the older part unnecessary. Negative keeps everything.",
	},
	{
		Name: "metadata.max.idle.interval.ms", Type: Int, Default: int32(500), Valid: atLeast(0), Importance: Low,
		Doc: "How often, in milliseconds, the active controller writes an empty record when nothing happens, so that followers see progress. 0 writes none.",
	},
	{
		Name: "internal.metadata.log.segment.bytes", Type: Int, Importance: Low, Internal: true,
		Doc: "Overrides metadata.log.segment.bytes without its lower bound. For tests.",
	},
	{
		Name: "internal.metadata.max.batch.size.in.bytes", Type: Int, Default: int32(8388608), Importance: Low, Internal: true,
		Doc: "The largest batch of metadata records, in bytes.",
	},
	{
		Name: "internal.metadata.delete.delay.millis", Type: Long, Default: int64(60000), Importance: Low, Internal: true,
		Doc: "How long, in milliseconds, removed files of the metadata log stay on disk.",
	},
	{
		Name: "controller.quorum.voters", Type: List, Default: []string{}, Valid: quorumVoters{},
		Doc: "The fixed set of controllers, as id@host:port separated by commas. Leave it empty and set controller.quorum.bootstrap.servers where the set may change.",
	},
	{
		Name: "controller.quorum.bootstrap.servers", Type: List, Default: []string{}, Valid: bootstrapServers{},
		Doc: "Where to find controllers, as host:port separated by commas; the actual set is learned from them.",
	},
	{
		Name: "controller.quorum.election.timeout.ms", Type: Int, Default: int32(1000), Valid: atLeast(0),
		Doc: "How long, in milliseconds, a controller that wants to lead waits for votes before it tries again.",
	},
	{
		Name: "controller.quorum.fetch.timeout.ms", Type: Int, Default: int32(2000), Valid: atLeast(0),
		Doc: "After how many milliseconds without hearing from each other a follower calls for an election, and a leader gives up.",
	},
	{
		Name: "controller.quorum.election.backoff.max.ms", Type: Int, Default: int32(1000), Valid: atLeast(0),
		Doc: "The longest wait, in milliseconds, before a lost election is tried again.",
	},
	{
		Name: "controller.quorum.append.linger.ms", Type: Int, Default: int32(25), Valid: atLeast(0), Importance: Medium,
		Doc: "How long, in milliseconds, the active controller gathers records before it writes them to disk.",
	},
	{
		Name: "controller.quorum.request.timeout.ms", Type: Int, Default: int32(2000), Valid: atLeast(0), Importance: Medium,
		Doc: "How long, in milliseconds, a request between controllers may take before it is tried again.",
	},
	{
		Name: "controller.quorum.retry.backoff.ms", Type: Int, Default: int32(20), Valid: atLeast(0), Importance: Low,
		Doc: "How long, in milliseconds, to wait before a failed request between controllers is tried again.",
	},
	{
		Name: "controller.quorum.auto.join.enable", Type: Boolean, Default: false, Importance: Low,
		Doc: "Whether a controller that is not yet a voter asks to become one by itself.",
	},
	{
		Name: "controller.quorum.fetch.snapshot.max.bytes", Type: Int, Default: int32(1048576), Valid: atLeast(1), Importance: Low,
		Doc: "The most bytes of a metadata snapshot fetched by one request.",
	},
	{
		Name: "controller.quorum.fetch.max.bytes", Type: Int, Default: int32(1048576), Valid: atLeast(1), Importance: Low,
		Doc: "The most bytes of the metadata log fetched by one request.",
	},
}

// KRaftSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type KRaftSettings struct {
	NodeID                                    int           // node.id
	InitialBrokerRegistrationTimeout          time.Duration // initial.broker.registration.timeout.ms
	BrokerHeartbeatInterval                   time.Duration // broker.heartbeat.interval.ms
	BrokerSessionTimeout                      time.Duration // broker.session.timeout.ms
	SaslMechanismControllerProtocol           string        // sasl.mechanism.controller.protocol
	ControllerPerformanceSamplePeriod         time.Duration // controller.performance.sample.period.ms
	ControllerPerformanceAlwaysLogThreshold   time.Duration // controller.performance.always.log.threshold.ms
	ServerMaxStartupTime                      time.Duration // server.max.startup.time.ms
	MetadataLogMaxRecordBytesBetweenSnapshots int64         // metadata.log.max.record.bytes.between.snapshots
	MetadataLogMaxSnapshotInterval            time.Duration // metadata.log.max.snapshot.interval.ms
	MetadataLogSegmentBytes                   int           // metadata.log.segment.bytes
	MetadataLogSegment                        time.Duration // metadata.log.segment.ms
	MetadataMaxRetentionBytes                 int64         // metadata.max.retention.bytes
	MetadataMaxRetention                      time.Duration // metadata.max.retention.ms
	MetadataMaxIdleInterval                   time.Duration // metadata.max.idle.interval.ms
	InternalMetadataLogSegmentBytes           int           // internal.metadata.log.segment.bytes
	InternalMetadataMaxBatchSizeInBytes       int           // internal.metadata.max.batch.size.in.bytes
	InternalMetadataDeleteDelay               time.Duration // internal.metadata.delete.delay.millis
	ControllerQuorumBootstrapServers          []string      // controller.quorum.bootstrap.servers
	ControllerQuorumElectionTimeout           time.Duration // controller.quorum.election.timeout.ms
	ControllerQuorumFetchTimeout              time.Duration // controller.quorum.fetch.timeout.ms
	ControllerQuorumElectionBackoffMax        time.Duration // controller.quorum.election.backoff.max.ms
	ControllerQuorumAppendLinger              time.Duration // controller.quorum.append.linger.ms
	ControllerQuorumRequestTimeout            time.Duration // controller.quorum.request.timeout.ms
	ControllerQuorumRetryBackoff              time.Duration // controller.quorum.retry.backoff.ms
	ControllerQuorumAutoJoinEnable            bool          // controller.quorum.auto.join.enable
	ControllerQuorumFetchSnapshotMaxBytes     int           // controller.quorum.fetch.snapshot.max.bytes
	ControllerQuorumFetchMaxBytes             int           // controller.quorum.fetch.max.bytes
}

func kraftSettings(v values) KRaftSettings {
	return KRaftSettings{
		NodeID:                                    v.int("node.id"),
		InitialBrokerRegistrationTimeout:          v.duration("initial.broker.registration.timeout.ms", time.Millisecond),
		BrokerHeartbeatInterval:                   v.duration("broker.heartbeat.interval.ms", time.Millisecond),
		BrokerSessionTimeout:                      v.duration("broker.session.timeout.ms", time.Millisecond),
		SaslMechanismControllerProtocol:           v.text("sasl.mechanism.controller.protocol"),
		ControllerPerformanceSamplePeriod:         v.duration("controller.performance.sample.period.ms", time.Millisecond),
		ControllerPerformanceAlwaysLogThreshold:   v.duration("controller.performance.always.log.threshold.ms", time.Millisecond),
		ServerMaxStartupTime:                      v.duration("server.max.startup.time.ms", time.Millisecond),
		MetadataLogMaxRecordBytesBetweenSnapshots: v.int64("metadata.log.max.record.bytes.between.snapshots"),
		MetadataLogMaxSnapshotInterval:            v.duration("metadata.log.max.snapshot.interval.ms", time.Millisecond),
		MetadataLogSegmentBytes:                   v.int("metadata.log.segment.bytes"),
		MetadataLogSegment:                        v.duration("metadata.log.segment.ms", time.Millisecond),
		MetadataMaxRetentionBytes:                 v.int64("metadata.max.retention.bytes"),
		MetadataMaxRetention:                      v.duration("metadata.max.retention.ms", time.Millisecond),
		MetadataMaxIdleInterval:                   v.duration("metadata.max.idle.interval.ms", time.Millisecond),
		InternalMetadataLogSegmentBytes:           v.int("internal.metadata.log.segment.bytes"),
		InternalMetadataMaxBatchSizeInBytes:       v.int("internal.metadata.max.batch.size.in.bytes"),
		InternalMetadataDeleteDelay:               v.duration("internal.metadata.delete.delay.millis", time.Millisecond),
		ControllerQuorumBootstrapServers:          v.list("controller.quorum.bootstrap.servers"),
		ControllerQuorumElectionTimeout:           v.duration("controller.quorum.election.timeout.ms", time.Millisecond),
		ControllerQuorumFetchTimeout:              v.duration("controller.quorum.fetch.timeout.ms", time.Millisecond),
		ControllerQuorumElectionBackoffMax:        v.duration("controller.quorum.election.backoff.max.ms", time.Millisecond),
		ControllerQuorumAppendLinger:              v.duration("controller.quorum.append.linger.ms", time.Millisecond),
		ControllerQuorumRequestTimeout:            v.duration("controller.quorum.request.timeout.ms", time.Millisecond),
		ControllerQuorumRetryBackoff:              v.duration("controller.quorum.retry.backoff.ms", time.Millisecond),
		ControllerQuorumAutoJoinEnable:            v.bool("controller.quorum.auto.join.enable"),
		ControllerQuorumFetchSnapshotMaxBytes:     v.int("controller.quorum.fetch.snapshot.max.bytes"),
		ControllerQuorumFetchMaxBytes:             v.int("controller.quorum.fetch.max.bytes"),
	}
}
