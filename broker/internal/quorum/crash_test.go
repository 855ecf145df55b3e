package quorum

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// stepped is a quorum of one that the test drives itself, one operation at a time.
type stepped struct {
	t *testing.T
	*Quorum
}

func open(t *testing.T, o Options) *stepped {
	t.Helper()
	q, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return &stepped{t, q}
}

// lead makes it the active controller.
func (q *stepped) lead() error {
	if err := q.start(); err != nil {
		return err
	}
	return q.settle(context.Background())
}

// do runs one operation until it is answered or the quorum fails.
func (q *stepped) do(op Operation) error {
	o := &operation{decide: op, done: make(chan struct{})}
	if err := q.admit(o); err != nil {
		return err
	}
	if err := q.settle(context.Background()); err != nil {
		return err
	}
	select {
	case <-o.done:
		return o.err
	default:
		return fmt.Errorf("the operation is still parked: active %v tail %d applied %+v log %+v until %d waiting %d", q.active, q.tail, q.applied, q.log.position(), o.until, len(q.waiting))
	}
}

func smallSegments(o Options) Options {
	o.SegmentBytes, o.SnapshotBytes, o.RetentionBytes = 1_500, 1_000, 4_000
	return o
}

// snapshot runs the background work that has come up.
func (q *stepped) background() {
	if q.snapshots.infos == nil {
		if err := q.snapshots.list(); err != nil {
			q.t.Fatal(err)
		}
	}
	select {
	case job := <-q.snapshots.jobs:
		done := make(chan struct{})
		go func() { defer close(done); job(context.Background()) }()
		for {
			select {
			case f := <-q.calls:
				f()
				continue
			case <-done:
			}
			break
		}
	default:
	}
	q.snapshots.housekeep()
}

// TestAcknowledgedOperationsSurviveCrashes crashes a single voter after random
// numbers of operations, with all the ways in which a disk may have kept or torn
// what was not synced.
func TestAcknowledgedOperationsSurviveCrashes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	fsys := formatted(t)
	var acked []string
	for round := range 120 {
		q := open(t, smallSegments(testOptions(t, fsys)))
		if err := q.lead(); err != nil {
			t.Fatal(err)
		}
		for i, name := range acked {
			if configOf(q.Image(), name) != "v" {
				t.Fatalf("round %d: lost %s, operation %d of %d", round, name, i, len(acked))
			}
		}
		for i := range random.IntN(6) {
			name := fmt.Sprintf("r%d-%d", round, i)
			if err := q.do(setConfig(name, "v")); err != nil {
				t.Fatal(err)
			}
			acked = append(acked, name)
			if random.IntN(3) == 0 {
				q.background()
			}
		}
		// An append that is cut off by the crash.
		if random.IntN(2) == 0 {
			writeUnsynced(t, q)
		}
		fsys = fsys.CrashClone(memfs.CrashOptions{Seed: random.Uint64(), KeepPercent: random.IntN(101), TearPercent: random.IntN(101)})
	}
	if len(acked) == 0 {
		t.Fatal("nothing was acknowledged")
	}
}

// writeUnsynced appends a batch without the sync that would make it count.
func writeUnsynced(t *testing.T, q *stepped) {
	t.Helper()
	result := setConfig("unsynced", "x")(nil, time.Time{})
	for range 200 {
		result.Records = append(result.Records, result.Records[0])
	}
	batches, err := encodeResult(result, q.log.position().offset, q.log.position().epoch, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.log.write(batches, time.UnixMilli(5)); err != nil {
		t.Fatal(err)
	}
}

// TestEveryFailingOperationOfTheDisk fails the n-th operation on the disk for
// n = 1, 2, 3 ... until a run needs none. Whatever happens, nothing acknowledged
// may be missing afterwards, and the node must open again.
func TestEveryFailingOperationOfTheDisk(t *testing.T) {
	failure := errors.New("the disk failed")
	for n := 1; ; n++ {
		if n > 1000 {
			t.Fatal("the run never comes to its end")
		}
		inner := formatted(t)
		fsys := faultfs.New(inner)
		injected := fsys.FailNth(n, failure)
		acked := runUntilFailure(t, fsys)
		if injected.Hits() == 0 {
			if len(acked) != 6 {
				t.Fatalf("%d operations acknowledged without a fault", len(acked))
			}
			t.Logf("%d operations on the disk failed in turn", n-1)
			return
		}
		q := open(t, smallSegments(testOptions(t, inner.CrashClone(memfs.CrashOptions{}))))
		if err := q.lead(); err != nil {
			t.Fatalf("n=%d: %v", n, err)
		}
		for _, name := range acked {
			if configOf(q.Image(), name) != "v" {
				t.Fatalf("n=%d: lost %s", n, name)
			}
		}
	}
}

// runUntilFailure opens a node and has it do six operations; it gives the names
// of those that were acknowledged.
func runUntilFailure(t *testing.T, fsys vfs.FS) (acked []string) {
	q, err := Open(smallSegments(testOptions(t, fsys)))
	if err != nil {
		return nil
	}
	s := &stepped{t, q}
	defer func() { _ = q.Close() }() // It may fail as well.
	if err := s.lead(); err != nil {
		return nil
	}
	_ = q.snapshots.list() // It may fail as well; the snapshots are then found later.
	for i := range 6 {
		name := fmt.Sprintf("k%d", i)
		if err := s.do(setConfig(name, "v")); err != nil {
			return acked
		}
		acked = append(acked, name)
		if q.snapshots.infos != nil {
			s.background()
		}
	}
	return acked
}

// TestFailedSyncIsFinal shows that after a failed fsync nothing is acknowledged
// any more, though the disk works again.
func TestFailedSyncIsFinal(t *testing.T) {
	fsys := faultfs.New(formatted(t))
	q := open(t, testOptions(t, fsys))
	if err := q.lead(); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("fsync failed")
	injected := fsys.FailNth(1, failure, faultfs.Sync)
	if err := q.do(setConfig("a", "1")); !errors.Is(err, failure) {
		t.Fatalf("err %v", err)
	}
	injected.Remove()
	if err := q.log.append(nil, time.Time{}); !errors.Is(err, failure) {
		t.Fatalf("append after a failed fsync: %v", err)
	}
	if configOf(q.Image(), "a") != "" {
		t.Fatal("the operation was committed")
	}
}

// TestVoteSurvivesCrash shows that a voter does not vote twice in an epoch.
func TestVoteSurvivesCrash(t *testing.T) {
	fsys := memfs.New()
	if err := errors.Join(fsys.MkdirAll(testDir, 0o755), fsys.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	voters := simVoters()
	format(t, fsys, voters...)
	options := func(fsys vfs.FS, sent *[]*raftpb.Message) Options {
		o := testOptions(t, fsys)
		o.DirectoryID = voters[0].DirectoryID
		o.Transport = recordingTransport{sent: sent}
		return o
	}
	vote := func(q *stepped, from Voter) {
		q.step(&raftpb.Message{
			Type: raftpb.MsgVote.Enum(), To: new(q.id), From: new(raftIDOf(from)), Term: new(uint64(7)),
			Index: new(uint64(math.MaxUint32)), LogTerm: new(uint64(6)),
		})
		if err := q.settle(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var sent []*raftpb.Message
	q := open(t, options(fsys, &sent))
	vote(q, voters[1])
	if len(sent) != 1 || sent[0].GetType() != raftpb.MsgVoteResp || sent[0].GetReject() {
		t.Fatalf("the first vote: %v", sent)
	}
	sent = nil
	q = open(t, options(fsys.CrashClone(memfs.CrashOptions{}), &sent))
	vote(q, voters[2])
	if len(sent) != 1 || !sent[0].GetReject() {
		t.Fatalf("the second vote in the same epoch: %v", sent)
	}
	vote(q, voters[1])
	if len(sent) != 2 || sent[1].GetReject() {
		t.Fatalf("the same vote again: %v", sent)
	}
}

// recordingTransport keeps what is sent.
type recordingTransport struct {
	Transport
	sent *[]*raftpb.Message
}

func (r recordingTransport) Send(_ Voter, m *raftpb.Message) { *r.sent = append(*r.sent, m) }

// TestLargeAtomicResultIsATransaction shows that what counts together becomes
// visible together although it takes several batches, and that a crash between
// them leaves nothing of it.
func TestLargeAtomicResultIsATransaction(t *testing.T) {
	fsys := formatted(t)
	q := open(t, testOptions(t, fsys))
	if err := q.lead(); err != nil {
		t.Fatal(err)
	}
	result := setConfig("big", "v")(nil, time.Time{})
	for len(result.Records) < maxBatchRecords+5 {
		result.Records = append(result.Records, result.Records[0])
	}
	result.Atomic = true
	batches, err := encodeResult(result, q.tail, q.leadership.epoch, 5)
	if err != nil || len(batches) != 2 {
		t.Fatalf("%d batches, %v", len(batches), err)
	}
	if err := q.log.append(batches[:1], time.UnixMilli(5)); err != nil {
		t.Fatal(err)
	}
	q = open(t, testOptions(t, fsys.CrashClone(memfs.CrashOptions{})))
	if err := q.lead(); err != nil {
		t.Fatal(err)
	}
	if got := configOf(q.Image(), "big"); got != "" {
		t.Fatalf("half a transaction shows: big=%q", got)
	}
	if q.Image().InTransaction() {
		t.Fatal("the transaction is still open")
	}
	if err := q.do(setConfig("after", "v")); err != nil {
		t.Fatal(err)
	}
}

// TestOpenRefusesALogWithoutItsBeginning shows that missing history is an error
// and not an empty cluster.
func TestOpenRefusesALogWithoutItsBeginning(t *testing.T) {
	fsys := formatted(t)
	o := smallSegments(testOptions(t, fsys))
	o.RetentionBytes = -1
	q := open(t, o)
	if err := q.lead(); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if err := q.do(setConfig(fmt.Sprintf("k%d", i), "v")); err != nil {
			t.Fatal(err)
		}
	}
	if len(q.log.segments) < 2 {
		t.Fatal("the log was not rolled")
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.log.segments[0].remove(fsys, q.dir); err == nil {
		t.Log("closed twice")
	}
	for _, suffix := range []string{".log", ".index", ".timeindex"} {
		if err := vfs.RemoveIfExists(fsys, segmentPath(q.dir, 0, suffix)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(o); err == nil {
		t.Fatal("opened a log that has lost its first segment")
	}
}
