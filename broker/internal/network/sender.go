package network

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"moldau.dev/moldau/internal/protocol"
)

const (
	// sendfileMin is the size of a file range from which sendfile is cheaper
	// than reading it into the staging buffer (measured on loopback: at 64 KiB
	// they are equal, at 128 KiB sendfile takes 60 % of the processor time).
	sendfileMin = 64 << 10
	// stageMax bounds how much is staged before it is written. It is also the
	// unit of progress of a slow client: a write of so much, at most, must
	// succeed within connections.max.idle.ms.
	stageMax = 256 << 10
	// keepStage is the largest staging buffer that is kept for reuse.
	keepStage = 1 << 20
)

// errNoSendfile says that a file must be copied after all.
var errNoSendfile = errors.New("the file system cannot sendfile")

// sender turns responses into bytes on a connection. It is pooled, and used by
// one flush at a time.
type sender struct {
	stage []byte
}

type senders struct{ pool sync.Pool }

func (p *senders) get() *sender {
	if s, ok := p.pool.Get().(*sender); ok {
		return s
	}
	return &sender{stage: make([]byte, 0, 4<<10)}
}

func (p *senders) put(s *sender) {
	if cap(s.stage) > keepStage {
		s.stage = make([]byte, 0, 4<<10)
	}
	s.reset()
	p.pool.Put(s)
}

func (s *sender) reset() { s.stage = s.stage[:0] }

// add stages the response of r, and writes what becomes too much to stage.
func (s *sender) add(c *Conn, r *Request) error {
	if m := r.response.Message; m != nil {
		before := len(s.stage)
		s.stage = protocol.AppendResponse(s.stage, r.Header.CorrelationID, m)
		r.responseBytes = int64(len(s.stage) - before)
		return s.flushIfLarge(c)
	}
	var size int64
	for i := range r.response.Parts {
		size += r.response.Parts[i].size()
	}
	s.stage = protocol.AppendResponseHeader(s.stage, r.Header, int(size))
	r.responseBytes = size + protocol.MaxResponseHeaderSize
	for i := range r.response.Parts {
		if err := s.addPart(c, &r.response.Parts[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) addPart(c *Conn, p *Part) error {
	switch {
	case p.File != nil && p.Size >= sendfileMin && c.sock != nil && canSendfile:
		if err := s.flush(c, true); err != nil {
			return err
		}
		position, size, err := sendFile(c, p)
		if errors.Is(err, errNoSendfile) {
			return s.copyFile(c, p.File, position, size)
		}
		return err
	case p.File != nil:
		return s.copyFile(c, p.File, p.Position, p.Size)
	case len(p.Bytes) >= sendfileMin:
		if err := s.flush(c, true); err != nil {
			return err
		}
		return write(c, p.Bytes)
	}
	s.stage = append(s.stage, p.Bytes...)
	return s.flushIfLarge(c)
}

// copyFile sends a file range through the staging buffer.
func (s *sender) copyFile(c *Conn, f *os.File, position, size int64) error {
	for size > 0 {
		n := int(min(size, stageMax))
		start := len(s.stage)
		s.stage = append(s.stage, make([]byte, n)...)
		if got := readCached(f, s.stage[start:], position); got < n {
			c.standAside()
			if _, err := f.ReadAt(s.stage[start+got:], position+int64(got)); err != nil {
				return newRangeError(f, position, size, err)
			}
		}
		position += int64(n)
		size -= int64(n)
		if err := s.flushIfLarge(c); err != nil {
			return err
		}
	}
	return nil
}

// rangeError is a file range that could not be read.
type rangeError struct {
	name           string
	position, size int64
	err            error
}

func newRangeError(f *os.File, position, size int64, err error) error {
	if err == io.EOF { //nolint:errorlint // io.ReaderAt returns it bare.
		err = io.ErrUnexpectedEOF
	}
	return &rangeError{f.Name(), position, size, err}
}

func (e *rangeError) Error() string {
	return fmt.Sprintf("send %d bytes at %d of %s: %v", e.size, e.position, e.name, e.err)
}

func (e *rangeError) Unwrap() error { return e.err }

func (s *sender) flushIfLarge(c *Conn) error {
	if len(s.stage) < stageMax {
		return nil
	}
	return s.flush(c, false)
}

// flush writes what is staged. more says that further bytes follow at once.
func (s *sender) flush(c *Conn, more bool) error {
	if len(s.stage) == 0 {
		return nil
	}
	staged := s.stage
	s.stage = s.stage[:0]
	if more && c.sock != nil && canSendfile {
		return sendMore(c, staged)
	}
	return write(c, staged)
}

// write writes b in pieces, so that progress shows in lastMoved.
func write(c *Conn, b []byte) error {
	for len(b) > 0 {
		n := min(len(b), stageMax)
		if _, err := c.conn.Write(b[:n]); err != nil {
			return err
		}
		if b = b[n:]; len(b) > 0 {
			c.moved(time.Now())
		}
	}
	return nil
}
