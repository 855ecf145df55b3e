package quorum

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

const (
	// maxGroupBytes is how much the operations of one round may write before
	// they are synced.
	maxGroupBytes = maxBatchBytes
	// maxCoreTick is the longest the core goes without a look at the clock after an
	// operation, which may have made something due earlier than it has said.
	maxCoreTick = time.Second
)

// leadership is what the loop knows about who leads. It belongs to the loop.
type leadership struct {
	leader kafka.NodeID
	epoch  kafka.LeaderEpoch // Of this node's own leadership, while it leads.
	// elected is set from winning the election on, active from the moment on
	// that all of the log is committed and loaded into the core.
	elected, active bool
	// activateAt is the index of the first entry of this node's own epoch.
	activateAt uint64
	// granted are the voters that voted for this node in the current epoch.
	granted []kafka.NodeID
	// tail is the end of what was proposed; it runs ahead of the log's end.
	tail kafka.Offset
	// unwritten is the bytes between the log's end and tail.
	unwritten int64
	// parked are decided and wait to be committed, by rising until; waiting have
	// not been decided yet, because there is no active controller so far.
	parked, waiting []*operation
	nextTick        time.Time // Of the core.
	idleSince       time.Time
	// onLost is closed when this node no longer leads.
	onLost []chan struct{}
	// snapshotsSent is when voters were sent a snapshot, by raft id.
	snapshotsSent map[uint64]time.Time
}

func (q *Quorum) core() *controller.Core { return q.o.Core }

// loop is the one goroutine that owns raft, the core and the log's end.
func (q *Quorum) loop(ctx context.Context) error {
	defer q.failAll()
	if err := q.start(); err != nil {
		return err
	}
	ticker := &raftTicker{interval: max(q.o.ElectionTimeout/raftTicksPerElection, time.Millisecond)}
	defer ticker.stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if err := q.settle(ctx); err != nil {
			return err
		}
		q.setTimer(timer)
		if err := q.next(ctx, ticker, timer); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// start makes a node that is its own majority the leader without waiting for an
// election timeout.
func (q *Quorum) start() error {
	if q.alone() {
		return q.node.Campaign()
	}
	return nil
}

// alone tells whether this node is the only voter: then nothing ticks.
func (q *Quorum) alone() bool {
	return len(q.conf.voters) == 1 && raftIDOf(q.conf.voters[0]) == q.id
}

// next waits for one thing to happen and handles it.
func (q *Quorum) next(ctx context.Context, ticker *raftTicker, timer *time.Timer) error {
	if len(q.waiting) >= maxQueuedOperations {
		q.waiting = slices.DeleteFunc(q.waiting, func(op *operation) bool { return op.taken.Load() })
	}
	ops := q.ops
	if q.publisher.behind() || len(q.waiting) >= maxQueuedOperations {
		ops = nil // Back-pressure: Do blocks.
	}
	select {
	case <-ctx.Done():
		return nil
	case op := <-ops:
		return q.takeOperations(op)
	case m := <-q.inbound:
		q.step(m)
		return nil
	case f := <-q.calls:
		f()
		return nil
	case <-ticker.ticks(!q.alone() || !q.elected):
		q.tick()
		return nil
	case <-timer.C:
		return q.due()
	case <-q.publisher.drained:
		return nil
	}
}

// raftTicker ticks for raft, unless a single voter leads: then nobody waits for
// anybody, and an idle node need not wake up.
type raftTicker struct {
	interval time.Duration
	ticker   *time.Ticker
}

func (t *raftTicker) ticks(wanted bool) <-chan time.Time {
	switch {
	case !wanted:
		t.stop()
		return nil
	case t.ticker == nil:
		t.ticker = time.NewTicker(t.interval)
	}
	return t.ticker.C
}

func (t *raftTicker) stop() {
	if t.ticker != nil {
		t.ticker.Stop()
		t.ticker = nil
	}
}

// tick moves raft's clock on. A voter that was sent a snapshot and has not been
// heard of for an election timeout is sent one again: raft waits for a report,
// and the voter may have lost the message or may still be fetching the file.
func (q *Quorum) tick() {
	q.node.Tick()
	for id, sent := range q.snapshotsSent {
		if q.o.Now().Sub(sent) >= q.o.ElectionTimeout {
			delete(q.snapshotsSent, id)
			q.node.ReportSnapshot(id, raft.SnapshotFailure)
		}
	}
}

// setTimer arms the timer for the next thing that is due by the clock.
func (q *Quorum) setTimer(timer *time.Timer) {
	if !q.active {
		timer.Stop()
		return
	}
	wait := q.nextTick.Sub(q.o.Now())
	if q.writesNoOps() {
		wait = min(wait, q.idleSince.Add(q.o.MaxIdleInterval).Sub(q.o.Now()))
	}
	timer.Reset(max(wait, 0))
}

// writesNoOps tells whether the log must go on without operations: followers
// tell by it that they are up to date.
func (q *Quorum) writesNoOps() bool { return q.o.MaxIdleInterval > 0 && !q.alone() }

// due does what the clock asks for.
func (q *Quorum) due() error {
	if !q.active {
		return nil
	}
	now := q.o.Now()
	q.core().SetNextOffset(q.tail)
	result, next := q.core().Tick(now)
	q.nextTick = next
	if result.Err != nil {
		q.logger.Error("The controller's periodic work failed", "err", result.Err)
	} else if _, err := q.propose(result); err != nil && !errors.Is(err, kerr.KafkaStorageError) {
		return err
	}
	if q.active && q.writesNoOps() && now.Sub(q.idleSince) >= q.o.MaxIdleInterval {
		q.idleSince = now
		_, err := q.propose(controller.Result{Records: []metadata.Record{&metadata.NoOpRecord{}}})
		if !errors.Is(err, kerr.KafkaStorageError) {
			return err
		}
	}
	return nil
}

// takeOperations takes the operations that wait at this moment, so that one
// fsync serves them all.
func (q *Quorum) takeOperations(first *operation) error {
	start := q.tail
	if soon := q.o.Now().Add(maxCoreTick); soon.Before(q.nextTick) {
		q.nextTick = soon
	}
	for op := first; ; {
		if err := q.admit(op); err != nil {
			return err
		}
		// A rough bound: records have a few dozen bytes at least.
		if int64(q.tail-start)*64 > maxGroupBytes {
			return nil
		}
		select {
		case op = <-q.ops:
		default:
			return nil
		}
	}
}

// admit runs an operation, refuses it, or keeps it until an election is over.
func (q *Quorum) admit(op *operation) error {
	switch {
	case q.active:
		return q.execute(op)
	case q.leadership.leader != kafka.NoNode && q.leadership.leader != q.o.NodeID:
		op.finish(nil, errNotController(q.leadership.leader))
	default:
		q.waiting = append(q.waiting, op)
	}
	return nil
}

// step hands a message of another voter to raft.
func (q *Quorum) step(m *raftpb.Message) {
	if m.GetType() == raftpb.MsgSnap && q.mustFetch(m) {
		return
	}
	if m.GetType() == raftpb.MsgVoteResp && !m.GetReject() && m.GetTerm() == q.node.BasicStatus().HardState.GetTerm() {
		q.granted = append(q.granted, nodeOf(m.GetFrom()))
	}
	if err := q.node.Step(m); err != nil {
		q.logger.Debug("Raft ignored a message", "type", m.GetType().String(), "from", nodeOf(m.GetFrom()), "err", err)
	}
}

// settle handles what raft has to do until it has nothing left.
func (q *Quorum) settle(ctx context.Context) error {
	for q.node.HasReady() && ctx.Err() == nil {
		rd := q.node.Ready()
		if err := q.handle(rd); err != nil {
			return err
		}
		q.node.Advance(rd)
		q.noteGauges()
	}
	return nil
}

// failAll answers everybody who still waits when the loop ends.
func (q *Quorum) failAll() {
	q.deactivate(kafka.NoNode)
	for {
		select {
		case op := <-q.ops:
			op.finish(nil, errNotController(kafka.NoNode))
		default:
			for _, op := range q.waiting {
				op.finish(nil, errNotController(kafka.NoNode))
			}
			q.waiting = nil
			q.gauges.active.Store(false)
			return
		}
	}
}
