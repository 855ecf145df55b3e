package replica

import (
	"context"
	"sync"
	"time"

	"moldau.dev/moldau/internal/kafka"
)

// offlineRetry is how often partitions without a log are tried again.
const offlineRetry = time.Second

// offlinePartitions are those assigned to this node whose log could not be
// opened or created, most likely because the disk is full. They answer
// KAFKA_STORAGE_ERROR until a later try succeeds.
//
// Differs from Kafka: there they stay so until the broker is restarted.
type offlinePartitions struct {
	mu         sync.Mutex // Guards partitions; leaf lock.
	partitions map[kafka.TopicPartition]struct{}
	wake       chan struct{} // Capacity 1: something is offline.
}

func newOfflinePartitions() *offlinePartitions {
	return &offlinePartitions{partitions: map[kafka.TopicPartition]struct{}{}, wake: make(chan struct{}, 1)}
}

// set notes whether a partition is offline, and tells whether that is new.
func (o *offlinePartitions) set(tp kafka.TopicPartition, offline bool) (changed bool) {
	o.mu.Lock()
	_, was := o.partitions[tp]
	if offline {
		o.partitions[tp] = struct{}{}
	} else {
		delete(o.partitions, tp)
	}
	o.mu.Unlock()
	if offline {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
	return was != offline
}

func (o *offlinePartitions) has(tp kafka.TopicPartition) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.partitions[tp]
	return ok
}

func (o *offlinePartitions) all() []kafka.TopicPartition {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]kafka.TopicPartition, 0, len(o.partitions))
	for tp := range o.partitions {
		all = append(all, tp)
	}
	return all
}

// noteOffline takes over how following the metadata went for a partition. What
// stays offline is not logged again.
func (m *Manager) noteOffline(tp kafka.TopicPartition, err error) {
	switch changed := m.offline.set(tp, err != nil); {
	case !changed:
	case err != nil:
		m.options.Logger.Error("Partition is offline: its log cannot be opened", "partition", tp.String(), "error", err)
	default:
		m.options.Logger.Info("Partition is online again", "partition", tp.String())
	}
}

// runOffline tries offline partitions again until ctx ends.
func (m *Manager) runOffline(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.offline.wake:
		}
		if !pause(ctx, offlineRetry) {
			return nil
		}
		m.retryOffline()
	}
}

func (m *Manager) retryOffline() {
	m.applying.Lock()
	defer m.applying.Unlock()
	image := m.image.Load()
	for _, tp := range m.offline.all() {
		if topic := image.Topic(tp.Topic); topic != nil && topic.Partition(tp.Partition) != nil {
			m.applyPartition(topic, tp.Partition)
		} else {
			m.offline.set(tp, false) // Deleted meanwhile.
		}
	}
}
