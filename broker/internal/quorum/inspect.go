package quorum

import "moldau.dev/moldau/internal/kafka"

// Names of files in the metadata partition's folder, for those who inspect it.
const (
	StateFile      = quorumStateFile
	SnapshotSuffix = snapshotSuffix
)

// State is the content of a quorum-state file.
type State struct {
	Leader         kafka.NodeID // kafka.NoNode if unknown.
	Epoch          kafka.LeaderEpoch
	Voted          kafka.NodeID // kafka.NoNode if for nobody.
	VotedDirectory kafka.UUID   // Zero if not told.
}

// ParseState reads the content of a quorum-state file.
func ParseState(b []byte) (State, error) {
	s, err := decodeQuorumState(b)
	return State{Leader: s.leader, Epoch: s.epoch, Voted: s.voted, VotedDirectory: s.votedDirectory}, err
}

// ParseSnapshotName reads the name of a snapshot: the offset of the first record it
// does not contain, and the leader epoch of the last one it does. Zero and zero is
// the bootstrap snapshot, whose records the first leader appends to the log.
func ParseSnapshotName(name string) (offset kafka.Offset, epoch kafka.LeaderEpoch, ok bool) {
	id, ok := parseSnapshotName(name)
	return id.offset, id.epoch, ok
}
