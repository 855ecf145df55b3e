package controller

import (
	"slices"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// leadershipChange says what happens to a broker, for all partitions that it is
// a replica of. Fields are kafka.NoNode when they do not apply.
type leadershipChange struct {
	// remove leaves the ISRs and leads nothing any more.
	remove kafka.NodeID
	// add may lead although its registration does not say so yet.
	add kafka.NodeID
	// unclean has stopped without a clean shutdown: it may have lost records
	// that it had acknowledged, and leaves the ISRs and ELRs.
	unclean kafka.NodeID
}

// partitionChanges gives the records that follow from the change for the
// partitions that concern picks, in the order of topics and partitions.
func (c *Core) partitionChanges(change leadershipChange, concern func(*metadata.Partition) bool) []metadata.Record {
	live := func(id kafka.NodeID) bool {
		return id != change.remove && id != change.unclean && (id == change.add || c.isActive(id))
	}
	var records []metadata.Record
	for topic := range c.image.Topics() {
		for id, partition := range topic.Partitions() {
			if !concern(partition) {
				continue
			}
			p := c.newPartitionChange(topic, id, partition)
			p.acceptable = c.acceptor(partition, live)
			if c.uncleanElectionEnabled(topic.Name) {
				p.election = electUnclean
			}
			p.uncleanShutdown = change.unclean
			p.isr = without(partition.ISR, change.remove, change.unclean)
			if r := p.record(); r != nil {
				records = append(records, r)
			}
		}
	}
	return records
}

func inISR(id kafka.NodeID) func(*metadata.Partition) bool {
	return func(p *metadata.Partition) bool { return slices.Contains(p.ISR, id) }
}

func inISROrELR(id kafka.NodeID) func(*metadata.Partition) bool {
	return func(p *metadata.Partition) bool { return slices.Contains(p.ISR, id) || slices.Contains(p.ELR, id) }
}

// fenceBroker takes the broker out of all ISRs, and then fences it.
func (c *Core) fenceBroker(b *metadata.Broker) []metadata.Record {
	records := c.partitionChanges(leadershipChange{remove: b.ID, add: kafka.NoNode, unclean: kafka.NoNode}, inISR(b.ID))
	return append(records, &metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: metadata.Fence})
}

// unfenceBroker lets the broker take part, first of all in partitions that have
// no leader.
func (c *Core) unfenceBroker(b *metadata.Broker) []metadata.Record {
	records := []metadata.Record{
		&metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: metadata.Unfence},
	}
	return append(records, c.partitionChanges(
		leadershipChange{remove: kafka.NoNode, add: b.ID, unclean: kafka.NoNode},
		func(p *metadata.Partition) bool { return p.Leader == kafka.NoNode },
	)...)
}

// beginControlledShutdown moves the leadership of the broker elsewhere while it
// still serves.
func (c *Core) beginControlledShutdown(b *metadata.Broker) []metadata.Record {
	var records []metadata.Record
	if !b.InControlledShutdown {
		records = append(records, &metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, InControlledShutdown: true})
	}
	return append(records, c.partitionChanges(leadershipChange{remove: b.ID, add: kafka.NoNode, unclean: kafka.NoNode}, inISR(b.ID))...)
}

// removeIncarnation takes the previous incarnation of a broker that registers
// again out of the partitions.
func (c *Core) removeIncarnation(id kafka.NodeID, clean bool) []metadata.Record {
	if c.image.ELREnabled() && !clean {
		return c.partitionChanges(leadershipChange{remove: kafka.NoNode, add: kafka.NoNode, unclean: id}, inISROrELR(id))
	}
	return c.partitionChanges(leadershipChange{remove: id, add: kafka.NoNode, unclean: kafka.NoNode}, inISR(id))
}

// offlineDirectories handles log directories that the broker has lost: their
// replicas leave the ISRs.
func (c *Core) offlineDirectories(b *metadata.Broker, offline [][16]byte) []metadata.Record {
	if !c.version().DirectoriesSupported() {
		return nil
	}
	var lost, online []kafka.UUID
	for _, dir := range b.Directories {
		if slices.Contains(offline, [16]byte(dir)) {
			lost = append(lost, dir)
		} else {
			online = append(online, dir)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	records := c.partitionChanges(
		leadershipChange{remove: b.ID, add: kafka.NoNode, unclean: kafka.NoNode},
		func(p *metadata.Partition) bool {
			dir, isReplica := p.Directory(b.ID)
			return isReplica && slices.Contains(lost, dir)
		},
	)
	c.log.Warn("Log directories of a broker are offline", "broker", b.ID, "offline", lost, "online", online)
	return append(records, &metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, LogDirs: online})
}

// cordonDirectories notes which log directories take no new replicas. Nil means
// that the broker does not know yet.
func (c *Core) cordonDirectories(b *metadata.Broker, cordoned [][16]byte) []metadata.Record {
	if !c.version().CordonedSupported() || cordoned == nil {
		return nil
	}
	dirs := make([]kafka.UUID, len(cordoned))
	for i, dir := range cordoned {
		dirs[i] = dir
	}
	if b.CordonedDirectories != nil && sameDirectories(dirs, b.CordonedDirectories) {
		return nil
	}
	return []metadata.Record{&metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, CordonedLogDirs: dirs}}
}

func sameDirectories(a, b []kafka.UUID) bool {
	contained := func(in []kafka.UUID) func(kafka.UUID) bool {
		return func(dir kafka.UUID) bool { return slices.Contains(in, dir) }
	}
	return !slices.ContainsFunc(a, not(contained(b))) && !slices.ContainsFunc(b, not(contained(a)))
}

func not[T any](f func(T) bool) func(T) bool { return func(v T) bool { return !f(v) } }

// defaultDirectory gives the directory of a new replica: with only one there is
// no choice, with several the broker chooses and says so later.
func (c *Core) defaultDirectory(id kafka.NodeID) kafka.UUID {
	b := c.image.Broker(id)
	switch {
	case !c.version().DirectoriesSupported():
		return kafka.MigratingDirectory
	case b == nil:
		return kafka.UnassignedDirectory
	case len(b.Directories) == 0:
		return kafka.MigratingDirectory
	case len(b.Directories) == 1:
		return b.Directories[0]
	default:
		return kafka.UnassignedDirectory
	}
}
