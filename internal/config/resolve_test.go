package config

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func load(t *testing.T, overrides ...string) *Static {
	t.Helper()
	s, _, err := Load(Sources{Overrides: overrides, Hostname: host})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTopicPrecedence(t *testing.T) {
	static := load(t, "log.segment.bytes=2000000")
	dynDefault := map[string]string{"log.segment.bytes": "3000000"}
	dynBroker := map[string]string{"log.segment.bytes": "4000000"}
	topic := map[string]string{"segment.bytes": "5000000"}
	for i, got := range []*Topic{
		ResolveTopic(load(t), nil, nil, nil), ResolveTopic(static, nil, nil, nil), ResolveTopic(static, dynDefault, nil, nil),
		ResolveTopic(static, dynDefault, dynBroker, nil), ResolveTopic(static, dynDefault, dynBroker, topic),
	} {
		if want := []int{1 << 30, 2000000, 3000000, 4000000, 5000000}[i]; got.SegmentBytes != want {
			t.Errorf("level %d: %d, want %d", i, got.SegmentBytes, want)
		}
	}
}

func TestValuesWithSeveralNames(t *testing.T) {
	hour, minute := int64(3600000), int64(60000)
	for _, c := range []struct {
		static          []string
		dynamic         map[string]string
		roll, retention int64
	}{
		{nil, nil, 168 * hour, 168 * hour},
		{[]string{"log.roll.hours=1", "log.retention.hours=2"}, nil, hour, 2 * hour},
		{[]string{"log.retention.hours=2", "log.retention.minutes=3"}, nil, 168 * hour, 3 * minute},
		{[]string{"log.retention.minutes=3", "log.retention.ms=4", "log.roll.ms=5", "log.roll.hours=6"}, nil, 5, 4},
		{[]string{"log.retention.hours=-1"}, nil, 168 * hour, -1},
		{[]string{"log.retention.hours=2", "log.roll.hours=6"}, map[string]string{"log.retention.ms": "7", "log.roll.ms": "8"}, 8, 7},
		{nil, map[string]string{"log.retention.hours": "1", "log.roll.hours": "1"}, 168 * hour, 168 * hour}, // Not dynamic.
	} {
		got := ResolveTopic(load(t, c.static...), c.dynamic, nil, nil)
		if got.SegmentMs != c.roll || got.RetentionMs != c.retention {
			t.Errorf("%v %v: roll %d, retention %d; want %d, %d", c.static, c.dynamic, got.SegmentMs, got.RetentionMs, c.roll, c.retention)
		}
	}
	if got := ResolveTopic(load(t, "log.flush.scheduler.interval.ms=9"), nil, nil, nil).FlushMs; got != 9 {
		t.Errorf("flush.ms %d, want log.flush.scheduler.interval.ms", got)
	}
	if got := ResolveTopic(load(t, "log.flush.scheduler.interval.ms=9", "log.flush.interval.ms=8"), nil, nil, nil).FlushMs; got != 8 {
		t.Errorf("flush.ms %d, want log.flush.interval.ms", got)
	}
}

func TestTopic(t *testing.T) {
	b := load(t).Broker
	d := b.TopicDefaults
	if b.ResolveTopic(nil) != d {
		t.Error("topics without own values do not share")
	}
	if d.Cleanup != (Cleanup{Delete: true}) || d.FlushMessages != math.MaxInt64 || d.LocalRetentionMs != d.RetentionMs || d.TimestampType != CreateTime || d.RemoteCopyLagBytes != -1 {
		t.Errorf("defaults: %+v", d)
	}
	for policy, want := range map[string]Cleanup{"": {}, "compact": {Compact: true}, "delete,compact": {Delete: true, Compact: true}} {
		if got := b.ResolveTopic(map[string]string{"cleanup.policy": policy}).Cleanup; got != want {
			t.Errorf("cleanup.policy %q: %+v", policy, got)
		}
	}
	// What cannot be used counts as not set.
	if got := b.ResolveTopic(map[string]string{"retention.ms": "x", "segment.bytes": "1"}); got.RetentionMs != d.RetentionMs || got.SegmentBytes != d.SegmentBytes {
		t.Errorf("unusable values: %+v", got)
	}
	if got := b.ResolveTopic(map[string]string{"internal.segment.bytes": "100"}).SegmentBytes; got != 100 {
		t.Errorf("internal.segment.bytes: %d", got)
	}
	compacted := b.ResolveTopic(map[string]string{"cleanup.policy": "compact", "max.compaction.lag.ms": "1000"})
	if got := compacted.MaxSegmentMs(); got != 1000 {
		t.Errorf("a compacted topic rolls after %d ms, want max.compaction.lag.ms", got)
	}
	if got := d.MaxSegmentMs(); got != d.SegmentMs {
		t.Errorf("a topic rolls after %d ms", got)
	}
}

func TestGroupClamped(t *testing.T) {
	b := load(t).Broker
	if b.ResolveGroup(nil) != b.GroupDefaults || b.GroupDefaults.ConsumerSessionTimeout != 45*time.Second || b.GroupDefaults.StreamsAssignorName != "sticky" {
		t.Errorf("defaults: %+v", b.GroupDefaults)
	}
	g := b.ResolveGroup(map[string]string{
		"consumer.session.timeout.ms": "1", "consumer.heartbeat.interval.ms": "99999", "streams.num.standby.replicas": "50",
		"share.auto.offset.reset": "by_duration:P1DT2H3M4.5S", "share.isolation.level": "read_committed",
	})
	if g.ConsumerSessionTimeout != 45*time.Second || g.ConsumerHeartbeatInterval != 15*time.Second || g.StreamsNumStandbyReplicas != 2 {
		t.Errorf("not clamped: %+v", g)
	}
	if g.ShareOffsetReset != ResetByDuration || g.ShareOffsetResetDuration != 26*time.Hour+3*time.Minute+4500*time.Millisecond || !g.ShareReadCommitted {
		t.Errorf("share group: %+v", g)
	}
}

func TestDynamicBroker(t *testing.T) {
	s := load(t)
	if ResolveBroker(s, nil, nil) != s.Broker {
		t.Error("without dynamic configurations there is nothing to resolve")
	}
	b := ResolveBroker(s, map[string]string{"num.io.threads": "9", "max.connections": "5", "listeners": "x", "group.consumer.assignment.interval.ms": "99999"},
		map[string]string{"num.io.threads": "10", "node.id": "7", "max.connections.per.ip": "no", "listener.name.plaintext.max.connections": "3", "leader.replication.throttled.rate": "42"})
	if b.NumIOThreads != 10 || b.MaxConnections != 5 || b.NodeID != 1 || b.MaxConnectionsPerIP != math.MaxInt32 || b.LeaderReplicationThrottledRate != 42 {
		t.Errorf("threads %d, connections %d, id %d, per ip %d, rate %d", b.NumIOThreads, b.MaxConnections, b.NodeID, b.MaxConnectionsPerIP, b.LeaderReplicationThrottledRate)
	}
	if b.GroupConsumerAssignmentInterval != 15*time.Second {
		t.Errorf("assignment interval %v is out of its bounds", b.GroupConsumerAssignmentInterval)
	}
	if v, _ := b.ListenerValue("PLAINTEXT", "max.connections"); v != "3" {
		t.Errorf("max.connections of the listener: %s", v)
	}
	if v, _ := b.ListenerValue("OTHER", "max.connections"); v != "5" {
		t.Errorf("max.connections of another listener: %s", v)
	}
	got := IgnoredDynamic(map[string]string{"node.id": "7", "max.connections": "x", "num.io.threads": "3", "listeners": "PLAINTEXT://:1"}, false)
	if want := []string{"listeners", "max.connections", "node.id"}; !slices.Equal(got, want) {
		t.Errorf("ignored %v, want %v", got, want)
	}
}

// Whatever the metadata holds, the node's configuration stays usable, and what
// is set twice comes from the stronger level.
func TestResolveAnything(t *testing.T) {
	s := load(t)
	names := slices.Sorted(maps.Keys(brokerDef.index))
	rapid.Check(t, func(t *rapid.T) {
		level := func(label string) map[string]string {
			return rapid.MapOf(rapid.SampledFrom(names), rapid.OneOf(rapid.SampledFrom([]string{"0", "1", "-1", "7", "true", "delete", "", "1.5", "9223372036854775807"}), rapid.String())).Draw(t, label)
		}
		dynDefault, dynBroker := level("default"), level("broker")
		b := ResolveBroker(s, dynDefault, dynBroker)
		if b.NodeID != 1 || len(b.LogDirs) != 1 || b.TopicDefaults == nil || len(b.AdvertisedListeners) != 1 {
			t.Errorf("%+v", b)
		}
		DescribeBroker(s, dynDefault, dynBroker)
		DescribeTopic(s, dynDefault, dynBroker, dynDefault)
	})
}
