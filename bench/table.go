package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moldau.dev/moldau/internal/bench"
)

// outcome is what a row has come to.
type outcome struct {
	row  row
	raw  *raw
	ours bench.Spread
	// theirs is Apache Kafka's, if it was measured.
	theirs bench.Spread
	// rounds are how often each was measured; beyond says that a measurement was given
	// up, so that the median is at least this.
	ourRounds, theirRounds   int
	oursBeyond, theirsBeyond bool
}

// outcomes gives what the newest run that has a row says of it. Rows that nobody
// ever measured have no rounds.
func outcomes(raws []*raw) []outcome {
	all := make([]outcome, 0, len(rows))
	for _, r := range rows {
		o := outcome{row: r}
		for _, run := range slices.Backward(raws) {
			ours, oursBeyond := run.values(r.metric, moldau)
			if len(ours) == 0 {
				continue
			}
			theirs, theirsBeyond := run.values(r.metric, kafka)
			o = outcome{
				row: r, raw: run, ours: bench.NewSpread(ours), theirs: bench.NewSpread(theirs),
				ourRounds: len(ours), theirRounds: len(theirs), oursBeyond: oursBeyond, theirsBeyond: theirsBeyond,
			}
			break
		}
		all = append(all, o)
	}
	return all
}

// measured leaves out what nobody measured.
func measured(all []outcome) []outcome {
	return slices.DeleteFunc(slices.Clone(all), func(o outcome) bool { return o.raw == nil })
}

// values are the numbers of a row, in the order of the rounds; beyond says that one
// of them was given up.
func (r *raw) values(metric, broker string) (values []float64, beyond bool) {
	for _, m := range r.Measurements {
		if m.Metric == metric && m.Broker == broker {
			values = append(values, m.Value)
			beyond = beyond || m.AtLeast
		}
	}
	return values, beyond
}

// ratio is how many times better Moldau's median is than Apache Kafka's; 0 if
// either is missing.
func (o outcome) ratio() float64 {
	if o.theirRounds == 0 || o.ours.Median == 0 || o.theirs.Median == 0 {
		return 0
	}
	if o.row.target.higher {
		return o.ours.Median / o.theirs.Median
	}
	return o.theirs.Median / o.ours.Median
}

// met tells whether the target is reached; known is false without Apache Kafka.
func (o outcome) met() (met, known bool) {
	t := o.row.target
	if o.raw == nil {
		return false, false
	}
	if t.most > 0 {
		return o.ours.Median <= t.most, true
	}
	ratio := o.ratio()
	return ratio >= t.times, ratio > 0
}

// verdict says whether the target is reached, and if not how much is missing.
func (o outcome) verdict() string {
	met, known := o.met()
	switch {
	case o.raw == nil:
		return "**not measured**"
	case !known:
		return "not compared"
	case met:
		return "met"
	case o.row.target.most > 0:
		return fmt.Sprintf("**missed** by a factor of %.2f", o.ours.Median/o.row.target.most)
	default:
		return fmt.Sprintf("**missed**: %.0f %% of the way", 100*o.ratio()/o.row.target.times)
	}
}

// wanted writes the target.
func (o outcome) wanted() string {
	t := o.row.target
	switch {
	case t.most > 0:
		return "≤ " + number(t.most) + " " + o.row.unit
	case t.higher:
		return "≥ " + number(t.times) + " : 1"
	default:
		return "≤ 1 : " + number(t.times)
	}
}

// reached writes the ratio, as Moldau to Apache Kafka.
func (o outcome) reached() string {
	ratio := o.ratio()
	switch {
	case ratio == 0:
		return "–"
	case o.row.target.higher:
		return number(ratio) + " : 1"
	default:
		return "1 : " + number(ratio)
	}
}

// table writes the outcomes as Markdown.
func table(all []outcome) string {
	var b strings.Builder
	b.WriteString("| | unit | target, Moldau : Kafka | Moldau | Apache Kafka | reached | verdict |\n|---|---|---|---|---|---|---|\n")
	for _, o := range all {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", o.row.title, o.row.unit, o.wanted(),
			spread(o.ours, o.ourRounds, o.oursBeyond), spread(o.theirs, o.theirRounds, o.theirsBeyond), o.reached(), o.verdict())
	}
	return b.String()
}

// spread writes a median, and the range and the rounds behind it.
func spread(s bench.Spread, rounds int, beyond bool) string {
	more := ""
	if beyond {
		more = "more than "
	}
	switch rounds {
	case 0:
		return "–"
	case 1:
		return more + number(s.Median) + " (once)"
	default:
		return fmt.Sprintf("%s%s (%s … %s, %d×)", more, number(s.Median), number(s.Min), number(s.Max), rounds)
	}
}

// number writes three significant digits, and whole numbers with commas.
func number(n float64) string {
	a := math.Abs(n)
	switch {
	case a == 0:
		return "0"
	case a == math.Trunc(a) && a < 1000:
		return fmt.Sprintf("%.0f", n)
	case a < 0.1:
		return fmt.Sprintf("%.2g", n)
	case a < 1:
		return fmt.Sprintf("%.2f", n)
	case a < 10:
		return fmt.Sprintf("%.2f", n)
	case a < 100:
		return fmt.Sprintf("%.1f", n)
	}
	text := fmt.Sprintf("%.0f", n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// writePage writes the page from the newest results of every row.
func writePage(page, results string) error {
	raws, err := readRaws(results)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(page), 0o750); err != nil {
		return err
	}
	return os.WriteFile(page, []byte(pageOf(raws)), 0o644)
}

// pageOf is the page's text.
func pageOf(raws []*raw) string {
	var b strings.Builder
	b.WriteString(pageHead)
	all := outcomes(raws)
	b.WriteString(table(all))
	b.WriteString("\n" + tally(all) + "\n")
	runs(&b, raws, all)
	b.WriteString(pageFoot)
	return b.String()
}

// runs tells of the runs that the outcomes come from.
func runs(b *strings.Builder, raws []*raw, all []outcome) {
	if len(measured(all)) == 0 {
		return
	}
	b.WriteString("\n## The runs behind it\n\n")
	b.WriteString("| run | rows | machine | versions | took |\n|---|---|---|---|---|\n")
	var notes []string
	for _, r := range raws {
		var used []string
		for _, o := range all {
			if o.raw == r && !slices.Contains(used, o.row.group) {
				used = append(used, o.row.group)
			}
		}
		if len(used) == 0 {
			continue
		}
		name := r.Started.UTC().Format("2006-01-02T150405Z")
		fmt.Fprintf(b, "| [%s](../bench/results/%s.json) | %s | %s, %d processors, %d GiB, %s, %s %s | %s; %s | %.0f min |\n", name, name, strings.Join(used, " "),
			r.Machine.CPU, r.Machine.Processors, r.Machine.MemoryGiB, r.Machine.FileSystem, r.Machine.OS, r.Machine.Kernel,
			r.Versions[moldau], r.Versions[kafka], r.Seconds/60)
		notes = append(notes, r.Notes...)
	}
	for _, note := range notes {
		b.WriteString("\n" + note + "\n")
	}
}

// tally counts the verdicts.
func tally(all []outcome) string {
	met := 0
	for _, o := range all {
		if ok, known := o.met(); known && ok {
			met++
		}
	}
	return fmt.Sprintf("%d of %d targets are met.", met, len(all))
}

const pageHead = `# Performance

Moldau beside Apache Kafka, on one machine, in one run. ` + "`make bench`" + ` measures, and writes this page; the
numbers of every round are in [bench/results](../bench/results). Medians, and in parentheses the range and how often
it was measured. "Reached" is Moldau to Apache Kafka, so that 1 : 4 is a quarter of the cost or the time, and 3 : 1 is three
times as much done. [Where the time goes](performance-profile.md) is about the targets that are missed.

`

const pageFoot = `
## How it is measured

- **Same for both**: one node, a server.properties with Kafka's defaults (replication factors of the internal topics are 1, because
  there is one node), folders on the same file system, the same load. Nothing that weakens a default guarantee is set. Apache Kafka has
  the JVM flags of its own start script (1 GiB of heap, G1).
- **The load** is ` + "`moldau bench`" + `, a process of its own: raw connections and requests that are encoded once, so that the broker is measured and not a
  client. Answers are checked, fetched records are skipped. End-to-end latency counts from when a record was due, not from when it could be sent. The
  load collects its garbage just before it measures, and makes too little of it to collect any in a window.
- **Under load** (produce, fetch, requests, flush, end to end) the broker is pinned to one processor and the load to the other. Costs are user and system
  time of the broker's process. Produce has a fixed volume per round, so that nobody pays for more dirty pages. Where the load is a closed
  loop, latencies are those of a saturated broker.
- **What a person waits for** (starts, ten thousand partitions, groups) and idle nodes run unpinned on a machine that does nothing else: a JVM starts on
  several processors.
- **Warm**: both get 4 GB of batches and some seconds of every other load before the first round. Starts and restarts are cold for both, as they are.
- **In turns**: rounds alternate, and every round begins with the other one. The one that is not measured is stopped (SIGSTOP), because an idle JVM takes some
  percent of the processor that the other one is pinned to; after SIGCONT a broker must create a topic and answer for it, and gets
  a second, before its load begins with a warm-up of its own.
- **Memory that is there**: before everything that is measured 4 GiB are taken from the machine and given back. A hypervisor may take memory back
  while it is free; whoever writes to it next, a page cache for instance, would pay some seconds per GB for its return, in the same way for both brokers
  and many times what is to be compared. A page of each MiB stays taken, so that the hypervisor is not told of the rest, which it would take within
  seconds, and hold up a processor for that. For the same reason files of the end-to-end loads are not removed before all is over.
- **Files deleted before**: with ten thousand partitions the folders of all rounds stay until the last one is over, and the system's caches are dropped before
  each (a run that may not, for want of root, says so), because ext4 without a journal searches past every inode that was deleted in the last minutes
  whenever it makes a file, which can take longer than all that the brokers do.
- **Fewer rounds**: with ten thousand partitions Apache Kafka takes minutes, and is measured once; idle nodes and groups three times.
- "All answer" is ListOffsets without error, with the right offset, for every partition. "Stable" is a heartbeat answered to each of 500 members that connect
  again, and every group described as stable with its five members.

Pieces run alone: ` + "`make bench BENCH=\"produce fetch\" ROUNDS=1`" + ` prints its table and keeps its numbers, and leaves this page; ` + "`make bench BENCH=\"-table\"`" + ` writes the
page from the newest numbers of every row.
`
