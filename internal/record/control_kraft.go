package record

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kbin"

	"moldau.dev/moldau/internal/kafka"
)

// The values of the metadata log's control records. Their encodings are the
// flexible ones of version 0, which is what Kafka writes and reads; the version
// field inside them tells the content's version. Unknown tagged fields are
// skipped.

// LeaderChange is the first record of every epoch of the metadata log.
type LeaderChange struct {
	// Version is 0.
	Version  int16
	LeaderID kafka.NodeID
	// Voters is the voter set, GrantingVoters those who voted for the leader.
	Voters, GrantingVoters []kafka.NodeID
}

// SnapshotHeader is the first record of a snapshot.
type SnapshotHeader struct {
	// Version is 0.
	Version int16
	// LastContainedLogTimestamp is the append time of the last record in the
	// snapshot, in milliseconds.
	LastContainedLogTimestamp int64
}

// SnapshotFooter is the last record of a snapshot.
type SnapshotFooter struct {
	// Version is 0.
	Version int16
}

// KRaftVersion states the feature level kraft.version.
type KRaftVersion struct {
	// Version is 0.
	Version int16
	// Level is 0 for static voters, 1 for voter sets in the log (KIP-853).
	Level int16
}

// Voters states the voter set of the metadata quorum (KIP-853).
type Voters struct {
	// Version is 0.
	Version int16
	Voters  []Voter
}

// Voter is one member of the metadata quorum.
type Voter struct {
	ID          kafka.NodeID
	DirectoryID kafka.UUID
	Endpoints   []VoterEndpoint
	// MinKRaftVersion and MaxKRaftVersion are the levels of kraft.version that
	// the voter supports.
	MinKRaftVersion, MaxKRaftVersion int16
}

// VoterEndpoint is an address of a voter, named after its listener.
type VoterEndpoint struct {
	Name, Host string
	Port       uint16
}

// Value encodes the value of the record; its key is ControlLeaderChange.Key().
func (m *LeaderChange) Value() []byte {
	dst := kbin.AppendInt16(nil, m.Version)
	dst = kbin.AppendInt32(dst, int32(m.LeaderID))
	dst = appendVoterIDs(dst, m.Voters)
	dst = appendVoterIDs(dst, m.GrantingVoters)
	return append(dst, 0)
}

func appendVoterIDs(dst []byte, ids []kafka.NodeID) []byte {
	dst = kbin.AppendCompactArrayLen(dst, len(ids))
	for _, id := range ids {
		dst = kbin.AppendInt32(dst, int32(id))
		dst = append(dst, 0)
	}
	return dst
}

// ParseLeaderChange reads the value of a leader change record.
func ParseLeaderChange(value []byte) (*LeaderChange, error) {
	r := kbin.Reader{Src: value}
	m := &LeaderChange{Version: r.Int16(), LeaderID: kafka.NodeID(r.Int32())}
	m.Voters = readVoterIDs(&r)
	m.GrantingVoters = readVoterIDs(&r)
	return m, endControl(&r, ControlLeaderChange)
}

func readVoterIDs(r *kbin.Reader) []kafka.NodeID {
	var ids []kafka.NodeID
	for n := r.CompactArrayLen(); n > 0 && r.Ok(); n-- {
		ids = append(ids, kafka.NodeID(r.Int32()))
		skipTags(r)
	}
	return ids
}

// Value encodes the value of the record; its key is ControlSnapshotHeader.Key().
func (m SnapshotHeader) Value() []byte {
	dst := kbin.AppendInt16(nil, m.Version)
	dst = kbin.AppendInt64(dst, m.LastContainedLogTimestamp)
	return append(dst, 0)
}

// ParseSnapshotHeader reads the value of a snapshot header record.
func ParseSnapshotHeader(value []byte) (SnapshotHeader, error) {
	r := kbin.Reader{Src: value}
	m := SnapshotHeader{Version: r.Int16(), LastContainedLogTimestamp: r.Int64()}
	return m, endControl(&r, ControlSnapshotHeader)
}

// Value encodes the value of the record; its key is ControlSnapshotFooter.Key().
func (m SnapshotFooter) Value() []byte {
	return append(kbin.AppendInt16(nil, m.Version), 0)
}

// ParseSnapshotFooter reads the value of a snapshot footer record.
func ParseSnapshotFooter(value []byte) (SnapshotFooter, error) {
	r := kbin.Reader{Src: value}
	m := SnapshotFooter{Version: r.Int16()}
	return m, endControl(&r, ControlSnapshotFooter)
}

// Value encodes the value of the record; its key is ControlKRaftVersion.Key().
func (m KRaftVersion) Value() []byte {
	dst := kbin.AppendInt16(nil, m.Version)
	dst = kbin.AppendInt16(dst, m.Level)
	return append(dst, 0)
}

// ParseKRaftVersion reads the value of a kraft version record.
func ParseKRaftVersion(value []byte) (KRaftVersion, error) {
	r := kbin.Reader{Src: value}
	m := KRaftVersion{Version: r.Int16(), Level: r.Int16()}
	return m, endControl(&r, ControlKRaftVersion)
}

// Value encodes the value of the record; its key is ControlVoters.Key().
func (m *Voters) Value() []byte {
	dst := kbin.AppendInt16(nil, m.Version)
	dst = kbin.AppendCompactArrayLen(dst, len(m.Voters))
	for i := range m.Voters {
		v := &m.Voters[i]
		dst = kbin.AppendInt32(dst, int32(v.ID))
		dst = append(dst, v.DirectoryID[:]...)
		dst = kbin.AppendCompactArrayLen(dst, len(v.Endpoints))
		for _, e := range v.Endpoints {
			dst = kbin.AppendCompactString(dst, e.Name)
			dst = kbin.AppendCompactString(dst, e.Host)
			dst = binary.BigEndian.AppendUint16(dst, e.Port)
			dst = append(dst, 0)
		}
		dst = kbin.AppendInt16(dst, v.MinKRaftVersion)
		dst = kbin.AppendInt16(dst, v.MaxKRaftVersion)
		dst = append(dst, 0, 0) // Tags of the feature range and of the voter.
	}
	return append(dst, 0)
}

// ParseVoters reads the value of a voters record.
func ParseVoters(value []byte) (*Voters, error) {
	r := kbin.Reader{Src: value}
	m := &Voters{Version: r.Int16()}
	for n := r.CompactArrayLen(); n > 0 && r.Ok(); n-- {
		v := Voter{ID: kafka.NodeID(r.Int32()), DirectoryID: r.Uuid()}
		for e := r.CompactArrayLen(); e > 0 && r.Ok(); e-- {
			v.Endpoints = append(v.Endpoints, VoterEndpoint{Name: r.CompactString(), Host: r.CompactString(), Port: r.Uint16()})
			skipTags(&r)
		}
		v.MinKRaftVersion, v.MaxKRaftVersion = r.Int16(), r.Int16()
		skipTags(&r)
		skipTags(&r)
		m.Voters = append(m.Voters, v)
	}
	return m, endControl(&r, ControlVoters)
}

// endControl skips the closing tags and tells whether everything was read.
func endControl(r *kbin.Reader, t ControlType) error {
	skipTags(r)
	if !r.Ok() {
		return corruptf(NoPosition, "control record %v is malformed", t)
	}
	return nil
}

// skipTags passes over the tagged fields of one struct.
func skipTags(r *kbin.Reader) {
	for n := r.Uvarint(); n > 0 && r.Ok(); n-- {
		r.Uvarint()
		r.Span(int(r.Uvarint()))
	}
}
