package network

import (
	"log/slog"
	"sync"
	"time"
)

// logInterval spaces the lines of one kind: a port scanner, or a misconfigured
// client in a loop, must not fill the disk.
const logInterval = 10 * time.Second

// throttledLog logs each message, whose text must be constant, at most once per
// logInterval, with the number of times it was left out since.
type throttledLog struct {
	logger *slog.Logger

	mu    sync.Mutex
	kinds map[string]*logKind
}

type logKind struct {
	last    time.Time
	omitted int
}

func (l *throttledLog) warn(message string, args ...any) {
	omitted, ok := l.permit(message, time.Now())
	if !ok {
		return
	}
	if omitted > 0 {
		args = append(args, "omitted", omitted)
	}
	l.logger.Warn(message, args...) //nolint:sloglint // Callers give constants.
}

func (l *throttledLog) permit(message string, now time.Time) (omitted int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kind := l.kinds[message]
	if kind == nil {
		if l.kinds == nil {
			l.kinds = make(map[string]*logKind)
		}
		l.kinds[message] = &logKind{last: now}
		return 0, true
	}
	if now.Sub(kind.last) < logInterval {
		kind.omitted++
		return 0, false
	}
	omitted, kind.omitted, kind.last = kind.omitted, 0, now
	return omitted, true
}
