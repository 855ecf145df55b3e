package moldautest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/broker"
	"moldau.dev/moldau/internal/simnet"
)

const (
	// brokerHost and clientHost are on the virtual network. The first is a name that
	// no resolver knows, so that a client that dials by itself reaches nobody's broker.
	brokerHost, clientHost = "broker-1.test", "client.test"
	kafkaPort              = "9092"
	controllerAddress      = "controller.test:9093"
	listenerName           = "PLAINTEXT"
	// nodeID is the broker's node.id.
	nodeID = 1
	// patience bounds what never takes long; it ends tests that would hang.
	patience = 30 * time.Second
)

// Broker is a broker that runs in a test. Its methods are safe for concurrent use,
// except that those that stop and start it must not run at the same time. They
// fail the test if what they do fails, and belong on the test's own goroutine.
type Broker struct {
	t              testing.TB
	logger         *slog.Logger
	overrides      []string
	controllerHost *simnet.Host
	// client is where clients dial from on a virtual network; nil over TCP.
	client *simnet.Host
	door   *door
	disk   *disk
	faults faults

	mu   sync.Mutex // Guards the fields below.
	node *broker.Node
	// doomed says that the node's end is no surprise.
	doomed  bool
	watched chan struct{} // Closed when the node's end has been noticed.
}

// Start starts a broker and returns when it serves clients and the topics of the
// options are there. It stops at the end of the test. What fails meanwhile fails
// the test, with the broker's log.
func Start(t testing.TB, opts ...Option) *Broker {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if !o.virtualNetwork && inBubble() {
		t.Fatal("moldautest: a broker inside testing/synctest needs moldautest.WithVirtualNetwork(), and clients that dial with Broker.DialContext: " +
			"who waits for a real socket keeps time from passing")
	}
	b := &Broker{t: t, logger: o.logger}
	if b.logger == nil {
		level := slog.LevelInfo
		if _, ok := t.(*testing.B); ok {
			level = slog.LevelWarn // A benchmark shows its log in any case.
		}
		b.logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level}))
	}
	b.disk = newDisk(t, o.tempDir)
	if err := b.openDoor(t.Context(), o.virtualNetwork); err != nil {
		t.Fatalf("moldautest: %v", err)
	}
	t.Cleanup(b.end)
	b.overrides = append([]string{
		fmt.Sprintf("node.id=%d", nodeID), "listeners=" + listenerName + "://" + b.Addr() + ",CONTROLLER://" + controllerAddress,
		"moldau.http.listener=", "log.dirs=" + b.disk.dir, "offsets.topic.num.partitions=1",
		// A broker that is alone need not tell itself twice a second that it is alive:
		// in a bubble, that would be most of what there is to do.
		"metadata.max.idle.interval.ms=0", "broker.heartbeat.interval.ms=3600000", "broker.session.timeout.ms=86400000",
	}, o.config...)
	b.Start()
	b.prepare(func(ctx context.Context, cl *kgo.Client) error {
		for _, topic := range o.topics {
			if err := createTopic(ctx, cl, topic); err != nil {
				return err
			}
		}
		return awaitCoordinator(ctx, cl)
	})
	return b
}

// inBubble tells whether this is a bubble of testing/synctest: it begins in the
// year 2000, which no other clock shows any more.
func inBubble() bool { return time.Now().Year() < 2010 }

// openDoor takes the address that the broker keeps for the time of the test.
func (b *Broker) openDoor(ctx context.Context, virtual bool) error {
	network := simnet.New()
	host, _, err := net.SplitHostPort(controllerAddress)
	if err != nil {
		return err
	}
	b.controllerHost = network.Host(host)
	var l net.Listener
	if virtual {
		b.client = network.Host(clientHost)
		l, err = network.Host(brokerHost).Listen(ctx, "tcp", ":"+kafkaPort)
	} else {
		l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return err
	}
	b.door = newDoor(l)
	return nil
}

// Addr is the address for a client's bootstrap.servers. It stays the same for the
// time of the test.
func (b *Broker) Addr() string {
	if b.client != nil {
		return net.JoinHostPort(brokerHost, kafkaPort)
	}
	return b.door.listener.Addr().String()
}

// DialContext connects to the broker, on the virtual network if it is on one: a
// client has to dial with it then, and may over TCP.
func (b *Broker) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if b.client != nil {
		return b.client.DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// Start brings a broker back that was stopped or killed, with the data that was
// left, on the same address. It does nothing to one that runs.
func (b *Broker) Start() {
	b.t.Helper()
	b.mu.Lock()
	node := b.node
	b.mu.Unlock()
	if node != nil && node.Err() == nil {
		return
	}
	b.Stop() // What has ended by itself still holds its files.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), patience)
	defer cancel()
	node, err := broker.Start(ctx, broker.Config{
		Overrides: b.overrides, Logger: b.logger, FS: b.disk.files(), Listen: b.listenAll, Intercept: b.intercept,
	})
	if err != nil {
		b.t.Fatalf("moldautest: start the broker: %v", err)
	}
	watched := make(chan struct{})
	b.mu.Lock()
	b.node, b.doomed, b.watched = node, false, watched
	b.mu.Unlock()
	go func() {
		defer close(watched)
		<-node.Done()
		b.over(node)
	}()
}

// over notices the end of a node, which is a failure unless the test has asked for it.
func (b *Broker) over(node *broker.Node) {
	b.mu.Lock()
	expected := b.doomed
	b.mu.Unlock()
	if err := node.Err(); err != nil && !expected && !b.disk.broken() {
		b.t.Errorf("moldautest: the broker has ended: %v", err)
	}
}

// Stop stops the broker as SIGTERM does: requests in flight are answered, all is
// flushed. Clients are hung up on until Start. It does nothing to one that is down.
func (b *Broker) Stop() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), patience)
	defer cancel()
	b.take(func(node *broker.Node) {
		b.t.Helper()
		if err := node.Shutdown(ctx); err != nil && !b.disk.broken() {
			b.t.Errorf("moldautest: stop the broker: %v", err)
		}
	})
}

// Restart is Stop and Start.
func (b *Broker) Restart() {
	b.t.Helper()
	b.Stop()
	b.Start()
}

// Kill ends the broker as kill -9 does: connections break off without answers,
// nothing is flushed or closed properly. What it has written is still there at the
// next Start. It does nothing to one that is down.
func (b *Broker) Kill() {
	b.t.Helper()
	b.crash(b.disk.pull)
}

// PowerFailure ends the broker and its machine: of the files only that is left
// which was synced. Kafka, by default, syncs records seldom and relies on
// replication; with flush.messages=1, as a topic's or the broker's setting
// log.flush.interval.messages, it answers a producer only after that. It needs
// the data in memory. It does nothing to a broker that is down.
func (b *Broker) PowerFailure() {
	b.t.Helper()
	if b.disk.mem == nil {
		b.t.Fatal("moldautest: PowerFailure needs the data in memory, without WithTempDir")
	}
	b.crash(b.disk.lose)
}

// crash cuts the broker off from clients, then from its disk. Whatever it still
// does reaches neither.
func (b *Broker) crash(cutDisk func()) {
	b.take(func(node *broker.Node) {
		b.door.slam()
		cutDisk()
		ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
		cancel()
		_ = node.Shutdown(ctx) // It fails: it has no disk.
		b.disk.plugIn()
	})
}

// take lets stop end the node that runs, if one does.
func (b *Broker) take(stop func(node *broker.Node)) {
	b.t.Helper()
	b.mu.Lock()
	node, watched := b.node, b.watched
	b.node, b.doomed = nil, true
	b.mu.Unlock()
	if node == nil {
		return
	}
	stop(node)
	<-watched
}

// end is the end of the test.
func (b *Broker) end() {
	b.faults.clear()
	b.Stop()
	b.door.close()
}
