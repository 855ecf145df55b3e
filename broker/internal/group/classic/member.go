package classic

import (
	"bytes"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// JoinReply takes the answer to a JoinGroup request. It must not block.
type JoinReply func(*kmsg.JoinGroupResponse)

// SyncReply takes the answer to a SyncGroup request. It must not block.
type SyncReply func(*kmsg.SyncGroupResponse)

// Protocol is one of the protocols (partition assignors) a member supports,
// with the member's metadata for it.
type Protocol struct {
	Name     string
	Metadata []byte
}

// member is one member of a group. Its group owns it.
type member struct {
	id string
	// instanceID makes the member static (KIP-345); nil for a dynamic one.
	instanceID       *string
	clientID         string
	clientHost       string
	rebalanceTimeout time.Duration
	sessionTimeout   time.Duration
	// protocols are in the member's order of preference.
	protocols  []Protocol
	assignment []byte

	// join and sync are the parked requests, if any.
	join JoinReply
	sync SyncReply
	// isNew says that the member has never got an answer to its join: it can be
	// expired although it is waiting.
	isNew bool
}

// metadata is what the member says for a protocol; false when it does not support it.
func (m *member) metadata(protocol string) ([]byte, bool) {
	for _, p := range m.protocols {
		if p.Name == protocol {
			return p.Metadata, true
		}
	}
	return nil, false
}

// heartbeatSatisfied tells whether the member needs no heartbeat: it waits for us.
func (m *member) heartbeatSatisfied() bool {
	return !m.isNew && (m.join != nil || m.sync != nil)
}

// matches tells whether the member joins with what it joined with before.
func (m *member) matches(protocols []Protocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b Protocol) bool {
		return a.Name == b.Name && bytes.Equal(a.Metadata, b.Metadata)
	})
}

// vote is the member's first choice among the candidates.
func (m *member) vote(candidates map[string]bool) (protocol string, ok bool) {
	for _, p := range m.protocols {
		if candidates[p.Name] {
			return p.Name, true
		}
	}
	return "", false
}

// instance is for log lines.
func (m *member) instance() string {
	if m.instanceID == nil {
		return ""
	}
	return *m.instanceID
}

// protocolsOf gives the protocols of a request. Of a name that is given twice
// only the first counts.
func protocolsOf(req *kmsg.JoinGroupRequest) []Protocol {
	protocols := make([]Protocol, 0, len(req.Protocols))
	for _, p := range req.Protocols {
		if !slices.ContainsFunc(protocols, func(q Protocol) bool { return q.Name == p.Name }) {
			protocols = append(protocols, Protocol{Name: p.Name, Metadata: p.Metadata})
		}
	}
	return protocols
}
