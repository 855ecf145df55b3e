package offline

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

func TestVerifyFindsNothingInWhatANodeLeaves(t *testing.T) {
	w := newWorld(t)
	findings, s := w.verify()
	for _, f := range findings {
		t.Error(f)
	}
	if s.Partitions != 2 || s.Records < 600 || s.Batches < 200 || s.Bytes < 100_000 || s.Segments < 4 {
		t.Errorf("too little was read: %+v", s)
	}
	if findings, _ := w.verify(testFolder); len(findings) > 0 {
		t.Errorf("the folder alone: %v", findings)
	}
}

// nthBatch gives the position of the n-th batch in a .log file.
func nthBatch(b []byte, n int) int {
	position := 0
	for range n {
		size, err := record.PeekSize(b[position:])
		if err != nil {
			panic(err)
		}
		position += size
	}
	return position
}

// rebuilt replaces a batch by a changed copy with a right checksum, of the same size.
func rebuilt(b []byte, position int, change func(batch record.Batch)) []byte {
	size, err := record.PeekSize(b[position:])
	if err != nil {
		panic(err)
	}
	batch := record.Batch(b[position : position+size])
	change(batch)
	t, max := batch.TimestampType(), batch.MaxTimestamp()
	batch.SetMaxTimestamp(t, max+1) // Computes the checksum.
	batch.SetMaxTimestamp(t, max)
	return b
}

// damages change one thing in a folder, and tell what must be found: codes with the
// severity, the file and, unless it is 0, the position.
var damages = []struct {
	name string
	do   func(w *world)
	want []string
}{
	{"a bit of a value", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte { b[nthBatch(b, 3)+100] ^= 4; return b })
	}, []string{"error batch-crc"}},
	{"the length of a batch", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte { b[nthBatch(b, 3)+8] = 0x70; return b })
	}, []string{"error batch-torn", "error records-unreadable"}},
	{"an impossible length", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte { b[nthBatch(b, 3)+8] = 0xff; return b })
	}, []string{"error batch-framing", "error records-unreadable"}},
	{"the magic byte", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte { b[nthBatch(b, 3)+16] = 9; return b })
	}, []string{"error batch-framing", "error records-unreadable"}},
	{"a hole of zeros", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte { clear(b[nthBatch(b, 3) : nthBatch(b, 5)+20]); return b })
	}, []string{"error batch-framing", "error records-unreadable"}},
	{"zeros at the end of a segment", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte { return append(b, make([]byte, 100)...) })
	}, []string{"error zero-bytes"}},
	{"the end of the last segment cut off", func(w *world) {
		n := len(w.segments()) - 1
		w.edit(w.file(n, ".log"), func(b []byte) []byte { return b[:len(b)-7] })
	}, []string{"error batch-torn"}},
	{"the end of the last segment cut off in a crash", func(w *world) {
		n := len(w.segments()) - 1
		w.edit(w.file(n, ".log"), func(b []byte) []byte { return b[:len(b)-7] })
		w.unclean()
		w.must(w.fs.Remove(testFolder + "/00000000000000000600.snapshot"))
		for _, name := range []string{checkpoint.HighWatermarkFile, checkpoint.RecoveryPointFile} {
			w.write(testDir+"/"+name, []byte("0\n1\nevents 0 590\n"))
		}
	}, []string{"warning batch-torn"}},
	{"records synced before are gone", func(w *world) {
		n := len(w.segments()) - 1
		w.edit(w.file(n, ".log"), func(b []byte) []byte { return b[:nthBatch(b, 2)] })
		for _, suffix := range []string{".index", ".timeindex", ".txnindex"} {
			w.must(vfs.RemoveIfExists(w.fs, w.file(n, suffix)))
		}
		w.edit(testDir+"/"+checkpoint.HighWatermarkFile, func([]byte) []byte { return []byte("0\n1\nevents 0 10\n") })
	}, []string{"error recovery-point-beyond-end", "warning producer-snapshot-beyond-end"}},
	{"a record's structure", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte {
			return rebuilt(b, nthBatch(b, 3), func(batch record.Batch) { batch[61] = 0x03 })
		})
	}, []string{"error record-corrupt"}},
	{"a record's offset", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte {
			return rebuilt(b, nthBatch(b, 3), func(batch record.Batch) {
				at := bytes.Index(batch[61:], []byte("key")) + 61
				batch[at-2] = 40 // Zigzag of 20.
			})
		})
	}, []string{"error record-offset"}},
	{"the largest timestamp", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte {
			return rebuilt(b, nthBatch(b, 3), func(batch record.Batch) { batch.SetMaxTimestamp(record.CreateTime, batch.MaxTimestamp()-1) })
		})
	}, []string{"warning batch-max-timestamp", "error timeindex-mismatch"}},
	{"a missing segment", func(w *world) {
		for _, suffix := range []string{".log", ".index", ".timeindex", ".txnindex"} {
			w.must(vfs.RemoveIfExists(w.fs, w.file2(1, suffix)))
		}
	}, []string{"error offset-gap"}},
	{"a batch twice", func(w *world) {
		w.edit(w.file(1, ".log"), func(b []byte) []byte {
			at, end := nthBatch(b, 3), nthBatch(b, 4)
			return slices.Concat(b[:end], b[at:end], b[end:])
		})
		w.must(w.fs.Remove(w.file(1, ".index")))
	}, []string{"error offset-order", "warning index-missing"}},
	{"an epoch that falls", func(w *world) {
		n := len(w.segments()) - 1
		w.edit(w.file(n, ".log"), func(b []byte) []byte {
			record.Batch(b[nthBatch(b, 1):]).SetLeaderEpoch(0)
			return b
		})
	}, []string{"error leader-epoch-order"}},
	{"an index that is missing", func(w *world) {
		w.must(w.fs.Remove(w.file(1, ".index")))
	}, []string{"warning index-missing"}},
	{"an index without its log", func(w *world) {
		w.write(testFolder+"/00000000000000099999.index", []byte("12345678"))
	}, []string{"warning index-without-log"}},
	{"an index entry's position", func(w *world) {
		w.edit(w.file(1, ".index"), func(b []byte) []byte { b[15]++; return b })
	}, []string{"error index-position"}},
	{"an index entry's offset", func(w *world) {
		w.edit(w.file(1, ".index"), func(b []byte) []byte { b[11]--; return b })
	}, []string{"error index-offset"}},
	{"index entries in disorder", func(w *world) {
		w.edit(w.file(1, ".index"), func(b []byte) []byte { return slices.Concat(b[:8], b[16:24], b[8:16], b[24:]) })
	}, []string{"error index-order"}},
	{"an index beyond the end", func(w *world) {
		w.edit(w.file(1, ".index"), func(b []byte) []byte { return append(b, 0, 0, 0x10, 0, 0, 1, 0, 0) })
	}, []string{"error index-position"}},
	{"half an index entry", func(w *world) {
		w.edit(w.file(1, ".index"), func(b []byte) []byte { return b[:len(b)-3] })
	}, []string{"warning index-size"}},
	{"an index filled with zeros", func(w *world) {
		w.edit(w.file(1, ".index"), func(b []byte) []byte { return append(b, make([]byte, 800)...) })
	}, []string{"warning zero-bytes"}},
	{"a timestamp of the time index", func(w *world) {
		w.edit(w.file(1, ".timeindex"), func(b []byte) []byte { b[19]++; return b })
	}, []string{"error timeindex-mismatch"}},
	{"a time index in disorder", func(w *world) {
		w.edit(w.file(1, ".timeindex"), func(b []byte) []byte { b[12] = 0x80; return b })
	}, []string{"error index-order"}},
	{"a transaction index without its file", func(w *world) {
		w.must(w.fs.Remove(w.file(0, ".txnindex")))
	}, []string{"error txnindex-missing-entry"}},
	{"a transaction that was not aborted", func(w *world) {
		w.edit(w.file(0, ".txnindex"), func(b []byte) []byte {
			extra := slices.Clone(b[:34])
			binary.BigEndian.PutUint64(extra[10:], 1)
			binary.BigEndian.PutUint64(extra[18:], 2)
			return append(extra, b...)
		})
	}, []string{"warning txnindex-extra-entry"}},
	{"a transaction index of another version", func(w *world) {
		w.edit(w.file(0, ".txnindex"), func(b []byte) []byte { b[1] = 7; return b })
	}, []string{"error txnindex-format"}},
	{"a torn producer snapshot", func(w *world) {
		w.edit(w.file(1, ".snapshot"), func(b []byte) []byte { return b[:len(b)-5] })
	}, []string{"warning producer-snapshot-corrupt"}},
	{"the producer snapshot of another place", func(w *world) {
		w.write(w.file(1, ".snapshot"), w.read(w.file(2, ".snapshot")))
	}, []string{"error producer-snapshot-mismatch"}},
	{"leader epochs that are no text", func(w *world) {
		w.write(testFolder+"/"+leaderepoch.File, []byte("garbage"))
	}, []string{"warning leader-epoch-corrupt"}},
	{"a leader epoch's start", func(w *world) {
		w.edit(testFolder+"/"+leaderepoch.File, func(b []byte) []byte {
			lines := strings.Split(string(b), "\n")
			lines[3] = lines[3] + "1"
			return []byte(strings.Join(lines, "\n"))
		})
	}, []string{"error leader-epoch-mismatch"}},
	{"leader epochs that are missing", func(w *world) {
		w.must(w.fs.Remove(testFolder + "/" + leaderepoch.File))
	}, []string{"error leader-epoch-mismatch"}},
	{"a folder without files", func(w *world) {
		w.must(w.fs.RemoveAll(testFolder))
		w.must(w.fs.MkdirAll(testFolder, 0o755))
		w.must(checkpoint.WritePartitionMetadata(w.fs, testFolder, checkpoint.PartitionMetadata{TopicID: testTopicID}))
	}, []string{"error no-segments"}},
	{"a folder that is missing", func(w *world) {
		w.must(w.fs.RemoveAll(testFolder))
	}, []string{"error partition-missing"}},
	{"a topic id", func(w *world) {
		w.must(checkpoint.WritePartitionMetadata(w.fs, testFolder, checkpoint.PartitionMetadata{TopicID: kafka.UUID{15: 99}}))
	}, []string{"error topic-id-mismatch"}},
	{"a topic id that is no id", func(w *world) {
		w.write(testFolder+"/partition.metadata", []byte("version: 0\ntopic_id: x y\n"))
	}, []string{"warning partition-metadata", "warning partition-metadata"}},
	{"a partition that nobody knows", func(w *world) {
		w.copyFolder(testFolder, "/data/unknown-0")
	}, []string{"warning stray"}},
	{"meta.properties that is missing", func(w *world) {
		w.must(w.fs.Remove(testDir + "/meta.properties"))
	}, []string{"error meta-properties"}},
	{"meta.properties without node id", func(w *world) {
		w.write(testDir+"/meta.properties", []byte("version=1\ncluster.id=x\n"))
	}, []string{"error meta-properties"}},
	{"a checkpoint that is no text", func(w *world) {
		w.write(testDir+"/"+checkpoint.HighWatermarkFile, []byte("0\n7\n"))
	}, []string{"warning checkpoint-corrupt"}},
	{"a high watermark beyond the end", func(w *world) {
		w.write(testDir+"/"+checkpoint.HighWatermarkFile, []byte("0\n1\nevents 0 999999\n"))
	}, []string{"error high-watermark-beyond-end"}},
	{"a log start beyond the end", func(w *world) {
		w.write(testDir+"/"+checkpoint.LogStartOffsetFile, []byte("0\n1\nevents 0 999999\n"))
	}, []string{"error log-start-beyond-end"}},
	{"a vote that is no JSON", func(w *world) {
		w.write(metaFolder+"/"+quorum.StateFile, []byte("{"))
	}, []string{"error quorum-state"}},
	{"a metadata record of the future", func(w *world) {
		w.edit(metaFolder+"/00000000000000000000.log", func(b []byte) []byte {
			next := record.NewBuilder(record.Options{BaseOffset: 5, LeaderEpoch: 1, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
			next.Append(1000, nil, []byte{1, 99, 0})
			return append(b, next.Build()...)
		})
	}, []string{"error metadata-record"}},
	{"a partition of no topic", func(w *world) {
		w.edit(metaFolder+"/00000000000000000000.log", func(b []byte) []byte {
			return append(b, metadataBatches(5, &metadata.PartitionRecord{Version: 2, TopicID: kafka.UUID{3: 3}})...)
		})
	}, []string{"error metadata-replay"}},
	{"a torn metadata snapshot", func(w *world) {
		w.edit(metaFolder+"/00000000000000000000-0000000000.checkpoint", func(b []byte) []byte { return b[:len(b)/2] })
		w.must(w.fs.Rename(metaFolder+"/00000000000000000000-0000000000.checkpoint", metaFolder+"/00000000000000000003-0000000001.checkpoint"))
	}, []string{"error metadata-snapshot-corrupt"}},
	{"the beginning of the metadata log", func(w *world) {
		w.must(w.fs.Rename(metaFolder+"/00000000000000000000.log", metaFolder+"/00000000000000000004.log"))
	}, []string{"error metadata-gap", "error offset-order"}},
}

// file2 is file, but for a segment whose files are being removed.
func (w *world) file2(n int, suffix string) string {
	const second = 1
	if n == second && suffix != ".log" {
		return filepath.Join(testFolder, fmt.Sprintf("%020d%s", w.removed(), suffix))
	}
	return w.file(n, suffix)
}

// removed gives the base offset of the segment whose .log is gone.
func (w *world) removed() int64 {
	f, err := scanFolder(w.fs, testFolder)
	w.must(err)
	for _, orphan := range f.orphans {
		var base int64
		_, err := fmt.Sscanf(filepath.Base(orphan), "%d.", &base)
		w.must(err)
		return base
	}
	return -1
}

func (w *world) unclean() { w.must(w.fs.Remove(testDir + "/" + checkpoint.CleanShutdownFile)) }

func (w *world) copyFolder(from, to string) {
	w.t.Helper()
	w.must(w.fs.MkdirAll(to, 0o755))
	entries, err := w.fs.ReadDir(from)
	w.must(err)
	for _, e := range entries {
		w.write(filepath.Join(to, e.Name()), w.read(filepath.Join(from, e.Name())))
	}
}

// told gives the severity and code of each finding, without what is only worth knowing.
func told(findings []*Finding) (codes []string) {
	for _, f := range findings {
		if f.Severity != Info {
			codes = append(codes, string(f.Severity)+" "+f.Code)
		}
	}
	return codes
}

func TestVerifyFindsWhatIsDamaged(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			w := newWorld(t)
			d.do(w)
			findings, _ := w.verify()
			got := told(findings)
			for _, f := range findings {
				if f.Severity == Info {
					continue
				}
				if f.Problem == "" || f.Cause == "" || f.Cure == "" || f.File == "" {
					t.Errorf("an incomplete finding: %+v", f)
				}
			}
			want := slices.Sorted(slices.Values(d.want))
			if got := slices.Sorted(slices.Values(got)); !slices.Equal(slices.Compact(got), slices.Compact(want)) {
				for _, f := range findings {
					t.Log(f)
				}
				t.Errorf("found %v, want %v", got, want)
			}
		})
	}
}
