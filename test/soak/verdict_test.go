package soak

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// bound says how much a column may grow from the second to the last quarter of the
// long stretch without restarts: a share, and an amount that is noise.
type bound struct {
	column column
	share  float64
	amount float64
}

var bounds = []bound{
	{rss, 0.10, 6},
	{heap, 0.15, 4},
	{goroutines, 0.05, 10},
	{files, 0.10, 10},
	{threads, 0.10, 3},
	{disk, 0.10, 10},
}

// level is how a column went.
type level struct {
	bound
	second, last float64 // Medians of these quarters.
	slope        float64 // Per hour, over the second to fourth quarter.
	measured     bool
}

func (l level) fine() bool { return !l.measured || l.last <= l.second*(1+l.share)+l.amount }

type verdict struct {
	levels []level
	judged bool // Whether the run was long enough to tell.
}

// shortest is the shortest run of which the levels are judged.
const shortest = 10 * time.Minute

func judge(curve []sample, run time.Duration) verdict {
	v := verdict{judged: run >= shortest}
	var stretch []sample
	for _, s := range curve {
		if s.at >= stretchBegin(run) && s.at < stretchEnd(run) {
			stretch = append(stretch, s)
		}
	}
	for _, b := range bounds {
		l := level{bound: b}
		if quarter := len(stretch) / 4; quarter > 0 {
			second, last := stretch[quarter:2*quarter], stretch[len(stretch)-quarter:]
			l.second, l.last = median(second, b.column), median(last, b.column)
			l.measured = l.second >= 0 && l.last >= 0
			l.slope = slope(stretch[quarter:], b.column)
		}
		v.levels = append(v.levels, l)
	}
	return v
}

func median(samples []sample, c column) float64 {
	var values []float64
	for _, s := range samples {
		if s.values[c] >= 0 {
			values = append(values, s.values[c])
		}
	}
	if len(values) == 0 {
		return -1
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// slope fits a line and gives its growth per hour.
func slope(samples []sample, c column) float64 {
	var n, sx, sy, sxx, sxy float64
	for _, s := range samples {
		if y := s.values[c]; y >= 0 {
			x := s.at.Hours()
			n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
		}
	}
	if d := n*sxx - sx*sx; d > 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}

func (v verdict) failures() []string {
	var lines []string
	for _, l := range v.levels {
		if v.judged && !l.fine() {
			lines = append(lines, fmt.Sprintf("%s grows: %.4g in the second quarter, %.4g in the last", columnNames[l.column], l.second, l.last))
		}
	}
	return lines
}

func (v verdict) text() string {
	var b strings.Builder
	b.WriteString("| | second quarter | last quarter | growth per hour, fitted | may grow by | verdict |\n|---|---|---|---|---|---|\n")
	for _, l := range v.levels {
		said := "levels"
		switch {
		case !l.measured:
			said = "not measured"
		case !v.judged:
			said = "the run is too short to tell"
		case !l.fine():
			said = "GROWS"
		}
		fmt.Fprintf(&b, "| %s | %.4g | %.4g | %+.3g | %.0f %% + %.0f | %s |\n", columnNames[l.column], l.second, l.last, l.slope, 100*l.share, l.amount, said)
	}
	return b.String()
}

// TestVerdictSeesALeak judges curves that level and curves that do not.
func TestVerdictSeesALeak(t *testing.T) {
	curve := func(f func(hours float64) float64) []sample {
		var all []sample
		for at := time.Duration(0); at < time.Hour; at += 10 * time.Second {
			s := sample{at: at}
			for i := range s.values {
				s.values[i] = f(at.Hours())
			}
			all = append(all, s)
		}
		return all
	}
	if failures := judge(curve(func(h float64) float64 { return 100 + 3*h }), time.Hour).failures(); len(failures) > 0 {
		t.Errorf("a level curve: %v", failures)
	}
	if failures := judge(curve(func(h float64) float64 { return 100 + 300*h }), time.Hour).failures(); len(failures) != len(bounds) {
		t.Errorf("a growing curve: %v", failures)
	}
}
