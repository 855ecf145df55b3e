package hostile

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	// leftGoroutines may be left when an attack is over: of the client that
	// behaves and of background work.
	leftGoroutines = 20
	// loggedPerMinute bounds what an attack may write to the log, on top of logAtOnce.
	loggedPerMinute, loggedAtOnce = 100 << 10, 100 << 10
	// slowest bounds the latency of the client that behaves, the 99th percentile
	// while attacked, in a run of judgedFrom or more. It is generous, because attackers,
	// clients and the node share the processors of a machine that may be small and
	// busy: what matters is the page.
	slowest    = time.Second
	judgedFrom = time.Minute
)

// judge fails the test for what must not have happened.
func (s *siege) judge() {
	s.t.Log(s.page())
	select {
	case <-s.process.Exited():
		s.t.Fatalf("the node has ended:\n%s", s.process.Output())
	default:
	}
	if s.peakRSS > memoryBound {
		s.t.Errorf("the node took %d MiB, and its configuration allows %d", s.peakRSS/mib, memoryBound/mib)
	}
	if s.goroutinesAfter > s.goroutinesBefore+leftGoroutines {
		s.t.Errorf("%d goroutines are left, there were %d before", s.goroutinesAfter, s.goroutinesBefore)
	}
	if most := int64(loggedAtOnce + loggedPerMinute*duration.Minutes()); s.logged > most {
		s.t.Errorf("the attack wrote %d bytes to the log, more than %d:\n%s", s.logged, most, s.process.Output())
	}
	if p99 := s.during.percentile(99); p99 > slowest && *duration >= judgedFrom {
		s.t.Errorf("the client that behaves waits up to %v (99th percentile)", p99)
	}
	for _, a := range chosen() {
		if s.attacks[a.name] == 0 {
			s.t.Errorf("nothing was attacked by: %s", a.name)
		}
	}
}

// page is the report in Markdown.
func (s *siege) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Hostile clients\n\nWritten by `make hostile DURATION=%v` on %s, %s/%s, %d CPUs, %s, seed %d.\n\n",
		*duration, time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), *seed)
	b.WriteString("`bin/moldau` is attacked at full speed by another process on the same machine, in all these ways at once:\n\n| attack | connections | how often |\n|---|---|---|\n")
	for _, a := range chosen() {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", a.name, a.connections, s.attacks[a.name])
	}
	b.WriteString("\nA client that behaves produces a record (acks=all) and reads it back, one after the other:\n\n| its round trip | before | while attacked |\n|---|---|---|\n")
	for _, p := range []float64{50, 99, 99.9} {
		fmt.Fprintf(&b, "| p%g | %v | %v |\n", p, s.before.percentile(p), s.during.percentile(p))
	}
	fmt.Fprintf(&b, "| round trips | %d | %d |\n", s.before.h.TotalCount(), s.during.h.TotalCount())
	b.WriteString("\n| the process | before | at its peak | afterwards | bound |\n|---|---|---|---|---|\n")
	fmt.Fprintf(&b, "| memory (RSS), MiB | %d | %d | %d | %d |\n", s.rssBefore/mib, s.peakRSS/mib, s.rssAfter/mib, memoryBound/mib)
	fmt.Fprintf(&b, "| goroutines | %d | | %d | %d |\n", s.goroutinesBefore, s.goroutinesAfter, s.goroutinesBefore+leftGoroutines)
	fmt.Fprintf(&b, "| open files, most of them connections | | %d | | |\n", s.connections)
	fmt.Fprintf(&b, "| bytes logged while attacked | | %d | | %d |\n", s.logged, int64(loggedAtOnce+loggedPerMinute*duration.Minutes()))
	b.WriteString("\nThe bound of the memory follows from the configuration: twice (for the garbage collector) the requests in memory " +
		"(`queued.max.request.bytes` and one more of `socket.request.max.bytes`), two batches that are unpacked to 128 MiB at most, and `max.connections` of 40 KiB; and 64 MiB at rest. Attackers and the client share the machine with the node.\n\n```properties\n")
	for _, setting := range slices.Sorted(slices.Values(settings)) {
		b.WriteString(setting + "\n")
	}
	b.WriteString("```\n")
	return b.String()
}
