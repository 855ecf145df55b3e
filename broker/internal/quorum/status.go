package quorum

import (
	"context"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"

	"moldau.dev/moldau/internal/kafka"
)

type trackerProgress = tracker.Progress

// Status is the quorum as this node sees it; what DescribeQuorum tells.
type Status struct {
	Leader        kafka.NodeID // kafka.NoNode while there is none.
	Epoch         kafka.LeaderEpoch
	HighWatermark kafka.Offset // Exclusive end of what is committed.
	LogEndOffset  kafka.Offset // Of this node, exclusive.
	KRaftVersion  int16
	Voters        []VoterStatus
}

// VoterStatus is one voter as the leader sees it.
type VoterStatus struct {
	Voter
	// LogEndOffset is what the voter is known to have; -1 on a node that does
	// not lead, for voters other than itself.
	LogEndOffset kafka.Offset
	// LastFetch and LastCaughtUp are zero if they are not known. The leader
	// itself is always caught up.
	LastFetch, LastCaughtUp time.Time
}

// Status asks the loop.
func (q *Quorum) Status(ctx context.Context) (Status, error) {
	answer := make(chan Status, 1)
	select {
	case q.calls <- func() { answer <- q.status() }:
		return <-answer, nil
	case <-q.stopped:
		return Status{}, errNotController(kafka.NoNode)
	case <-ctx.Done():
		return Status{}, ctx.Err()
	}
}

func (q *Quorum) status() Status {
	end := q.log.position()
	epoch := kafka.LeaderEpoch(q.node.BasicStatus().HardState.GetTerm())
	s := Status{
		Leader: q.leadership.leader, Epoch: epoch, HighWatermark: q.applied.offset,
		LogEndOffset: end.offset, KRaftVersion: q.conf.kraftVersion,
	}
	match := map[uint64]uint64{}
	if q.elected {
		q.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) { match[id] = p.Match })
	}
	for _, v := range q.conf.voters {
		voter := VoterStatus{Voter: v, LogEndOffset: kafka.UnknownOffset}
		id := raftIDOf(v)
		switch index, known := match[id]; {
		case id == q.id:
			voter.LogEndOffset = end.offset
			if q.elected {
				now := q.o.Now()
				voter.LastFetch, voter.LastCaughtUp = now, now
			}
		case known:
			if at, err := q.offsetOf(index); err == nil {
				voter.LogEndOffset = at
			}
		}
		s.Voters = append(s.Voters, voter)
	}
	return s
}

// offsetOf gives the end offset of the batch with that index, or of the oldest
// one known.
func (q *Quorum) offsetOf(index uint64) (kafka.Offset, error) {
	floor, _ := q.log.bounds()
	if index <= floor.index {
		return floor.offset, nil
	}
	at, err := q.log.positionOf(index)
	return at.offset, err
}
