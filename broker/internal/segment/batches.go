package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

// Batches walks the whole batches from the one that holds offset from up to
// the published end, or until each gives false. Batches older than magic 2 are
// skipped. The memory is reused.
func (s *Segment) Batches(from kafka.Offset, each func(record.Batch) (more bool, err error)) error {
	size, next := s.tail.load()
	if from >= next || size == 0 {
		return nil
	}
	f, err := s.openLog()
	if err != nil {
		return err
	}
	defer s.dir.handles.unpin(&s.log)
	start, err := s.positionFor(from)
	if err != nil {
		return err
	}
	walk := newBatchReader(f, start, size)
	defer walk.release()
	for {
		h, b, err := walk.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.lastOffset < from || h.magic != record.Magic {
			continue
		}
		if more, err := each(record.Batch(b)); err != nil || !more {
			return err
		}
	}
}

// batchReader reads whole batches in sequence through one buffer.
type batchReader struct {
	file     vfs.File
	position int64 // Of the next batch.
	limit    int64
	buf      *bytes.Buffer
	start    int64 // Position of the buffer's first byte.
}

func newBatchReader(f vfs.File, position, limit int64) batchReader {
	buf := bufferPool.Get().(*bytes.Buffer)
	buf.Reset()
	return batchReader{file: f, position: position, limit: limit, buf: buf, start: position}
}

// next gives the next batch, valid until the following call; errors as those
// of scanner.next.
func (r *batchReader) next() (header, []byte, error) {
	if r.position == r.limit {
		return header{}, nil, io.EOF
	}
	b, err := r.atLeast(record.HeaderSize)
	if err != nil {
		return header{}, nil, err
	}
	h, err := parseHeader(b, r.position)
	if err == nil && h.end() > r.limit {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return header{}, nil, &CorruptError{File: r.file.Name(), Position: r.position, Err: err}
	}
	if b, err = r.atLeast(h.size); err != nil {
		return header{}, nil, err
	}
	if len(b) < h.size {
		return header{}, nil, &CorruptError{File: r.file.Name(), Position: r.position, Err: io.ErrUnexpectedEOF}
	}
	r.position = h.end()
	return h, b[:h.size:h.size], nil
}

// recoverChunk is how much is read at once.
const recoverChunk = 256 << 10

// atLeast gives the bytes from position on: n, or fewer where the file ends.
func (r *batchReader) atLeast(n int) ([]byte, error) {
	r.buf.Next(int(r.position - r.start))
	r.start = r.position
	if r.buf.Len() >= n {
		return r.buf.Bytes(), nil
	}
	at := r.start + int64(r.buf.Len())
	want := int(min(int64(max(n-r.buf.Len(), recoverChunk)), r.limit-at))
	if want <= 0 {
		return r.buf.Bytes(), nil
	}
	r.buf.Grow(want)
	free := r.buf.AvailableBuffer()[:want]
	got, err := r.file.ReadAt(free, at)
	if got < want && err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", r.file.Name(), err)
	}
	_, _ = r.buf.Write(free[:got]) // Never fails; the bytes are in place.
	return r.buf.Bytes(), nil
}

func (r *batchReader) release() {
	if r.buf.Cap() <= 4*recoverChunk {
		bufferPool.Put(r.buf)
	}
	r.buf = nil
}
