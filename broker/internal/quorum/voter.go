package quorum

import (
	"cmp"
	"hash/crc32"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// Voter is one controller that takes part in elections. Its DirectoryID is zero
// with kraft.version 0, where a voter is known by its id alone.
type Voter = record.Voter

// Endpoint is where a voter listens for other controllers.
type Endpoint = record.VoterEndpoint

func equalVoters(a, b Voter) bool {
	return a.ID == b.ID && a.DirectoryID == b.DirectoryID && slices.Equal(a.Endpoints, b.Endpoints) &&
		a.MinKRaftVersion == b.MinKRaftVersion && a.MaxKRaftVersion == b.MaxKRaftVersion
}

// raftIDOf gives the voter's id in raft, which must not be 0 and must never be
// used again: a controller that comes back with a new disk is a new voter
// (KIP-853), so the directory id takes part.
func raftIDOf(v Voter) uint64 { return raftID(v.ID, v.DirectoryID) }

func raftID(node kafka.NodeID, directory kafka.UUID) uint64 {
	id := uint64(uint32(node)) + 1
	if directory.IsZero() {
		return id
	}
	// 31 bits keep clear of the ids at the top of the range, which raft reserves.
	return id | uint64(crc32.ChecksumIEEE(directory[:])&0x7fffffff)<<32
}

// nodeOf gives the node of a raft id, or kafka.NoNode.
func nodeOf(raftID uint64) kafka.NodeID {
	if raftID == 0 {
		return kafka.NoNode
	}
	return kafka.NodeID(uint32(raftID) - 1)
}

// voterSet is the quorum as of some offset: the voters, sorted by id, and the
// kraft.version that says where they come from. A voterSet is not changed once
// it is shared.
type voterSet struct {
	// kraftVersion 0 takes the voters from controller.quorum.voters, 1 from
	// the log.
	kraftVersion int16
	voters       []Voter
	// offset is where the log says so; -1 for the voters of the bootstrap
	// snapshot and of controller.quorum.voters.
	offset kafka.Offset
}

func newVoterSet(kraftVersion int16, voters []Voter, offset kafka.Offset) voterSet {
	voters = slices.Clone(voters)
	slices.SortFunc(voters, func(a, b Voter) int { return cmp.Compare(a.ID, b.ID) })
	return voterSet{kraftVersion: kraftVersion, voters: voters, offset: offset}
}

func (s voterSet) confState() *raftpb.ConfState {
	cs := &raftpb.ConfState{}
	for _, v := range s.voters {
		cs.Voters = append(cs.Voters, raftIDOf(v))
	}
	return cs
}

func (s voterSet) byRaftID(id uint64) (Voter, bool) {
	i := slices.IndexFunc(s.voters, func(v Voter) bool { return raftIDOf(v) == id })
	if i < 0 {
		return Voter{}, false
	}
	return s.voters[i], true
}

func (s voterSet) byNode(id kafka.NodeID) (Voter, bool) {
	i := slices.IndexFunc(s.voters, func(v Voter) bool { return v.ID == id })
	if i < 0 {
		return Voter{}, false
	}
	return s.voters[i], true
}

// change gives what raft must do to get from s to next: add and remove voters.
// It is nil when only endpoints differ.
func (s voterSet) change(next voterSet) *raftpb.ConfChangeV2 {
	var changes []*raftpb.ConfChangeSingle
	for _, v := range next.voters {
		if _, ok := s.byRaftID(raftIDOf(v)); !ok {
			changes = append(changes, &raftpb.ConfChangeSingle{Type: raftpb.ConfChangeAddNode.Enum(), NodeId: new(raftIDOf(v))})
		}
	}
	for _, v := range s.voters {
		if _, ok := next.byRaftID(raftIDOf(v)); !ok {
			changes = append(changes, &raftpb.ConfChangeSingle{Type: raftpb.ConfChangeRemoveNode.Enum(), NodeId: new(raftIDOf(v))})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return &raftpb.ConfChangeV2{Changes: changes}
}

// voterHistory is what the log says about the voters, newest last. The first
// entry is what held before the log: a snapshot's voters or the configured ones.
type voterHistory []voterSet

func (h voterHistory) latest() voterSet { return h[len(h)-1] }

// before gives the set that holds for a snapshot that ends at offset.
func (h voterHistory) before(offset kafka.Offset) voterSet {
	for i := len(h) - 1; i > 0; i-- {
		if h[i].offset < offset {
			return h[i]
		}
	}
	return h[0]
}

// note takes in the control records of a batch at base.
func (h *voterHistory) note(base kafka.Offset, records []controlRecord) {
	set, changed := h.latest(), false
	for i, r := range records {
		switch r.kind {
		case record.ControlKRaftVersion:
			set.kraftVersion, changed = r.kraftVersion, true
		case record.ControlVoters:
			set = newVoterSet(max(set.kraftVersion, 1), r.voters, base+kafka.Offset(i))
			changed = true
		}
	}
	if changed {
		*h = append(*h, set)
	}
}

// truncate forgets what was said at end or later.
func (h *voterHistory) truncate(end kafka.Offset) {
	for len(*h) > 1 && h.latest().offset >= end {
		*h = (*h)[:len(*h)-1]
	}
}
