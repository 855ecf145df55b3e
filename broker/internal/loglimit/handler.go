package loglimit

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// burst is how many lines of a kind may pass at once, and perLine how long it
	// takes until one more may.
	burst   = 20
	perLine = time.Second
	// maxKinds bounds the memory. Messages are constants, there are far fewer.
	maxKinds = 1000
	// settled is how long after its last line a flood is over.
	settled = 10 * time.Second
)

// Handler is a slog.Handler that leaves lines out. It is safe for concurrent use.
type Handler struct {
	next  slog.Handler
	state *state
}

// state is shared by all handlers that came from one New.
type state struct {
	on  atomic.Bool
	now func() time.Time

	mu      sync.Mutex // Guards the fields below; leaf lock.
	kinds   map[string]*kind
	looked  time.Time // When floods that are over were looked for.
	omitted bool      // Some kind has omitted lines.
}

// kind is a bucket of tokens for the lines with one message.
type kind struct {
	tokens  int
	filled  time.Time // When the last token was added.
	last    time.Time // When the last line came, passed or not.
	omitted int
}

// New returns a handler that passes everything to next until Start.
func New(next slog.Handler) *Handler {
	return &Handler{next: next, state: &state{now: time.Now, kinds: make(map[string]*kind)}}
}

// Start begins to leave lines out.
func (h *Handler) Start() { h.state.on.Store(true) }

// Enabled asks the handler behind.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs returns a handler that counts its lines together with h's.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{next: h.next.WithAttrs(attrs), state: h.state}
}

// WithGroup returns a handler that counts its lines together with h's.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{next: h.next.WithGroup(name), state: h.state}
}

// Handle passes the line on, or counts it as left out.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo || !h.state.on.Load() {
		return h.next.Handle(ctx, r)
	}
	pass, omitted, over := h.state.line(r.Message)
	for message, n := range over {
		told := slog.NewRecord(r.Time, slog.LevelInfo, "similar log lines were left out", r.PC)
		told.AddAttrs(slog.String("message", message), slog.Int("omitted", n))
		if err := h.next.Handle(ctx, told); err != nil {
			return err
		}
	}
	if !pass {
		return nil
	}
	if omitted > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("omitted", omitted))
	}
	return h.next.Handle(ctx, r)
}

// line decides on one line. omitted counts those of its kind that were left out
// since the last that passed, over those of floods that have ended, by message.
func (s *state) line(message string) (pass bool, omitted int, over map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	k := s.kindOf(message, now)
	for k.tokens < burst && now.Sub(k.filled) >= perLine {
		k.filled = k.filled.Add(perLine)
		k.tokens++
	}
	if k.tokens == burst {
		k.filled = now
	}
	k.last = now
	if pass = k.tokens > 0; pass {
		k.tokens--
		omitted, k.omitted = k.omitted, 0
	} else {
		k.omitted++
		s.omitted = true
	}
	return pass, omitted, s.over(now)
}

func (s *state) kindOf(message string, now time.Time) *kind {
	k := s.kinds[message]
	if k != nil {
		return k
	}
	if len(s.kinds) >= maxKinds {
		clear(s.kinds) // It never happens with constants; then each begins anew.
	}
	k = &kind{tokens: burst, filled: now}
	s.kinds[message] = k
	return k
}

// over takes the counts of floods that have ended.
func (s *state) over(now time.Time) map[string]int {
	if !s.omitted || now.Sub(s.looked) < settled {
		return nil
	}
	s.looked, s.omitted = now, false
	var over map[string]int
	for message, k := range s.kinds {
		switch {
		case k.omitted == 0:
		case now.Sub(k.last) < settled:
			s.omitted = true
		default:
			if over == nil {
				over = make(map[string]int)
			}
			over[message], k.omitted = k.omitted, 0
		}
	}
	return over
}
