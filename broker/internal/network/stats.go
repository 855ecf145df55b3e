package network

// Stats is what a server holds at the moment, for metrics.
type Stats struct {
	// RequestBytes is the memory of the frames in flight, MaxRequestBytes its bound
	// (queued.max.request.bytes), 0 for none.
	RequestBytes, MaxRequestBytes int64
	// InFlight counts the requests that were read and are not answered yet.
	InFlight int
	// Software counts the open connections by listener and what the clients said
	// they are. Clients choose those names: there may be as many as connections.
	Software map[ListenerSoftware]int
}

// ListenerSoftware is a kind of client of one listener.
type ListenerSoftware struct {
	Listener string
	ClientSoftware
}

// Stats looks at every connection.
func (s *Server) Stats() Stats {
	stats := Stats{Software: make(map[ListenerSoftware]int)}
	stats.RequestBytes, stats.MaxRequestBytes = s.memory.usage()
	for _, c := range s.openConns() {
		stats.Software[ListenerSoftware{c.Listener, c.Software()}]++
		c.mu.Lock()
		stats.InFlight += c.inFlight
		c.mu.Unlock()
	}
	return stats
}

func (m *requestMemory) usage() (used, limit int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.small + m.large, m.max
}
