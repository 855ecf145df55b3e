package network

import (
	"net/netip"
	"sync"
	"time"
)

// connectionQuotas counts connections and decides whether one more may come.
// Kafka's two ways to say no: at max.connections the acceptor waits with the
// new connection in its hand, so clients queue in the backlog; at
// max.connections.per.ip the connection is closed.
type connectionQuotas struct {
	mu         sync.Mutex
	cond       sync.Cond
	limits     Limits
	closed     bool
	total      int
	byListener map[string]int
	byIP       map[netip.Addr]int
	rate       tokenBucket
	ratesOf    map[string]*tokenBucket
}

func (q *connectionQuotas) init(limits Limits) {
	q.cond.L = &q.mu
	q.limits = limits
	q.byListener = make(map[string]int)
	q.byIP = make(map[netip.Addr]int)
	q.ratesOf = make(map[string]*tokenBucket)
}

// admission is the verdict on a new connection.
type admission int8

const (
	admitted admission = iota
	refusedPerIP
	quotasClosed
)

// admit waits for a free slot and takes it.
func (q *connectionQuotas) admit(listener string, ip netip.Addr) admission {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && !q.slotFreeLocked(listener) {
		q.cond.Wait()
	}
	if q.closed {
		return quotasClosed
	}
	if q.byIP[ip] >= q.maxPerIPLocked(ip) {
		return refusedPerIP
	}
	q.byIP[ip]++
	q.total++
	q.byListener[listener]++
	return admitted
}

// delay is how long the acceptor must wait for max.connection.creation.rate
// before it admits the connection that it counts hereby.
func (q *connectionQuotas) delay(listener string, now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	var wait time.Duration
	if !q.protectedLocked(listener) {
		wait = q.rate.take(q.limits.MaxConnectionCreationRate, now)
	}
	if rate := q.limits.Listeners[listener].MaxConnectionCreationRate; rate > 0 {
		bucket := q.ratesOf[listener]
		if bucket == nil {
			bucket = &tokenBucket{}
			q.ratesOf[listener] = bucket
		}
		wait = max(wait, bucket.take(rate, now))
	}
	return wait
}

// leave gives the slot back.
func (q *connectionQuotas) leave(listener string, ip netip.Addr) {
	q.mu.Lock()
	q.total--
	q.byListener[listener]--
	if q.byIP[ip]--; q.byIP[ip] == 0 {
		delete(q.byIP, ip)
	}
	q.mu.Unlock()
	q.cond.Broadcast()
}

// excess is the number of connections above max.connections: the inter-broker
// listener is let in above the bound and pushes out others.
func (q *connectionQuotas) excess() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.limits.MaxConnections <= 0 {
		return 0
	}
	return max(0, q.total-q.limits.MaxConnections)
}

// protected tells whether the listener's connections are never pushed out.
func (q *connectionQuotas) protected(listener string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.protectedLocked(listener)
}

func (q *connectionQuotas) update(limits Limits) {
	q.mu.Lock()
	q.limits = limits
	q.mu.Unlock()
	q.cond.Broadcast()
}

// addListener makes the listener count as one of several: with a single
// listener, the inter-broker one is not protected.
func (q *connectionQuotas) addListener(listener string) {
	q.mu.Lock()
	q.byListener[listener] += 0
	q.mu.Unlock()
}

func (q *connectionQuotas) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.cond.Broadcast()
}

func (q *connectionQuotas) slotFreeLocked(listener string) bool {
	if limit := q.limits.Listeners[listener].MaxConnections; limit > 0 && q.byListener[listener] >= limit {
		return false
	}
	return q.protectedLocked(listener) || q.limits.MaxConnections <= 0 || q.total < q.limits.MaxConnections
}

func (q *connectionQuotas) protectedLocked(listener string) bool {
	return listener != "" && listener == q.limits.InterBrokerListener && len(q.byListener) > 1
}

func (q *connectionQuotas) maxPerIPLocked(ip netip.Addr) int {
	if limit, ok := q.limits.MaxConnectionsPerIPOverrides[ip]; ok {
		return limit
	}
	return q.limits.MaxConnectionsPerIP
}

// tokenBucket spaces events to a rate, after a burst of one second's worth.
type tokenBucket struct {
	// empty is when the bucket was, or will be, empty: each event moves it by 1/rate.
	empty time.Time
}

func (b *tokenBucket) take(perSecond int, now time.Time) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	if full := now.Add(-time.Second); b.empty.Before(full) {
		b.empty = full
	}
	b.empty = b.empty.Add(time.Second / time.Duration(perSecond))
	return max(0, b.empty.Sub(now))
}
