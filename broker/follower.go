package broker

import (
	"sync"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// follower applies each change of the committed metadata to the parts of the
// node, in an order that lets each find what it needs in place: settings first,
// then logs and leaders, then coordinators.
type follower struct {
	node *Node

	mu sync.Mutex // Guards the fields below; follow holds it throughout.
	// latest is the image that was followed last.
	latest *metadata.Image
	// attached says that replicas and groups exist.
	attached bool
}

// follow is the quorum's subscriber.
func (f *follower) follow(delta *metadata.Delta, image *metadata.Image) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = image
	f.node.metrics.Follow(delta, f.node.nodeID())
	topics, all := f.node.settings.follow(delta, image)
	if f.attached {
		f.apply(delta, image, topics, all)
	}
}

// attach lets the replicas and groups, which exist now, catch up with the metadata.
func (f *follower) attach() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attached = true
	f.apply(metadata.Diff(metadata.EmptyImage(), f.latest), f.latest, nil, false)
}

func (f *follower) apply(delta *metadata.Delta, image *metadata.Image, topics []string, all bool) {
	n := f.node
	n.replicas.Apply(delta, image)
	if all {
		n.replicas.UpdateConfigs(nil, n.settings.topic)
		n.applyBrokerSettings()
	} else if len(topics) > 0 {
		n.replicas.UpdateConfigs(topics, n.settings.topic)
	}
	f.applyGroups(delta)
}

// applyGroups follows the leadership of __consumer_offsets, and lets groups
// forget deleted topics.
func (f *follower) applyGroups(delta *metadata.Delta) {
	n := f.node
	deleted := map[string]kafka.UUID{}
	for _, change := range delta.Topics() {
		if change.New == nil {
			deleted[change.Old.Name] = change.Old.ID
			if change.Old.Name == kafka.ConsumerOffsetsTopic {
				for _, p := range change.Partitions {
					n.groups.OnResignation(p, kafka.NoLeaderEpoch)
				}
			}
			continue
		}
		if change.New.Name != kafka.ConsumerOffsetsTopic {
			continue
		}
		for _, id := range change.Partitions {
			if p := change.New.Partition(id); p.Leader == n.nodeID() {
				n.groups.OnElection(id, p.LeaderEpoch)
			} else {
				n.groups.OnResignation(id, p.LeaderEpoch)
			}
		}
	}
	if len(deleted) > 0 {
		n.groups.OnTopicsDeleted(deleted)
	}
}
