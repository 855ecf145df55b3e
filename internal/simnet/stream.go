package simnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// streamMax bounds the bytes that are on their way in one direction, as the
// socket buffers of both ends together do.
const streamMax = 256 << 10

// stream carries bytes from the end that writes to the end that reads.
type stream struct {
	mu   sync.Mutex // Guards the fields below.
	cond sync.Cond  // Signals every change of them, deadlines that pass, and bytes that arrive.

	latency time.Duration
	held    bool // Nothing arrives.

	// pieces are the bytes on their way; size is how many.
	pieces []piece
	size   int
	// finished says that the writer has sent all, at finAt.
	finished bool
	finAt    time.Time
	// reset is set when the connection was broken off; the reader hears of it at resetAt.
	reset   bool
	resetAt time.Time
	// readerGone and writerGone say that this end's Close has been called.
	readerGone, writerGone bool

	read, write deadline
	arrival     *time.Timer // Wakes the reader for what arrives next.
}

// piece is what was written at once.
type piece struct {
	bytes []byte
	at    time.Time // When it arrives.
}

func newStream(latency time.Duration, held bool) *stream {
	s := &stream{latency: latency, held: held}
	s.cond.L = &s.mu
	return s
}

func (s *stream) setLatency(latency time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = latency
}

// hold lets nothing arrive, or lets all that waited arrive at once.
func (s *stream) hold(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	s.cond.Broadcast()
}

// recv is Read: it waits for the first bytes, the end, or the deadline.
func (s *stream) recv(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch now := time.Now(); {
		case s.readerGone:
			return 0, net.ErrClosed
		case s.read.passed(now):
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case s.held:
		case s.reset && !s.resetAt.After(now):
			return 0, os.NewSyscallError("read", syscall.ECONNRESET)
		case len(s.pieces) > 0 && !s.pieces[0].at.After(now):
			return s.takeLocked(p, now), nil
		case len(s.pieces) == 0 && s.finished && !s.finAt.After(now):
			return 0, io.EOF
		default:
			s.awaitArrivalLocked(now)
		}
		s.cond.Wait()
	}
}

// takeLocked takes what has arrived, as far as there is room.
func (s *stream) takeLocked(p []byte, now time.Time) int {
	n := 0
	for n < len(p) && len(s.pieces) > 0 && !s.pieces[0].at.After(now) {
		first := &s.pieces[0]
		copied := copy(p[n:], first.bytes)
		n += copied
		if first.bytes = first.bytes[copied:]; len(first.bytes) == 0 {
			s.pieces[0] = piece{}
			s.pieces = s.pieces[1:]
		}
	}
	if len(s.pieces) == 0 {
		s.pieces = nil
	}
	s.size -= n
	s.cond.Broadcast()
	return n
}

// awaitArrivalLocked has the reader woken for what is on its way.
func (s *stream) awaitArrivalLocked(now time.Time) {
	var next time.Time
	earlier := func(at time.Time) {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if len(s.pieces) > 0 {
		earlier(s.pieces[0].at)
	} else if s.finished {
		earlier(s.finAt)
	}
	if s.reset {
		earlier(s.resetAt)
	}
	if next.IsZero() {
		return
	}
	if s.arrival == nil {
		s.arrival = time.AfterFunc(next.Sub(now), s.wake)
		return
	}
	s.arrival.Reset(next.Sub(now))
}

func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cond.Broadcast()
}

// send is Write: it waits until all bytes are on their way.
func (s *stream) send(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for {
		switch now := time.Now(); {
		case s.writerGone:
			return n, net.ErrClosed
		case s.write.passed(now):
			return n, os.ErrDeadlineExceeded
		case s.reset && !s.held:
			return n, os.NewSyscallError("write", syscall.ECONNRESET)
		case s.finished, s.readerGone && !s.held:
			return n, os.NewSyscallError("write", syscall.EPIPE)
		case n == len(p):
			return n, nil
		case s.size < streamMax:
			room := min(streamMax-s.size, len(p)-n)
			s.putLocked(p[n:n+room], now)
			if n += room; n == len(p) {
				return n, nil
			}
		}
		s.cond.Wait()
	}
}

// putLocked puts bytes on their way, behind those that are.
func (s *stream) putLocked(p []byte, now time.Time) {
	at := now.Add(s.latency)
	s.size += len(p)
	defer s.cond.Broadcast()
	if last := len(s.pieces) - 1; last >= 0 {
		if s.pieces[last].at.After(at) { // The latency was lowered: order comes first.
			at = s.pieces[last].at
		}
		if s.latency == 0 {
			s.pieces[last].bytes = append(s.pieces[last].bytes, p...)
			return
		}
	}
	s.pieces = append(s.pieces, piece{append([]byte(nil), p...), at})
}

// finish ends the stream after what is on its way.
func (s *stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finishLocked()
}

func (s *stream) finishLocked() {
	if !s.finished {
		s.finished, s.finAt = true, time.Now().Add(s.latency)
	}
	s.cond.Broadcast()
}

// closeWriter is Close at the end that writes.
func (s *stream) closeWriter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writerGone = true
	s.write.stop()
	s.finishLocked()
}

// closeReader is Close at the end that reads. It tells whether bytes were left unread.
func (s *stream) closeReader() (unread bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readerGone = true
	s.read.stop()
	if s.arrival != nil {
		s.arrival.Stop()
	}
	unread = s.size > 0
	s.pieces, s.size = nil, 0
	s.cond.Broadcast()
	return unread
}

// abort breaks the stream off: the reader loses what it has not read.
func (s *stream) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.reset {
		s.reset, s.resetAt = true, time.Now().Add(s.latency)
	}
	s.cond.Broadcast()
}

func (s *stream) setReadDeadline(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.readerGone {
		s.read.set(at, s.wake)
	}
	s.cond.Broadcast()
}

func (s *stream) setWriteDeadline(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.writerGone {
		s.write.set(at, s.wake)
	}
	s.cond.Broadcast()
}

// deadline is a point in time at which waiting ends; the zero one never comes.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed(now time.Time) bool { return !d.at.IsZero() && !d.at.After(now) }

func (d *deadline) set(at time.Time, wake func()) {
	d.at = at
	if at.IsZero() {
		d.stop()
		return
	}
	wait := max(0, time.Until(at))
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, wake)
		return
	}
	d.timer.Reset(wait)
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
