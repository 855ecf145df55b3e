package record

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"moldau.dev/moldau/internal/compress"
)

// unpack gives the records' bytes: the payload itself, or its decompressed form
// in scratch memory that the caller releases. An empty batch, which compaction
// leaves behind, has no payload whatever its codec says.
func (b Batch) unpack(maxSize int) ([]byte, *scratch, error) {
	codec := b.Codec()
	if codec == compress.None || b.Count() == 0 {
		return b.Payload(), nil, nil
	}
	s := scratchPool.Get().(*scratch)
	out, err := compress.Decompress(s.buf[:0], codec, b.Payload(), maxSize)
	if err != nil {
		s.release()
		if errors.Is(err, compress.ErrTooLarge) || errors.Is(err, compress.ErrUnknownCodec) {
			return nil, nil, fmt.Errorf("decompress %v records: %w", codec, err)
		}
		return nil, nil, corruptf(HeaderSize, "decompress %v records: %v", codec, err)
	}
	s.buf = out
	return out, s, nil
}

// scratch is pooled memory for decompressed records.
type scratch struct {
	buf []byte
	// gate is where the holder came in, nil without a gate.
	gate gate
}

// maxPooledScratch keeps one large batch from pinning its memory for ever.
const maxPooledScratch = 4 << 20

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// release gives the memory back; it may be called on nil.
func (s *scratch) release() {
	if s == nil {
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

const largeUnpackers = 2

var (
	smallGate = make(gate, 2*runtime.GOMAXPROCS(0))
	largeGate = make(gate, largeUnpackers)
)

func (g gate) enter() { g <- struct{}{} }

func (g gate) leave() {
	if g != nil {
		<-g
	}
}

// unpackGated is unpack for batches of clients. Batches that do not fit pooled
// memory start over behind a narrower gate.
func (b Batch) unpackGated(maxSize int) ([]byte, *scratch, error) {
	if b.Codec() == compress.None {
		return b.unpack(maxSize)
	}
	payload, s, err := smallGate.unpack(b, min(maxSize, maxPooledScratch))
	if errors.Is(err, compress.ErrTooLarge) && maxSize > maxPooledScratch {
		return largeGate.unpack(b, maxSize)
	}
	return payload, s, err
}

func (g gate) unpack(b Batch, maxSize int) ([]byte, *scratch, error) {
	g.enter()
	payload, s, err := b.unpack(maxSize)
	if s == nil {
		g.leave()
		return payload, nil, err
	}
	s.gate = g
	return payload, s, nil
}
