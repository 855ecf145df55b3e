package metrics

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"moldau.dev/moldau/broker/internal/fetchsession"
	"moldau.dev/moldau/broker/internal/group"
	"moldau.dev/moldau/broker/internal/lifecycle"
	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
)

// Limits bound how many things have series of their own. What is beyond is in the
// totals only, and counted in moldau_metrics_dropped. The first by name are shown,
// so that series do not come and go.
type Limits struct {
	// Topics is moldau.metrics.max.topics, Groups moldau.metrics.max.groups.
	Topics, Groups int
	// Partitions is moldau.metrics.max.partitions: of partitions that have a replica
	// here, and, apart from that, of those that groups have committed offsets for.
	Partitions int
}

// Options are what is known of a node before it starts.
type Options struct {
	NodeID kafka.NodeID
	// Roles is process.roles.
	Roles  string
	Limits Limits
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Sources are the parts of a node that are asked. They appear one after the other
// while the node starts; nil ones are left out.
type Sources struct {
	ClusterID string
	Quorum    *quorum.Quorum
	Lifecycle *lifecycle.Lifecycle
	Loading   *storage.Loading
	Logs      *storage.Manager
	Replicas  *replica.Manager
	Groups    *group.Service
	Sessions  *fetchsession.Cache
	Servers   []*network.Server
}

// Exporter writes the metrics of a node. It is safe for concurrent use.
type Exporter struct {
	RequestStats
	ConnectionStats
	MetadataStats

	options Options
	state   atomic.Int32

	sourcesMu sync.Mutex // Guards sources; leaf lock.
	sources   Sources

	writing sync.Mutex // Held by Write: one at a time bounds what scrapes cost. Guards the fields below.
	lag     lagMemory
	cluster clusterCounts
	process prometheus.Gatherer // Made at the first Write.
}

// New returns the exporter of a node that is starting.
func New(options Options) *Exporter {
	if options.Now == nil {
		options.Now = time.Now
	}
	e := &Exporter{options: options}
	e.SetState(Starting)
	return e
}

// BrokerState is the state of a broker, with Kafka's numbers.
type BrokerState int32

// The states of a broker.
const (
	NotRunning                BrokerState = 0
	Starting                  BrokerState = 1
	Recovery                  BrokerState = 2
	Running                   BrokerState = 3
	PendingControlledShutdown BrokerState = 6
	ShuttingDown              BrokerState = 7
)

// SetState notes the broker's state.
func (x *Exporter) SetState(s BrokerState) { x.state.Store(int32(s)) }

// State gives the broker's state.
func (x *Exporter) State() BrokerState { return BrokerState(x.state.Load()) }

// Attach has change make parts of the node known.
func (x *Exporter) Attach(change func(s *Sources)) {
	x.sourcesMu.Lock()
	defer x.sourcesMu.Unlock()
	change(&x.sources)
}

func (x *Exporter) attached() Sources {
	x.sourcesMu.Lock()
	defer x.sourcesMu.Unlock()
	return x.sources
}

// patience bounds the wait for the group coordinator: without it, everything else
// is shown.
const patience = 3 * time.Second

// Write writes all metrics in Prometheus's text format. The error is that of w.
func (x *Exporter) Write(ctx context.Context, w io.Writer) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	e := newExposition(w)
	s := x.attached()
	x.writeNode(e, &s)
	x.RequestStats.write(e)
	x.ConnectionStats.write(e, s.Servers)
	omitted := map[string]int{}
	if s.Sessions != nil {
		writeSessions(e, s.Sessions)
	}
	if s.Loading != nil {
		opened, found := s.Loading.Logs()
		e.single(remainingLogsToRecover, float64(max(found-opened, 0)))
	}
	if s.Logs != nil {
		writeLogs(e, s.Logs)
	}
	if s.Replicas != nil {
		omitted["topics"] = writeTopics(e, s.Replicas, x.options.Limits.Topics)
		omitted["partitions"] = x.writeReplicas(e, s.Replicas, s.Logs)
	}
	if s.Groups != nil && s.Replicas != nil {
		omitted["groups"], omitted["group partitions"] = x.writeGroups(ctx, e, &s)
	}
	if s.Quorum != nil {
		x.writeQuorum(ctx, e, s.Quorum)
	}
	e.begin(dropped)
	for _, what := range []string{"topics", "partitions", "groups", "group partitions"} {
		e.sample(float64(omitted[what]), what)
	}
	if err := x.writeProcess(e); err != nil {
		return err
	}
	return e.flush()
}

func (x *Exporter) writeNode(e *exposition, s *Sources) {
	version, revision, goVersion := build()
	e.begin(buildInfo)
	e.sample(1, version, revision, goVersion)
	e.begin(nodeInfo)
	e.sample(1, s.ClusterID, itoa(int(x.options.NodeID)), x.options.Roles)
	e.single(brokerState, float64(x.State()))
}

func writeSessions(e *exposition, c *fetchsession.Cache) {
	sessions, partitions, evictions := c.Stats()
	e.single(fetchSessions, float64(sessions))
	e.single(fetchSessionPartitions, float64(partitions))
	e.single(fetchSessionEvictions, float64(evictions))
}
