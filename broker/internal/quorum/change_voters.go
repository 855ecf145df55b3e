package quorum

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.etcd.io/raft/v3/raftpb"

	"moldau.dev/moldau/internal/kafka"
)

// AddVoter makes a controller a voter and returns when that is committed. It should
// be running: from then on it counts for the majority. As in Apache Kafka there is
// one change at a time, and only with kraft.version 1. The
// errors are NOT_CONTROLLER, UNSUPPORTED_VERSION, DUPLICATE_VOTER, and
// REQUEST_TIMED_OUT when ctx ends or another change is under way.
func (q *Quorum) AddVoter(ctx context.Context, voter Voter) error {
	return q.changeVoters(ctx, func(s voterSet) ([]Voter, error) {
		if _, ok := s.byNode(voter.ID); ok {
			return nil, kafka.Errorf(kerr.DuplicateVoter, "The voter id %d is already part of the set of voters.", voter.ID)
		}
		return append(slices.Clone(s.voters), voter), nil
	})
}

// RemoveVoter takes a controller out of the voters and returns when that is
// committed. The errors are those of AddVoter, and VOTER_NOT_FOUND. The last
// voter cannot be removed.
func (q *Quorum) RemoveVoter(ctx context.Context, id kafka.NodeID, directory kafka.UUID) error {
	return q.changeVoters(ctx, func(s voterSet) ([]Voter, error) {
		v, ok := s.byNode(id)
		if !ok || v.DirectoryID != directory {
			return nil, kafka.Errorf(kerr.VoterNotFound, "Cannot remove voter %d with directory id %v: it is not a voter.", id, directory)
		}
		if len(s.voters) == 1 {
			return nil, kafka.Errorf(kerr.InvalidRequest, "Cannot remove voter %d: it is the only one.", id)
		}
		return slices.DeleteFunc(slices.Clone(s.voters), func(v Voter) bool { return v.ID == id }), nil
	})
}

// changeVoters proposes a new set of voters and waits for it to be committed.
func (q *Quorum) changeVoters(ctx context.Context, next func(voterSet) ([]Voter, error)) error {
	op := &operation{done: make(chan struct{})}
	run := func() {
		if err := q.proposeVoters(op, next); err != nil {
			op.finish(nil, err)
		}
	}
	select {
	case q.calls <- run:
	case <-q.stopped:
		return errNotController(kafka.NoNode)
	case <-ctx.Done():
		return timeoutError(ctx)
	}
	select {
	case <-op.done:
		return op.err
	case <-ctx.Done():
		return timeoutError(ctx)
	}
}

// proposeVoters runs on the loop and parks op until the change is committed.
func (q *Quorum) proposeVoters(op *operation, next func(voterSet) ([]Voter, error)) error {
	if !q.active {
		return errNotController(q.leadership.leader)
	}
	if q.conf.kraftVersion < 1 {
		return kafka.Errorf(kerr.UnsupportedVersion, "Changing the voters requires kraft.version 1, but it is %d.", q.conf.kraftVersion)
	}
	if latest, _ := q.log.votersAt(q.tail); latest.offset > q.applied.offset {
		return kafka.Errorf(kerr.RequestTimedOut, "Another change of the voters is under way.")
	}
	voters, err := next(q.conf)
	if err != nil {
		return err
	}
	set := newVoterSet(q.conf.kraftVersion, voters, q.tail)
	change := q.conf.change(set)
	if change == nil || len(change.Changes) != 1 {
		return fmt.Errorf("a change of %d voters at once", len(change.GetChanges()))
	}
	change.Transition = raftpb.ConfChangeTransitionAuto.Enum()
	change.Context = votersValue(set.voters)
	if err := q.node.ProposeConfChange(change); err != nil {
		return errNotController(kafka.NoNode)
	}
	// Raft replaces a change it does not take with an empty entry, which is a
	// record too.
	q.tail++
	op.until = q.tail
	op.check = func() error {
		if slices.EqualFunc(q.conf.voters, set.voters, equalVoters) {
			return nil
		}
		return kafka.Errorf(kerr.RequestTimedOut, "Another change of the voters was under way.")
	}
	q.parked = append(q.parked, op)
	return nil
}
