package metrics

import (
	"slices"

	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
)

// hosted is a replica of this node as it was looked at.
type hosted struct {
	tp        kafka.TopicPartition
	partition string // The number as text.
	log       *storage.Log

	leads, underReplicated, underMinISR, atMinISR, reassigning bool
}

// writeReplicas writes the state of the replicas and their logs, and gives the
// number of partitions that are left out.
func (x *Exporter) writeReplicas(e *exposition, replicas *replica.Manager, logs *storage.Manager) (omitted int) {
	all := x.look(replicas)
	counted := map[id]int{}
	for i := range all {
		h := &all[i]
		counted[partitionCount]++
		count := func(which id, is bool) {
			if is {
				counted[which]++
			}
		}
		count(leaderCount, h.leads)
		count(underReplicatedPartitions, h.underReplicated)
		count(underMinISRPartitionCount, h.underMinISR)
		count(atMinISRPartitionCount, h.atMinISR)
		count(reassigningPartitions, h.reassigning)
		count(offlineReplicaCount, h.log.Offline() != nil)
		counted[producerIDCount] += h.log.NumProducers()
	}
	for _, which := range []id{
		leaderCount, partitionCount, offlineReplicaCount, underReplicatedPartitions, underMinISRPartitionCount,
		atMinISRPartitionCount, reassigningPartitions, producerIDCount,
	} {
		e.single(which, float64(counted[which]))
	}
	e.begin(purgatorySize)
	waiting := replicas.Waiting()
	for _, name := range []string{"Produce", "Fetch", "DeleteRecords"} {
		e.sample(float64(waiting[name]), name)
	}
	writeDirSizes(e, logs, all)
	if limit := x.options.Limits.Partitions; len(all) > limit {
		omitted = len(all) - limit
		all = all[:limit]
	}
	writePartitions(e, all)
	return omitted
}

// look gives the replicas sorted by partition.
func (x *Exporter) look(replicas *replica.Manager) []hosted {
	image := replicas.Image()
	all := make([]hosted, 0, 64)
	for _, r := range replicas.All() {
		h := hosted{tp: r.TopicPartition(), partition: itoa(int(r.TopicPartition().Partition)), log: r.Log()}
		if p := image.Partition(h.tp); p != nil && p.Leader == x.options.NodeID {
			minISR := min(h.log.Config().MinInSyncReplicas, len(p.Replicas))
			h.leads = true
			h.underReplicated = len(p.ISR) < len(p.Replicas)
			h.underMinISR = len(p.ISR) < minISR
			h.atMinISR = len(p.ISR) == minISR
			h.reassigning = p.Reassigning()
		}
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b hosted) int { return a.tp.Compare(b.tp) })
	return all
}

func writePartitions(e *exposition, all []hosted) {
	each := func(which id, value func(h *hosted) (v float64, ok bool)) {
		e.begin(which)
		for i := range all {
			if v, ok := value(&all[i]); ok {
				e.sample(v, all[i].tp.Topic, all[i].partition)
			}
		}
	}
	each(logSize, func(h *hosted) (float64, bool) { return float64(h.log.Size()), true })
	each(logStartOffset, func(h *hosted) (float64, bool) { return float64(h.log.LogStartOffset()), true })
	each(logEndOffset, func(h *hosted) (float64, bool) { return float64(h.log.LogEndOffset()), true })
	each(numLogSegments, func(h *hosted) (float64, bool) { return float64(h.log.NumSegments()), true })
	each(lastStableOffsetLag, func(h *hosted) (float64, bool) {
		return float64(max(h.log.HighWatermark()-h.log.LastStableOffset(), 0)), h.leads
	})
	each(underReplicated, func(h *hosted) (float64, bool) { return truth(h.underReplicated), h.leads })
	each(underMinISR, func(h *hosted) (float64, bool) { return truth(h.underMinISR), h.leads })
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
