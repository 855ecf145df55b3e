package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"moldau.dev/moldau/test/moldau"
)

var binary string

// TestMain builds the binary once.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "moldau-process")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		binary, err = moldau.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// timeout bounds each start and stop.
const timeout = time.Minute

func start(t *testing.T, dir string) *moldau.Process {
	t.Helper()
	p, err := moldau.Launch(moldau.Options{Binary: binary, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	await(t, p)
	return p
}

// await waits until a process serves.
func await(t *testing.T, p *moldau.Process) {
	t.Helper()
	t.Cleanup(p.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := p.Await(ctx); err != nil {
		t.Fatal(err)
	}
}

// stop stops a process, which has to end cleanly.
func stop(t *testing.T, p *moldau.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Fatalf("%v\n%s", err, p.Output())
	}
}

func TestSIGTERMStopsCleanly(t *testing.T) {
	dir := t.TempDir()
	stop(t, start(t, dir))
	if _, err := os.Stat(filepath.Join(dir, ".kafka_cleanshutdown")); err != nil {
		t.Fatalf("no marker of a clean shutdown: %v", err)
	}
}

func TestPortInUseIsSaidWithItsCure(t *testing.T) {
	p := start(t, t.TempDir())
	out, err := exec.CommandContext(t.Context(), binary, "start", "-o", "log.dirs="+t.TempDir(), "-o", "listeners=PLAINTEXT://"+p.Addr()+",CONTROLLER://localhost:0",
		"-o", "moldau.http.listener=").CombinedOutput()
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "another address with listeners") {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestWrongUsageExitsWithTwo(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), binary, "start", "--nonsense").CombinedOutput()
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "--help") {
		t.Fatalf("%v: %s", err, out)
	}
}
