package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs/memfs"
)

var directory = kafka.UUID{0: 9, 15: 200}

// node is a controller and the broker beside it.
type node struct {
	*quorum.Quorum
	controller peer.Controller
	stop       func()
}

func startNode(t *testing.T, fsys *memfs.FS) *node {
	t.Helper()
	static, _, err := config.Load(config.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := quorum.Open(quorum.Options{
		FS: fsys, Dir: "/data", NodeID: 1, DirectoryID: directory,
		Core: controller.New(controller.Options{ClusterID: "cluster", NodeID: 1, Config: static, Logger: slog.New(slog.DiscardHandler)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	return &node{q, peer.NewLocal(q), func() {
		cancel()
		if err := errors.Join(<-done, q.Close()); err != nil {
			t.Error(err)
		}
	}}
}

func formatted(t *testing.T) *memfs.FS {
	t.Helper()
	fsys := memfs.New()
	if err := fsys.MkdirAll("/data", 0o755); err != nil {
		t.Fatal(err)
	}
	format := quorum.FormatOptions{
		Records: metadata.BootstrapRecords(metadata.NewestMetadataVersion),
		Voters:  []quorum.Voter{quorum.StandaloneVoter(1, directory)},
	}
	if err := quorum.Format(fsys, "/data", format, time.Now()); err != nil {
		t.Fatal(err)
	}
	return fsys
}

func options(n *node) Options {
	return Options{
		NodeID: 1, ClusterID: "cluster", LogDirs: []kafka.UUID{directory}, PreviousBrokerEpoch: -1,
		Listeners:  []Listener{{Name: "PLAINTEXT", Host: "localhost", Port: 9092}},
		Controller: n.controller, Metadata: n.Quorum,
		HeartbeatInterval: 2 * time.Second, SessionTimeout: 9 * time.Second, RegistrationTimeout: time.Minute,
	}
}

func createTopic(t *testing.T, c peer.Controller, name string) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = req.MaxVersion()
	req.TimeoutMillis = 5000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 2, 1
	req.Topics = append(req.Topics, topic)
	resp, err := c.Forward(context.Background(), "User:ANONYMOUS", req)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.(*kmsg.CreateTopicsResponse).Topics[0]; got.ErrorCode != 0 {
		t.Fatalf("create topic: %v %v", kerr.ErrorForCode(got.ErrorCode), got.ErrorMessage)
	}
}

func TestBrokerServesWithoutWaitingForAHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, formatted(t))
		defer n.stop()
		l := New(options(n))
		began := time.Now()
		if err := l.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b := n.Image().Broker(1); b == nil || !b.Fenced || b.Epoch != l.BrokerEpoch() {
			t.Fatalf("after Register: %+v", b)
		}
		if err := l.Unfence(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b := n.Image().Broker(1); b.Fenced || l.Fenced() {
			t.Fatal("still fenced")
		}
		// Time stands still in the bubble while nobody sleeps.
		if took := time.Since(began); took != 0 {
			t.Fatalf("it waited for %v", took)
		}
		createTopic(t, n.controller, "first")
		if n.Image().Topic("first") == nil {
			t.Fatal("the topic is not there after Forward")
		}
	})
}

func TestHeartbeatsKeepTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, formatted(t))
		defer n.stop()
		l := New(options(n))
		if err := errors.Join(l.Register(t.Context()), l.Unfence(t.Context())); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		end := n.LogEndOffset()
		time.Sleep(time.Minute)
		if n.Image().Broker(1).Fenced {
			t.Fatal("fenced in spite of its heartbeats")
		}
		if got := n.LogEndOffset(); got != end {
			t.Fatalf("an idle node of one wrote %d records", got-end)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		if !n.Image().Broker(1).Fenced {
			t.Fatal("not fenced without heartbeats")
		}
	})
}

// slowController delivers the first heartbeat only when all else is at rest.
type slowController struct {
	peer.Controller
	late atomic.Bool
}

func (c *slowController) BrokerHeartbeat(ctx context.Context, req *kmsg.BrokerHeartbeatRequest) (*kmsg.BrokerHeartbeatResponse, error) {
	if c.late.CompareAndSwap(false, true) {
		time.Sleep(time.Millisecond) // In the bubble: until nobody else can go on.
	}
	return c.Controller.BrokerHeartbeat(ctx, req)
}

func TestHeartbeatUnderWayDoesNotFenceABrokerThatIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, formatted(t))
		defer n.stop()
		o := options(n)
		o.Controller = &slowController{Controller: n.controller}
		l := New(o)
		if err := l.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		l.SetOfflineDirs([]kafka.UUID{kafka.NewUUID()}) // While it starts: a heartbeat that wants to stay fenced.
		synctest.Wait()
		if err := l.Unfence(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(o.HeartbeatInterval / 2)
		if n.Image().Broker(1).Fenced || l.Fenced() {
			t.Fatal("fenced by the heartbeat from before it was ready")
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestCrashedBrokerIsBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := formatted(t)
		n := startNode(t, fsys)
		l := New(options(n))
		if err := errors.Join(l.Register(t.Context()), l.Unfence(t.Context())); err != nil {
			t.Fatal(err)
		}
		createTopic(t, n.controller, "first")
		n.stop() // Without controlled shutdown.

		n = startNode(t, fsys)
		defer n.stop()
		began := time.Now()
		again := New(options(n))
		if err := errors.Join(again.Register(t.Context()), again.Unfence(t.Context())); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 0 {
			t.Fatalf("it waited for %v", took)
		}
		if again.BrokerEpoch() <= l.BrokerEpoch() {
			t.Fatalf("broker epoch %d after %d", again.BrokerEpoch(), l.BrokerEpoch())
		}
		for _, p := range n.Image().Topic("first").Partitions() {
			if p.Leader != 1 {
				t.Fatalf("partition without its leader after restart: %+v", p)
			}
		}
	})
}

func TestControlledShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, formatted(t))
		defer n.stop()
		l := New(options(n))
		if err := errors.Join(l.Register(t.Context()), l.Unfence(t.Context())); err != nil {
			t.Fatal(err)
		}
		createTopic(t, n.controller, "first")
		began := time.Now()
		if err := l.ControlledShutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Fatalf("it took %v", took)
		}
		if !n.Image().Broker(1).Fenced {
			t.Fatal("a stopped broker must be fenced")
		}
	})
}

func TestRegistrationIsRefusedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, formatted(t))
		defer n.stop()
		o := options(n)
		o.ClusterID = "another"
		if err := New(o).Register(t.Context()); !errors.Is(err, kerr.InconsistentClusterID) {
			t.Fatalf("err %v, want INCONSISTENT_CLUSTER_ID", err)
		}
	})
}

func TestStaleEpochEndsUnfencing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, formatted(t))
		defer n.stop()
		old := New(options(n))
		if err := old.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := New(options(n)).Register(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := old.Unfence(t.Context()); !errors.Is(err, kerr.StaleBrokerEpoch) {
			t.Fatalf("err %v, want STALE_BROKER_EPOCH", err)
		}
	})
}

func TestControllerRegistersItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, formatted(t))
		defer n.stop()
		o := options(n)
		o.Listeners = []Listener{{Name: "CONTROLLER", Host: "localhost", Port: 9093}}
		incarnation := kafka.NewUUID()
		if err := RegisterController(t.Context(), o, incarnation); err != nil {
			t.Fatal(err)
		}
		for c := range n.Image().Controllers() {
			if c.ID == 1 && c.IncarnationID == incarnation && len(c.Endpoints) == 1 && c.Endpoints[0].Port == 9093 {
				return
			}
		}
		t.Fatal("the controller is not registered")
	})
}

// While the node stops, its heartbeats go on for a while: they must not bring the
// broker back, whether or not it led anything.
func TestAStoppedBrokerStaysFenced(t *testing.T) {
	for _, topics := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			n := startNode(t, formatted(t))
			defer n.stop()
			l := New(options(n))
			if err := errors.Join(l.Register(t.Context()), l.Unfence(t.Context())); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- l.Run(ctx) }()
			for range topics {
				createTopic(t, n.controller, "first")
			}
			if err := l.ControlledShutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if !n.Image().Broker(1).Fenced || !l.Fenced() {
				t.Errorf("with %d topics a stopped broker is unfenced again", topics)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// counted counts the heartbeats that reach the controller.
type counted struct {
	peer.Controller
	heartbeats atomic.Int64
}

func (c *counted) BrokerHeartbeat(ctx context.Context, req *kmsg.BrokerHeartbeatRequest) (*kmsg.BrokerHeartbeatResponse, error) {
	c.heartbeats.Add(1)
	return c.Controller.BrokerHeartbeat(ctx, req)
}

// Whether it was unregistered or replaced, a broker learns it once, says it once, and
// leaves the controller alone until it stops.
func TestALostRegistrationIsToldOnce(t *testing.T) {
	ways := map[string]func(t *testing.T, n *node){
		"unregistered": func(t *testing.T, n *node) {
			req := kmsg.NewPtrUnregisterBrokerRequest()
			req.BrokerID = 1
			if _, err := n.controller.Forward(t.Context(), "User:ANONYMOUS", req); err != nil {
				t.Fatal(err)
			}
		},
		"replaced": func(t *testing.T, n *node) {
			if err := New(options(n)).Register(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, lose := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := startNode(t, formatted(t))
				defer n.stop()
				var log bytes.Buffer
				o := options(n)
				c := &counted{Controller: n.controller}
				o.Controller, o.Logger = c, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
				l := New(o)
				if err := errors.Join(l.Register(t.Context()), l.Unfence(t.Context())); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- l.Run(ctx) }()
				if err := l.Lost(); err != nil || l.Fenced() {
					t.Errorf("before: lost %v, fenced %v", err, l.Fenced())
				}
				lose(t, n)
				c.heartbeats.Store(0)
				time.Sleep(time.Hour)
				l.SetOfflineDirs([]kafka.UUID{directory})
				synctest.Wait()
				if n := c.heartbeats.Load(); n != 1 {
					t.Errorf("%d heartbeats in an hour, want the one that is refused", n)
				}
				if err := l.Lost(); !errors.Is(err, kerr.StaleBrokerEpoch) || !l.Fenced() {
					t.Errorf("lost %v, fenced %v", err, l.Fenced())
				}
				if err := l.ControlledShutdown(t.Context()); err != nil {
					t.Errorf("the shutdown: %v", err)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				said := log.String()
				if strings.Count(said, "\n") != 1 || !strings.Contains(said, "level=ERROR") || !strings.Contains(said, "STALE_BROKER_EPOCH") ||
					!strings.Contains(said, "cause=") || !strings.Contains(said, "cure=") {
					t.Errorf("it said:\n%s", said)
				}
			})
		})
	}
}
