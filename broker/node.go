package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"moldau.dev/moldau/broker/internal/api/topics"
	"moldau.dev/moldau/broker/internal/group"
	"moldau.dev/moldau/broker/internal/lifecycle"
	"moldau.dev/moldau/broker/internal/loglimit"
	"moldau.dev/moldau/broker/internal/metrics"
	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/config"
)

// Node is a running node. Its methods are safe for concurrent use.
type Node struct {
	cfg      Config
	settings *settings
	logger   *slog.Logger
	dirs     *logDirs

	listeners  []*listener
	quorum     *quorum.Quorum
	controller peer.Controller
	lifecycle  *lifecycle.Lifecycle
	logs       *storage.Manager
	replicas   *replica.Manager
	groups     *group.Service
	follower   *follower
	creator    *topics.Creator
	metrics    *metrics.Exporter
	health     health
	http       *httpServer
	// loading tells how far the logs are opened.
	loading storage.Loading
	// producers is what all logs know of producers' configuration.
	producers producerstate.Config
	// failedDirs holds the ids of log directories that went offline.
	failedDirs sync.Map

	// stops undo the steps of the start; Shutdown runs them in reverse.
	stops []stop

	shutdown sync.Once
	stopErr  error
	mu       sync.Mutex // Guards the fields below.
	servers  []*network.Server
	err      error
	done     chan struct{}
}

type stop struct {
	name string
	fn   func(ctx context.Context) error
}

// listener is one open listener.
type listener struct {
	config.Listener
	opened net.Listener
}

// Start starts a node and returns when it serves clients. Canceling ctx ends a
// start that is under way; a node that has started lives until Shutdown.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	cfg = cfg.withDefaults()
	began := time.Now()
	limit := loglimit.New(cfg.Logger.Handler())
	cfg.Logger = slog.New(limit)
	static, err := cfg.load()
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, settings: newSettings(static, cfg.Logger), logger: cfg.Logger, done: make(chan struct{}), metrics: newMetrics(static)}
	starting, cancel := n.whileAlive(ctx)
	defer cancel()
	for _, step := range n.steps() {
		n.health.enter(step.doing)
		if err := step.run(starting, static); err != nil {
			if n.failure() != nil {
				err = nil // It only says that the start was canceled; Shutdown gives the reason.
			}
			return nil, errors.Join(err, n.Shutdown(context.WithoutCancel(ctx)))
		}
	}
	n.becomeReady()
	limit.Start()
	n.logger.Info("Node is ready", "node.id", int(static.Broker.NodeID), "cluster.id", n.dirs.clusterID,
		"listeners", n.addresses(), "log.dirs", static.Broker.LogDirs, "took", time.Since(began).Round(time.Millisecond).String())
	return n, nil
}

// Shutdown stops the node: it tells the controller, lets requests in flight
// finish, flushes and marks the log directories as cleanly shut down. When ctx
// ends first, it stops without waiting for clients; the error says what was
// left undone. Further calls return the same.
func (n *Node) Shutdown(ctx context.Context) error {
	n.shutdown.Do(func() {
		n.beginStop()
		var failures []error
		for len(n.stops) > 0 {
			last := n.stops[len(n.stops)-1]
			n.stops = n.stops[:len(n.stops)-1]
			if err := last.fn(ctx); err != nil {
				failures = append(failures, fmt.Errorf("stop %s: %w", last.name, err))
			}
		}
		n.end(nil)
		failures = append(failures, n.failure())
		n.stopErr = errors.Join(failures...)
	})
	return n.stopErr
}

// Done is closed when the node has stopped, or when a part of it has failed and
// Shutdown is due.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err tells why the node is over when a part of it has failed; nil while it
// runs, and after a Shutdown that it was asked for.
func (n *Node) Err() error { return n.failure() }

// end notes that the node is over, with the reason if it is a failure.
func (n *Node) end(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		n.err = err
	}
	select {
	case <-n.done:
	default:
		close(n.done)
	}
}

// failure is why the node is over, nil if it has not failed.
func (n *Node) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// whileAlive gives a context that ends when a part of the node fails: who waits
// for that part would wait in vain.
func (n *Node) whileAlive(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-n.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// onStop has fn run at Shutdown, before what was registered earlier.
func (n *Node) onStop(name string, fn func(ctx context.Context) error) {
	n.stops = append(n.stops, stop{name: name, fn: fn})
}

// run lives as long as the node: it has run called until Shutdown, at this
// place of the order. A failure ends the node.
func (n *Node) run(name string, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var g errgroup.Group
	g.Go(func() error {
		err := run(ctx)
		if err != nil && ctx.Err() == nil {
			n.logger.Error("A part of the node failed: the node stops", "part", name, "error", err)
			n.end(fmt.Errorf("%s: %w", name, err))
		}
		return nil // It has been reported.
	})
	n.onStop(name, func(context.Context) error {
		cancel()
		return g.Wait()
	})
}

// ClusterID gives the id of the cluster.
func (n *Node) ClusterID() string { return n.dirs.clusterID }

// Addr gives the address on which the listener of that name (PLAINTEXT)
// accepts connections; nil if there is none.
func (n *Node) Addr(name string) net.Addr {
	for _, l := range n.listeners {
		if l.Name == name {
			return l.opened.Addr()
		}
	}
	return nil
}

func (n *Node) addresses() []string {
	var all []string
	for _, l := range n.listeners {
		all = append(all, l.Name+"://"+l.opened.Addr().String())
	}
	return all
}

// takeLogDirs locks and formats the log directories.
func (n *Node) takeLogDirs(_ context.Context, static *config.Static) error {
	dirs, err := openLogDirs(n.cfg.FS, static, n.logger)
	if err != nil {
		return err
	}
	n.dirs = dirs
	n.onStop("log directories", func(context.Context) error {
		dirs.unlock()
		return nil
	})
	return nil
}

// listen opens every listener, so that a port in use is found out before
// anything else is done, and clients that come early wait instead of being refused.
func (n *Node) listen(ctx context.Context, static *config.Static) error {
	n.onStop("listeners", func(context.Context) error {
		for _, l := range n.listeners {
			_ = l.opened.Close() // Most are closed by their server already.
		}
		return nil
	})
	for _, l := range static.Broker.Listeners {
		opened, err := n.openListener(ctx, l.Address(), static.Broker.SocketListenBacklogSize)
		if err != nil {
			return listenError("listeners", l.Address(), err)
		}
		n.listeners = append(n.listeners, &listener{Listener: l, opened: opened})
	}
	return nil
}

func (n *Node) openListener(ctx context.Context, address string, backlog int) (net.Listener, error) {
	if n.cfg.Listen != nil {
		return n.cfg.Listen(ctx, "tcp", address)
	}
	return network.Listen(ctx, address, backlog)
}

// listenError says what to do about an address that cannot be listened on.
func listenError(key, address string, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // The rest is the address again.
	}
	cure := "choose"
	if errors.Is(err, syscall.EADDRINUSE) {
		cure = "is another broker running? Stop it, or choose"
	}
	return fmt.Errorf("cannot listen on %s: %w; %s another address with %s", address, err, cure, key)
}
