package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"moldau.dev/moldau/test/apachekafka"
)

// results are what the page tells.
var results struct{ kill, power tally }

// tally counts what happened to one kind of crashes.
type tally struct {
	mu      sync.Mutex // Guards the fields below.
	rounds  map[string]int
	acked   int64
	topics  int
	deleted int
	dumped  int

	compared atomic.Int64
}

// round counts a crash.
func (r *tally) round(when string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rounds == nil {
		r.rounds = map[string]int{}
	}
	r.rounds[when]++
}

// end counts what the world has at the end.
func (r *tally) end(w *world) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked = w.ledger.AckedRecords()
	r.topics, r.deleted = w.topics.Counts()
}

// inspectTimeout bounds the tools: a JVM reads a thousand files.
const inspectTimeout = 10 * time.Minute

// inspect lets Apache Kafka's dump tool, if there is one, and our own read every
// file of a folder.
func inspect(t *testing.T, r *tally, dir string, logDirs ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), inspectTimeout)
	defer cancel()
	verify(ctx, t, logDirs)
	install, err := apachekafka.Find()
	if errors.Is(err, apachekafka.ErrNotInstalled) {
		t.Logf("Apache Kafka's dump tool does not read the files: %v", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	files, complaints, err := install.Dump(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range complaints {
		t.Error(c)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dumped = files
}

// verify lets moldau check every byte. Folders that were set aside as stray are
// as a crash has left them.
func verify(ctx context.Context, t *testing.T, logDirs []string) {
	t.Helper()
	out, err := exec.CommandContext(ctx, *binary, append([]string{"log", "verify", "--output", "json"}, logDirs...)...).Output()
	exit := (*exec.ExitError)(nil)
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("moldau log verify: %v", err)
	}
	var result struct {
		Findings []struct{ Severity, File, Problem string }
		Summary  any
	}
	if err := json.Unmarshal(out, &result); err != nil || result.Summary == nil {
		t.Fatalf("moldau log verify printed %.200q (%v)", out, err)
	}
	for _, f := range result.Findings {
		if f.Severity == "error" && !strings.Contains(f.File, "-stray") {
			t.Errorf("moldau log verify: %s: %s", f.File, f.Problem)
		}
	}
}

// page is the report in Markdown.
func page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Crashes\n\nWritten by `make crash ROUNDS=%d` on %s, %s/%s, %d CPUs, %s, seed %d.\n\n",
		*rounds, time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), *seed)
	b.WriteString("After every crash everything is read and compared with what clients were told: no acknowledged record is lost, altered or at another offset; none is there twice; " +
		"a producer's records are in their order; offsets are dense; committed offsets are those acknowledged (or sent last), and not beyond the end of the log; topics are there, or gone, with their ids. " +
		"At the end `moldau log verify` checks every byte, and Apache Kafka's dump tool reads every file.\n\n")
	for _, part := range []struct {
		title, what string
		r           *tally
	}{
		{"Processes killed", "SIGKILL to `bin/moldau` under load. Idempotent producers live through it and send again what was not answered; a third of the processes run with `flush.messages=1`.", &results.kill},
		{"Power failures", "A broker on a file system in memory with `flush.messages=1`. The power fails just before an operation of the file system: what was not synced is lost, kept or torn.", &results.power},
	} {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", part.title, part.what)
		part.r.write(&b)
	}
	return b.String()
}

func (r *tally) write(b *strings.Builder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b.WriteString("| the moment | crashes |\n|---|---|\n")
	total := 0
	for _, when := range slices.Sorted(maps.Keys(r.rounds)) {
		fmt.Fprintf(b, "| %s | %d |\n", when, r.rounds[when])
		total += r.rounds[when]
	}
	fmt.Fprintf(b, "| **together** | **%d** |\n\n| | |\n|---|---|\n", total)
	for _, row := range []struct {
		what  string
		count int64
	}{
		{"records acknowledged, and there at the end", r.acked},
		{"records read and compared, in all rounds", r.compared.Load()},
		{"topics acknowledged, and there at the end", int64(r.topics)},
		{"topics deleted, and gone at the end", int64(r.deleted)},
		{"files that Apache Kafka's dump tool has read without complaint (0: it was not installed)", int64(r.dumped)},
	} {
		fmt.Fprintf(b, "| %s | %d |\n", row.what, row.count)
	}
	b.WriteString("\n")
}
