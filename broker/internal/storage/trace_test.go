package storage

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/datadriven"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// TestTraces shows the order of what changes the disk: writes, syncs, renames
// and removals. Commit a change of it only if you understand why the order is
// still safe.
func TestTraces(t *testing.T) {
	datadriven.RunTest(t, "testdata/trace", newTracer(t).run)
}

// tracer runs the commands of a script against a manager and records what
// happens on the disk meanwhile.
type tracer struct {
	t  *testing.T
	fs *faultfs.FS
	m  *Manager
	c  Options

	// gate keeps background syncs back while a command appends, so that the order
	// is always the same.
	gate sync.RWMutex

	mu    sync.Mutex
	lines []string
}

func newTracer(t *testing.T) *tracer {
	c := topicConfig(400)
	c.IndexIntervalBytes = 100
	tr := &tracer{t: t, fs: faultfs.New(memfs.New())}
	tr.c = testOptions(tr.fs, c, "/data")
	tr.fs.SetHook(func(op faultfs.Op) {
		if !op.Kind.Changes() || op.Kind == faultfs.Preallocate {
			return
		}
		if op.Kind == faultfs.Sync || op.Kind == faultfs.SyncDir {
			tr.gate.RLock()
			defer tr.gate.RUnlock()
		}
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.lines = append(tr.lines, op.String())
	})
	return tr
}

func (tr *tracer) run(t *testing.T, d *datadriven.TestData) string {
	err := tr.command(t, d)
	if tr.m != nil {
		tr.m.dirs[0].flusher.wait()
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	lines := tr.lines
	tr.lines = nil
	if err != nil {
		lines = append(lines, "error: "+err.Error())
	}
	if len(lines) == 0 {
		return "nothing"
	}
	text := strings.Join(lines, "\n")
	for tr.m != nil && strings.Contains(text, "-delete") {
		at := strings.Index(text, "-delete") // The id in the name is random.
		text = text[:at-32] + "<id>-DELETE" + text[at+len("-delete"):]
	}
	return text
}

func (tr *tracer) command(t *testing.T, d *datadriven.TestData) error {
	var n int
	if d.HasArg("n") {
		d.ScanArgs(t, "n", &n)
	}
	var l *Log
	if tr.m != nil {
		l, _ = tr.m.Log(testPartition)
	}
	var err error
	switch d.Cmd {
	case "open":
		tr.m, err = Open(context.Background(), tr.c)
	case "create":
		_, err = tr.m.Create(testPartition, kafka.UUID{1}, kafka.UUID{})
	case "append":
		for range max(n, 1) {
			tr.gate.Lock()
			mustAppend(t, l, newBatch(1, 100, 1000))
			tr.gate.Unlock()
			l.dir.flusher.wait()
		}
		l.SetHighWatermark(l.LogEndOffset())
	case "flush":
		err = l.Flush(context.Background(), math.MaxInt64)
	case "truncate":
		err = l.TruncateTo(kafka.Offset(n))
	case "delete-records":
		if err = l.IncrementLogStartOffset(kafka.Offset(n)); err == nil {
			_, err = l.DeleteOldSegments(tr.c.Now())
		}
	case "checkpoint":
		tr.m.checkpointRecoveryPoints()
		tr.m.checkpointLogStarts()
		tr.m.checkpointHighWatermarks()
	case "remove-deleted":
		tr.m.env.removeDoomed(0, true)
	case "delete":
		err = tr.m.Delete(testPartition)
	case "close":
		err = tr.m.Close(context.Background(), checkpoint.NoBrokerEpoch)
	default:
		return fmt.Errorf("unknown command %s", d.Cmd)
	}
	return err
}
