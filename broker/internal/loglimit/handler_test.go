package loglimit

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// world is a logger with a clock of its own.
type world struct {
	*slog.Logger
	*Handler
	text bytes.Buffer
	now  time.Time
}

func newWorld() *world {
	w := &world{now: time.Unix(1e9, 0)}
	w.Handler = New(slog.NewTextHandler(&w.text, nil))
	w.state.now = func() time.Time { return w.now }
	w.Logger = slog.New(w.Handler)
	return w
}

// lines takes what was logged, from the message on.
func (w *world) lines() []string {
	defer w.text.Reset()
	var lines []string
	for line := range strings.Lines(w.text.String()) {
		_, line, _ = strings.Cut(line, "msg=")
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

func TestEverythingPassesBeforeStart(t *testing.T) {
	w := newWorld()
	for range 1000 {
		w.Warn("torn")
	}
	if n := len(w.lines()); n != 1000 {
		t.Errorf("%d lines", n)
	}
}

func TestFloodIsThinnedOut(t *testing.T) {
	w := newWorld()
	w.Start()
	other := w.With("part", "x").WithGroup("g")
	for i := range 10000 { // Ten seconds.
		w.now = w.now.Add(time.Millisecond)
		w.Warn("closing connection", "connection", i)
		if i%2000 == 0 {
			other.Info("something else")
		}
	}
	flood, others := 0, 0
	for _, line := range w.lines() {
		if strings.Contains(line, "else") {
			others++
		} else {
			flood++
		}
	}
	if flood != burst+9 && flood != burst+10 {
		t.Errorf("%d of 10,000 lines in 10 s", flood)
	}
	if others != 5 {
		t.Errorf("%d of 5 other lines", others)
	}
}

func TestOmittedLinesAreCounted(t *testing.T) {
	w := newWorld()
	w.Start()
	for range burst + 7 {
		w.Error("produce failed")
	}
	w.lines()
	w.now = w.now.Add(perLine)
	w.Error("produce failed", "partition", "t-0")
	if got := w.lines(); len(got) != 1 || got[0] != `"produce failed" partition=t-0 omitted=7` {
		t.Errorf("%q", got)
	}
	w.now = w.now.Add(time.Hour)
	w.Error("produce failed")
	if got := w.lines(); len(got) != 1 || got[0] != `"produce failed"` {
		t.Errorf("%q", got)
	}
}

func TestEndOfAFloodIsTold(t *testing.T) {
	w := newWorld()
	w.Start()
	for range burst + 5 {
		w.Warn("flood")
	}
	w.lines()
	w.now = w.now.Add(settled)
	w.Info("news")
	w.Info("news")
	want := []string{`"similar log lines were left out" message=flood omitted=5`, "news", "news"}
	if got := w.lines(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	w := newWorld()
	w.Start()
	for i := range 10 * maxKinds {
		w.Info(fmt.Sprint(i)) //nolint:sloglint // The worst case.
	}
	if n := len(w.state.kinds); n > maxKinds {
		t.Errorf("%d kinds are remembered", n)
	}
}

func TestDebugLinesPass(t *testing.T) {
	var text bytes.Buffer
	h := New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.Start()
	for range 1000 {
		slog.New(h).Debug("detail")
	}
	if n := strings.Count(text.String(), "\n"); n != 1000 {
		t.Errorf("%d lines", n)
	}
}

func BenchmarkFlood(b *testing.B) {
	h := New(slog.DiscardHandler)
	h.Start()
	logger := slog.New(h)
	for b.Loop() {
		logger.Warn("flood", "connection", "x")
	}
}
