package cmdline

import (
	"fmt"
	"sync"
	"time"
)

// redraw is how often progress is drawn at most; the first line comes after that
// time too, so that quick work shows none.
const redraw = 200 * time.Millisecond

// Progress shows on standard error how far long work has come, on one line that
// is redrawn; only on a terminal. Its methods are safe for concurrent use.
type Progress struct {
	env  *Env
	show bool

	mu    sync.Mutex // Guards the fields below and the line on the terminal.
	last  time.Time
	drawn bool
}

// NewProgress starts to show progress. Done ends it.
func (e *Env) NewProgress() *Progress {
	return &Progress{env: e, show: e.ErrIsTerminal(), last: e.Now()}
}

// Update shows a new state, unless the last one is too young.
func (p *Progress) Update(format string, args ...any) {
	if !p.show {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.env.Now()
	if now.Sub(p.last) < redraw {
		return
	}
	p.last, p.drawn = now, true
	p.write("\r\x1b[K" + fmt.Sprintf(format, args...))
}

// Done removes the line.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		p.write("\r\x1b[K")
		p.drawn = false
	}
}

func (p *Progress) write(s string) {
	// A terminal that is gone takes nothing away from the work.
	_, _ = fmt.Fprint(p.env.Err, s)
}
