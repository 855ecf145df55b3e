package bench

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"moldau.dev/moldau/internal/bench"
	"moldau.dev/moldau/internal/cli/cmdline"
)

// writeResult writes a result for a person.
func (s *session) writeResult(r *bench.Result) error {
	facts := cmdline.NewFacts(s.env)
	facts.Add("Throughput", listed(throughput(r.BytesPerSecond()), thousands(r.RequestsPerSecond())+" requests/s", thousands(r.RecordsPerSecond())+" records/s"))
	if l := r.Latency; l != nil {
		facts.Add("Latency", listed("p50 "+millis(l.P50), "p90 "+millis(l.P90), "p99 "+millis(l.P99), "p99.9 "+millis(l.P999), "max "+millis(l.Max)))
	}
	if l := r.Load.Late; l != nil {
		facts.Add("Load", listed("woke up late by p50 "+millis(l.P50), "p99 "+millis(l.P99), "p99.9 "+millis(l.P999), "max "+millis(l.Max)))
	}
	if u := r.Broker; u != nil {
		facts.Add("Broker", listed(fmt.Sprintf("%.2f cores", u.Cores), costs(u.CPUMicrosPerRequest, "µs of CPU per request"),
			costs(u.CPUSecondsPerGB, "s of CPU per GB"), "RSS "+cmdline.Bytes(u.RSS), "pid "+pids(u.PIDs)))
	}
	if err := facts.Write(); err != nil {
		return err
	}
	for _, note := range notes(r) {
		s.env.Notef("%s", note)
	}
	return nil
}

// saturated is the share of its processors from which on the load itself may be
// what held a run back.
const saturated = 0.9

// notes tell what a reader of the numbers has to know.
func notes(r *bench.Result) []string {
	var notes []string
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	how := "as fast as answers came, so latencies are those of a saturated cluster; see --rate"
	if r.Latency != nil && r.Latency.Corrected {
		how = "at a fixed rate; latencies count from when a record or request was due"
	}
	add("%s on %s, %.1f s: %s.", r.Scenario, strings.Join(r.Cluster.Bootstrap, ","), r.Seconds, how)
	if r.Ended == bench.EndedByLimit {
		add("It ended early at the limit of bytes: see --max-bytes.")
	}
	const late = 0.1
	if r.BehindSeconds > late {
		add("The cluster did not bear the rate: at the end the load was %.1f s behind.", r.BehindSeconds)
	}
	if r.Missing > 0 {
		add("%s were acknowledged and never came.", cmdline.Count(r.Missing, "record"))
	}
	if available := float64(r.Load.MaxProcs) * r.Seconds; r.Load.CPUSeconds > saturated*available && available > 0 {
		add("The load used all its processors: it may be what was measured.")
	}
	return notes
}

// writeComparison writes what two clusters gave for a person.
func (s *session) writeComparison(a, b *bench.Cluster, c *bench.Comparison) error {
	t := cmdline.NewTable(s.env, "METRIC", "UNIT", ">A", "A MIN … MAX", ">B", "B MIN … MAX", ">A : B")
	for _, m := range c.Metrics {
		t.Row(m.Name, m.Unit, significant(m.A.Median), spread(m.A), significant(m.B.Median), spread(m.B), s.verdict(m))
	}
	if err := t.Write(); err != nil {
		return err
	}
	s.env.Notef("A is %s, B is %s; medians of %s on each, in turns.", name(a), name(b), cmdline.Count(len(c.A), "round"))
	return nil
}

// verdict is the ratio, coloured by whether A is better.
func (s *session) verdict(m bench.Metric) string {
	if m.Ratio == 0 {
		return ""
	}
	text := significant(m.Ratio)
	const same = 0.05
	switch better := (m.Ratio > 1) == m.HigherIsBetter; {
	case math.Abs(m.Ratio-1) < same:
		return text
	case better:
		return s.env.Good(text)
	default:
		return s.env.Bad(text)
	}
}

func spread(s bench.Spread) string { return significant(s.Min) + " … " + significant(s.Max) }

// listed writes what there is of some numbers.
func listed(numbers ...string) string {
	return strings.Join(slices.DeleteFunc(numbers, func(s string) bool { return s == "" }), "  ")
}

// costs writes a cost that is known.
func costs(n float64, unit string) string {
	if n == 0 {
		return ""
	}
	return significant(n) + " " + unit
}

func pids(ids []int) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.Itoa(id)
	}
	return strings.Join(texts, ",")
}

// throughput writes bytes per second in powers of 1000, as disks and networks are
// counted.
func throughput(n float64) string {
	switch {
	case n >= 1e9:
		return significant(n/1e9) + " GB/s"
	case n >= 1e6:
		return significant(n/1e6) + " MB/s"
	default:
		return significant(n/1e3) + " kB/s"
	}
}

// millis writes milliseconds.
func millis(ms float64) string {
	if ms < 1 {
		return significant(ms*1e3) + " µs"
	}
	return significant(ms) + " ms"
}

// significant writes a number with three significant digits at least.
func significant(n float64) string {
	switch a := math.Abs(n); {
	case a >= 1000:
		return thousands(n)
	case a >= 100:
		return strconv.FormatFloat(n, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(n, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(n, 'f', 2, 64)
	default:
		return strconv.FormatFloat(n, 'g', 3, 64)
	}
}

// thousands writes a whole number with commas.
func thousands(n float64) string {
	text := strconv.FormatInt(int64(math.Round(n)), 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
