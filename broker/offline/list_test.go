package offline

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

func TestListTellsWhatIsThere(t *testing.T) {
	w := newWorld(t)
	w.copyFolder(testFolder, "/data/unknown-2")
	w.copyFolder(testFolder, "/data/events-1.0123456789abcdef0123456789abcdef-delete")
	got, findings := w.list()
	for _, f := range findings {
		t.Error(f)
	}
	want := map[string]struct {
		state string
		end   int64
		high  int64
	}{
		"__cluster_metadata-0": {"ok", 5, -1}, "events-0": {"ok", 600, 600}, "unknown-2": {"stray", 600, -1},
		"events-1.0123456789abcdef0123456789abcdef-delete": {"deleted", 600, -1},
	}
	for _, p := range got {
		x, ok := want[p.Folder]
		if !ok || p.State != x.state || p.LogEndOffset != x.end || p.HighWatermark != x.high || p.Size == 0 {
			t.Errorf("%+v, want %+v", p, x)
		}
		delete(want, p.Folder)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

// list gives what List finds, without what is only worth knowing.
func (w *world) list() (partitions []Partition, findings []*Finding) {
	w.t.Helper()
	v := &verifier{fs: w.fs, isLocked: func(string) (bool, error) { return false, nil }, node: kafka.NoNode}
	partitions, err := v.list(w.t.Context(), []string{testDir}, func(f *Finding) {
		if f.Severity != Info {
			findings = append(findings, f)
		}
	})
	w.must(err)
	return partitions, findings
}

// The end of the log is that of the last whole batch, and what lies behind it is told.
func TestListTellsOfDamageAtTheEnd(t *testing.T) {
	last := func(w *world) string { return w.file(len(w.segments())-1, ".log") }
	cut := func(w *world, n int) {
		w.edit(last(w), func(b []byte) []byte { return b[:len(b)-n] })
	}
	// indexed lets the index know the last batch, however small.
	indexed := func(w *world) {
		w.edit(strings.TrimSuffix(last(w), ".log")+".index", func(b []byte) []byte {
			log := w.read(last(w))
			position := 0
			for {
				size, err := record.PeekSize(log[position:])
				w.must(err)
				if position+size == len(log) {
					break
				}
				position += size
			}
			base := w.segments()[len(w.segments())-1]
			b = binary.BigEndian.AppendUint32(b, uint32(record.Batch(log[position:]).LastOffset()-base))
			return binary.BigEndian.AppendUint32(b, uint32(position))
		})
	}
	checkpoints := func(w *world, offset int) {
		for _, name := range []string{checkpoint.HighWatermarkFile, checkpoint.RecoveryPointFile} {
			w.write(testDir+"/"+name, fmt.Appendf(nil, "0\n1\nevents 0 %d\n", offset))
		}
	}
	for _, test := range []struct {
		name string
		do   func(w *world)
		end  int64
		want []string
	}{
		{"a torn batch", func(w *world) { cut(w, 7) }, 599, []string{"error batch-torn"}},
		{"a torn batch that is indexed", func(w *world) { indexed(w); cut(w, 7) }, 599, []string{"error batch-torn"}},
		{"the beginning of a batch that is indexed", func(w *world) { indexed(w); cut(w, 70) }, 599, []string{"error batch-torn"}},
		{"the size of a batch is all there is of it", func(w *world) { indexed(w); cut(w, 66) }, 599, []string{"error batch-torn"}},
		{"a torn batch after a crash", func(w *world) { cut(w, 7); w.unclean(); checkpoints(w, 590) }, 599, []string{"warning batch-torn"}},
		{"a torn batch that was synced", func(w *world) { cut(w, 7); w.unclean() }, 599, []string{
			"warning batch-torn", "error high-watermark-beyond-end", "error recovery-point-beyond-end",
		}},
		{"a batch that is gone, but not from the index", func(w *world) { indexed(w); cut(w, 78); checkpoints(w, 599) }, 599, nil},
		{"zeros", func(w *world) { w.edit(last(w), func(b []byte) []byte { return append(b, 0, 0, 0) }) }, 600, []string{"error zero-bytes"}},
		{"zeros after a crash", func(w *world) {
			w.edit(last(w), func(b []byte) []byte { return append(b, 0, 0, 0) })
			w.unclean()
		}, 600, []string{"warning zero-bytes"}},
		{"a bit of the last batch", func(w *world) {
			w.edit(last(w), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, -1, []string{"error batch-crc"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.do(w)
			partitions, findings := w.list()
			if got := told(findings); !slices.Equal(got, test.want) {
				t.Errorf("found %v, want %v", got, test.want)
			}
			for _, p := range partitions {
				if p.Folder == "events-0" && p.LogEndOffset != test.end {
					t.Errorf("the log ends at %d, want %d", p.LogEndOffset, test.end)
				}
			}
		})
	}
}

// What List says of damage, Verify says in the same words.
func TestListFindsNothingThatVerifyDoesNot(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			w := newWorld(t)
			d.do(w)
			verified, _ := w.verify()
			_, listed := w.list()
			for _, f := range listed {
				if !slices.ContainsFunc(verified, func(v *Finding) bool { return v.String() == f.String() }) {
					t.Errorf("only List says: %s", f)
				}
			}
		})
	}
}
