package data

import (
	"bytes"
	"errors"
	"io"
)

// chunkSize is how much of the input is read at a time, in bytes.
const chunkSize = 256 << 10

// errRecordTooLong says that no broker would take what has no end yet.
var errRecordTooLong = errors.New("the record is longer than 100 MiB; is the delimiter (-d) right?")

// splitter splits what it reads at a delimiter. The pieces share the memory of
// the chunk that they were read into, which nobody writes to again.
type splitter struct {
	r         io.Reader
	delimiter []byte

	// buf is the current chunk; buf[start:end] is read and not split, and
	// searched up to the last bytes that may begin a delimiter.
	buf                  []byte
	start, searched, end int
	err                  error
}

func newSplitter(r io.Reader, delimiter []byte) *splitter {
	return &splitter{r: r, delimiter: delimiter}
}

// next gives the next piece without its delimiter. The last one need not have a
// delimiter, but it is none if it is empty. more tells whether the piece after
// it can be had without waiting.
func (s *splitter) next() (piece []byte, more bool, err error) {
	for {
		if i := bytes.Index(s.buf[s.searched:s.end], s.delimiter); i >= 0 {
			piece = s.buf[s.start : s.searched+i : s.searched+i]
			s.start = s.searched + i + len(s.delimiter)
			s.searched = s.start
			return piece, bytes.Contains(s.buf[s.start:s.end], s.delimiter), nil
		}
		s.searched = max(s.start, s.end-len(s.delimiter)+1)
		if s.err != nil {
			if s.start == s.end {
				return nil, false, s.err
			}
			piece = s.buf[s.start:s.end:s.end]
			if !errors.Is(s.err, io.EOF) {
				return nil, false, s.err
			}
			s.start, s.searched = s.end, s.end
			return piece, false, nil
		}
		if s.end-s.start > maxRecordSize {
			return nil, false, errRecordTooLong
		}
		s.fill()
	}
}

// fill reads once, into a new chunk if this one is full.
func (s *splitter) fill() {
	if s.end == len(s.buf) {
		rest := s.buf[s.start:s.end]
		// A piece longer than a chunk doubles it, so that reading stays linear.
		size := chunkSize
		if len(rest) >= chunkSize/2 {
			size = 2 * len(rest)
		}
		buf := make([]byte, max(size, chunkSize))
		copy(buf, rest)
		s.searched -= s.start
		s.buf, s.start, s.end = buf, 0, len(rest)
	}
	n, err := s.r.Read(s.buf[s.end:])
	s.end += n
	s.err = err
}
