package network

import (
	"sync"
	"time"
)

// requestMemory is the bound queued.max.request.bytes on the frames of all
// connections. A frame is counted as its bytes come, not as its size is announced:
// who announces much and sends little takes little from the others.
//
// As in Kafka the bound is soft: whoever finds any byte free may take what a
// frame needs to begin with, so that a frame larger than the bound still gets
// through. Besides, small frames may take an eighth more, so that large ones cannot
// keep them out; and of the frames of which a part is there already, one at a time
// may go beyond: they could otherwise all wait for each other.
//
// Differs from Kafka: it counts what a client announces, and a few clients that
// announce much and send nothing keep everybody else out.
type requestMemory struct {
	// pressed is called when connections begin to wait, with the lock held.
	pressed func()

	mu      sync.Mutex // Guards the fields below.
	cond    sync.Cond
	max     int64 // 0: no bound.
	waiting int
	// small is what small frames take, large what the others do.
	small, large int64
	// elected is the connection whose frame may go beyond the bound until it is released.
	elected *Conn
}

func (m *requestMemory) init(limit int64, pressed func()) {
	m.pressed = pressed
	m.cond.L = &m.mu
	m.setMax(limit)
}

func (m *requestMemory) setMax(limit int64) {
	m.mu.Lock()
	m.max = max(0, limit)
	m.mu.Unlock()
	m.cond.Broadcast()
}

// smallFrame is what the first buffer of a new connection holds: a frame below
// that is small, and comes without growing.
const smallFrame = 2 * initialTrust

// begin waits until there is room for a frame of which nothing is there, and
// takes n bytes, which for a small frame is its size. It returns false if the
// connection was closed meanwhile.
func (m *requestMemory) begin(c *Conn, n int64) bool {
	return m.acquire(c, n, func() bool {
		return m.small+m.large < m.max || n < smallFrame && m.small < m.max/8
	}, n < smallFrame)
}

// grow takes n further bytes for a frame that is not small, of which a part is there.
func (m *requestMemory) grow(c *Conn, n int64) bool {
	return m.acquire(c, n, func() bool {
		full := m.small+m.large >= m.max
		if full && m.elected == nil {
			m.elected = c
		}
		return !full || m.elected == c
	}, false)
}

// acquire takes n bytes when may is true, which is called with the lock held. The
// caller is the connection's reader.
func (m *requestMemory) acquire(c *Conn, n int64, may func() bool, small bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.max > 0 && !may() {
		if c.closing.Load() {
			return false
		}
		if c.deferred > 0 { // Others may wait for the memory of those requests.
			m.mu.Unlock()
			c.writeDeferred()
			m.mu.Lock()
			continue
		}
		c.standAside()
		if m.waiting++; m.waiting == 1 {
			m.pressed()
		}
		m.cond.Wait()
		m.waiting--
	}
	m.addLocked(n, small)
	c.frameBytes.Add(n)
	return true
}

func (m *requestMemory) addLocked(n int64, small bool) {
	if small {
		m.small += n
	} else {
		m.large += n
	}
}

// release gives all n bytes of a connection's frame back.
func (m *requestMemory) release(c *Conn, n int64) {
	c.frameBytes.Add(-n)
	m.mu.Lock()
	m.addLocked(-n, n < smallFrame)
	if m.elected == c {
		m.elected = nil
	}
	wake := m.max > 0
	m.mu.Unlock()
	if wake {
		m.cond.Broadcast()
	}
}

// wake lets waiting connections see that they are closing.
func (m *requestMemory) wake() {
	m.mu.Lock()
	m.mu.Unlock() //nolint:staticcheck // A waiter is now either asleep or has seen closing.
	m.cond.Broadcast()
}

func (m *requestMemory) isPressed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting > 0
}

// While connections wait for memory, a frame has to come at this rate, after some
// grace, and a response has to move within the grace, or the connection is closed:
// it would keep the others waiting.
const (
	stallGrace    = 2 * time.Second
	stallRate     = 64 << 10 // Bytes per second.
	stallHarmless = 4 << 10  // Who holds no more is left alone.
	stallInterval = 500 * time.Millisecond
)

// arrival is how the frame that a connection is reading comes in, for the sweeper.
type arrival struct {
	mu sync.Mutex // Guards the fields below; a leaf.
	// since is when the client's turn to send began, zero if it is not its turn;
	// got counts the bytes that came since then.
	since time.Time
	got   int
}

// begin notes that it is the client's turn to send the rest of a frame.
func (a *arrival) begin() {
	a.mu.Lock()
	a.since, a.got = time.Now(), 0
	a.mu.Unlock()
}

func (a *arrival) add(n int) {
	a.mu.Lock()
	a.got += n
	a.mu.Unlock()
}

// end notes that it is not.
func (a *arrival) end() {
	a.mu.Lock()
	a.since = time.Time{}
	a.mu.Unlock()
}

func (a *arrival) stalled(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		return false
	}
	late := now.Sub(a.since) - stallGrace
	return late > 0 && float64(a.got) < late.Seconds()*stallRate
}

// stalled tells whether the connection holds memory for frames without need: it
// sends no more, or does not read the answer.
func (c *Conn) stalled(now time.Time) bool {
	if c.frameBytes.Load() <= stallHarmless || c.closing.Load() {
		return false
	}
	if c.arrival.stalled(now) {
		return true
	}
	c.mu.Lock()
	writing := c.writing
	c.mu.Unlock()
	return writing && now.Sub(c.server.started.Add(time.Duration(c.lastMoved.Load()))) > stallGrace
}

// closeStalled closes the connections that keep others waiting for memory.
func (s *Server) closeStalled(now time.Time) {
	for _, c := range s.openConns() {
		if c.stalled(now) {
			s.options.Logger.Warn("Closing connection that stalls with a large request while others wait for memory", "connection", c.ID, "listener", c.Listener,
				"cure", "raise queued.max.request.bytes if this client may be so slow")
			c.close(ClosedStalled)
		}
	}
}
