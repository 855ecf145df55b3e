package record

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"weak"

	"moldau.dev/moldau/internal/compress"
)

// unpack gives the records' bytes: the payload itself, or its decompressed form
// in scratch memory that the caller releases. An empty batch, which compaction
// leaves behind, has no payload whatever its codec says.
func (b Batch) unpack(maxSize int) ([]byte, *scratch, error) {
	if b.Codec() == compress.None || b.Count() == 0 {
		return b.Payload(), nil, nil
	}
	return b.unpackInto(scratchPool.Get().(*scratch), maxSize)
}

// unpackInto decompresses the payload into scratch memory, which is the caller's
// on success only.
func (b Batch) unpackInto(s *scratch, maxSize int) ([]byte, *scratch, error) {
	codec := b.Codec()
	out, err := compress.Decompress(s.buf[:0], codec, b.Payload(), maxSize)
	s.buf = out // Also when it failed: what has grown for a bomb serves the next one.
	if err != nil {
		s.release()
		if errors.Is(err, compress.ErrTooLarge) || errors.Is(err, compress.ErrUnknownCodec) {
			return nil, nil, fmt.Errorf("decompress %v records: %w", codec, err)
		}
		return nil, nil, corruptf(HeaderSize, "decompress %v records: %v", codec, err)
	}
	return out, s, nil
}

// scratch is pooled memory for decompressed records.
type scratch struct {
	buf []byte
	// gate is where the holder came in, nil without a gate.
	gate gate
	// large is set for the scratch of the large gate, kept its memory while nobody
	// holds it.
	large chan *scratch
	kept  weak.Pointer[[]byte]
}

// maxPooledScratch keeps one large batch from pinning its memory for ever.
const maxPooledScratch = 4 << 20

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// release gives the memory back; it may be called on nil.
func (s *scratch) release() {
	if s == nil {
		return
	}
	if s.large != nil {
		memory := s.buf
		s.buf, s.kept = nil, weak.Make(&memory)
		s.large <- s
		return
	}
	s.gate.leave()
	s.gate = nil
	if cap(s.buf) > maxPooledScratch {
		s.buf = nil
	}
	scratchPool.Put(s)
}

// gate bounds how many batches are validated in decompressed form at a time,
// and so the memory that clients can claim: a batch may be a thousandth of what
// it decompresses to. Holders only compute, so nobody waits for long, and more
// of them than processors would not be faster.
type gate chan struct{}

var smallGate = make(gate, 2*runtime.GOMAXPROCS(0))

func (g gate) enter() { g <- struct{}{} }

func (g gate) leave() {
	if g != nil {
		<-g
	}
}

// maxLargeUnpackers bounds the memory for large batches on large machines. On
// small ones half the processors are left to the others, because large batches take long.
const maxLargeUnpackers = 2

// largeScratches is the gate of large batches, and holds their memory: it is used
// again while large batches come one after the other, and the garbage collector
// takes it when it runs in between.
var largeScratches = newLargeScratches(min(max(1, runtime.GOMAXPROCS(0)/2), maxLargeUnpackers))

func newLargeScratches(n int) chan *scratch {
	scratches := make(chan *scratch, n)
	for range n {
		scratches <- &scratch{large: scratches}
	}
	return scratches
}

// unpackGated is unpack for batches of clients. Batches that do not fit pooled
// memory start over behind a narrower gate.
func (b Batch) unpackGated(maxSize int) ([]byte, *scratch, error) {
	if b.Codec() == compress.None || b.Count() == 0 {
		return b.unpack(maxSize)
	}
	smallGate.enter()
	payload, s, err := b.unpack(min(maxSize, maxPooledScratch))
	if s == nil {
		smallGate.leave()
	} else {
		s.gate = smallGate
	}
	if !errors.Is(err, compress.ErrTooLarge) || maxSize <= maxPooledScratch {
		return payload, s, err
	}
	large := <-largeScratches
	if memory := large.kept.Value(); memory != nil {
		large.buf = *memory
	}
	return b.unpackInto(large, maxSize)
}
