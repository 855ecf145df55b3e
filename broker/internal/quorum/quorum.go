package quorum

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"golang.org/x/sync/errgroup"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

const (
	// maxQueuedOperations bounds the operations that wait for the loop; Do
	// blocks at the bound.
	maxQueuedOperations = 1024
	// maxInboundMessages bounds the messages of other voters that wait for the
	// loop; raft repeats what is dropped at the bound.
	maxInboundMessages = 1024
	// raftTicksPerElection is how finely the election timeout is counted.
	raftTicksPerElection = 10
	maxRaftMessageBytes  = 1 << 20
	maxApplyBytes        = 16 << 20
)

// Quorum is this node's part in the quorum of controllers. Its methods may be
// called from any goroutine; the fields marked so belong to the loop.
type Quorum struct {
	o      Options
	dir    string // The folder of __cluster_metadata-0.
	logger *slog.Logger
	log    *metadataLog
	id     uint64 // This node in raft.

	ops     chan *operation
	inbound chan *raftpb.Message
	calls   chan func()
	stopped chan struct{} // Closed when the loop has ended.

	image     atomic.Pointer[metadata.Image] // What is committed.
	publisher *publisher
	gauges    gauges

	// The fields below belong to the loop.
	storage   *raftStorage
	node      *raft.RawNode
	state     quorumState // As on disk.
	conf      voterSet    // What raft counts votes by.
	bootstrap []metadata.Record
	applied   logPosition
	snapshots *snapshotter
	leadership
}

// gauges is the node's state for metrics and for cheap questions.
type gauges struct {
	leader        atomic.Int32
	epoch         atomic.Int32
	highWatermark atomic.Int64
	logEndOffset  atomic.Int64
	active        atomic.Bool
	kraftVersion  atomic.Int32
}

// Open loads the newest snapshot, checks the log after it and prepares raft. The
// metadata is that of the snapshot until Run has learned what is committed.
func Open(o Options) (*Quorum, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	q := &Quorum{
		o: o, dir: filepath.Join(o.Dir, metadataFolder), logger: o.Logger,
		ops:     make(chan *operation, maxQueuedOperations),
		inbound: make(chan *raftpb.Message, maxInboundMessages),
		calls:   make(chan func()),
		stopped: make(chan struct{}),
	}
	if err := q.open(); err != nil {
		if q.log != nil {
			err = errors.Join(err, q.log.close())
		}
		return nil, fmt.Errorf("open the metadata log in %s: %w", q.dir, err)
	}
	return q, nil
}

func (q *Quorum) open() error {
	if err := prepareFolder(q.o.FS, q.o.Dir, q.dir); err != nil {
		return err
	}
	found, err := listFolder(q.o.FS, q.dir)
	if err != nil {
		return err
	}
	snapshot, image, err := q.loadSnapshot(found)
	if err != nil {
		return err
	}
	voters := q.votersOf(snapshot)
	at := logPosition{index: snapshot.anchor.index, offset: snapshot.id.offset, epoch: snapshot.id.epoch}
	limits := logLimits{segmentBytes: q.o.SegmentBytes, segmentAge: q.o.SegmentAge}
	q.log, err = openLog(q.o.FS, q.dir, limits, found, at, snapshot.anchored, voters, q.logger, q.o.Now())
	if err != nil {
		return err
	}
	q.image.Store(image)
	q.publisher = newPublisher(image)
	q.bootstrap = q.o.Bootstrap
	if snapshot.id == bootstrapSnapshot && len(snapshot.records) > 0 {
		q.bootstrap = snapshot.records
	}
	return q.openRaft(snapshot)
}

// votersOf gives the voters that hold at the end of a snapshot: its own, or the
// configured ones if it names none (kraft.version 0).
func (q *Quorum) votersOf(snapshot *snapshotContent) voterSet {
	if snapshot.voters != nil && snapshot.voters.kraftVersion > 0 {
		return *snapshot.voters
	}
	return newVoterSet(0, withoutDirectories(q.o.Voters), kafka.UnknownOffset)
}

// prepareFolder makes the metadata partition's folder what Apache Kafka expects.
func prepareFolder(fsys vfs.FS, parent, dir string) error {
	exists, err := vfs.Exists(fsys, filepath.Join(dir, "partition.metadata"))
	if err != nil || exists {
		return err
	}
	if err := fsys.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := fsys.SyncDir(parent); err != nil {
		return err
	}
	return checkpoint.WritePartitionMetadata(fsys, dir, checkpoint.PartitionMetadata{TopicID: kafka.MetadataTopicID})
}

// loadSnapshot reads the newest snapshot that is whole, and builds its Image.
func (q *Quorum) loadSnapshot(found folderContent) (*snapshotContent, *metadata.Image, error) {
	var failures []error
	for i := len(found.snapshots) - 1; i >= 0; i-- {
		c, err := readSnapshot(q.o.FS, q.dir, found.snapshots[i])
		var image *metadata.Image
		if err == nil {
			image, err = c.image()
		}
		if err == nil {
			return c, image, nil
		}
		q.logger.Warn("Skipping an unreadable metadata snapshot", "snapshot", found.snapshots[i].String(), "err", err)
		failures = append(failures, err)
	}
	if len(found.segments) > 0 && found.segments[0] > 0 {
		failures = append(failures, fmt.Errorf("the log starts at offset %d and there is no snapshot for what was before", found.segments[0]))
	}
	if len(failures) > 0 { // Without the bootstrap snapshot nobody knows the voters.
		return nil, nil, errors.Join(failures...)
	}
	return &snapshotContent{anchored: true}, metadata.EmptyImage(), nil
}

// openRaft restores raft's state from quorum-state and the log.
func (q *Quorum) openRaft(snapshot *snapshotContent) error {
	var err error
	if q.state, err = readQuorumState(q.o.FS, q.dir); err != nil {
		return err
	}
	floor, end := q.log.bounds()
	q.conf, _ = q.log.votersAt(end.offset)
	q.applied = floor
	q.id = q.ownRaftID()
	hard := &raftpb.HardState{
		Term:   new(uint64(max(q.state.epoch, end.epoch))),
		Vote:   new(q.votedRaftID(end.epoch)),
		Commit: new(floor.index),
	}
	q.storage = &raftStorage{log: q.log, hard: hard, conf: q.conf.confState()}
	if floor.index > 0 {
		q.storage.snapshot = storedSnapshot{id: snapshot.id, index: floor.index}
	}
	q.snapshots = newSnapshotter(q, snapshot)
	q.node, err = raft.NewRawNode(&raft.Config{
		ID: q.id, ElectionTick: raftTicksPerElection, HeartbeatTick: 1,
		Storage: q.storage, Applied: floor.index,
		MaxSizePerMsg: maxRaftMessageBytes, MaxCommittedSizePerReady: maxApplyBytes,
		MaxInflightMsgs: 256, CheckQuorum: true, PreVote: true, StepDownOnRemoval: true,
		DisableProposalForwarding: true, // The core decides on the leader, so a follower has nothing to propose.
		Logger:                    raftLogger{q.logger},
	})
	q.leadership.leader = kafka.NoNode
	if err := q.log.room(0, false); err != nil {
		q.logger.Warn("Starting on a full disk", "dir", q.dir, "err", err)
	}
	q.noteGauges()
	return err
}

// ownRaftID gives this node's id in raft: with its directory if the quorum knows
// voters by theirs.
func (q *Quorum) ownRaftID() uint64 {
	if q.conf.kraftVersion == 0 {
		return raftID(q.o.NodeID, kafka.UUID{})
	}
	return raftID(q.o.NodeID, q.o.DirectoryID)
}

// votedRaftID gives the vote of the current epoch. A leader that Kafka recorded
// without its vote got this node's vote at least in effect: no other candidate of
// that epoch may have it.
func (q *Quorum) votedRaftID(logEpoch kafka.LeaderEpoch) uint64 {
	s := q.state
	if s.epoch < logEpoch {
		return raft.None
	}
	switch {
	case s.voted >= 0 && (q.conf.kraftVersion > 0 || s.votedDirectory.IsZero()):
		return raftID(s.voted, s.votedDirectory)
	case s.voted >= 0:
		return raftID(s.voted, kafka.UUID{})
	case s.leader >= 0:
		if v, ok := q.conf.byNode(s.leader); ok {
			return raftIDOf(v)
		}
		return raftID(s.leader, kafka.UUID{})
	}
	return raft.None
}

func withoutDirectories(voters []Voter) []Voter {
	plain := make([]Voter, len(voters))
	for i, v := range voters {
		plain[i] = v
		plain[i].DirectoryID = kafka.UUID{}
	}
	return plain
}

// Run lives until ctx ends (it then returns nil) or the metadata log fails. It
// must be called once; Close may be called after it has returned.
func (q *Quorum) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return q.publisher.run(ctx) })
	g.Go(func() error { return q.snapshots.run(ctx) })
	g.Go(func() error {
		defer close(q.stopped)
		return q.loop(ctx)
	})
	return g.Wait()
}

// Close closes the files. Run must have returned, or never been called.
func (q *Quorum) Close() error {
	err := q.log.writeEpochs()
	if errors.Is(err, syscall.ENOSPC) {
		q.logger.Warn("No space left for the metadata log's leader epochs: the next start finds them in the log", "dir", q.dir)
		err = nil
	}
	return errors.Join(err, q.log.close())
}

// Image gives the committed metadata. It is never nil.
func (q *Quorum) Image() *metadata.Image { return q.image.Load() }

// Subscribe has f called for every change of the committed metadata, in order,
// on one goroutine. The first change leads from the empty Image to that of the
// snapshot, if there was one. f must be registered before Run, or misses what
// came before, and must not wait for Do.
func (q *Quorum) Subscribe(f func(delta *metadata.Delta, image *metadata.Image)) {
	q.publisher.subscribe(f)
}

// WaitOffset returns when the subscribers have seen the metadata up to and
// including offset.
func (q *Quorum) WaitOffset(ctx context.Context, offset kafka.Offset) error {
	return q.publisher.wait(ctx, offset)
}

// PublishedOffset gives the last offset that all subscribers have seen; -1 at first.
func (q *Quorum) PublishedOffset() kafka.Offset { return q.publisher.offset() }

// WaitPublished returns when the subscribers have seen all that is committed now,
// so that whoever just got an answer from Do also finds it in place.
func (q *Quorum) WaitPublished(ctx context.Context) error {
	return q.publisher.wait(ctx, q.Image().Offset())
}

// Leader gives the active controller and its epoch; kafka.NoNode if none is known.
func (q *Quorum) Leader() (kafka.NodeID, kafka.LeaderEpoch) {
	return kafka.NodeID(q.gauges.leader.Load()), kafka.LeaderEpoch(q.gauges.epoch.Load())
}

// IsActive tells whether this node is the active controller.
func (q *Quorum) IsActive() bool { return q.gauges.active.Load() }

// KRaftVersion gives the level of the feature kraft.version: 1 if the log names
// the voters, 0 if controller.quorum.voters does.
func (q *Quorum) KRaftVersion() int16 { return int16(q.gauges.kraftVersion.Load()) }

// HighWatermark gives the end of what is committed, exclusive.
func (q *Quorum) HighWatermark() kafka.Offset {
	return kafka.Offset(q.gauges.highWatermark.Load())
}

// LogEndOffset gives the end of the log, exclusive.
func (q *Quorum) LogEndOffset() kafka.Offset { return kafka.Offset(q.gauges.logEndOffset.Load()) }

func (q *Quorum) noteGauges() {
	q.gauges.leader.Store(int32(q.leadership.leader))
	q.gauges.epoch.Store(int32(min(q.node.BasicStatus().HardState.GetTerm(), math.MaxInt32)))
	q.gauges.highWatermark.Store(int64(q.applied.offset))
	q.gauges.logEndOffset.Store(int64(q.log.position().offset))
	q.gauges.active.Store(q.active)
	q.gauges.kraftVersion.Store(int32(q.conf.kraftVersion))
}

// Step hands over a message of another voter. It never blocks.
func (q *Quorum) Step(m *raftpb.Message) {
	select {
	case q.inbound <- m:
	default: // Raft repeats what matters.
	}
}

// ReportUnreachable tells raft that a message to the voter was lost.
func (q *Quorum) ReportUnreachable(v Voter) {
	q.call(func() { q.node.ReportUnreachable(raftIDOf(v)) })
}

// call runs f on the loop, or not at all once the loop has ended.
func (q *Quorum) call(f func()) bool {
	select {
	case q.calls <- f:
		return true
	case <-q.stopped:
		return false
	}
}

// Operation decides on the active controller's core; see controller.Core for
// the operations there are. It runs on the quorum loop and must only decide.
type Operation func(c *controller.Core, now time.Time) controller.Result
