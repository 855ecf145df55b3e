package quorum

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/goleak"

	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testDir = "/data"

var testDirectory = kafka.UUID{1, 2, 3, 4, 5, 6, 7, 8, 9}

// testCore builds a controller core as a node would.
func testCore(t testing.TB, node kafka.NodeID) *controller.Core {
	t.Helper()
	static, _, err := config.Load(config.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	return controller.New(controller.Options{ClusterID: "test", NodeID: node, Config: static, Logger: slog.New(slog.DiscardHandler)})
}

func testOptions(t testing.TB, fsys vfs.FS) Options {
	return Options{
		FS: fsys, Dir: testDir, NodeID: 1, DirectoryID: testDirectory,
		Core: testCore(t, 1), Bootstrap: metadata.BootstrapRecords(metadata.NewestMetadataVersion),
	}
}

// formatted gives a file system with a standalone quorum of node 1.
func formatted(t testing.TB) *memfs.FS {
	t.Helper()
	fsys := memfs.New()
	if err := errors.Join(fsys.MkdirAll(testDir, 0o755), fsys.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	format(t, fsys, StandaloneVoter(1, testDirectory, Endpoint{Name: "CONTROLLER", Host: "localhost", Port: 9093}))
	return fsys
}

func format(t testing.TB, fsys vfs.FS, voters ...Voter) {
	t.Helper()
	if err := Format(fsys, testDir, FormatOptions{Records: metadata.BootstrapRecords(metadata.NewestMetadataVersion), Voters: voters}, time.UnixMilli(1_000)); err != nil {
		t.Fatal(err)
	}
}

// running is a quorum with its loop.
type running struct {
	*Quorum
	cancel context.CancelFunc
	done   chan error
	once   sync.Once
}

func start(t testing.TB, o Options) *running {
	t.Helper()
	q, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, q)
}

func run(t testing.TB, q *Quorum) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Quorum: q, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- q.Run(ctx) }()
	t.Cleanup(func() { r.stop(t) })
	return r
}

func (r *running) stop(t testing.TB) {
	t.Helper()
	r.once.Do(func() {
		r.cancel()
		if err := <-r.done; err != nil {
			t.Logf("the loop ended: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Logf("close: %v", err)
		}
	})
}

// setConfig is an operation that sets a config of the default broker resource.
func setConfig(name, value string) Operation {
	return func(*controller.Core, time.Time) controller.Result {
		return controller.Result{
			Records:  []metadata.Record{&metadata.ConfigRecord{ResourceType: metadata.ResourceTopic, ResourceName: "t", Name: name, Value: &value}},
			Response: name + "=" + value,
		}
	}
}

func configOf(image *metadata.Image, name string) string {
	return image.Config(metadata.ConfigResource{Type: metadata.ResourceTopic, Name: "t"})[name]
}

func mustDo(t testing.TB, q *running, op Operation) any {
	t.Helper()
	response, err := q.Do(context.Background(), 10*time.Second, op)
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	return response
}

func TestSingleVoterCommitsAndSurvivesRestart(t *testing.T) {
	fsys := formatted(t)
	q := start(t, testOptions(t, fsys))
	if got := mustDo(t, q, setConfig("a", "1")); got != "a=1" {
		t.Fatalf("response %v", got)
	}
	if got := configOf(q.Image(), "a"); got != "1" {
		t.Fatalf("the committed image has a=%q", got)
	}
	if v := q.Image().MetadataVersion(); v != metadata.NewestMetadataVersion {
		t.Fatalf("metadata.version %v after the bootstrap", v)
	}
	leader, epoch := q.Leader()
	if leader != 1 || epoch != 1 || !q.IsActive() {
		t.Fatalf("leader %d of epoch %d, active %v", leader, epoch, q.IsActive())
	}
	offset := q.Image().Offset()
	q.stop(t)

	q = start(t, testOptions(t, fsys))
	mustDo(t, q, setConfig("b", "2"))
	if a, b := configOf(q.Image(), "a"), configOf(q.Image(), "b"); a != "1" || b != "2" {
		t.Fatalf("after restart a=%q b=%q", a, b)
	}
	// One LeaderChange record and one config record.
	if got := q.Image().Offset(); got != offset+2 {
		t.Fatalf("offset %d after restart, want %d", got, offset+2)
	}
	if _, epoch := q.Leader(); epoch != 2 {
		t.Fatalf("epoch %d after restart", epoch)
	}
}

func TestSubscribersSeeEveryChangeInOrder(t *testing.T) {
	q, err := Open(testOptions(t, formatted(t)))
	if err != nil {
		t.Fatal(err)
	}
	var offsets []kafka.Offset
	q.Subscribe(func(delta *metadata.Delta, image *metadata.Image) {
		offsets = append(offsets, image.Offset())
	})
	r := run(t, q)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() { mustDo(t, r, setConfig(fmt.Sprintf("k%d", i), "v")) })
	}
	wg.Wait()
	if err := q.WaitPublished(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.stop(t)
	for i := 1; i < len(offsets); i++ {
		if offsets[i] <= offsets[i-1] {
			t.Fatalf("offset %d published after %d", offsets[i], offsets[i-1])
		}
	}
	if last := offsets[len(offsets)-1]; last != q.Image().Offset() {
		t.Fatalf("last published %d, committed %d", last, q.Image().Offset())
	}
}

func TestRefusedOperationWritesNothing(t *testing.T) {
	q := start(t, testOptions(t, formatted(t)))
	mustDo(t, q, setConfig("a", "1"))
	before := q.LogEndOffset()
	_, err := q.Do(context.Background(), time.Second, func(*controller.Core, time.Time) controller.Result {
		return controller.Result{Err: kerr.TopicAlreadyExists}
	})
	if !errors.Is(err, kerr.TopicAlreadyExists) {
		t.Fatalf("err %v", err)
	}
	if after := q.LogEndOffset(); after != before {
		t.Fatalf("log end %d, was %d", after, before)
	}
}

func TestDoAfterStopIsNotController(t *testing.T) {
	q := start(t, testOptions(t, formatted(t)))
	mustDo(t, q, setConfig("a", "1"))
	q.stop(t)
	if _, err := q.Do(context.Background(), time.Second, setConfig("b", "2")); !errors.Is(err, kerr.NotController) {
		t.Fatalf("err %v, want NOT_CONTROLLER", err)
	}
}
