package quorum

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// raftStorage is raft's view of the metadata log: a batch is an entry whose data
// is the whole batch. It belongs to the quorum loop.
type raftStorage struct {
	log *metadataLog
	// hard is what quorum-state says, plus the commit index at the time of opening.
	hard *raftpb.HardState
	conf *raftpb.ConfState
	// snapshot is the newest one, for voters that lag behind the log's floor.
	snapshot storedSnapshot
}

// storedSnapshot is a complete snapshot on disk.
type storedSnapshot struct {
	id    snapshotID
	index uint64
}

var _ raft.Storage = (*raftStorage)(nil)

// InitialState implements raft.Storage.
func (s *raftStorage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	return s.hard, s.conf, nil
}

// Entries implements raft.Storage.
func (s *raftStorage) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	floor, end := s.log.bounds()
	switch {
	case lo <= floor.index:
		return nil, raft.ErrCompacted
	case hi > end.index+1:
		return nil, raft.ErrUnavailable
	case lo >= hi:
		return nil, nil
	}
	batches, err := s.log.read(lo, hi, maxSize)
	if err != nil {
		return nil, err
	}
	entries := make([]*raftpb.Entry, len(batches))
	for i, b := range batches {
		entries[i] = entryOf(lo+uint64(i), b)
	}
	return entries, nil
}

// entryOf makes the raft entry of a stored batch.
func entryOf(index uint64, b record.Batch) *raftpb.Entry {
	kind := raftpb.EntryNormal
	if isVotersBatch(b) {
		kind = raftpb.EntryConfChangeV2
	}
	return &raftpb.Entry{Index: new(index), Term: new(uint64(b.LeaderEpoch())), Type: kind.Enum(), Data: b}
}

// isVotersBatch tells whether a batch is a change of voters: a control batch that
// begins with a Voters record. (A LeaderChange batch may have one further back,
// which changes endpoints at most.)
func isVotersBatch(b record.Batch) bool {
	if !b.IsControl() {
		return false
	}
	for r, err := range b.Records(maxBatchBytes) {
		if err != nil {
			return false
		}
		kind, err := record.ParseControlKey(r.Key)
		return err == nil && kind == record.ControlVoters
	}
	return false
}

// Term implements raft.Storage.
func (s *raftStorage) Term(index uint64) (uint64, error) {
	epoch, ok := s.log.epochOf(index)
	if ok {
		return uint64(epoch), nil
	}
	if floor, _ := s.log.bounds(); index < floor.index {
		return 0, raft.ErrCompacted
	}
	return 0, raft.ErrUnavailable
}

// FirstIndex implements raft.Storage.
func (s *raftStorage) FirstIndex() (uint64, error) {
	floor, _ := s.log.bounds()
	return floor.index + 1, nil
}

// LastIndex implements raft.Storage.
func (s *raftStorage) LastIndex() (uint64, error) {
	_, end := s.log.bounds()
	return end.index, nil
}

// Snapshot implements raft.Storage. Its data names the file; the transport's
// receiver fetches the content before raft sees the message. It carries the voters
// of now and not of the snapshot, since raft refuses one that does not name the
// receiver: a voter that has just joined. They are committed, and the log after
// the snapshot says the same.
func (s *raftStorage) Snapshot() (*raftpb.Snapshot, error) {
	if s.snapshot.index == 0 {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	return &raftpb.Snapshot{
		Data: encodeSnapshotID(s.snapshot.id),
		Metadata: &raftpb.SnapshotMetadata{
			Index: new(s.snapshot.index), Term: new(uint64(s.snapshot.id.epoch)), ConfState: s.conf,
		},
	}, nil
}

func encodeSnapshotID(id snapshotID) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(id.offset))
	return binary.BigEndian.AppendUint32(b, uint32(id.epoch))
}

func decodeSnapshotID(b []byte) (snapshotID, error) {
	if len(b) != 12 {
		return snapshotID{}, fmt.Errorf("snapshot id of %d bytes", len(b))
	}
	id := snapshotID{
		offset: kafka.Offset(binary.BigEndian.Uint64(b)),
		epoch:  kafka.LeaderEpoch(binary.BigEndian.Uint32(b[8:])),
	}
	if id.offset < 0 || id.epoch < 0 {
		return snapshotID{}, fmt.Errorf("negative snapshot id %v", id)
	}
	return id, nil
}

// raftLogger hands raft's messages to slog. Raft is talkative about things that
// concern nobody but its developers, so its infos are our debugs.
type raftLogger struct{ logger *slog.Logger }

var _ raft.Logger = raftLogger{}

func (l raftLogger) log(level slog.Level, message func() string) {
	if l.logger.Enabled(context.Background(), level) {
		l.logger.Log(context.Background(), level, "Raft", "message", message())
	}
}

func (l raftLogger) print(level slog.Level, v []any) {
	l.log(level, func() string { return fmt.Sprint(v...) })
}

func (l raftLogger) printf(level slog.Level, format string, v []any) {
	l.log(level, func() string { return fmt.Sprintf(format, v...) })
}

func (l raftLogger) Debug(v ...any)                   { l.print(slog.LevelDebug, v) }
func (l raftLogger) Debugf(format string, v ...any)   { l.printf(slog.LevelDebug, format, v) }
func (l raftLogger) Info(v ...any)                    { l.print(slog.LevelDebug, v) }
func (l raftLogger) Infof(format string, v ...any)    { l.printf(slog.LevelDebug, format, v) }
func (l raftLogger) Warning(v ...any)                 { l.print(slog.LevelWarn, v) }
func (l raftLogger) Warningf(format string, v ...any) { l.printf(slog.LevelWarn, format, v) }
func (l raftLogger) Error(v ...any)                   { l.print(slog.LevelError, v) }
func (l raftLogger) Errorf(format string, v ...any)   { l.printf(slog.LevelError, format, v) }

// Fatal and Panic end the process: raft calls them when its invariants are broken.
func (l raftLogger) Fatal(v ...any) { invariant.Assert(false, "raft: %s", fmt.Sprint(v...)) }

func (l raftLogger) Fatalf(format string, v ...any) {
	invariant.Assert(false, "raft: %s", fmt.Sprintf(format, v...))
}
func (l raftLogger) Panic(v ...any) { invariant.Assert(false, "raft: %s", fmt.Sprint(v...)) }
func (l raftLogger) Panicf(format string, v ...any) {
	invariant.Assert(false, "raft: %s", fmt.Sprintf(format, v...))
}
