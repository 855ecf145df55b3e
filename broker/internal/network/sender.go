package network

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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

// errNoSendfile says that a file must be copied after all, and errFull that the
// client has to read before more can be sent.
var (
	errNoSendfile = errors.New("the file system cannot sendfile")
	errFull       = errors.New("the socket is full")
)

// sender turns the responses of a run of requests into bytes on a connection. Where
// the socket is full it stops, and goes on later from there. It is pooled, and used
// by one flush at a time.
type sender struct {
	run     *Request // What is sent, nil if nothing is.
	started time.Time
	// request is what is staged next: the part of that number, or what comes before the
	// parts.
	request *Request
	part    int
	// stage is small parts side by side, of which so much is sent, and what follows them
	// from elsewhere.
	stage  []byte
	sent   int
	behind Part
}

const beforeParts = -1

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
	*s = sender{stage: s.stage[:0]}
	p.pool.Put(s)
}

// begin starts with a run.
func (s *sender) begin(run *Request) {
	*s = sender{run: run, started: time.Now(), request: run, part: beforeParts, stage: s.stage[:0]} // A run before may have failed.
}

// send sends what is left, errFull says that it is not all.
func (s *sender) send(c *Conn) error {
	for {
		if err := s.fill(c); err != nil {
			return err
		}
		if s.sent == len(s.stage) && s.behind.size() == 0 {
			return nil
		}
		if err := s.sendStage(c); err != nil {
			return err
		}
		if err := s.sendBehind(c); err != nil {
			return err
		}
	}
}

// fill stages parts until there is enough to send, or one that is sent from where it is.
func (s *sender) fill(c *Conn) error {
	for s.request != nil && s.behind.size() == 0 && len(s.stage) < stageMax {
		r := s.request
		switch {
		case !r.expected:
			s.next()
		case s.part == beforeParts:
			s.stageHeader(r)
		case s.part == len(r.response.Parts):
			s.next()
		default:
			if err := s.addPart(c, &r.response.Parts[s.part]); err != nil {
				return err
			}
			s.part++
		}
	}
	return nil
}

func (s *sender) next() { s.request, s.part = s.request.next, beforeParts }

// stageHeader stages a response's header, or all of it if network encodes it.
func (s *sender) stageHeader(r *Request) {
	if m := r.response.Message; m != nil {
		before := len(s.stage)
		s.stage = protocol.AppendResponse(s.stage, r.Header.CorrelationID, m)
		r.responseBytes = int64(len(s.stage) - before)
		s.next()
		return
	}
	var size int64
	for i := range r.response.Parts {
		size += r.response.Parts[i].size()
	}
	s.stage = protocol.AppendResponseHeader(s.stage, r.Header, int(size))
	r.responseBytes = size + protocol.MaxResponseHeaderSize
	s.part = 0
}

// addPart stages a part, or puts it behind what is staged.
func (s *sender) addPart(c *Conn, p *Part) error {
	switch {
	case p.size() >= sendfileMin:
		s.behind = *p
		return nil
	case p.File != nil:
		return s.copyFile(c, p.File, p.Position, int(p.Size))
	}
	s.stage = append(s.stage, p.Bytes...)
	return nil
}

// copyFile stages a file range.
func (s *sender) copyFile(c *Conn, f *os.File, position int64, size int) error {
	start := len(s.stage)
	s.stage = slices.Grow(s.stage, size)[:start+size]
	if got := readCached(f, s.stage[start:], position); got < size {
		c.standAside()
		if _, err := f.ReadAt(s.stage[start+got:], position+int64(got)); err != nil {
			return newRangeError(f, position, int64(size), err)
		}
	}
	return nil
}

// sendStage sends what is staged.
func (s *sender) sendStage(c *Conn) error {
	for s.sent < len(s.stage) {
		n, err := put(c, s.stage[s.sent:], s.behind.size() > 0)
		if s.sent += n; err != nil {
			return err
		}
	}
	s.stage, s.sent = s.stage[:0], 0
	return nil
}

// sendBehind sends what is behind the stage, which is empty. Where a file has to be
// copied it is staged, a piece of it.
func (s *sender) sendBehind(c *Conn) error {
	p := &s.behind
	for p.File == nil && len(p.Bytes) > 0 {
		n, err := put(c, p.Bytes, false)
		if p.Bytes = p.Bytes[n:]; err != nil {
			return err
		}
	}
	for p.Size > 0 {
		if !p.copied && c.sock != nil && canSendfile {
			err := sendFile(c, p)
			if p.copied = errors.Is(err, errNoSendfile); !p.copied && err != nil {
				return err
			}
			continue
		}
		n := min(p.Size, stageMax)
		if err := s.copyFile(c, p.File, p.Position, int(n)); err != nil {
			return err
		}
		p.Position += n
		if p.Size -= n; p.Size > 0 {
			if err := s.sendStage(c); err != nil {
				return err
			}
		}
	}
	s.behind = Part{}
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

// put sends some of b, and as much as there is room for if a poller watches the
// connection. more says that further bytes follow at once.
func put(c *Conn, b []byte, more bool) (n int, err error) {
	if b = b[:min(len(b), stageMax)]; more && c.sock != nil && canSendfile {
		n, err = sendMore(c, b)
	} else {
		n, err = c.conn.Write(b)
	}
	if n > 0 {
		c.moved(time.Now()) // Progress shows in lastMoved.
	}
	return n, err
}
