package controller

import (
	"slices"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// election says which leader a partition change looks for.
type election int8

const (
	// electOnline keeps the leader while it may lead, and otherwise takes the
	// first replica that is in sync.
	electOnline election = iota
	// electPreferred is like electOnline, but tries the first replica before the
	// leader of now.
	electPreferred
	// electUnclean is like electOnline, but takes any live replica rather than none.
	electUnclean
)

// partitionChange works out the one record that moves a partition to a wanted
// state: it completes a reassignment whose new replicas are in sync, maintains
// the eligible leader replicas (KIP-966), and elects a leader where the one of
// now may not lead.
type partitionChange struct {
	partition *metadata.Partition
	topicID   kafka.UUID
	id        int32
	version   metadata.MetadataVersion
	election  election
	// acceptable tells whether a broker is live and may lead. It is asked for
	// replicas only; their log directories are checked besides.
	acceptable func(kafka.NodeID) bool
	minISR     int
	elrEnabled bool
	// uncleanShutdown names a broker whose replicas may have lost data;
	// kafka.NoNode for none.
	uncleanShutdown kafka.NodeID
	// defaultDirectory gives the directory of a replica that is new.
	defaultDirectory func(kafka.NodeID) kafka.UUID

	// The wanted state; newPartitionChange sets all to the state of now.
	isr, replicas, removing, adding, elr []kafka.NodeID
	recovery                             metadata.LeaderRecoveryState
	directories                          map[kafka.NodeID]kafka.UUID
}

// newPartitionChange starts from the state of now, so that record gives nil
// unless a leader has to be elected.
func (c *Core) newPartitionChange(topic *metadata.Topic, id int32, partition *metadata.Partition) *partitionChange {
	p := &partitionChange{
		partition:        partition,
		topicID:          topic.ID,
		id:               id,
		version:          c.version(),
		election:         electOnline,
		minISR:           c.effectiveMinISR(topic),
		elrEnabled:       c.image.ELREnabled(),
		uncleanShutdown:  kafka.NoNode,
		defaultDirectory: c.defaultDirectory,
		isr:              partition.ISR,
		replicas:         partition.Replicas,
		removing:         partition.RemovingReplicas,
		adding:           partition.AddingReplicas,
		elr:              partition.ELR,
		recovery:         partition.LeaderRecoveryState,
		directories:      map[kafka.NodeID]kafka.UUID{},
	}
	for i, replica := range partition.Replicas {
		p.directories[replica] = partition.Directories[i]
	}
	p.acceptable = c.acceptor(partition, c.isActive)
	return p
}

// acceptor tells whether a broker may lead the partition: it is live and the
// replica's log directory is online.
func (c *Core) acceptor(partition *metadata.Partition, live func(kafka.NodeID) bool) func(kafka.NodeID) bool {
	return func(id kafka.NodeID) bool {
		if !live(id) {
			return false
		}
		broker := c.image.Broker(id)
		dir, isReplica := partition.Directory(id)
		return broker != nil && isReplica && broker.HasOnlineDirectory(dir)
	}
}

// record gives the record that makes the change, or nil if nothing changes.
func (p *partitionChange) record() *metadata.PartitionChangeRecord {
	r := metadata.NewPartitionChange(p.version.PartitionVersion(), p.id, p.topicID)
	p.completeReassignment()
	p.updateELR()
	p.elect(r)
	if r.Leader == metadata.LeaderUnchanged && !containsAll(p.replicas, p.partition.Replicas) {
		// A replica that leaves must not go on acting under this leader epoch.
		r.Leader = p.partition.Leader
	}
	p.setELR(r)
	// Without eligible leader replicas the last member never leaves the ISR.
	if r.ISR == nil && (len(p.isr) > 0 || p.elrEnabled) && !slices.Equal(p.isr, p.partition.ISR) {
		r.ISR = notNil(p.isr)
	}
	if p.version.BumpsLeaderEpochOnISRShrink() && r.Leader == metadata.LeaderUnchanged &&
		r.ISR != nil && !containsAll(r.ISR, p.partition.ISR) {
		// Brokers of before 3.6 rely on it (KAFKA-15021).
		r.Leader = p.partition.Leader
	}
	p.setLastKnownLeader(r)
	p.setAssignment(r)
	if p.recovery != p.partition.LeaderRecoveryState {
		r.LeaderRecoveryState = p.recovery
	}
	if isNoOp(r) {
		return nil
	}
	return r
}

func isNoOp(r *metadata.PartitionChangeRecord) bool {
	return r.ISR == nil && r.ELR == nil && r.LastKnownELR == nil && r.Leader == metadata.LeaderUnchanged &&
		r.Replicas == nil && r.RemovingReplicas == nil && r.AddingReplicas == nil &&
		r.LeaderRecoveryState == metadata.RecoveryUnchanged && r.Directories == nil
}

// updateELR moves members that leave the ISR while it is below the minimum to
// the eligible leader replicas: they have all that is committed, since nothing
// can be committed meanwhile.
//
// Differs from Kafka: what a reassignment takes out of the replicas leaves the
// eligible leader replicas too, instead of staying there as a stranger.
func (p *partitionChange) updateELR() {
	if !p.elrEnabled {
		return
	}
	if len(p.isr) >= p.minISR {
		p.elr = nil
		return
	}
	var elr []kafka.NodeID
	for _, replica := range slices.Concat(p.elr, p.partition.ISR) {
		if !slices.Contains(p.isr, replica) && !slices.Contains(elr, replica) && replica != p.uncleanShutdown && slices.Contains(p.replicas, replica) {
			elr = append(elr, replica)
		}
	}
	slices.Sort(elr)
	p.elr = elr
}

func (p *partitionChange) elect(r *metadata.PartitionChangeRecord) {
	leader, unclean := p.electLeader()
	if leader == p.partition.Leader {
		return
	}
	if slices.Contains(p.elr, leader) {
		p.isr = []kafka.NodeID{leader}
		p.elr = without(p.elr, leader)
		if len(p.isr) >= p.minISR {
			// Differs from Kafka: where the minimum has become smaller meanwhile,
			// the new leader may commit alone, and the others are not eligible.
			p.elr = nil
		}
	}
	r.Leader = leader
	if unclean {
		// The new leader may lack committed records: the others must follow it.
		r.ISR = []kafka.NodeID{leader}
		if p.partition.LeaderRecoveryState != metadata.LeaderRecovering {
			r.LeaderRecoveryState = metadata.LeaderRecovering
		}
	}
}

func (p *partitionChange) electLeader() (leader kafka.NodeID, unclean bool) {
	candidates := []kafka.NodeID{p.partition.Leader}
	if p.election == electPreferred && len(p.replicas) > 0 {
		candidates = []kafka.NodeID{p.replicas[0], p.partition.Leader}
	}
	for _, replica := range slices.Concat(candidates, p.replicas) {
		if p.eligible(replica) {
			return replica, false
		}
	}
	if last, ok := p.lastKnownLeader(); ok {
		return last, true
	}
	if p.election == electUnclean {
		if i := slices.IndexFunc(p.replicas, p.acceptable); i >= 0 {
			return p.replicas[i], true
		}
	}
	return kafka.NoNode, false
}

// eligible tells whether the replica has all committed records and may lead.
func (p *partitionChange) eligible(replica kafka.NodeID) bool {
	inSync := slices.Contains(p.isr, replica) || len(p.isr) == 0 && slices.Contains(p.elr, replica)
	return inSync && p.acceptable(replica)
}

// lastKnownLeader gives the leader of before all others were lost: when no
// replica is known to be complete, it is the best guess (KIP-966's balanced
// recovery).
func (p *partitionChange) lastKnownLeader() (kafka.NodeID, bool) {
	if !p.elrEnabled || len(p.elr) > 0 || len(p.isr) > 0 || len(p.partition.LastKnownELR) != 1 {
		return kafka.NoNode, false
	}
	last := p.partition.LastKnownELR[0]
	return last, p.acceptable(last)
}

func (p *partitionChange) setELR(r *metadata.PartitionChangeRecord) {
	if r.ISR != nil || !p.elrEnabled {
		// After an unclean election nobody is known to be complete.
		p.elr = nil
	}
	if !slices.Equal(p.elr, p.partition.ELR) {
		r.ELR = notNil(p.elr)
	}
}

// setLastKnownLeader remembers the leader when the partition loses it, and
// forgets it when there is one again.
func (p *partitionChange) setLastKnownLeader(r *metadata.PartitionChangeRecord) {
	switch {
	case !p.elrEnabled:
	case r.Leader == kafka.NoNode && len(p.partition.LastKnownELR) == 0:
		r.LastKnownELR = []kafka.NodeID{p.partition.Leader}
	case r.Leader >= 0 && len(p.partition.LastKnownELR) > 0:
		r.LastKnownELR = []kafka.NodeID{}
	}
}

func (p *partitionChange) setAssignment(r *metadata.PartitionChangeRecord) {
	if len(p.replicas) > 0 {
		if p.version.DirectoriesSupported() {
			dirs := make([]kafka.UUID, len(p.replicas))
			for i, replica := range p.replicas {
				dir, ok := p.directories[replica]
				if !ok {
					dir = p.defaultDirectory(replica)
				}
				dirs[i] = dir
			}
			if !slices.Equal(dirs, p.partition.Directories) {
				r.Directories = dirs
			}
		}
		if !slices.Equal(p.replicas, p.partition.Replicas) {
			r.Replicas = p.replicas
		}
	}
	if !slices.Equal(p.removing, p.partition.RemovingReplicas) {
		r.RemovingReplicas = notNil(p.removing)
	}
	if !slices.Equal(p.adding, p.partition.AddingReplicas) {
		r.AddingReplicas = notNil(p.adding)
	}
}

// completeReassignment takes the removed replicas out once all added ones are
// in sync. When the reassignment makes the partition smaller, all that stay
// must be in sync, or completing it would shrink the ISR for nothing.
func (p *partitionChange) completeReassignment() {
	if len(p.removing) == 0 && len(p.adding) == 0 {
		return
	}
	isr := without(p.isr, p.removing...)
	replicas := without(p.replicas, p.removing...)
	if len(isr) == 0 || len(replicas) == 0 || !containsAll(isr, p.adding) ||
		len(p.adding) < len(p.removing) && !containsAll(isr, replicas) {
		return
	}
	p.isr, p.replicas, p.removing, p.adding = isr, replicas, nil, nil
}

// without returns a copy of list without the given nodes.
func without(list []kafka.NodeID, nodes ...kafka.NodeID) []kafka.NodeID {
	kept := make([]kafka.NodeID, 0, len(list))
	for _, node := range list {
		if !slices.Contains(nodes, node) {
			kept = append(kept, node)
		}
	}
	return kept
}

func containsAll(list, nodes []kafka.NodeID) bool {
	return !slices.ContainsFunc(nodes, func(n kafka.NodeID) bool { return !slices.Contains(list, n) })
}

// notNil makes "none" of what would mean "no change" in a record.
func notNil(list []kafka.NodeID) []kafka.NodeID {
	if list == nil {
		return []kafka.NodeID{}
	}
	return list
}
