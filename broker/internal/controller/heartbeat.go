package controller

import (
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// brokerState is what the active controller knows of a broker beside its
// registration. It is never replicated: a new active controller starts afresh.
type brokerState struct {
	epoch kafka.BrokerEpoch
	// lastContact is when the broker's session was last renewed; zero when it
	// has none.
	lastContact time.Time
	// metadataOffset is how far the broker has come in the metadata log; -1 if
	// it has not said.
	metadataOffset kafka.Offset
	// registrationOffset is the offset of its registration: the broker has to
	// have seen it before it is unfenced.
	registrationOffset kafka.Offset
	// shutdownOffset is the offset that every active broker has to reach before
	// this one may stop; -1 outside of a controlled shutdown.
	shutdownOffset kafka.Offset
}

// brokerState gives the soft state of a registered broker, new if there is none
// for this registration.
func (c *Core) brokerState(b *metadata.Broker) *brokerState {
	state := c.brokers[b.ID]
	if state == nil || state.epoch != b.Epoch {
		state = &brokerState{epoch: b.Epoch, metadataOffset: -1, registrationOffset: kafka.Offset(b.Epoch), shutdownOffset: -1}
		c.brokers[b.ID] = state
	}
	return state
}

// sessionTimeout gives how long a broker may stay silent.
func (c *Core) sessionTimeout() time.Duration { return c.options.Config.Broker.BrokerSessionTimeout }

func (s *brokerState) expires(timeout time.Duration) time.Time { return s.lastContact.Add(timeout) }

// hasSession tells whether the broker was heard of within the session timeout.
func (c *Core) hasSession(b *metadata.Broker, now time.Time) bool {
	state := c.brokerState(b)
	return !state.lastContact.IsZero() && !now.After(state.expires(c.sessionTimeout()))
}

// isActive tells whether the broker may lead partitions and join ISRs.
func (c *Core) isActive(id kafka.NodeID) bool {
	b := c.image.Broker(id)
	return b != nil && b.Active()
}

// checkBrokerEpoch refuses a request of a broker that has been replaced by a
// newer incarnation, or unregistered.
func (c *Core) checkBrokerEpoch(id kafka.NodeID, epoch kafka.BrokerEpoch) (*metadata.Broker, error) {
	b := c.image.Broker(id)
	switch {
	case b == nil:
		return nil, kafka.Errorf(kerr.StaleBrokerEpoch, "No broker registration found for broker id %d", id)
	case b.Epoch != epoch:
		return nil, kafka.Errorf(kerr.StaleBrokerEpoch, "Expected broker epoch %d, but got broker epoch %d", b.Epoch, epoch)
	}
	return b, nil
}

// controlState is where a broker is in its life, as its heartbeats see it.
type controlState int8

const (
	stateFenced controlState = iota
	stateUnfenced
	stateControlledShutdown
	stateShutdownNow
)

// BrokerHeartbeat renews the session of a broker and moves it through its life:
// fenced until it has caught up with its registration, unfenced, in controlled
// shutdown until it leads nothing and the others know, and then free to stop.
// STALE_BROKER_EPOCH refuses one that has been replaced.
func (c *Core) BrokerHeartbeat(now time.Time, req *kmsg.BrokerHeartbeatRequest) Result {
	b, err := c.checkBrokerEpoch(kafka.NodeID(req.BrokerID), kafka.BrokerEpoch(req.BrokerEpoch))
	if err != nil {
		return Result{Err: err}
	}
	state := c.brokerState(b)
	state.lastContact = now
	current, next := c.nextControlState(b, state, req)

	var records []metadata.Record
	if current != next {
		switch next {
		case stateFenced, stateShutdownNow:
			if !b.Fenced {
				records = c.fenceBroker(b)
			}
		case stateUnfenced:
			records = c.unfenceBroker(b)
		case stateControlledShutdown:
			records = c.beginControlledShutdown(b)
		}
	}
	records = append(records, c.offlineDirectories(b, req.OfflineLogDirs)...)
	records = append(records, c.cordonDirectories(b, req.CordonedLogDirs)...)

	fenced := next == stateFenced || next == stateShutdownNow
	state.metadataOffset = kafka.Offset(req.CurrentMetadataOffset)
	switch {
	case next == stateShutdownNow:
		// Differs from Kafka: a broker that may stop has no session any more,
		// so that its next incarnation need not wait for the end of it.
		state.lastContact, state.shutdownOffset = time.Time{}, -1
	case fenced:
		state.shutdownOffset = -1
	case next == stateControlledShutdown && state.shutdownOffset < 0:
		state.shutdownOffset = c.nextOffset + kafka.Offset(len(records)) - 1
	}
	resp := kmsg.NewPtrBrokerHeartbeatResponse()
	resp.Version = req.Version
	resp.IsCaughtUp = kafka.Offset(req.CurrentMetadataOffset) >= state.registrationOffset
	resp.IsFenced = fenced
	resp.ShouldShutdown = next == stateShutdownNow
	return Result{Records: records, Response: resp}
}

func (c *Core) nextControlState(b *metadata.Broker, state *brokerState, req *kmsg.BrokerHeartbeatRequest) (current, next controlState) {
	switch {
	case state.shutdownOffset >= 0 && !b.Fenced:
		if c.leadsAny(b.ID) || state.shutdownOffset > c.lowestActiveOffset() {
			return stateControlledShutdown, stateControlledShutdown
		}
		return stateControlledShutdown, stateShutdownNow
	case b.Fenced && req.WantShutdown:
		return stateFenced, stateShutdownNow
	case b.Fenced:
		// One that has begun to shut down does not come back as the same
		// incarnation.
		if !req.WantFence && !b.InControlledShutdown && kafka.Offset(req.CurrentMetadataOffset) >= state.registrationOffset {
			return stateFenced, stateUnfenced
		}
		return stateFenced, stateFenced
	case req.WantFence && !req.WantShutdown:
		return stateUnfenced, stateFenced
	case !req.WantShutdown:
		return stateUnfenced, stateUnfenced
	case req.WantFence || !c.leadsAny(b.ID):
		return stateUnfenced, stateShutdownNow
	default:
		return stateUnfenced, stateControlledShutdown
	}
}

func (c *Core) leadsAny(id kafka.NodeID) bool {
	for topic := range c.image.Topics() {
		for _, p := range topic.Partitions() {
			if p.Leader == id {
				return true
			}
		}
	}
	return false
}

// lowestActiveOffset gives the offset up to which every active broker knows the
// metadata.
func (c *Core) lowestActiveOffset() kafka.Offset {
	lowest := kafka.Offset(math.MaxInt64)
	for b := range c.image.Brokers() {
		if state := c.brokerState(b); !b.Fenced && state.shutdownOffset < 0 {
			lowest = min(lowest, state.metadataOffset)
		}
	}
	return lowest
}

// expireSession fences the first broker whose session has run out. One at a
// time, so that the next decision sees the effect of this one.
func (c *Core) expireSession(now time.Time) []metadata.Record {
	for b := range c.image.Brokers() {
		state := c.brokerState(b)
		if state.lastContact.IsZero() || c.hasSession(b, now) {
			continue
		}
		state.lastContact = time.Time{}
		state.shutdownOffset = -1
		if b.Fenced {
			continue
		}
		c.log.Info("Fencing broker: its session has timed out", "broker", b.ID, "epoch", b.Epoch)
		return c.fenceBroker(b)
	}
	return nil
}

// nextExpiry gives the earliest end of a session, if there is one.
func (c *Core) nextExpiry() (at time.Time, ok bool) {
	for b := range c.image.Brokers() {
		state := c.brokerState(b)
		if state.lastContact.IsZero() {
			continue
		}
		if end := state.expires(c.sessionTimeout()); !ok || end.Before(at) {
			at, ok = end, true
		}
	}
	return at, ok
}
