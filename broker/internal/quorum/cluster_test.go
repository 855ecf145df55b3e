package quorum

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// network connects the quorums of one process.
type network struct {
	mu    sync.Mutex // Guards nodes.
	nodes map[kafka.NodeID]*running
}

func (n *network) node(id kafka.NodeID) *running {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[id]
}

func (n *network) set(id kafka.NodeID, q *running) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes[id] = q
}

// Send implements Transport.
func (n *network) Send(to Voter, m *raftpb.Message) {
	if q := n.node(to.ID); q != nil {
		q.Step(proto.Clone(m).(*raftpb.Message))
	}
}

// FetchSnapshot implements Transport.
func (n *network) FetchSnapshot(_ context.Context, from Voter, name string, w io.Writer) error {
	q := n.node(from.ID)
	if q == nil {
		return errors.New("the voter is down")
	}
	r, err := q.ReadSnapshot(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, r.Close())
}

func (n *network) start(t *testing.T, voter Voter, fsys *memfs.FS) *running {
	t.Helper()
	q := start(t, Options{
		FS: fsys, Dir: testDir, NodeID: voter.ID, DirectoryID: voter.DirectoryID, Core: testCore(t, voter.ID),
		Bootstrap: metadata.BootstrapRecords(metadata.NewestMetadataVersion), Transport: n,
		SegmentBytes: 2_000, SnapshotBytes: 3_000, RetentionBytes: 4_000, MaxIdleInterval: 500 * time.Millisecond,
	})
	n.set(voter.ID, q)
	return q
}

// leader waits until one of the nodes that are up is active.
func (n *network) leader(t *testing.T) *running {
	t.Helper()
	for range 1000 {
		for _, v := range simVoters() {
			if q := n.node(v.ID); q != nil && q.IsActive() {
				return q
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("nobody leads")
	return nil
}

func (n *network) stop(t *testing.T, q *running) {
	t.Helper()
	n.set(q.o.NodeID, nil)
	q.stop(t)
}

// TestClusterOfThree elects, hands over, loses its leader, and brings a node up to
// date that missed more than the log still has.
func TestClusterOfThree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{nodes: map[kafka.NodeID]*running{}}
		disks := map[kafka.NodeID]*memfs.FS{}
		for _, v := range simVoters() {
			disks[v.ID] = memfs.New()
			if err := disks[v.ID].MkdirAll(testDir, 0o755); err != nil {
				t.Fatal(err)
			}
			format(t, disks[v.ID], simVoters()...)
			n.start(t, v, disks[v.ID])
		}
		leader := n.leader(t)
		mustDo(t, leader, setConfig("a", "1"))
		for _, v := range simVoters() {
			if q := n.node(v.ID); q != leader {
				if _, err := q.Do(t.Context(), time.Second, setConfig("x", "1")); !errors.Is(err, kerr.NotController) {
					t.Fatalf("Do on node %d: %v", v.ID, err)
				}
			}
		}

		// A clean hand-over takes less than an election timeout.
		leader.Shutdown(t.Context())
		time.Sleep(300 * time.Millisecond)
		second := n.leader(t)
		if second == leader {
			t.Fatal("the leadership was not handed over")
		}
		mustDo(t, second, setConfig("b", "2"))

		// The leader goes without a word; the other two go on without it.
		n.stop(t, second)
		third := n.leader(t)
		for i := range 100 {
			mustDo(t, third, setConfig(fmt.Sprintf("k%d", i), "v"))
		}
		time.Sleep(time.Second)
		if third.log.startOffset() == 0 {
			t.Fatal("the log still has its beginning")
		}

		// It comes back and needs a snapshot.
		voter, _ := newVoterSet(1, simVoters(), -1).byNode(second.o.NodeID)
		back := n.start(t, voter, disks[voter.ID])
		if err := back.WaitOffset(t.Context(), third.HighWatermark()-1); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b", "k0", "k99"} {
			if configOf(back.Image(), name) == "" {
				t.Errorf("the returned node misses %s", name)
			}
		}
		status, err := third.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(status.Voters) != 3 || status.Leader != third.o.NodeID {
			t.Fatalf("status %+v", status)
		}

		// A single remaining node is no majority.
		for _, v := range simVoters() {
			if q := n.node(v.ID); q != nil && q != third {
				n.stop(t, q)
			}
		}
		if _, err := third.Do(t.Context(), 30*time.Second, setConfig("c", "3")); err == nil {
			t.Fatal("a minority committed")
		}
		n.stop(t, third)
	})
}

// TestLostLeadershipFailsWhatIsParked shows that operations that were proposed and
// not committed are refused when leadership is lost.
func TestLostLeadershipFailsWhatIsParked(t *testing.T) {
	s := newSimulation(t, 3)
	s.converge()
	n := s.leader()
	op := &operation{decide: setConfig("a", "1"), done: make(chan struct{})}
	if err := n.q.admit(op); err != nil {
		t.Fatal(err)
	}
	s.settle(n)
	s.flight = nil // Nobody hears of it.
	other := s.nodes[1]
	if other == n {
		other = s.nodes[2]
	}
	n.q.step(&raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), From: new(other.q.id), To: new(n.q.id), Term: new(uint64(100))})
	s.settle(n)
	select {
	case <-op.done:
		if !errors.Is(op.err, kerr.NotController) {
			t.Fatalf("err %v", op.err)
		}
	default:
		t.Fatal("still parked")
	}
	// The core is rebuilt when the node leads again: the uncommitted view is gone.
	n.q.core().Load(n.q.Image())
	if got := configOf(n.q.core().Image(), "a"); got != "" {
		t.Fatalf("the core still has a=%q", got)
	}
}
