package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// write writes the results of a run into a folder.
func (s *soak) write(dir string, curve []sample, v verdict) error {
	var csv strings.Builder
	csv.WriteString("seconds,generation,up_seconds," + strings.Join(columnNames[:], ",") + "\n")
	for _, p := range curve {
		csv.WriteString(p.csv() + "\n")
	}
	for name, text := range map[string]string{"soak.csv": csv.String(), "soak.svg": picture(curve), "soak.md": s.page(v)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // Documentation.
			return err
		}
	}
	return nil
}

// page is the report in Markdown.
func (s *soak) page(v verdict) string {
	var b strings.Builder
	d := &s.did
	fmt.Fprintf(&b, "# Long run\n\nWritten by `make soak DURATION=%v` on %s, %s/%s, %d CPUs, %s. Raw data: [soak.csv](soak.csv).\n\n",
		*duration, s.began.UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	b.WriteString("![The curves of the run](soak.svg)\n\n## What happened\n\n| | |\n|---|---|\n")
	for _, row := range []struct {
		what  string
		count int64
	}{
		{"records acknowledged", d.produced.Load()},
		{"records read and compared, each partition by one reader from its start", d.read.Load()},
		{"records delivered to groups", s.deliveries.Records()},
		{"produce requests that failed", d.failed.Load()},
		{"members that joined a group", d.members.Load()},
		{"assignments by rebalances", d.assignments.Load()},
		{"offsets committed", d.commits.Load()},
		{"topics created, used and deleted", d.topicsDeleted.Load()},
		{"configurations changed", d.configsChanged.Load()},
		{"DeleteRecords", d.recordsDeleted.Load()},
		{"administrative requests that failed (the broker was away)", d.adminFailed.Load()},
		{"clean restarts", d.stops.Load()},
		{"restarts after kill -9", d.kills.Load()},
		{"**violations**", int64(len(s.violations))},
	} {
		fmt.Fprintf(&b, "| %s | %d |\n", row.what, row.count)
	}
	b.WriteString("\nA violation would be: an acknowledged record that is lost (except by retention or DeleteRecords that were due), is there twice, out of a producer's order, " +
		"altered, or at another offset than acknowledged; offsets that are not dense; a committed offset that goes back; a record that a group misses; a log that starts too late or ends too early; " +
		"a configuration that is not what was set; a request that an unlimited number of retries does not bring through; a stop that is not clean.\n")
	for _, violation := range s.violations[:min(len(s.violations), 20)] {
		fmt.Fprintf(&b, "- %s\n", violation)
	}
	fmt.Fprintf(&b, "\n## Does it level?\n\nCompared are medians of the stretch without restarts, from %v to %v.\n\n%s", stretchBegin(*duration).Round(time.Second),
		stretchEnd(*duration).Round(time.Second), v.text())
	return b.String()
}

// chart is one of the pictures: columns on one scale.
type chart struct {
	title   string
	columns []column
}

var charts = []chart{
	{"memory, MiB", []column{rss, heap}},
	{"goroutines, open files, threads", []column{goroutines, files, threads}},
	{"CPU, % of a core", []column{cpu, loadCPU}},
	{"disk, MiB: with retention, and of topics that nothing is deleted from", []column{disk, diskKept}},
	{"records per second", []column{produced, read}},
	{"latency, ms", []column{produceP50, produceP99, endToEndP99}},
}

const (
	chartWidth, chartHeight = 860.0, 110.0
	chartLeft, chartTop     = 60.0, 30.0
)

var colours = []string{"#1f77b4", "#d62728", "#2ca02c"}

// picture draws the curves, restarts as grey lines.
func picture(curve []sample) string {
	var b strings.Builder
	height := float64(len(charts)) * (chartHeight + chartTop + 10)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="11">`+"\n", chartWidth+chartLeft+20, height+20)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	if len(curve) > 0 {
		for i, c := range charts {
			c.draw(&b, curve, chartTop+float64(i)*(chartHeight+chartTop+10))
		}
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="end">%.0f minutes</text>`+"\n", chartLeft+chartWidth, height+10, curve[len(curve)-1].at.Minutes())
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (c chart) draw(b *strings.Builder, curve []sample, top float64) {
	end, most := curve[len(curve)-1].at.Seconds(), 1.0
	for _, s := range curve {
		for _, column := range c.columns {
			most = max(most, s.values[column])
		}
	}
	x := func(s sample) float64 { return chartLeft + chartWidth*s.at.Seconds()/end }
	fmt.Fprintf(b, `<rect x="%.0f" y="%.0f" width="%.0f" height="%.0f" fill="none" stroke="#999"/>`+"\n", chartLeft, top, chartWidth, chartHeight)
	fmt.Fprintf(b, `<text x="%.0f" y="%.0f" text-anchor="end">%.4g</text><text x="%.0f" y="%.0f" text-anchor="end">0</text>`+"\n",
		chartLeft-4, top+10, most, chartLeft-4, top+chartHeight)
	for i := 1; i < len(curve); i++ {
		if curve[i].generation != curve[i-1].generation {
			fmt.Fprintf(b, `<path d="M%.1f %.1fV%.1f" stroke="#ccc"/>`+"\n", x(curve[i]), top, top+chartHeight)
		}
	}
	label := chartLeft
	fmt.Fprintf(b, `<text x="%.0f" y="%.0f" font-weight="bold">%s</text>`+"\n", label, top-6, c.title)
	label += 220
	for n, column := range c.columns {
		var path strings.Builder
		move := "M"
		for _, s := range curve {
			v := s.values[column]
			if v < 0 {
				move = "M"
				continue
			}
			fmt.Fprintf(&path, "%s%.1f %.1f", move, x(s), top+chartHeight-chartHeight*v/most)
			move = "L"
		}
		fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.2"/>`+"\n", path.String(), colours[n])
		fmt.Fprintf(b, `<text x="%.0f" y="%.0f" fill="%s">%s</text>`+"\n", label, top-6, colours[n], columnNames[column])
		label += 190
	}
}
