package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// scratch is memory for short reads of headers and index entries.
type scratch [indexBufferSize]byte

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// bufferPool holds the buffers of batch readers.
var bufferPool = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// header is what positions, offsets and timestamps need to know of a batch.
type header struct {
	position     int64
	size         int
	magic        int8
	baseOffset   kafka.Offset // Equal to lastOffset before magic 2, where it is not stored.
	lastOffset   kafka.Offset
	maxTimestamp int64 // record.NoTimestamp for magic 0.
}

// end is the position after the batch.
func (h *header) end() int64 { return h.position + int64(h.size) }

// Where an old message (magic 1) keeps its timestamp.
const v1TimestampAt = 18

// parseHeader reads a header from b, which may end within the batch.
func parseHeader(b []byte, position int64) (header, error) {
	p, err := record.Peek(b)
	if err != nil {
		return header{}, err
	}
	h := header{position: position, size: p.Size, magic: p.Magic, baseOffset: p.Offset, lastOffset: p.Offset, maxTimestamp: record.NoTimestamp}
	switch p.Magic {
	case record.Magic:
		if len(b) < record.HeaderSize {
			return header{}, io.ErrUnexpectedEOF
		}
		v2 := record.Batch(b[:record.HeaderSize])
		h.lastOffset, h.maxTimestamp = v2.LastOffset(), v2.MaxTimestamp()
	case 1:
		if len(b) < v1TimestampAt+8 {
			return header{}, io.ErrUnexpectedEOF
		}
		h.maxTimestamp = int64(binary.BigEndian.Uint64(b[v1TimestampAt:]))
	}
	return h, nil
}

// scanner walks the headers of a file from a position up to limit.
type scanner struct {
	file     vfs.File
	position int64 // Of the next header.
	limit    int64
	buf      *scratch
	bufStart int64
	bufLen   int
}

// newScanner gives a scanner; release must follow.
func newScanner(f vfs.File, position, limit int64) scanner {
	return scanner{file: f, position: position, limit: limit, buf: scratchPool.Get().(*scratch)}
}

func (s *scanner) release() {
	scratchPool.Put(s.buf)
	s.buf = nil
}

// next gives the next header; io.EOF exactly at the limit, *CorruptError when
// the bytes up to the limit do not start with a whole batch.
func (s *scanner) next() (header, error) {
	if s.position == s.limit {
		return header{}, io.EOF
	}
	b := s.buffered()
	if len(b) < record.HeaderSize && s.bufStart+int64(s.bufLen) < s.limit {
		if err := s.fill(); err != nil {
			return header{}, err
		}
		b = s.buffered()
	}
	h, err := parseHeader(b, s.position)
	if err == nil && h.end() > s.limit {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return header{}, &CorruptError{File: s.file.Name(), Position: s.position, Err: err}
	}
	s.position = h.end()
	return h, nil
}

func (s *scanner) buffered() []byte {
	at := s.position - s.bufStart
	if at < 0 || at >= int64(s.bufLen) {
		return nil
	}
	return s.buf[at:s.bufLen]
}

func (s *scanner) fill() error {
	want := int(min(int64(len(s.buf)), s.limit-s.position))
	n, err := s.file.ReadAt(s.buf[:want], s.position)
	s.bufStart, s.bufLen = s.position, n
	if n < want && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// find gives the first batch from position on whose last offset is at least
// target; false if there is none before limit.
func find(f vfs.File, position, limit int64, target kafka.Offset) (header, bool, error) {
	s := newScanner(f, position, limit)
	defer s.release()
	for {
		h, err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			return header{}, false, nil
		case err != nil:
			return header{}, false, err
		case h.lastOffset >= target:
			return h, true, nil
		}
	}
}
