package classic

import (
	"bytes"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/coordinator"
)

// valueVersion is the version of GroupMetadataValue that is written: brokers
// before 3.x cannot read the flexible version 4.
const valueVersion = 3

func newValue() *kmsg.GroupMetadataValue {
	value := kmsg.NewGroupMetadataValue()
	value.Version = valueVersion
	return &value
}

// record makes the group's record with these assignments by member id, or with
// the current ones.
func (g *Group) record(assignments map[string][]byte) *kmsg.GroupMetadataValue {
	value := newValue()
	value.ProtocolType = g.protocolType
	value.Generation = g.generation
	value.Protocol = nonEmpty(g.protocol)
	value.Leader = nonEmpty(g.leader)
	value.CurrentStateTimestamp = g.stateTime.UnixMilli()
	value.Members = make([]kmsg.GroupMetadataValueMember, 0, len(g.order))
	for _, m := range g.order {
		vm := kmsg.NewGroupMetadataValueMember()
		vm.MemberID, vm.InstanceID = m.id, m.instanceID
		vm.ClientID, vm.ClientHost = m.clientID, m.clientHost
		vm.RebalanceTimeoutMillis = int32(m.rebalanceTimeout.Milliseconds())
		vm.SessionTimeoutMillis = int32(m.sessionTimeout.Milliseconds())
		vm.Subscription, _ = m.metadata(g.protocol)
		vm.Assignment = m.assignment
		if assignments != nil {
			vm.Assignment = assignments[m.id]
		}
		value.Members = append(value.Members, vm)
	}
	return value
}

// FromRecord restores a group: Stable with its members, or Empty. Their
// sessions begin with StartSessions.
func FromRecord(id string, value *kmsg.GroupMetadataValue, env *Env) *Group {
	var stateTime time.Time
	if value.CurrentStateTimestamp != -1 {
		stateTime = time.UnixMilli(value.CurrentStateTimestamp)
	}
	g := NewGroup(stateTime, id, env)
	g.generation = value.Generation
	g.protocolType = value.ProtocolType
	if value.Protocol != nil {
		g.protocol = *value.Protocol
	}
	if value.Leader != nil {
		g.leader = *value.Leader
	}
	for _, vm := range value.Members {
		if g.members[vm.MemberID] != nil {
			continue // not written by any broker, and no reason to fail.
		}
		m := &member{
			id: vm.MemberID, instanceID: vm.InstanceID, clientID: vm.ClientID, clientHost: vm.ClientHost,
			rebalanceTimeout: millis(vm.RebalanceTimeoutMillis), sessionTimeout: millis(vm.SessionTimeoutMillis),
			protocols:  []Protocol{{Name: g.protocol, Metadata: bytes.Clone(vm.Subscription)}},
			assignment: append([]byte{}, vm.Assignment...),
		}
		if vm.RebalanceTimeoutMillis == -1 {
			m.rebalanceTimeout = m.sessionTimeout // before version 1.
		}
		g.add(m, value.ProtocolType)
	}
	if len(g.order) > 0 {
		g.state = Stable
	}
	g.subscribed = g.subscriptions()
	return g
}

// StartSessions begins the sessions of the members of a loaded group.
func (g *Group) StartSessions(now time.Time) {
	for _, m := range g.order {
		g.resetHeartbeat(now, m, m.sessionTimeout)
	}
}

// subscriptions are the topics the members consume, nil when they cannot be
// known: not consumers, or metadata that cannot be read.
func (g *Group) subscriptions() map[string]struct{} {
	if !g.IsConsumer() {
		return nil
	}
	topics := make(map[string]struct{})
	for _, m := range g.order {
		metadata, ok := m.metadata(g.protocol)
		if !ok {
			return nil
		}
		if err := readSubscription(metadata, topics); err != nil {
			g.env.Logger.Warn("Could not read a consumer's subscription", "group", g.id, "member", m.id,
				"protocol", g.protocol, "error", err)
			return nil
		}
	}
	return topics
}

// readSubscription adds the topics of a ConsumerProtocolSubscription. All its
// versions begin as version 0 does:
//
//	version int16 | topics: int32 count, strings | ...
func readSubscription(metadata []byte, topics map[string]struct{}) error {
	r := kbin.Reader{Src: metadata}
	if version := r.Int16(); r.Ok() && version < 0 {
		return errors.New("negative version")
	}
	for n := r.ArrayLen(); n > 0 && r.Ok(); n-- {
		if topic := r.String(); r.Ok() {
			topics[topic] = struct{}{}
		}
	}
	if !r.Ok() {
		return kbin.ErrNotEnoughData
	}
	return nil
}

// responseCode is the code that tells a client why a record was not written.
func responseCode(err error) *kerr.Error {
	var code *kerr.Error
	if errors.As(coordinator.ResponseError(err), &code) {
		return code
	}
	return kerr.UnknownServerError
}
