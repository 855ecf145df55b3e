package replica

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/errgroup"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/partition"
	"moldau.dev/moldau/broker/internal/purgatory"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// Options are what a Manager needs to know.
type Options struct {
	NodeID kafka.NodeID
	Logs   *storage.Manager
	Logger *slog.Logger
	// ReplicaLagTimeMax is replica.lag.time.max.ms.
	ReplicaLagTimeMax time.Duration
	// Controller is asked for changes of ISRs and told of log directories.
	Controller Controller
	// BrokerEpoch gives the epoch of this broker's registration.
	BrokerEpoch func() kafka.BrokerEpoch
}

// Manager hosts the replicas of this node. It is safe for concurrent use.
type Manager struct {
	options Options

	// applying is held while the metadata is followed, or offline partitions are
	// tried again; before any other lock.
	applying sync.Mutex

	mu       sync.RWMutex // Guards replicas and topics.
	replicas map[kafka.TopicPartition]*Replica
	topics   topicStats

	image atomic.Pointer[metadata.Image]

	produces *purgatory.Purgatory[*Replica]
	fetches  *purgatory.Purgatory[*Replica]
	deletes  *purgatory.Purgatory[*Replica]
	isr      *isrChanges

	assignments *dirAssignments
	offline     *offlinePartitions
}

// New returns a Manager that hosts nothing yet.
func New(options Options) *Manager {
	m := &Manager{
		options:  options,
		replicas: make(map[kafka.TopicPartition]*Replica),
		topics:   topicStats{byName: make(map[string]*TopicStats)},
		produces: purgatory.New[*Replica]("Produce"),
		fetches:  purgatory.New[*Replica]("Fetch"),
		deletes:  purgatory.New[*Replica]("DeleteRecords"),
		isr:      newISRChanges(),

		assignments: newDirAssignments(),
		offline:     newOfflinePartitions(),
	}
	m.image.Store(metadata.EmptyImage())
	return m
}

// Run lets waiting operations expire and asks the controller for changes of
// ISRs, until ctx ends; it returns nil then.
func (m *Manager) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range []*purgatory.Purgatory[*Replica]{m.produces, m.fetches, m.deletes} {
		group.Go(func() error { return p.Run(ctx) })
	}
	group.Go(func() error { return m.runISR(ctx) })
	group.Go(func() error { return m.runAssignments(ctx) })
	group.Go(func() error { return m.runOffline(ctx) })
	return group.Wait()
}

func (m *Manager) now() time.Time { return time.Now() }

// Image gives the metadata that the replicas follow.
func (m *Manager) Image() *metadata.Image { return m.image.Load() }

// Replica gives this node's replica of a partition, or an error:
// NOT_LEADER_OR_FOLLOWER when the partition lives elsewhere, or not here yet,
// UNKNOWN_TOPIC_OR_PARTITION when there is none, KAFKA_STORAGE_ERROR when its
// log directory is offline.
func (m *Manager) Replica(tp kafka.TopicPartition) (*Replica, error) {
	m.mu.RLock()
	r, ok := m.replicas[tp]
	m.mu.RUnlock()
	switch {
	case ok:
		if err := r.log.Offline(); err != nil {
			return nil, err
		}
		return r, nil
	case m.image.Load().Partition(tp) == nil:
		return nil, unknown(tp)
	case m.offline.has(tp):
		return nil, kafka.Errorf(kerr.KafkaStorageError, "the log of %v is offline", tp)
	default:
		return nil, kerr.NotLeaderForPartition
	}
}

// All gives the replicas in no order.
func (m *Manager) All() []*Replica {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := make([]*Replica, 0, len(m.replicas))
	for _, r := range m.replicas {
		all = append(all, r)
	}
	return all
}

// eligible tells whether the controller would accept the node into an ISR.
func (m *Manager) eligible(id kafka.NodeID, epoch kafka.BrokerEpoch) bool {
	b := m.image.Load().Broker(id)
	return b != nil && b.Active() && (epoch < 0 || b.Epoch == epoch)
}

// superseded tells whether the node has registered anew since that epoch.
func (m *Manager) superseded(id kafka.NodeID, epoch kafka.BrokerEpoch) bool {
	b := m.image.Load().Broker(id)
	return epoch >= 0 && b != nil && b.Epoch > epoch
}

func (m *Manager) alive(id kafka.NodeID) bool {
	b := m.image.Load().Broker(id)
	return b != nil && !b.Fenced
}

// Apply follows a change of the metadata: it opens and creates logs, makes
// replicas leaders and followers, and deletes what has gone. It is called for
// each change in order, by one goroutine.
func (m *Manager) Apply(delta *metadata.Delta, image *metadata.Image) {
	m.applying.Lock()
	defer m.applying.Unlock()
	m.image.Store(image)
	var changed errgroup.Group
	changed.SetLimit(applyParallel)
	for _, change := range delta.Topics() {
		if change.New == nil {
			for _, p := range change.Partitions {
				m.remove(kafka.TopicPartition{Topic: change.Old.Name, Partition: p}, change.Old.ID)
			}
			continue
		}
		for _, p := range change.Partitions {
			changed.Go(func() error {
				m.applyPartition(change.New, p)
				return nil
			})
		}
	}
	_ = changed.Wait() // Each partition reports its own failure.
}

// applyParallel bounds how many logs are created at once: file systems gain
// from some parallelism when directories are made.
const applyParallel = 4

func (m *Manager) applyPartition(topic *metadata.Topic, id int32) {
	tp := kafka.TopicPartition{Topic: topic.Name, Partition: id}
	p := topic.Partition(id)
	if !p.HasReplica(m.options.NodeID) {
		m.remove(tp, topic.ID)
		return
	}
	r, err := m.host(tp, topic.ID, p)
	if err == nil {
		err = r.update(registrationOf(p), m.now())
	}
	m.noteOffline(tp, err)
}

func registrationOf(p *metadata.Partition) partition.Registration {
	return partition.Registration{
		Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch, Replicas: p.Replicas, ISR: p.ISR,
		Recovering: p.LeaderRecoveryState == metadata.LeaderRecovering,
	}
}

// host gives the replica, creating it and its log if need be.
func (m *Manager) host(tp kafka.TopicPartition, topicID kafka.UUID, p *metadata.Partition) (*Replica, error) {
	m.mu.RLock()
	r, ok := m.replicas[tp]
	m.mu.RUnlock()
	if ok {
		return r, nil
	}
	dir, _ := p.Directory(m.options.NodeID)
	log, err := m.options.Logs.Create(tp, topicID, dir)
	if err != nil {
		return nil, err
	}
	r = &Replica{manager: m, topicID: topicID, log: log, core: partition.New(m.options.NodeID)}
	m.mu.Lock()
	r.stats = m.topics.hold(tp.Topic)
	m.replicas[tp] = r
	m.mu.Unlock()
	if dir != log.DirectoryID() {
		m.assignments.add(r)
	}
	return r, nil
}

// remove stops hosting a partition and deletes its log.
func (m *Manager) remove(tp kafka.TopicPartition, topicID kafka.UUID) {
	m.mu.Lock()
	r, ok := m.replicas[tp]
	if ok && r.topicID == topicID {
		delete(m.replicas, tp)
		m.topics.drop(tp.Topic, r.stats)
	}
	m.mu.Unlock()
	if !ok || r.topicID != topicID {
		return
	}
	r.retire()
	if err := m.options.Logs.Delete(tp); err != nil {
		m.options.Logger.Error("Log of a deleted partition stays on disk", "partition", tp.String(), "error", err)
	}
}

// retire answers everybody who waits for the replica.
func (r *Replica) retire() {
	r.mu.Lock()
	registration := r.core.Registration()
	registration.Leader, registration.LeaderEpoch = kafka.NoNode, registration.LeaderEpoch+1
	r.core.Update(registration, r.log.LogEndOffset(), r.manager.now())
	r.retired = true
	r.mu.Unlock()
	r.manager.produces.Check(r)
	r.manager.fetches.Check(r)
	r.manager.deletes.Check(r)
}

// Strays lists the logs on disk of partitions that, by the metadata, are not
// this node's: deleted while it was down, or moved away.
func (m *Manager) Strays(image *metadata.Image) []kafka.TopicPartition {
	var strays []kafka.TopicPartition
	for _, log := range m.options.Logs.Logs() {
		tp := log.TopicPartition()
		topic := image.Topic(tp.Topic)
		if topic == nil || topic.Partition(tp.Partition) == nil || !topic.Partition(tp.Partition).HasReplica(m.options.NodeID) ||
			(!log.TopicID().IsZero() && log.TopicID() != topic.ID) {
			strays = append(strays, tp)
		}
	}
	slices.SortFunc(strays, kafka.TopicPartition.Compare)
	return strays
}

// Waiting gives the number of operations in each purgatory, by Kafka's name.
func (m *Manager) Waiting() map[string]int {
	return map[string]int{"Produce": m.produces.Size(), "Fetch": m.fetches.Size(), "DeleteRecords": m.deletes.Size()}
}

// UpdateConfigs gives the logs of the topics, or all logs if topics is nil, the
// configuration now in force.
func (m *Manager) UpdateConfigs(topics []string, configFor func(topic string) *config.Topic) {
	for _, r := range m.All() {
		topic := r.log.TopicPartition().Topic
		if topics == nil || slices.Contains(topics, topic) {
			r.log.UpdateConfig(configFor(topic))
			r.advance() // min.insync.replicas may have become smaller.
		}
	}
}
