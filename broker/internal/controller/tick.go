package controller

import (
	"time"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// maxElectionsPerTick bounds how many partitions one Tick moves, so that other
// operations are not kept waiting.
const maxElectionsPerTick = 1000

// standbyTick is how often Tick wants to be called when there is nothing to do.
const standbyTick = time.Minute

func (c *Core) uncleanElectionInterval() time.Duration {
	return c.options.Config.Broker.UncleanLeaderElectionInterval
}

func (c *Core) rebalanceInterval() time.Duration {
	return c.options.Config.Broker.LeaderImbalanceCheckInterval
}

// Tick does what is due by the clock: it fences a broker whose session has
// expired, moves leadership back to preferred replicas, elects uncleanly where
// that is allowed. The Result has no response. Next is when to call it again at
// the latest; calling it earlier does no harm.
//
// Differs from Kafka: no NoOpRecord is written every 500 ms to an idle log.
func (c *Core) Tick(now time.Time) (result Result, next time.Time) {
	if !c.active {
		return Result{}, now.Add(standbyTick)
	}
	if records := c.expireSession(now); records != nil {
		return Result{Records: records}, now
	}
	if !now.Before(c.nextUncleanElection) {
		records := c.electUncleanLeaders()
		if len(records) < maxElectionsPerTick {
			c.nextUncleanElection = now.Add(c.uncleanElectionInterval())
		}
		if len(records) > 0 {
			return Result{Records: records}, now
		}
	}
	if !now.Before(c.nextRebalance) {
		var records []metadata.Record
		if c.options.Config.Broker.AutoLeaderRebalanceEnable {
			records = c.balanceLeaders()
		}
		if len(records) < maxElectionsPerTick {
			c.nextRebalance = now.Add(c.rebalanceInterval())
		}
		if len(records) > 0 {
			return Result{Records: records}, now
		}
	}
	return Result{}, c.nextTick()
}

// nextTick gives when something is due by the clock.
func (c *Core) nextTick() time.Time {
	next := c.nextRebalance
	if c.nextUncleanElection.Before(next) {
		next = c.nextUncleanElection
	}
	if expiry, ok := c.nextExpiry(); ok && expiry.Before(next) {
		// A session lasts up to and with its end.
		next = expiry.Add(time.Millisecond)
	}
	return next
}

// balanceLeaders moves leadership to the preferred replica of partitions that
// are led by another, where it is in sync.
func (c *Core) balanceLeaders() []metadata.Record {
	return c.electEverywhere(func(_ *metadata.Topic, p *metadata.Partition) bool { return !p.HasPreferredLeader() }, electPreferred)
}

// electUncleanLeaders elects a live replica for partitions without a leader
// whose topic allows that records are lost.
func (c *Core) electUncleanLeaders() []metadata.Record {
	return c.electEverywhere(func(topic *metadata.Topic, p *metadata.Partition) bool {
		return p.Leader == kafka.NoNode && c.uncleanElectionEnabled(topic.Name)
	}, electUnclean)
}

func (c *Core) electEverywhere(concern func(*metadata.Topic, *metadata.Partition) bool, kind election) []metadata.Record {
	var records []metadata.Record
	for topic := range c.image.Topics() {
		for id, partition := range topic.Partitions() {
			if !concern(topic, partition) {
				continue
			}
			p := c.newPartitionChange(topic, id, partition)
			p.election = kind
			if r := p.record(); r != nil {
				records = append(records, r)
			}
			if len(records) >= maxElectionsPerTick {
				return records
			}
		}
	}
	return records
}
