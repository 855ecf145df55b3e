package quorum

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// handle does what raft asks for, in the order that keeps it true: state and
// entries are durable before any message leaves or anything is applied.
func (q *Quorum) handle(rd raft.Ready) error {
	if !raft.IsEmptySnap(rd.Snapshot) {
		if err := q.install(rd.Snapshot); err != nil {
			return err
		}
	}
	if err := q.saveState(rd); err != nil {
		return err
	}
	if err := q.saveEntries(rd.Entries); err != nil {
		return err
	}
	q.send(rd.Messages)
	if rd.SoftState != nil {
		q.noteLeader(*rd.SoftState)
	}
	return q.apply(rd.CommittedEntries)
}

// saveState writes quorum-state when epoch, vote or leader have changed. A single
// voter is the leader as soon as it has voted for itself, so the one file says both.
func (q *Quorum) saveState(rd raft.Ready) error {
	next := q.state
	if !raft.IsEmptyHardState(rd.HardState) {
		term, vote := rd.HardState.GetTerm(), rd.HardState.GetVote()
		if term > math.MaxInt32 {
			return fmt.Errorf("the leader epoch %d is beyond what Kafka's files can hold", term)
		}
		if epoch := kafka.LeaderEpoch(term); epoch != next.epoch {
			next = noQuorumState()
			next.epoch = epoch
			q.granted = nil
		}
		if vote != raft.None {
			next.voted, next.votedDirectory = nodeOf(vote), kafka.UUID{}
			if v, ok := q.conf.byRaftID(vote); ok {
				next.votedDirectory = v.DirectoryID
			}
		}
		if vote == q.id && q.alone() {
			next.leader = q.o.NodeID
		}
	}
	if rd.SoftState != nil && rd.SoftState.Lead != raft.None {
		next.leader = nodeOf(rd.SoftState.Lead)
	}
	if next == q.state {
		return nil
	}
	if err := writeQuorumState(q.o.FS, q.dir, next, q.conf); err != nil {
		return fmt.Errorf("write %s: %w", quorumStateFile, err)
	}
	q.state = next
	return nil
}

// saveEntries appends the entries' batches and syncs them. Entries that raft made
// itself become control batches here; they exist only on the leader that made
// them, since messages carry the batch.
func (q *Quorum) saveEntries(entries []*raftpb.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	_, end := q.log.bounds()
	if first := entries[0].GetIndex(); first <= end.index {
		if err := q.truncate(first); err != nil {
			return fmt.Errorf("truncate to index %d: %w", first, err)
		}
		_, end = q.log.bounds()
	}
	batches := make([]record.Batch, 0, len(entries))
	offset := end.offset
	for i, e := range entries {
		if e.GetIndex() != end.index+1+uint64(i) {
			return fmt.Errorf("raft entry %d does not follow the log, which ends at %d", e.GetIndex(), end.index+uint64(i))
		}
		b, err := q.batchOf(e, offset)
		if err != nil {
			return fmt.Errorf("raft entry %d: %w", e.GetIndex(), err)
		}
		batches = append(batches, b)
		offset = b.NextOffset()
	}
	if err := q.log.append(batches, q.o.Now()); err != nil {
		return err
	}
	q.tail, q.unwritten = max(q.tail, offset), 0
	return nil
}

// truncate drops a tail that a new leader overwrites, and a change of voters in it.
func (q *Quorum) truncate(first uint64) error {
	if err := q.log.truncate(first); err != nil {
		return err
	}
	end := q.log.position()
	if latest, _ := q.log.votersAt(end.offset); q.conf.offset >= end.offset {
		q.reconfigure(latest)
	}
	q.tail = end.offset
	return nil
}

// batchOf gives the batch of an entry that is to be stored at offset.
func (q *Quorum) batchOf(e *raftpb.Entry, offset kafka.Offset) (record.Batch, error) {
	epoch := kafka.LeaderEpoch(e.GetTerm())
	now := q.o.Now().UnixMilli()
	switch {
	case len(e.GetData()) == 0 && e.GetType() == raftpb.EntryNormal && q.activateAt == 0:
		q.activateAt = e.GetIndex()
		return q.leaderChangeBatch(offset, epoch, now), nil
	case len(e.GetData()) == 0:
		// Raft replaces a change of voters that it refuses, and ends a joint
		// configuration, with an empty entry.
		o := record.NewOptions(offset)
		o.LeaderEpoch = epoch
		b := record.NewBuilder(o)
		b.Append(now, nil, metadata.Encode(&metadata.NoOpRecord{}))
		return b.Build(), nil
	}
	b, rest, err := record.Read(e.GetData())
	if err == nil && len(rest) == 0 {
		err = b.Check()
	}
	if err != nil || len(rest) > 0 {
		if e.GetType() == raftpb.EntryConfChangeV2 {
			return votersBatch(e, offset, epoch, now)
		}
		return nil, fmt.Errorf("its data is not one record batch: %w", err)
	}
	if b.BaseOffset() != offset || b.LeaderEpoch() != epoch {
		return nil, fmt.Errorf("a batch for offset %d and epoch %d where offset %d and epoch %d belong", b.BaseOffset(), b.LeaderEpoch(), offset, epoch)
	}
	return b, nil
}

// leaderChangeBatch is the first batch of a leader. As in Apache Kafka it also
// brings the voters into the log if only the bootstrap snapshot named them, or if
// the leader's own listeners have changed.
func (q *Quorum) leaderChangeBatch(offset kafka.Offset, epoch kafka.LeaderEpoch, nowMs int64) record.Batch {
	voters := make([]kafka.NodeID, 0, len(q.conf.voters))
	for _, v := range q.conf.voters {
		voters = append(voters, v.ID)
	}
	granted := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(q.granted), q.o.NodeID))))
	change := record.LeaderChange{LeaderID: q.o.NodeID, Voters: voters, GrantingVoters: granted}
	values := []controlValue{{record.ControlLeaderChange, change.Value()}}
	if q.conf.kraftVersion > 0 {
		updated := slices.Clone(q.conf.voters)
		for i := range updated {
			if raftIDOf(updated[i]) == q.id && len(q.o.Listeners) > 0 {
				updated[i].Endpoints = q.o.Listeners
			}
		}
		if q.conf.offset < 0 || !slices.EqualFunc(updated, q.conf.voters, equalVoters) {
			values = append(values, controlValue{record.ControlKRaftVersion, record.KRaftVersion{Level: q.conf.kraftVersion}.Value()},
				controlValue{record.ControlVoters, votersValue(updated)})
		}
	}
	return controlBatch(offset, epoch, nowMs, values...)
}

// votersBatch is the batch of a change of voters, whose context is the new
// Voters record.
func votersBatch(e *raftpb.Entry, offset kafka.Offset, epoch kafka.LeaderEpoch, nowMs int64) (record.Batch, error) {
	cc, err := decodeConfChange(e.GetData())
	if err != nil {
		return nil, err
	}
	return controlBatch(offset, epoch, nowMs, controlValue{record.ControlVoters, cc.GetContext()}), nil
}

// send hands raft's messages to the transport. Entries that raft made itself are
// replaced by the batches they became, so that every voter stores the same bytes.
func (q *Quorum) send(messages []*raftpb.Message) {
	for _, m := range messages {
		if q.o.Transport == nil {
			continue
		}
		to := q.voterOf(m.GetTo())
		for i, e := range m.GetEntries() {
			if len(e.GetData()) > 0 && e.GetType() == raftpb.EntryNormal {
				continue
			}
			if stored, err := q.storage.Entries(e.GetIndex(), e.GetIndex()+1, math.MaxUint64); err == nil {
				m.Entries = slices.Clone(m.GetEntries())
				m.Entries[i] = stored[0]
			}
		}
		if m.GetType() == raftpb.MsgSnap {
			q.snapshotsSent[m.GetTo()] = q.o.Now() // Only a leader sends them.
		}
		q.o.Transport.Send(to, m)
	}
}

// voterOf gives the voter of a raft id. A node that is joining does not know the
// voters yet; then only the node's id is known.
func (q *Quorum) voterOf(raftID uint64) Voter {
	if v, ok := q.conf.byRaftID(raftID); ok {
		return v
	}
	return Voter{ID: nodeOf(raftID)}
}

// noteLeader follows raft's idea of who leads.
func (q *Quorum) noteLeader(s raft.SoftState) {
	q.leadership.leader = nodeOf(s.Lead)
	elected := s.RaftState == raft.StateLeader
	switch {
	case elected && !q.elected:
		q.elected = true
		q.snapshotsSent = map[uint64]time.Time{}
		q.leadership.epoch = kafka.LeaderEpoch(q.node.BasicStatus().HardState.GetTerm())
		q.logger.Info("Elected leader of the metadata quorum", "leaderEpoch", int32(q.leadership.epoch))
	case !elected:
		q.deactivate(q.leadership.leader)
		q.elected, q.activateAt = false, 0
		for _, lost := range q.onLost {
			close(lost)
		}
		q.onLost = nil
	}
	if leader := q.leadership.leader; leader != kafka.NoNode && !elected {
		for _, op := range q.waiting {
			op.finish(nil, errNotController(leader))
		}
		q.waiting = nil
	}
}

// deactivate ends this node's time as the active controller: nobody knows whether
// what is parked will be committed.
func (q *Quorum) deactivate(leader kafka.NodeID) {
	if !q.active {
		return
	}
	q.active = false
	q.core().Deactivate()
	for _, op := range q.parked {
		op.finish(nil, errNotController(leader))
	}
	q.parked = nil
}

// mustFetch takes care of a snapshot message whose file is not here yet: it is
// fetched beside the loop, and the message comes again when the file is there.
func (q *Quorum) mustFetch(m *raftpb.Message) bool {
	id, err := decodeSnapshotID(m.GetSnapshot().GetData())
	if err != nil || q.o.Transport == nil {
		return true // Nothing that can be installed.
	}
	from := q.voterOf(m.GetFrom())
	if have, err := vfs.Exists(q.o.FS, id.path(q.dir)); err == nil && have {
		return false
	}
	q.snapshots.fetch(from, id, m)
	return true
}

// ReadSnapshot opens a snapshot file for another voter.
func (q *Quorum) ReadSnapshot(name string) (io.ReadCloser, error) {
	id, ok := parseSnapshotName(name + snapshotSuffix)
	if !ok {
		return nil, fmt.Errorf("%q names no snapshot", name)
	}
	f, err := q.o.FS.OpenFile(id.path(q.dir), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		_ = f.Close() // Only read.
		return nil, err
	}
	return &sectionCloser{io.NewSectionReader(f, 0, size), f}, nil
}

type sectionCloser struct {
	*io.SectionReader
	io.Closer
}

// Shutdown hands leadership to the voter that is furthest, so that the others
// need not wait for an election timeout. It is the last thing before ctx of Run
// ends; a quorum of one has nobody to hand it to.
func (q *Quorum) Shutdown(ctx context.Context) {
	moved := make(chan struct{})
	if !q.call(func() { q.handOver(moved) }) {
		return
	}
	select {
	case <-moved:
	case <-ctx.Done():
	case <-q.stopped:
	}
}
