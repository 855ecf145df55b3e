package network

import (
	"slices"
	"time"
)

// The sweeper looks at the connections this often within
// connections.max.idle.ms, so that an idle one is closed at most a sixteenth
// too late. Read deadlines would be exact, and cost a timer change per request.
const (
	sweepsPerIdle    = 16
	minSweepInterval = 10 * time.Millisecond
	maxSweepInterval = time.Minute
)

// sweepIdle closes connections on which nothing has moved for
// connections.max.idle.ms, while it was the client's turn to move: it sends
// nothing, stops in the middle of a frame, or does not read its response.
//
// Differs from Kafka: a connection whose request is being worked on, for
// instance a JoinGroup that waits for a slow rebalance, is not idle. If its
// client hangs up meanwhile, which a connection that is not read would not tell,
// it is closed, and the request's context ends.
func (s *Server) sweepIdle() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.changed:
		case <-s.stop:
			return
		}
		idle := s.limits.Load().ConnectionsMaxIdle
		interval := maxSweepInterval
		s.closeHungUp()
		if idle > 0 {
			s.closeIdle(time.Now(), idle, ClosedIdle)
			interval = min(max(idle/sweepsPerIdle, minSweepInterval), maxSweepInterval)
		}
		if s.memory.isPressed() {
			s.closeStalled(time.Now())
			interval = min(interval, stallInterval)
		}
		timer.Reset(interval)
	}
}

func (s *Server) closeIdle(now time.Time, idle time.Duration, reason CloseReason) {
	for _, c := range s.openConns() {
		if since, ok := c.idleSince(); ok && now.Sub(since) >= idle {
			c.close(reason)
		}
	}
}

// closeHungUp closes connections whose clients have gone without awaiting their
// answers. The others notice by themselves, when they read or write.
func (s *Server) closeHungUp() {
	for _, c := range s.openConns() {
		if _, clientsTurn := c.idleSince(); !clientsTurn && c.hungUp() {
			c.close(ClosedByClient)
		}
	}
}

// makeRoom closes as many connections as are too many since the inter-broker
// listener was let in above max.connections: those of other listeners that
// have been idle longest.
func (s *Server) makeRoom() {
	excess := s.quotas.excess()
	if excess == 0 {
		return
	}
	conns := slices.DeleteFunc(s.openConns(), func(c *Conn) bool {
		return c.closing.Load() || s.quotas.protected(c.Listener)
	})
	slices.SortFunc(conns, func(a, b *Conn) int { return int(a.lastMoved.Load() - b.lastMoved.Load()) })
	for _, c := range conns[:min(excess, len(conns))] {
		c.close(ClosedForInterBroker)
	}
}
