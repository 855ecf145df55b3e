package network

import (
	"math/bits"
	"sync"
)

// Frame buffers come in size classes, four to each doubling, from 1 KiB to
// maxPooledBytes. A batch of 1 MiB plus its header thus takes 1.25 MiB, not 2.
const (
	minBufferBytes = 1 << 10
	maxPooledBytes = 32 << 20
	classesPerStep = 4
	bufferClasses  = 15*classesPerStep + 1
)

// buffer is pooled frame memory, owned by one request at a time.
type buffer struct {
	bytes []byte
	class int // -1: too large for the pool.
}

// buffers are the free buffers by class.
type buffers [bufferClasses]sync.Pool

// get returns a buffer of at least n bytes, with unspecified content.
func (p *buffers) get(n int) *buffer {
	if n > maxPooledBytes {
		return &buffer{bytes: make([]byte, n), class: -1}
	}
	class, size := bufferClass(n)
	if b, ok := p[class].Get().(*buffer); ok {
		return b
	}
	return &buffer{bytes: make([]byte, size), class: class}
}

// put takes a buffer back. The caller has no reference left.
func (p *buffers) put(b *buffer) {
	if b.class >= 0 {
		p[b.class].Put(b)
	}
}

// bufferClass is the smallest class that holds n bytes, and its size.
func bufferClass(n int) (class, size int) {
	if n <= minBufferBytes {
		return 0, minBufferBytes
	}
	// The octave [base, 2*base) that n-1 falls into, cut into quarters.
	base := 1 << (bits.Len(uint(n-1)) - 1)
	quarter := base / classesPerStep
	k := (n - base + quarter - 1) / quarter // 1 to 4: the class ends at base + k*quarter.
	octave := bits.Len(uint(base)) - bits.Len(uint(minBufferBytes))
	return octave*classesPerStep + k, base + k*quarter
}
