package group

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/group/classic"
	"moldau.dev/moldau/broker/internal/group/offset"
)

// Type is the protocol of a group.
type Type string

// Classic is the type of groups whose members assign the work themselves.
const Classic Type = "classic"

// group is what a shard needs of a group of any type.
type group interface {
	groupType() Type
	// state is the state's name as clients see it.
	state() string
	protocolType() string
	// size is the number of members.
	size() int
	// isEmpty tells whether the group has no members and may be deleted.
	isEmpty() bool
	// subscribed tells whether a member consumes the topic; true when in doubt.
	subscribed(topic string) bool
	// expiry says when the group's offsets expire.
	expiry() offset.Expiry
	validateCommit(memberID string, instanceID *string, generation int32, transactional bool) *kerr.Error
	validateDelete() *kerr.Error
	validateOffsetDelete() *kerr.Error
	// tombstones are the records that delete the group from the log.
	tombstones() []Record
}

// classicGroup makes a classic.Group a group.
type classicGroup struct{ *classic.Group }

func (g classicGroup) groupType() Type { return Classic }

func (g classicGroup) state() string { return g.State().String() }

func (g classicGroup) protocolType() string { return g.ProtocolType() }

func (g classicGroup) size() int { return g.Size() }

func (g classicGroup) isEmpty() bool { return g.IsEmpty() }

func (g classicGroup) subscribed(topic string) bool { return g.Subscribed(topic) }

func (g classicGroup) validateCommit(memberID string, instanceID *string, generation int32, transactional bool) *kerr.Error {
	return g.ValidateCommit(memberID, instanceID, generation, transactional)
}

func (g classicGroup) validateDelete() *kerr.Error { return g.ValidateDelete() }

func (g classicGroup) validateOffsetDelete() *kerr.Error { return g.ValidateOffsetDelete() }

// expiry counts from when the group became empty (KIP-211). A stable consumer
// group loses what it no longer consumes, a simple one what it no longer commits.
func (g classicGroup) expiry() offset.Expiry {
	e := offset.Expiry{InUse: g.Subscribed}
	switch {
	case g.ProtocolType() == "":
		e.Applies = true
	case g.IsEmpty():
		e.Applies = true
		e.Since, _ = g.EmptySince()
	default:
		e.Applies = g.State() == classic.Stable && g.IsConsumer() && g.SubscriptionsKnown()
	}
	return e
}

func (g classicGroup) tombstones() []Record { return []Record{Metadata{Group: g.ID()}} }

// filter is what ListGroups is asked for; empty lists match everything.
type filter struct {
	states, types []string
}

func (f filter) matches(g group) bool {
	return matchesFold(f.states, g.state()) && matchesFold(f.types, string(g.groupType()))
}

func matchesFold(wanted []string, s string) bool {
	for _, w := range wanted {
		if strings.EqualFold(strings.TrimSpace(w), s) {
			return true
		}
	}
	return len(wanted) == 0
}

func listed(id string, g group) kmsg.ListGroupsResponseGroup {
	l := kmsg.NewListGroupsResponseGroup()
	l.Group = id
	l.ProtocolType = g.protocolType()
	l.GroupState = g.state()
	l.GroupType = string(g.groupType())
	return l
}
