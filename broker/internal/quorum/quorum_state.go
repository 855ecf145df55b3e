package quorum

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// quorumStateFile lies in the metadata partition's folder.
const quorumStateFile = "quorum-state"

// quorumState is raft's hard state as Kafka keeps it: who leads in which epoch,
// and whom this node voted for in it. The commit index is not part of it; a
// restarted node learns it again from the leader.
type quorumState struct {
	leader         kafka.NodeID
	epoch          kafka.LeaderEpoch
	voted          kafka.NodeID
	votedDirectory kafka.UUID
}

func noQuorumState() quorumState {
	return quorumState{leader: kafka.NoNode, voted: kafka.NoNode}
}

// Versions of the file: 0 goes with kraft.version 0, 1 with kraft.version 1.
type quorumStateV0 struct {
	ClusterID     string         `json:"clusterId"`
	LeaderID      int32          `json:"leaderId"`
	LeaderEpoch   int32          `json:"leaderEpoch"`
	VotedID       int32          `json:"votedId"`
	AppliedOffset int64          `json:"appliedOffset"`
	CurrentVoters []quorumVoter0 `json:"currentVoters"`
	DataVersion   int16          `json:"data_version"`
}

type quorumVoter0 struct {
	VoterID int32 `json:"voterId"`
}

type quorumStateV1 struct {
	LeaderID         int32  `json:"leaderId"`
	LeaderEpoch      int32  `json:"leaderEpoch"`
	VotedID          int32  `json:"votedId"`
	VotedDirectoryID string `json:"votedDirectoryId"`
	DataVersion      int16  `json:"data_version"`
}

// encode gives the file's content. The voters are only written in version 0.
func (s quorumState) encode(v voterSet) []byte {
	var data any
	if v.kraftVersion == 0 {
		state := quorumStateV0{LeaderID: int32(s.leader), LeaderEpoch: int32(s.epoch), VotedID: int32(s.voted), CurrentVoters: []quorumVoter0{}}
		for _, voter := range v.voters {
			state.CurrentVoters = append(state.CurrentVoters, quorumVoter0{VoterID: int32(voter.ID)})
		}
		data = state
	} else {
		data = quorumStateV1{
			LeaderID: int32(s.leader), LeaderEpoch: int32(s.epoch), VotedID: int32(s.voted),
			VotedDirectoryID: s.votedDirectory.String(), DataVersion: 1,
		}
	}
	b, _ := json.Marshal(data) // Plain integers and strings always marshal.
	return b
}

// decodeQuorumState reads either version; fields it does not know are skipped,
// as Apache Kafka does.
func decodeQuorumState(b []byte) (quorumState, error) {
	var data struct {
		LeaderID         *int32  `json:"leaderId"`
		LeaderEpoch      *int32  `json:"leaderEpoch"`
		VotedID          *int32  `json:"votedId"`
		VotedDirectoryID *string `json:"votedDirectoryId"`
		DataVersion      *int16  `json:"data_version"`
	}
	if err := json.Unmarshal(b, &data); err != nil {
		return quorumState{}, err
	}
	switch {
	case data.DataVersion == nil:
		return quorumState{}, errors.New("data_version is missing")
	case *data.DataVersion < 0 || *data.DataVersion > 1:
		return quorumState{}, fmt.Errorf("data_version %d is not supported (0 and 1 are)", *data.DataVersion)
	case data.LeaderID == nil || data.LeaderEpoch == nil || data.VotedID == nil:
		return quorumState{}, errors.New("leaderId, leaderEpoch or votedId is missing")
	}
	s := quorumState{leader: kafka.NodeID(*data.LeaderID), epoch: kafka.LeaderEpoch(*data.LeaderEpoch), voted: kafka.NodeID(*data.VotedID)}
	if data.VotedDirectoryID != nil {
		id, err := kafka.ParseUUID(*data.VotedDirectoryID)
		if err != nil {
			return quorumState{}, fmt.Errorf("votedDirectoryId: %w", err)
		}
		s.votedDirectory = id
	}
	if s.epoch < 0 {
		s.epoch = 0 // Kafka's -1 for "none yet".
	}
	return s, nil
}

// readQuorumState reads the file, or gives the state of a node that never voted
// if there is none.
func readQuorumState(fsys vfs.FS, dir string) (quorumState, error) {
	path := filepath.Join(dir, quorumStateFile)
	b, err := vfs.ReadFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return noQuorumState(), nil
	}
	if err != nil {
		return quorumState{}, err
	}
	s, err := decodeQuorumState(b)
	if err != nil {
		return quorumState{}, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return s, nil
}

// writeQuorumState replaces the file; the new state is durable when it returns
// nil. On a full disk, where there is no room for a second file, it overwrites the
// one there is: it fits into one sector, which a disk writes as a whole.
func writeQuorumState(fsys vfs.FS, dir string, s quorumState, v voterSet) error {
	path := filepath.Join(dir, quorumStateFile)
	err := vfs.WriteFileAtomic(fsys, path, s.encode(v))
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return errors.Join(vfs.RemoveIfExists(fsys, path+".tmp"), overwriteQuorumState(fsys, path, s.encode(v)))
}

func overwriteQuorumState(fsys vfs.FS, path string, data []byte) error {
	f, err := fsys.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil {
		for int64(len(data)) < size {
			data = append(data, ' ')
		}
		_, err = f.WriteAt(data, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
