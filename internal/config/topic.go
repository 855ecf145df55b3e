package config

import (
	"slices"
	"strings"
)

// Topic is the effective configuration of one topic. It is immutable and may
// be shared between topics that set the same.
type Topic struct {
	SegmentBytes       int   // segment.bytes: size at which a segment is rolled.
	SegmentMs          int64 // segment.ms: age at which it is rolled.
	SegmentJitterMs    int64 // segment.jitter.ms: at most subtracted from that age.
	SegmentIndexBytes  int   // segment.index.bytes
	IndexIntervalBytes int   // index.interval.bytes

	FlushMessages int64 // flush.messages: MaxInt64 leaves it to the system.
	FlushMs       int64 // flush.ms: likewise.

	RetentionBytes    int64 // retention.bytes: negative is without limit.
	RetentionMs       int64 // retention.ms: -1 is without limit.
	FileDeleteDelayMs int64 // file.delete.delay.ms
	Preallocate       bool  // preallocate

	Cleanup                Cleanup // cleanup.policy
	DeleteRetentionMs      int64   // delete.retention.ms
	MinCompactionLagMs     int64   // min.compaction.lag.ms
	MaxCompactionLagMs     int64   // max.compaction.lag.ms
	MinCleanableDirtyRatio float64 // min.cleanable.dirty.ratio

	MaxMessageBytes             int // max.message.bytes, of a batch as stored.
	MaxDecompressedMessageBytes int // max.decompressed.message.bytes, of a record.

	CompressionType      string // compression.type: "producer", "uncompressed" or a codec.
	CompressionGzipLevel int    // compression.gzip.level; -1 is the codec's default.
	CompressionLZ4Level  int    // compression.lz4.level
	CompressionZstdLevel int    // compression.zstd.level

	TimestampType TimestampType // message.timestamp.type
	// TimestampBeforeMaxMs and TimestampAfterMaxMs bound how far a record's
	// timestamp may lie before and after the broker's clock.
	TimestampBeforeMaxMs int64 // message.timestamp.before.max.ms
	TimestampAfterMaxMs  int64 // message.timestamp.after.max.ms

	MinInSyncReplicas           int  // min.insync.replicas
	UncleanLeaderElectionEnable bool // unclean.leader.election.enable

	LeaderThrottledReplicas   []string // leader.replication.throttled.replicas: "*" or partition:broker.
	FollowerThrottledReplicas []string // follower.replication.throttled.replicas

	RemoteStorageEnable        bool  // remote.storage.enable
	LocalRetentionMs           int64 // local.retention.ms, -2 resolved to RetentionMs.
	LocalRetentionBytes        int64 // local.retention.bytes, -2 resolved to RetentionBytes.
	RemoteCopyDisable          bool  // remote.log.copy.disable
	RemoteCopyLagMs            int64 // remote.copy.lag.ms, -1 resolved to LocalRetentionMs.
	RemoteCopyLagBytes         int64 // remote.copy.lag.bytes, -1 resolved to LocalRetentionBytes.
	RemoteDeleteOnDisable      bool  // remote.log.delete.on.disable
	DeadLetterQueueGroupEnable bool  // errors.deadletterqueue.group.enable
}

// Cleanup says what happens to old records. Neither keeps them forever.
type Cleanup struct{ Delete, Compact bool }

// String gives the value of cleanup.policy.
func (c Cleanup) String() string {
	var policies []string
	if c.Compact {
		policies = append(policies, "compact")
	}
	if c.Delete {
		policies = append(policies, "delete")
	}
	return strings.Join(policies, ",")
}

// TimestampType says who sets the timestamp of a record, with the numbers of
// the record format.
type TimestampType int8

// The timestamp types.
const (
	CreateTime    TimestampType = 0
	LogAppendTime TimestampType = 1
)

func (t TimestampType) String() string {
	if t == LogAppendTime {
		return "LogAppendTime"
	}
	return "CreateTime"
}

// MaxSegmentMs is the age at which the active segment is rolled: compaction
// must reach every record within max.compaction.lag.ms, and passes over the
// active segment.
func (t *Topic) MaxSegmentMs() int64 {
	if t.Cleanup.Compact && t.MaxCompactionLagMs > 0 {
		return min(t.MaxCompactionLagMs, t.SegmentMs)
	}
	return t.SegmentMs
}

// topicValues gives the value of every topic key, from the broker's values and
// the topic's own, which are parsed. Own values that do not parse are skipped.
func topicValues(broker values, topic map[string]string) values {
	v := make(values, len(topicDef.keys))
	for i := range topicDef.keys {
		k := &topicDef.keys[i]
		v[k.Name] = k.Default
		if len(k.Synonyms) > 0 {
			v[k.Name] = brokerTopicValue(broker, k)
		}
		if raw, ok := topic[k.Name]; ok {
			if value, err := k.Parse(raw); err == nil {
				v[k.Name] = value
			}
		}
	}
	return v
}

// brokerTopicValue gives what the broker's configuration says for a topic key.
func brokerTopicValue(broker values, k *Key) any {
	switch k.Name {
	case "segment.ms":
		return broker.rollMs()
	case "segment.jitter.ms":
		return broker.rollJitterMs()
	case "retention.ms":
		return broker.retentionMs()
	case "flush.ms":
		return broker.flushMs()
	}
	return broker[k.Synonyms[0]]
}

func newTopic(v values) *Topic {
	t := &Topic{
		SegmentBytes:                v.int("segment.bytes"),
		SegmentMs:                   v.int64("segment.ms"),
		SegmentJitterMs:             v.int64("segment.jitter.ms"),
		SegmentIndexBytes:           v.int("segment.index.bytes"),
		IndexIntervalBytes:          v.int("index.interval.bytes"),
		FlushMessages:               v.int64("flush.messages"),
		FlushMs:                     v.int64("flush.ms"),
		RetentionBytes:              v.int64("retention.bytes"),
		RetentionMs:                 v.int64("retention.ms"),
		FileDeleteDelayMs:           v.int64("file.delete.delay.ms"),
		Preallocate:                 v.bool("preallocate"),
		Cleanup:                     parseCleanup(v.list("cleanup.policy")),
		DeleteRetentionMs:           v.int64("delete.retention.ms"),
		MinCompactionLagMs:          v.int64("min.compaction.lag.ms"),
		MaxCompactionLagMs:          v.int64("max.compaction.lag.ms"),
		MinCleanableDirtyRatio:      v.float("min.cleanable.dirty.ratio"),
		MaxMessageBytes:             v.int("max.message.bytes"),
		MaxDecompressedMessageBytes: v.int("max.decompressed.message.bytes"),
		CompressionType:             v.text("compression.type"),
		CompressionGzipLevel:        v.int("compression.gzip.level"),
		CompressionLZ4Level:         v.int("compression.lz4.level"),
		CompressionZstdLevel:        v.int("compression.zstd.level"),
		TimestampBeforeMaxMs:        v.int64("message.timestamp.before.max.ms"),
		TimestampAfterMaxMs:         v.int64("message.timestamp.after.max.ms"),
		MinInSyncReplicas:           v.int("min.insync.replicas"),
		UncleanLeaderElectionEnable: v.bool("unclean.leader.election.enable"),
		LeaderThrottledReplicas:     v.list("leader.replication.throttled.replicas"),
		FollowerThrottledReplicas:   v.list("follower.replication.throttled.replicas"),
		RemoteStorageEnable:         v.bool("remote.storage.enable"),
		LocalRetentionMs:            v.int64("local.retention.ms"),
		LocalRetentionBytes:         v.int64("local.retention.bytes"),
		RemoteCopyDisable:           v.bool("remote.log.copy.disable"),
		RemoteCopyLagMs:             v.int64("remote.copy.lag.ms"),
		RemoteCopyLagBytes:          v.int64("remote.copy.lag.bytes"),
		RemoteDeleteOnDisable:       v.bool("remote.log.delete.on.disable"),
		DeadLetterQueueGroupEnable:  v.bool("errors.deadletterqueue.group.enable"),
	}
	if v.text("message.timestamp.type") == LogAppendTime.String() {
		t.TimestampType = LogAppendTime
	}
	if n, ok := v.integer("internal.segment.bytes"); ok {
		t.SegmentBytes = int(n)
	}
	t.resolveLocal()
	return t
}

// resolveLocal replaces the values that stand for another key's.
func (t *Topic) resolveLocal() {
	if t.LocalRetentionMs == -2 {
		t.LocalRetentionMs = t.RetentionMs
	}
	if t.LocalRetentionBytes == -2 {
		t.LocalRetentionBytes = t.RetentionBytes
	}
	if t.RemoteCopyLagMs == -1 {
		t.RemoteCopyLagMs = t.LocalRetentionMs
	}
	if t.RemoteCopyLagBytes == -1 {
		t.RemoteCopyLagBytes = t.LocalRetentionBytes
	}
}

func parseCleanup(policies []string) Cleanup {
	return Cleanup{
		Delete:  slices.Contains(policies, "delete"),
		Compact: slices.Contains(policies, "compact"),
	}
}

// ResolveTopic gives the effective configuration of a topic with these own
// values. Values that cannot be parsed count as not set: they were refused
// when a client tried to set them, and a topic must stay usable.
//
// With many topics, resolve the broker once and call Broker.ResolveTopic.
func ResolveTopic(static *Static, dynDefault, dynBroker, topic map[string]string) *Topic {
	return ResolveBroker(static, dynDefault, dynBroker).ResolveTopic(topic)
}

// ResolveTopic gives the effective configuration of a topic with these own
// values. Topics without any share one struct.
func (b *Broker) ResolveTopic(topic map[string]string) *Topic {
	if len(topic) == 0 {
		return b.TopicDefaults
	}
	return newTopic(topicValues(b.values, topic))
}
