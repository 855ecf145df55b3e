package quorum

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"moldau.dev/moldau/internal/vfs/faultfs"
)

// TestDiskTrace shows every change on the disk, in order: nothing may be answered
// before the sync it rests on. Change the expectation only if you know why the
// order is still right.
func TestDiskTrace(t *testing.T) {
	datadriven.RunTest(t, filepath.Join("testdata", "disk_trace.txt"), (&tracer{}).run)
}

type tracer struct {
	fsys *faultfs.FS
	q    *stepped
	out  strings.Builder
}

func (tr *tracer) run(t *testing.T, d *datadriven.TestData) string {
	tr.out.Reset()
	if tr.fsys == nil {
		tr.fsys = faultfs.New(formatted(t))
		tr.fsys.SetHook(func(op faultfs.Op) {
			if op.Kind.Changes() {
				fmt.Fprintln(&tr.out, strings.ReplaceAll(op.String(), filepath.Join(testDir, metadataFolder)+"/", ""))
			}
		})
	}
	switch d.Cmd {
	case "open":
		o := testOptions(t, tr.fsys)
		o.Now = func() time.Time { return time.UnixMilli(1_000_000) }
		for name, to := range map[string]*int64{
			"segment-bytes": &o.SegmentBytes, "snapshot-bytes": &o.SnapshotBytes, "retention-bytes": &o.RetentionBytes,
		} {
			if d.HasArg(name) {
				d.ScanArgs(t, name, to)
			}
		}
		tr.q = open(t, o)
	case "lead":
		if err := tr.q.lead(); err != nil {
			return err.Error()
		}
		fmt.Fprintf(&tr.out, "active: %v\n", tr.q.active)
	case "do":
		tr.do(t, d)
	case "background":
		tr.q.background()
	case "close":
		if err := tr.q.Close(); err != nil {
			return err.Error()
		}
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
	return tr.out.String()
}

// do has several operations wait at the same moment, one per argument.
func (tr *tracer) do(t *testing.T, d *datadriven.TestData) {
	var ops []*operation
	for _, arg := range d.CmdArgs {
		op := &operation{decide: setConfig(arg.Key, arg.Vals[0]), done: make(chan struct{})}
		ops = append(ops, op)
		tr.q.ops <- op
	}
	if err := tr.q.takeOperations(<-tr.q.ops); err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		select {
		case <-op.done:
			t.Fatal("answered before anything was written")
		default:
		}
	}
	if err := tr.q.settle(t.Context()); err != nil {
		fmt.Fprintln(&tr.out, err)
	}
	for i, op := range ops {
		select {
		case <-op.done:
			fmt.Fprintf(&tr.out, "answered: %s %v\n", d.CmdArgs[i].String(), op.err)
		default:
			fmt.Fprintf(&tr.out, "parked: %s\n", d.CmdArgs[i].String())
		}
	}
}
