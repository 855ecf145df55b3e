package quorum

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"testing/cryptotest"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// simulation runs three voters in one goroutine: every step is one tick, one
// message, one operation, one background job or one crash, chosen by a seed.
type simulation struct {
	t       *testing.T
	random  *rand.Rand
	nodes   map[kafka.NodeID]*simNode
	now     time.Time
	flight  []simMessage
	pending map[*operation]string // Operation to the name of the config it sets.
	acked   []string
	next    int
	history map[kafka.Offset][]byte // Committed batches by base offset.
	leaders map[kafka.LeaderEpoch]kafka.NodeID
}

type simNode struct {
	id      kafka.NodeID
	fs      *memfs.FS
	q       *Quorum
	applied kafka.Offset
	voter   Voter
}

type simMessage struct {
	to   kafka.NodeID
	data []byte
}

// simTransport queues the messages of one node.
type simTransport struct {
	s    *simulation
	from kafka.NodeID
}

func (t simTransport) Send(to Voter, m *raftpb.Message) {
	data, err := proto.Marshal(m)
	if err != nil {
		t.s.t.Fatal(err)
	}
	t.s.flight = append(t.s.flight, simMessage{to: to.ID, data: data})
}

func (t simTransport) FetchSnapshot(_ context.Context, from Voter, name string, w io.Writer) error {
	n := t.s.nodes[from.ID]
	if n.q == nil {
		return errors.New("the voter is down")
	}
	r, err := n.q.ReadSnapshot(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, r.Close())
}

func simVoters() []Voter {
	var voters []Voter
	for id := kafka.NodeID(1); id <= 3; id++ {
		voters = append(voters, StandaloneVoter(id, kafka.UUID{0: 7, 15: byte(id)}, Endpoint{Name: "CONTROLLER", Host: "localhost", Port: uint16(9000 + id)}))
	}
	return voters
}

func newSimulation(t *testing.T, seed uint64) *simulation {
	cryptotest.SetGlobalRandom(t, seed) // Raft's election jitter.
	s := &simulation{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), nodes: map[kafka.NodeID]*simNode{},
		now: time.UnixMilli(1_000_000), pending: map[*operation]string{}, history: map[kafka.Offset][]byte{},
		leaders: map[kafka.LeaderEpoch]kafka.NodeID{},
	}
	for _, v := range simVoters() {
		n := &simNode{id: v.ID, fs: memfs.New(), voter: v}
		if err := errors.Join(n.fs.MkdirAll(testDir, 0o755), n.fs.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
		format(t, n.fs, simVoters()...)
		s.nodes[v.ID] = n
		s.open(n)
	}
	return s
}

func (s *simulation) open(n *simNode) {
	s.t.Helper()
	logger := slog.New(slog.DiscardHandler)
	if os.Getenv("SIM_LOG") != "" {
		logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", int(n.id))
	}
	q, err := Open(Options{
		FS: n.fs, Dir: testDir, NodeID: n.id, DirectoryID: n.voter.DirectoryID,
		Core: testCore(s.t, n.id), Bootstrap: metadata.BootstrapRecords(metadata.NewestMetadataVersion),
		Transport: simTransport{s, n.id}, Logger: logger, Now: func() time.Time { return s.now },
		SegmentBytes: 2_000, SnapshotBytes: 4_000, RetentionBytes: 6_000, MaxIdleInterval: 500 * time.Millisecond,
	})
	if err != nil {
		s.t.Fatalf("open node %d: %v", n.id, err)
	}
	n.q, n.applied = q, 0
	if err := q.snapshots.list(); err != nil {
		s.t.Fatal(err)
	}
}

// settle lets a node finish its work and looks at what it has applied.
func (s *simulation) settle(n *simNode) {
	s.t.Helper()
	if err := n.q.settle(context.Background()); err != nil {
		s.t.Fatalf("node %d: %v", n.id, err)
	}
	for op, name := range s.pending {
		select {
		case <-op.done:
			delete(s.pending, op)
			if op.err == nil {
				s.acked = append(s.acked, name)
			}
		default:
		}
	}
	if n.q.applied.offset < n.applied {
		s.t.Fatalf("node %d went back from offset %d to %d", n.id, n.applied, n.q.applied.offset)
	}
	if epoch := n.q.leadership.epoch; n.q.elected {
		if other, ok := s.leaders[epoch]; ok && other != n.id {
			s.t.Fatalf("nodes %d and %d both lead in epoch %d", other, n.id, epoch)
		}
		s.leaders[epoch] = n.id
	}
	s.checkCommitted(n)
	n.applied = n.q.applied.offset
}

// checkCommitted compares the newly committed batches with what other nodes have
// committed at these offsets.
func (s *simulation) checkCommitted(n *simNode) {
	s.t.Helper()
	floor, _ := n.q.log.bounds()
	first := floor.index + 1
	if n.q.applied.index < first || n.applied == n.q.applied.offset {
		return
	}
	batches, err := n.q.log.read(first, n.q.applied.index+1, 1<<30)
	if err != nil {
		s.t.Fatalf("node %d: %v", n.id, err)
	}
	for _, b := range batches {
		if known, ok := s.history[b.BaseOffset()]; ok && !bytes.Equal(known, b) {
			s.t.Fatalf("node %d committed another batch at offset %d", n.id, b.BaseOffset())
		}
		s.history[b.BaseOffset()] = b.Clone()
	}
}

func (s *simulation) step() {
	s.now = s.now.Add(time.Duration(s.random.IntN(10)) * time.Millisecond)
	n := s.nodes[kafka.NodeID(1+s.random.IntN(3))]
	switch p := s.random.IntN(1000); {
	case p < 500:
		s.deliver()
		return
	case n.q == nil:
		if p < 600 {
			s.open(n)
		}
		return
	case p < 760:
		n.q.tick()
	case p < 900:
		s.propose(n)
	case p < 920:
		if err := n.q.due(); err != nil {
			s.t.Fatal(err)
		}
	case p < 980:
		s.background(n)
	case p < 986:
		s.crash(n)
		return
	}
	s.settle(n)
}

// deliver takes one message off the network: mostly the oldest, sometimes any,
// sometimes twice, sometimes never.
func (s *simulation) deliver() {
	if len(s.flight) == 0 {
		return
	}
	i := 0
	if s.random.IntN(5) == 0 {
		i = s.random.IntN(len(s.flight))
	}
	m := s.flight[i]
	if s.random.IntN(20) != 0 {
		s.flight = append(s.flight[:i], s.flight[i+1:]...)
	}
	n := s.nodes[m.to]
	if n.q == nil || s.random.IntN(20) == 0 {
		return
	}
	message := &raftpb.Message{}
	if err := proto.Unmarshal(m.data, message); err != nil {
		s.t.Fatal(err)
	}
	n.q.step(message)
	s.settle(n)
}

func (s *simulation) propose(n *simNode) {
	for range 1 + s.random.IntN(3) {
		name := fmt.Sprintf("k%d", s.next)
		s.next++
		op := &operation{decide: setConfig(name, "v"), done: make(chan struct{})}
		s.pending[op] = name
		if err := n.q.admit(op); err != nil {
			s.t.Fatal(err)
		}
	}
}

// background runs one job of the snapshotter to its end.
func (s *simulation) background(n *simNode) {
	select {
	case job := <-n.q.snapshots.jobs:
		done := make(chan struct{})
		go func() {
			defer close(done)
			job(context.Background())
		}()
		for {
			select {
			case f := <-n.q.calls:
				f()
				continue
			case <-done:
			}
			break
		}
	default:
	}
	n.q.snapshots.housekeep()
}

func (s *simulation) crash(n *simNode) {
	n.fs = n.fs.CrashClone(memfs.CrashOptions{Seed: s.random.Uint64(), KeepPercent: s.random.IntN(101), TearPercent: s.random.IntN(50)})
	n.q = nil
}

// converge heals everything and lets the cluster come to rest.
func (s *simulation) converge() {
	s.t.Helper()
	for _, id := range []kafka.NodeID{1, 2, 3} {
		if n := s.nodes[id]; n.q == nil {
			s.open(n)
		}
	}
	for round := range 5000 {
		s.now = s.now.Add(10 * time.Millisecond)
		for _, id := range []kafka.NodeID{1, 2, 3} {
			n := s.nodes[id]
			if round%10 == 0 {
				n.q.tick()
			}
			s.background(n)
			s.settle(n)
		}
		for flight := s.flight; len(flight) > 0; flight = flight[1:] {
			s.flight = nil
			message := &raftpb.Message{}
			if err := proto.Unmarshal(flight[0].data, message); err != nil {
				s.t.Fatal(err)
			}
			n := s.nodes[flight[0].to]
			n.q.step(message)
			s.settle(n)
			flight = append(flight, s.flight...)
		}
		s.flight = nil
		if round > 500 && s.atRest() {
			return
		}
	}
	for _, n := range s.nodes {
		s.t.Logf("node %d: leader %d applied %+v log %+v", n.id, n.q.leadership.leader, n.q.applied, n.q.log.position())
	}
	s.t.Fatal("the cluster did not come to rest")
}

// atRest tells whether there is a leader and all its voters have all it has.
func (s *simulation) atRest() bool {
	for _, leader := range s.nodes {
		if !leader.q.active || leader.q.log.position() != leader.q.applied {
			continue
		}
		for _, n := range s.nodes {
			_, member := leader.q.conf.byRaftID(n.q.id)
			if member && (n.q.applied != leader.q.applied || n.q.log.position() != n.q.applied) {
				return false
			}
		}
		return true
	}
	return false
}

func (s *simulation) checkEnd() {
	s.t.Helper()
	for _, n := range s.nodes {
		image := n.q.Image()
		for _, name := range s.acked {
			if configOf(image, name) != "v" {
				s.t.Fatalf("node %d lost the acknowledged %s", n.id, name)
			}
		}
	}
}

// TestThreeVotersAgree runs random schedules of ticks, lost, repeated and
// reordered messages, crashes that lose and tear what was not synced, snapshots
// and retention. No acknowledged operation may be lost, no node may go back, and
// all must have the same bytes at the same offsets.
func TestThreeVotersAgree(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 3
	}
	acked, snapshots, epochs := 0, 0, 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSimulation(t, seed)
			for range 4000 {
				s.step()
			}
			s.converge()
			s.checkEnd()
			acked += len(s.acked)
			epochs += len(s.leaders)
			for _, n := range s.nodes {
				if n.q.snapshots.newest != bootstrapSnapshot {
					snapshots++
				}
			}
		})
	}
	t.Logf("%d operations acknowledged, %d nodes with a snapshot, %d leader epochs", acked, snapshots, epochs)
	if !t.Failed() && (acked == 0 || snapshots == 0) {
		t.Error("the simulation does not reach what it is to check")
	}
}

// leader gives the node that leads.
func (s *simulation) leader() *simNode {
	s.t.Helper()
	for _, n := range s.nodes {
		if n.q.active {
			return n
		}
	}
	s.t.Fatal("nobody leads")
	return nil
}

// change has the leader change the voters, and waits until all have heard of it.
func (s *simulation) change(next func(voterSet) ([]Voter, error)) {
	s.t.Helper()
	op := &operation{done: make(chan struct{})}
	n := s.leader()
	if err := n.q.proposeVoters(op, next); err != nil {
		s.t.Fatal(err)
	}
	s.settle(n)
	s.converge()
	select {
	case <-op.done:
		if op.err != nil {
			s.t.Fatal(op.err)
		}
	default:
		s.t.Fatal("the change was not committed")
	}
}

// TestVotersChange replaces a voter's disk: it leaves, comes back empty under
// another directory id, and is brought up to date by a snapshot.
func TestVotersChange(t *testing.T) {
	s := newSimulation(t, 1)
	s.converge()
	for range 60 {
		s.propose(s.leader())
		s.settle(s.leader())
		s.converge()
	}
	old := s.nodes[3]
	if s.leader() == old {
		t.Skip("the seed makes node 3 the leader")
	}
	s.nodes = map[kafka.NodeID]*simNode{1: s.nodes[1], 2: s.nodes[2], 3: old}
	s.change(func(set voterSet) ([]Voter, error) {
		return []Voter{set.voters[0], set.voters[1]}, nil
	})
	fresh := &simNode{id: 3, fs: memfs.New(), voter: StandaloneVoter(3, kafka.UUID{1, 15: 99})}
	if err := errors.Join(fresh.fs.MkdirAll(testDir, 0o755), fresh.fs.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	if err := Format(fresh.fs, testDir, FormatOptions{NoInitialVoters: true}, s.now); err != nil {
		t.Fatal(err)
	}
	s.nodes[3] = fresh
	s.open(fresh)
	s.change(func(set voterSet) ([]Voter, error) { return append(set.voters, fresh.voter), nil })
	check := func() {
		t.Helper()
		for _, n := range s.nodes {
			if v, ok := n.q.conf.byNode(3); len(n.q.conf.voters) != 3 || !ok || v.DirectoryID != fresh.voter.DirectoryID {
				t.Fatalf("node %d has the voters %v", n.id, n.q.conf.voters)
			}
			if n.q.conf.offset < 0 {
				t.Fatalf("node %d has its voters from nowhere", n.id)
			}
		}
	}
	check()
	s.checkEnd()
	for _, n := range s.nodes {
		s.crash(n)
	}
	s.converge()
	check()
	s.checkEnd()
}
