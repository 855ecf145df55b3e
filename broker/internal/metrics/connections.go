package metrics

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"moldau.dev/moldau/broker/internal/network"
)

// maxSoftware bounds the kinds of clients that are told apart: they name themselves.
const maxSoftware = 50

// ConnectionStats counts connections by listener. It is safe for concurrent use.
// The zero value is ready to use.
type ConnectionStats struct {
	mu        sync.Mutex // Guards listeners; leaf lock, taken per connection.
	listeners map[string]*listenerStats
}

type listenerStats struct {
	created, refused int64
	closed           [closeReasons]int64
	blocked          time.Duration
}

const closeReasons = int(network.ClosedForInterBroker) + 1

func (s *ConnectionStats) change(listener string, f func(l *listenerStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.listeners[listener]
	if l == nil {
		if s.listeners == nil {
			s.listeners = make(map[string]*listenerStats)
		}
		l = new(listenerStats)
		s.listeners[listener] = l
	}
	f(l)
}

// Listener makes a listener known before its first connection.
func (s *ConnectionStats) Listener(name string) { s.change(name, func(*listenerStats) {}) }

// ConnectionOpened counts a connection that is served.
func (s *ConnectionStats) ConnectionOpened(c *network.Conn) {
	s.change(c.Listener, func(l *listenerStats) { l.created++ })
}

// ConnectionClosed counts its end.
func (s *ConnectionStats) ConnectionClosed(c *network.Conn, reason network.CloseReason) {
	s.change(c.Listener, func(l *listenerStats) {
		if int(reason) < closeReasons {
			l.closed[reason]++
		}
	})
}

// ConnectionRefused counts a connection closed at the door.
func (s *ConnectionStats) ConnectionRefused(listener string) {
	s.change(listener, func(l *listenerStats) { l.refused++ })
}

// AcceptorBlocked counts time in which a listener accepted nothing.
func (s *ConnectionStats) AcceptorBlocked(listener string, d time.Duration) {
	s.change(listener, func(l *listenerStats) { l.blocked += d })
}

func (l *listenerStats) closedTotal() (n int64) {
	for _, closed := range l.closed {
		n += closed
	}
	return n
}

// write writes the listeners' counters, and what is connected to the servers.
func (s *ConnectionStats) write(e *exposition, servers []*network.Server) {
	s.mu.Lock()
	listeners := make(map[string]listenerStats, len(s.listeners))
	for name, l := range s.listeners {
		listeners[name] = *l
	}
	s.mu.Unlock()
	names := slices.Sorted(maps.Keys(listeners))
	each := func(which id, value func(l *listenerStats) float64) {
		e.begin(which)
		for _, name := range names {
			l := listeners[name]
			e.sample(value(&l), name)
		}
	}
	each(connectionCount, func(l *listenerStats) float64 { return float64(l.created - l.closedTotal()) })
	each(connectionCreation, func(l *listenerStats) float64 { return float64(l.created) })
	each(connectionClose, func(l *listenerStats) float64 { return float64(l.closedTotal()) })
	each(connectionsRefused, func(l *listenerStats) float64 { return float64(l.refused) })
	each(acceptorBlocked, func(l *listenerStats) float64 { return seconds(l.blocked) })
	e.begin(connectionsClosed)
	for _, name := range names {
		l := listeners[name]
		for reason, n := range l.closed {
			e.sample(float64(n), name, network.CloseReason(reason).String())
		}
	}
	writeServers(e, servers)
}

func writeServers(e *exposition, servers []*network.Server) {
	software := make(map[network.ListenerSoftware]int)
	inFlight, used, available := 0, int64(0), int64(0)
	for _, server := range servers {
		stats := server.Stats()
		inFlight += stats.InFlight
		used += stats.RequestBytes
		free := unbounded
		if stats.MaxRequestBytes > 0 {
			free = max(stats.MaxRequestBytes-stats.RequestBytes, 0)
		}
		if available += free; available < 0 {
			available = unbounded
		}
		for kind, n := range stats.Software {
			if kind.Name == "" {
				kind.ClientSoftware = unknownSoftware
			}
			software[kind] += n
		}
	}
	e.single(requestsInFlight, float64(inFlight))
	e.single(memoryPoolUsed, float64(used))
	e.single(memoryPoolAvailable, float64(available))
	e.begin(connectionsBySoftware)
	for _, kind := range commonest(software) {
		e.sample(float64(software[kind]), kind.Name, kind.Version, kind.Listener)
	}
}

// unbounded is what Kafka says is available of memory without a bound.
const unbounded int64 = 1<<63 - 1

// Clients that said nothing, as Kafka shows them, and those that are too many kinds
// to be told apart; no client can call itself the latter.
var (
	unknownSoftware = network.ClientSoftware{Name: "unknown", Version: "unknown"}
	otherSoftware   = network.ClientSoftware{Name: "(others)", Version: "(others)"}
)

// commonest gives the kinds of clients that are shown, and adds the rest up.
func commonest(software map[network.ListenerSoftware]int) []network.ListenerSoftware {
	kinds := slices.SortedFunc(maps.Keys(software), func(a, b network.ListenerSoftware) int {
		return cmp.Or(software[b]-software[a], cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Listener, b.Listener))
	})
	if len(kinds) <= maxSoftware {
		return kinds
	}
	shown := kinds[:maxSoftware:maxSoftware]
	for _, kind := range kinds[maxSoftware:] {
		others := network.ListenerSoftware{Listener: kind.Listener, ClientSoftware: otherSoftware}
		if _, ok := software[others]; !ok {
			shown = append(shown, others)
		}
		software[others] += software[kind]
	}
	return shown
}
