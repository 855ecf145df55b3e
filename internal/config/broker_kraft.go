package config

import (
	"math"
	"time"
)

// kraftKeys are the keys of roles, controllers and the metadata log.
var kraftKeys = []Key{
	{
		Name: "process.roles", Type: List, Required: true, Valid: listOf{allowed: []string{"broker", "controller"}},
	},
	{
		Name: "node.id", Type: Int, Required: true, Valid: atLeast(0),
	},
	{
		Name: "initial.broker.registration.timeout.ms", Type: Int, Default: int32(60000), Importance: Medium,
	},
	{
		Name: "broker.heartbeat.interval.ms", Type: Int, Default: int32(2000), Importance: Medium,
	},
	{
		Name: "broker.session.timeout.ms", Type: Int, Default: int32(9000), Importance: Medium,
	},
	{
		Name: "controller.listener.names", Type: List, Required: true, Valid: listOf{},
	},
	{
		Name: "sasl.mechanism.controller.protocol", Type: String, Default: "GSSAPI",
	},
	{
		Name: "controller.performance.sample.period.ms", Type: Long, Default: int64(60000), Valid: atLeast(100), Importance: Medium, Internal: true,
	},
	{
		Name: "controller.performance.always.log.threshold.ms", Type: Long, Default: int64(2000), Valid: atLeast(0), Importance: Medium, Internal: true,
	},
	{
		Name: "server.max.startup.time.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Internal: true,
	},
	{
		Name: "metadata.log.max.record.bytes.between.snapshots", Type: Long, Default: int64(20971520), Valid: atLeast(1),
	},
	{
		Name: "metadata.log.max.snapshot.interval.ms", Type: Long, Default: int64(3600000), Valid: atLeast(0),
	},
	{
		Name: "metadata.log.dir", Type: String,
	},
	{
		Name: "metadata.log.segment.bytes", Type: Int, Default: int32(1073741824), Valid: atLeast(8388608),
	},
	{
		Name: "metadata.log.segment.ms", Type: Long, Default: int64(604800000),
	},
	{
		Name: "metadata.max.retention.bytes", Type: Long, Default: int64(104857600),
	},
	{
		Name: "metadata.max.retention.ms", Type: Long, Default: int64(604800000),
	},
	{
		Name: "metadata.max.idle.interval.ms", Type: Int, Default: int32(500), Valid: atLeast(0), Importance: Low,
	},
	{
		Name: "internal.metadata.log.segment.bytes", Type: Int, Importance: Low, Internal: true,
	},
	{
		Name: "internal.metadata.max.batch.size.in.bytes", Type: Int, Default: int32(8388608), Importance: Low, Internal: true,
	},
	{
		Name: "internal.metadata.delete.delay.millis", Type: Long, Default: int64(60000), Importance: Low, Internal: true,
	},
	{
		Name: "controller.quorum.voters", Type: List, Default: []string{}, Valid: quorumVoters{},
	},
	{
		Name: "controller.quorum.bootstrap.servers", Type: List, Default: []string{}, Valid: bootstrapServers{},
	},
	{
		Name: "controller.quorum.election.timeout.ms", Type: Int, Default: int32(1000), Valid: atLeast(0),
	},
	{
		Name: "controller.quorum.fetch.timeout.ms", Type: Int, Default: int32(2000), Valid: atLeast(0),
	},
	{
		Name: "controller.quorum.election.backoff.max.ms", Type: Int, Default: int32(1000), Valid: atLeast(0),
	},
	{
		Name: "controller.quorum.append.linger.ms", Type: Int, Default: int32(25), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "controller.quorum.request.timeout.ms", Type: Int, Default: int32(2000), Valid: atLeast(0), Importance: Medium,
	},
	{
		Name: "controller.quorum.retry.backoff.ms", Type: Int, Default: int32(20), Valid: atLeast(0), Importance: Low,
	},
	{
		Name: "controller.quorum.auto.join.enable", Type: Boolean, Default: false, Importance: Low,
	},
	{
		Name: "controller.quorum.fetch.snapshot.max.bytes", Type: Int, Default: int32(1048576), Valid: atLeast(1), Importance: Low,
	},
	{
		Name: "controller.quorum.fetch.max.bytes", Type: Int, Default: int32(1048576), Valid: atLeast(1), Importance: Low,
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
