package network

import "sync"

// requestMemory is the bound queued.max.request.bytes on the frames of all
// connections. As in Kafka the bound is soft by one frame: whoever finds any
// byte free may read a whole frame, so that a frame larger than the bound
// still gets through.
type requestMemory struct {
	mu   sync.Mutex
	cond sync.Cond
	max  int64 // 0: no bound.
	used int64
}

func (m *requestMemory) init(limit int64) {
	m.cond.L = &m.mu
	m.setMax(limit)
}

func (m *requestMemory) setMax(limit int64) {
	m.mu.Lock()
	m.max = max(0, limit)
	m.mu.Unlock()
	m.cond.Broadcast()
}

// acquire waits until there is room for a frame of n bytes. It returns false
// if the connection was closed meanwhile.
func (m *requestMemory) acquire(c *Conn, n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.max > 0 && m.used >= m.max {
		if c.closing.Load() {
			return false
		}
		m.cond.Wait()
	}
	m.used += n
	return true
}

// release gives n bytes back.
func (m *requestMemory) release(n int64) {
	m.mu.Lock()
	m.used -= n
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
