package metrics

import (
	"context"
	"sync/atomic"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/internal/kafka"
)

// MetadataStats counts changes of the metadata. It is safe for concurrent use.
// The zero value is ready to use.
type MetadataStats struct {
	unclean, shrinks, expands atomic.Int64
}

// Follow counts what a change of the metadata does to leaders and in-sync replicas;
// self is this node.
func (s *MetadataStats) Follow(delta *metadata.Delta, self kafka.NodeID) {
	for _, change := range delta.Topics() {
		if change.Old == nil || change.New == nil || change.Old.ID != change.New.ID {
			continue
		}
		for _, id := range change.Partitions {
			if before, after := change.Old.Partition(id), change.New.Partition(id); before != nil && after != nil {
				s.partition(before, after, self)
			}
		}
	}
}

func (s *MetadataStats) partition(before, after *metadata.Partition, self kafka.NodeID) {
	// A leader that was not in sync has the records recovered.
	if before.LeaderRecoveryState != metadata.LeaderRecovering && after.LeaderRecoveryState == metadata.LeaderRecovering {
		s.unclean.Add(1)
	}
	switch {
	case after.Leader != self || before.Leader != self:
	case len(after.ISR) < len(before.ISR):
		s.shrinks.Add(1)
	case len(after.ISR) > len(before.ISR):
		s.expands.Add(1)
	}
}

// clusterCounts is what an Image says of the whole cluster, counted once for it.
type clusterCounts struct {
	image               *metadata.Image
	offline, imbalanced int
	active, fenced      int
}

func (c *clusterCounts) of(image *metadata.Image) {
	if c.image == image {
		return
	}
	*c = clusterCounts{image: image}
	for t := range image.Topics() {
		for _, p := range t.Partitions() {
			if p.Leader == kafka.NoNode {
				c.offline++
			}
			if !p.HasPreferredLeader() {
				c.imbalanced++
			}
		}
	}
	for b := range image.Brokers() {
		if b.Fenced {
			c.fenced++
		} else {
			c.active++
		}
	}
}

func (x *Exporter) writeQuorum(ctx context.Context, e *exposition, q *quorum.Quorum) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if status, err := q.Status(ctx); err == nil {
		e.single(raftVoters, float64(len(status.Voters)))
	}
	image := q.Image()
	x.cluster.of(image)
	e.single(activeControllerCount, truth(q.IsActive()))
	e.single(activeBrokerCount, float64(x.cluster.active))
	e.single(fencedBrokerCount, float64(x.cluster.fenced))
	e.single(globalTopicCount, float64(image.NumTopics()))
	e.single(globalPartitionCount, float64(image.NumPartitions()))
	e.single(offlinePartitionsCount, float64(x.cluster.offline))
	e.single(preferredReplicaImbalanceCount, float64(x.cluster.imbalanced))
	e.single(uncleanLeaderElections, float64(x.unclean.Load()))
	e.single(isrShrinks, float64(x.shrinks.Load()))
	e.single(isrExpands, float64(x.expands.Load()))
	leader, epoch := q.Leader()
	e.single(raftCurrentLeader, float64(leader))
	e.single(raftCurrentEpoch, float64(epoch))
	e.single(raftHighWatermark, float64(q.HighWatermark()))
	e.single(raftLogEndOffset, float64(q.LogEndOffset()))
	published := q.PublishedOffset()
	e.single(lastAppliedRecordOffset, float64(published))
	e.single(metadataLag, float64(max(image.Offset()-published, 0)))
}
