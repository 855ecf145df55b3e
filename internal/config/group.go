package config

import (
	"time"
)

// Group is the effective configuration of one group, every value clamped to
// the bounds the broker sets.
type Group struct {
	ConsumerSessionTimeout         time.Duration // consumer.session.timeout.ms
	ConsumerHeartbeatInterval      time.Duration // consumer.heartbeat.interval.ms
	ConsumerAssignmentInterval     time.Duration // consumer.assignment.interval.ms
	ConsumerAssignorOffloadEnable  bool          // consumer.assignor.offload.enable
	ShareSessionTimeout            time.Duration // share.session.timeout.ms
	ShareHeartbeatInterval         time.Duration // share.heartbeat.interval.ms
	ShareRecordLockDuration        time.Duration // share.record.lock.duration.ms
	ShareDeliveryCountLimit        int           // share.delivery.count.limit
	SharePartitionMaxRecordLocks   int           // share.partition.max.record.locks
	ShareOffsetReset               OffsetReset   // share.auto.offset.reset
	ShareOffsetResetDuration       time.Duration // share.auto.offset.reset: how far back, with ResetByDuration.
	ShareReadCommitted             bool          // share.isolation.level
	ShareRenewAcknowledgeEnable    bool          // share.renew.acknowledge.enable
	ShareAssignmentInterval        time.Duration // share.assignment.interval.ms
	ShareAssignorOffloadEnable     bool          // share.assignor.offload.enable
	StreamsSessionTimeout          time.Duration // streams.session.timeout.ms
	StreamsHeartbeatInterval       time.Duration // streams.heartbeat.interval.ms
	StreamsNumStandbyReplicas      int           // streams.num.standby.replicas
	StreamsInitialRebalanceDelay   time.Duration // streams.initial.rebalance.delay.ms
	StreamsAssignmentInterval      time.Duration // streams.assignment.interval.ms
	StreamsAssignorOffloadEnable   bool          // streams.assignor.offload.enable
	StreamsTaskOffsetInterval      time.Duration // streams.task.offset.interval.ms
	StreamsNumWarmupReplicas       int           // streams.num.warmup.replicas
	StreamsRackAwareAssignmentTags []string      // streams.rack.aware.assignment.tags
	StreamsAcceptableRecoveryLag   int64         // streams.acceptable.recovery.lag, in records.
	StreamsAssignorName            string        // streams.assignor.name
	DeadLetterQueueTopicName       string        // errors.deadletterqueue.topic.name; empty is none.
	DeadLetterQueueCopyRecord      bool          // errors.deadletterqueue.copy.record.enable
}

// groupBound names the broker keys that bound a group key.
type groupBound struct{ key, min, max string }

// groupBounds are checked, in this order, when a group is altered, and clamp
// the value in use.
var groupBounds = []groupBound{
	{"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"},
	{"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms"},
	{"consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"},
	{"share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"},
	{"share.session.timeout.ms", "group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"},
	{"share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms", "group.share.max.record.lock.duration.ms"},
	{"share.delivery.count.limit", "group.share.min.delivery.count.limit", "group.share.max.delivery.count.limit"},
	{"share.partition.max.record.locks", "group.share.min.partition.max.record.locks", "group.share.max.partition.max.record.locks"},
	{"share.assignment.interval.ms", "group.share.min.assignment.interval.ms", "group.share.max.assignment.interval.ms"},
	{"streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms"},
	{"streams.session.timeout.ms", "group.streams.min.session.timeout.ms", "group.streams.max.session.timeout.ms"},
	{"streams.num.standby.replicas", "", "group.streams.max.standby.replicas"},
	{"streams.assignment.interval.ms", "group.streams.min.assignment.interval.ms", "group.streams.max.assignment.interval.ms"},
	{"streams.task.offset.interval.ms", "group.streams.min.task.offset.interval.ms", ""},
	{"streams.num.warmup.replicas", "", "group.streams.max.warmup.replicas"},
}

// groupValues gives the value of every group key, not clamped.
func groupValues(broker values, group map[string]string) values {
	v := make(values, len(groupDef.keys))
	for i := range groupDef.keys {
		k := &groupDef.keys[i]
		v[k.Name] = brokerGroupValue(broker, k)
		if raw, ok := group[k.Name]; ok {
			if value, err := k.Parse(raw); err == nil {
				v[k.Name] = value
			}
		}
	}
	return v
}

// brokerGroupValue gives what a group key is when the group does not set it.
func brokerGroupValue(broker values, k *Key) any {
	switch {
	case len(k.Synonyms) == 0:
		return k.Default
	case k.Name == "streams.assignor.name":
		// The broker lists its assignors; the first is the default.
		if names := broker.list(k.Synonyms[0]); len(names) > 0 {
			return names[0]
		}
		return nil
	}
	return broker[k.Synonyms[0]]
}

// ResolveGroup gives the effective configuration of a group with these own
// values, clamped to the broker's bounds.
func ResolveGroup(static *Static, dynDefault, dynBroker, group map[string]string) *Group {
	return ResolveBroker(static, dynDefault, dynBroker).ResolveGroup(group)
}

// ResolveGroup gives the effective configuration of a group with these own
// values, clamped to the broker's bounds. Groups without any share one struct.
func (b *Broker) ResolveGroup(group map[string]string) *Group {
	if len(group) == 0 {
		return b.GroupDefaults
	}
	return newGroup(b.values, group)
}

func newGroup(broker values, group map[string]string) *Group {
	v := groupValues(broker, group)
	for _, bound := range groupBounds {
		n := v[bound.key].(int32)
		if bound.max != "" {
			n = min(n, int32(broker.int(bound.max)))
		}
		if bound.min != "" {
			n = max(n, int32(broker.int(bound.min)))
		}
		v[bound.key] = n
	}
	g := &Group{
		ConsumerSessionTimeout:         v.duration("consumer.session.timeout.ms", time.Millisecond),
		ConsumerHeartbeatInterval:      v.duration("consumer.heartbeat.interval.ms", time.Millisecond),
		ConsumerAssignmentInterval:     v.duration("consumer.assignment.interval.ms", time.Millisecond),
		ConsumerAssignorOffloadEnable:  v.bool("consumer.assignor.offload.enable"),
		ShareSessionTimeout:            v.duration("share.session.timeout.ms", time.Millisecond),
		ShareHeartbeatInterval:         v.duration("share.heartbeat.interval.ms", time.Millisecond),
		ShareRecordLockDuration:        v.duration("share.record.lock.duration.ms", time.Millisecond),
		ShareDeliveryCountLimit:        v.int("share.delivery.count.limit"),
		SharePartitionMaxRecordLocks:   v.int("share.partition.max.record.locks"),
		ShareReadCommitted:             v.text("share.isolation.level") == "read_committed",
		ShareRenewAcknowledgeEnable:    v.bool("share.renew.acknowledge.enable"),
		ShareAssignmentInterval:        v.duration("share.assignment.interval.ms", time.Millisecond),
		ShareAssignorOffloadEnable:     v.bool("share.assignor.offload.enable"),
		StreamsSessionTimeout:          v.duration("streams.session.timeout.ms", time.Millisecond),
		StreamsHeartbeatInterval:       v.duration("streams.heartbeat.interval.ms", time.Millisecond),
		StreamsNumStandbyReplicas:      v.int("streams.num.standby.replicas"),
		StreamsInitialRebalanceDelay:   v.duration("streams.initial.rebalance.delay.ms", time.Millisecond),
		StreamsAssignmentInterval:      v.duration("streams.assignment.interval.ms", time.Millisecond),
		StreamsAssignorOffloadEnable:   v.bool("streams.assignor.offload.enable"),
		StreamsTaskOffsetInterval:      v.duration("streams.task.offset.interval.ms", time.Millisecond),
		StreamsNumWarmupReplicas:       v.int("streams.num.warmup.replicas"),
		StreamsRackAwareAssignmentTags: v.list("streams.rack.aware.assignment.tags"),
		StreamsAcceptableRecoveryLag:   v.int64("streams.acceptable.recovery.lag"),
		StreamsAssignorName:            v.text("streams.assignor.name"),
		DeadLetterQueueTopicName:       v.text("errors.deadletterqueue.topic.name"),
		DeadLetterQueueCopyRecord:      v.bool("errors.deadletterqueue.copy.record.enable"),
	}
	// The value was checked when it was set, and the default is right.
	g.ShareOffsetReset, g.ShareOffsetResetDuration, _ = ParseOffsetReset(v.text("share.auto.offset.reset"))
	return g
}
