package crash

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"moldau.dev/moldau/broker"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// outage says just before which operation of the file system the power fails.
type outage struct {
	name  string
	kinds []faultfs.Kind
	path  string // A part of it; empty for any.
	most  int    // The operation is the first to the most-th that fits.
}

// outages are those that rounds go through in turn.
var outages = []outage{
	{name: "an append", kinds: []faultfs.Kind{faultfs.Write}, path: "/load-", most: 200},
	{name: "a group commit", kinds: []faultfs.Kind{faultfs.Sync}, path: "/load-", most: 100},
	{name: "a roll", kinds: []faultfs.Kind{faultfs.Create}, path: "/load-", most: 40},
	{name: "a commit of offsets", kinds: []faultfs.Kind{faultfs.Write, faultfs.Sync}, path: "/__consumer_offsets-", most: 60},
	{name: "a change of metadata", kinds: []faultfs.Kind{faultfs.Write, faultfs.Sync}, path: "/__cluster_metadata-", most: 30},
	{name: "the creation or deletion of a topic", kinds: []faultfs.Kind{faultfs.MkdirAll, faultfs.Rename, faultfs.RemoveAll}, path: "/topic-", most: 20},
	{name: "a checkpoint", kinds: []faultfs.Kind{faultfs.Rename}, path: "checkpoint", most: 8},
	{name: "the sync of a folder", kinds: []faultfs.Kind{faultfs.SyncDir}, most: 40},
	{name: "a start", most: 150},
	{name: "anything", most: 4000},
}

func (o outage) matches(op faultfs.Op) bool {
	if !op.Kind.Changes() || len(o.kinds) > 0 && !slices.Contains(o.kinds, op.Kind) {
		return false
	}
	return strings.Contains(filepath.ToSlash(op.Path), o.path) || strings.Contains(filepath.ToSlash(op.NewPath), o.path)
}

// failure lets the power fail once.
type failure struct {
	outage outage
	mem    *memfs.FS
	w      *world
	how    memfs.CrashOptions

	mu   sync.Mutex // Guards the fields below; held while the crash is taken, so that nothing changes meanwhile.
	left int
	op   faultfs.Op
	// fsys and told are what is left, and what clients had been told before.
	fsys  *memfs.FS
	told  *world
	taken chan struct{}
}

// hook sees each operation before it happens.
func (f *failure) hook(op faultfs.Op) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fsys != nil || !f.outage.matches(op) {
		return
	}
	if f.left--; f.left > 0 {
		return
	}
	f.op, f.told = op, f.w.snapshot() // First what was told, then what is on disk.
	f.fsys = f.mem.CrashClone(f.how)
	close(f.taken)
}

// TestPowerFailureLosesNothing plays power failures, each on what the one before
// has left.
func TestPowerFailureLosesNothing(t *testing.T) {
	t.Logf("seed %d", *seed)
	mem, w := memfs.New(), newWorld()
	for round := range *rounds {
		mem, w = powerRound(t, mem, w, round)
	}
	n := startNode(t, mem)
	records, err := w.check(t, n.addr())
	if err != nil {
		t.Fatalf("after the last round: %v\n%s", err, n.log.text())
	}
	results.power.compared.Add(records)
	n.stop()
	if w.ledger.AckedRecords() == 0 {
		t.Error("nothing was checked")
	}
	results.power.end(w)
	dir := t.TempDir()
	export(t, mem, dataDir, dir)
	inspect(t, &results.power, dir, filepath.Join(dir, "a"), filepath.Join(dir, "b"))
}

// powerRound starts a node, compares, and lets the power fail under load, or
// before that.
func powerRound(t *testing.T, mem *memfs.FS, w *world, round int) (*memfs.FS, *world) {
	t.Helper()
	random := randomFor("power", round)
	o := outages[round%len(outages)]
	f := &failure{outage: o, mem: mem, w: w, left: 1 + random.IntN(o.most), taken: make(chan struct{}), how: howItFails(random)}
	faulty := faultfs.New(mem)
	faulty.SetHook(f.hook)
	n := startNode(t, faulty)
	w.createLoadTopic(t, n.addr())
	records, err := w.check(t, n.addr())
	if err != nil {
		t.Fatalf("round %d, seed %d: %v\n%s", round, *seed, err, n.log.text())
	}
	results.power.compared.Add(records)
	c := &clients{t: t, w: w, addr: n.addr(), round: round, happened: func(event) {}}
	c.begin()
	select {
	case <-f.taken:
	case <-time.After(timeout):
		t.Fatalf("the clients got stuck: %d of %s to go\n%s", f.left, o.name, n.log.text())
	}
	c.end()
	n.stop()
	results.power.round(o.name)
	if t.Failed() {
		t.Fatalf("in round %d, seed %d, a power failure before %v, %+v", round, *seed, f.op, f.how)
	}
	return f.fsys, f.told
}

// howItFails chooses what survives of the unsynced.
func howItFails(random *rand.Rand) memfs.CrashOptions {
	how := memfs.CrashOptions{Seed: random.Uint64()}
	switch random.IntN(4) {
	case 0: // Nothing.
	case 1:
		how.KeepPercent = 100
	default:
		how.KeepPercent, how.TearPercent = random.IntN(101), random.IntN(101)
	}
	return how
}

// dataDir holds the data folders in the file system in memory.
const dataDir = "/data"

// memNode is a broker inside the test.
type memNode struct {
	t    *testing.T
	node *broker.Node
	log  *logTail
}

func startNode(t *testing.T, fsys vfs.FS) *memNode {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	log := &logTail{}
	node, err := broker.Start(ctx, broker.Config{FS: fsys, Logger: slog.New(slog.NewTextHandler(log, nil)), Overrides: append([]string{
		"log.dirs=" + dataDir + "/a," + dataDir + "/b", "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "moldau.http.listener=",
		"controller.quorum.bootstrap.servers=127.0.0.1:0", synced,
	}, settings...)})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.text())
	}
	return &memNode{t: t, node: node, log: log}
}

func (n *memNode) addr() string { return n.node.Addr("PLAINTEXT").String() }

func (n *memNode) stop() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := n.node.Shutdown(ctx); err != nil {
		n.t.Errorf("stop: %v\n%s", err, n.log.text())
	}
}

// logTail keeps the newest lines of a log.
type logTail struct {
	mu    sync.Mutex // Guards lines.
	lines []string
}

func (l *logTail) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines = append(l.lines, string(line)); len(l.lines) > 500 {
		l.lines = slices.Clone(l.lines[len(l.lines)-250:])
	}
	return len(line), nil
}

func (l *logTail) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

// export copies a tree out of a file system in memory.
func export(t *testing.T, fsys vfs.FS, from, to string) {
	t.Helper()
	entries, err := fsys.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.IsDir() {
			if err := os.Mkdir(target, 0o700); err != nil {
				t.Fatal(err)
			}
			export(t, fsys, source, target)
			continue
		}
		if err := copyFile(fsys, source, target, e); err != nil {
			t.Fatal(fmt.Errorf("copy %s: %w", source, err))
		}
	}
}

func copyFile(fsys vfs.FS, from, to string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	f, err := fsys.OpenFile(from, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	content := make([]byte, info.Size())
	if len(content) > 0 {
		if _, err := f.ReadAt(content, 0); err != nil {
			return err
		}
	}
	return os.WriteFile(to, content, 0o600)
}
