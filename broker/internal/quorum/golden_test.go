package quorum

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// The folders below testdata/kafka were written by Apache Kafka 4.4.0: formatted,
// started, a topic or two created, stopped; once with kraft.version 1 ("dynamic")
// and once with controller.quorum.voters ("static").

// kafkaFolder copies such a folder into a file system in memory.
func kafkaFolder(t testing.TB, kind string) *memfs.FS {
	t.Helper()
	fsys := memfs.New()
	dir := filepath.Join(testDir, metadataFolder)
	if err := errors.Join(fsys.MkdirAll(dir, 0o755), fsys.SyncDir("/"), fsys.SyncDir(testDir)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join("testdata", "kafka", kind))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := vfs.WriteFileAtomic(fsys, filepath.Join(dir, e.Name()), golden(t, kind, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return fsys
}

func golden(t testing.TB, kind, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "kafka", kind, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// kafkaVoter is the voter that the dynamic folder names.
func kafkaVoter(t testing.TB) Voter {
	directory, err := kafka.ParseUUID("qrJwD7OMSpCnBBS5X3C5PA")
	if err != nil {
		t.Fatal(err)
	}
	return StandaloneVoter(1, directory, Endpoint{Name: "CONTROLLER", Host: "127.0.0.1", Port: 29193})
}

func kafkaOptions(t testing.TB, kind string, fsys vfs.FS) Options {
	o := testOptions(t, fsys)
	if kind == "static" {
		o.Voters = []Voter{{ID: 1}}
	} else {
		o.DirectoryID = kafkaVoter(t).DirectoryID
	}
	return o
}

// TestFormatWritesWhatKafkaWrites compares the bytes, except for the times.
func TestFormatWritesWhatKafkaWrites(t *testing.T) {
	for kind, voters := range map[string][]Voter{"dynamic": {kafkaVoter(t)}, "static": nil} {
		t.Run(kind, func(t *testing.T) {
			fsys := memfs.New()
			if err := fsys.MkdirAll(testDir, 0o755); err != nil {
				t.Fatal(err)
			}
			format(t, fsys, voters...)
			got, err := vfs.ReadFile(fsys, bootstrapSnapshot.path(filepath.Join(testDir, metadataFolder)))
			if err != nil {
				t.Fatal(err)
			}
			want := golden(t, kind, bootstrapSnapshot.String()+snapshotSuffix)
			if got, want := withoutTimes(t, got), withoutTimes(t, want); !bytes.Equal(got, want) {
				t.Fatalf("got\n%x\nwant\n%x", got, want)
			}
		})
	}
}

// withoutTimes blanks the timestamps of batches and snapshot headers, and the CRCs.
func withoutTimes(t *testing.T, b []byte) []byte {
	t.Helper()
	b = bytes.Clone(b)
	for rest := b; len(rest) > 0; {
		batch, next, err := record.Read(rest)
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range batch.Records(maxBatchBytes) {
			if err != nil {
				t.Fatal(err)
			}
			if kind, err := record.ParseControlKey(r.Key); batch.IsControl() && err == nil && kind == record.ControlSnapshotHeader {
				binary.BigEndian.PutUint64(r.Value[2:], 0)
			}
		}
		clear(batch[17:21]) // CRC.
		clear(batch[27:43]) // Base and max timestamp.
		rest = next
	}
	return b
}

func TestQuorumStateIsKafkas(t *testing.T) {
	dynamic := newVoterSet(1, []Voter{kafkaVoter(t)}, 2)
	static := newVoterSet(0, []Voter{{ID: 1}}, -1)
	for kind, set := range map[string]voterSet{"dynamic": dynamic, "static": static} {
		want := golden(t, kind, quorumStateFile)
		state, err := decodeQuorumState(want)
		if err != nil {
			t.Fatal(err)
		}
		if state != (quorumState{leader: 1, epoch: 1, voted: -1}) {
			t.Errorf("%s: %+v", kind, state)
		}
		if got := state.encode(set); !bytes.Equal(got, want) {
			t.Errorf("%s: wrote %s, want %s", kind, got, want)
		}
	}
}

// TestOpensKafkasFolder opens what Apache Kafka wrote, goes on in it, and checks
// that the control batches are Kafka's byte for byte.
func TestOpensKafkasFolder(t *testing.T) {
	for kind, topics := range map[string][]string{"dynamic": {"alpha", "beta"}, "static": {"alpha"}} {
		t.Run(kind, func(t *testing.T) {
			fsys := kafkaFolder(t, kind)
			q := open(t, kafkaOptions(t, kind, fsys))
			before := q.log.position()
			if err := q.lead(); err != nil {
				t.Fatal(err)
			}
			for _, topic := range topics {
				if q.Image().Topic(topic) == nil {
					t.Errorf("topic %s is missing", topic)
				}
			}
			if q.leadership.epoch != 2 || q.applied.offset != before.offset+1 {
				t.Errorf("epoch %d, offset %d; want 2 and one record after %d", q.leadership.epoch, q.applied.offset, before.offset)
			}
			if err := q.do(setConfig("a", "1")); err != nil {
				t.Fatal(err)
			}
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			// What Kafka wrote is still there, unchanged.
			log := golden(t, kind, "00000000000000000000.log")
			now, err := vfs.ReadFile(fsys, segmentPath(q.dir, 0, ".log"))
			if err != nil || !bytes.HasPrefix(now, log) || len(now) == len(log) {
				t.Fatalf("the log of %d bytes became %d bytes, %v", len(log), len(now), err)
			}
		})
	}
}

// TestLeaderChangeBatchIsKafkas builds the first batch of a fresh log.
func TestLeaderChangeBatchIsKafkas(t *testing.T) {
	for kind, set := range map[string]voterSet{
		"dynamic": newVoterSet(1, []Voter{kafkaVoter(t)}, -1),
		"static":  newVoterSet(0, []Voter{{ID: 1}}, -1),
	} {
		want, _, err := record.Read(golden(t, kind, "00000000000000000000.log"))
		if err != nil {
			t.Fatal(err)
		}
		q := &Quorum{o: Options{NodeID: 1}, conf: set}
		q.id = raftIDOf(set.voters[0])
		if got := q.leaderChangeBatch(0, 1, want.BaseTimestamp()); !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%x\nwant\n%x", kind, []byte(got), []byte(want))
		}
	}
}

// TestSnapshotRoundTrip writes a snapshot of the Image that
// Kafka's snapshot gives, and reads it back.
func TestSnapshotRoundTrip(t *testing.T) {
	fsys := kafkaFolder(t, "dynamic")
	dir := filepath.Join(testDir, metadataFolder)
	theirs, err := readSnapshot(fsys, dir, snapshotID{offset: 35, epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	image, err := theirs.image()
	if err != nil {
		t.Fatal(err)
	}
	if theirs.anchored || theirs.voters == nil || theirs.voters.offset != 34 {
		t.Fatalf("Kafka's snapshot: %+v", theirs)
	}
	id := snapshotID{offset: 36, epoch: 4}
	spec := snapshotSpec{id: id, voters: *theirs.voters, anchor: &snapshotAnchor{index: 77}, timestamp: 5}
	if err := writeSnapshot(fsys, dir, spec, image.Records(), time.UnixMilli(9)); err != nil {
		t.Fatal(err)
	}
	ours, err := readSnapshot(fsys, dir, id)
	if err != nil {
		t.Fatal(err)
	}
	if !ours.anchored || ours.anchor.index != 77 || ours.timestamp != 5 || !equalVoters(ours.voters.voters[0], theirs.voters.voters[0]) {
		t.Fatalf("our snapshot: %+v", ours)
	}
	if len(ours.records) != len(theirs.records) {
		t.Fatalf("%d records, Kafka has %d", len(ours.records), len(theirs.records))
	}
	encoded := map[string]int{}
	for i := range ours.records {
		encoded[string(metadata.Encode(ours.records[i]))]++
		encoded[string(metadata.Encode(theirs.records[i]))]--
	}
	for r, n := range encoded {
		if n != 0 {
			t.Errorf("record %x: %+d times", r, n)
		}
	}
}

func FuzzReadSnapshot(f *testing.F) {
	f.Add(golden(f, "dynamic", "00000000000000000035-0000000001.checkpoint"))
	f.Add(golden(f, "static", bootstrapSnapshot.String()+snapshotSuffix))
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := memfs.New()
		if err := vfs.WriteFile(fsys, "/s", data); err != nil {
			t.Fatal(err)
		}
		file, err := fsys.OpenFile("/s", os.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := readSnapshotFrom(file, int64(len(data))); err == nil {
			c.id = snapshotID{offset: 1}
			_, _ = c.image() // May be an error, must not panic.
		}
	})
}

func FuzzDecodeControl(f *testing.F) {
	for _, kind := range []string{"dynamic", "static"} {
		b, _, err := record.Read(golden(f, kind, "00000000000000000000.log"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(b))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		if b, _, err := record.Read(data); err == nil && b.Check() == nil {
			_, _ = decodeControl(b) // May be an error, must not panic.
		}
	})
}

func FuzzDecodeQuorumState(f *testing.F) {
	f.Add(golden(f, "dynamic", quorumStateFile))
	f.Add(golden(f, "static", quorumStateFile))
	f.Add([]byte(`{"leaderId":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decodeQuorumState(data)
		if err != nil {
			return
		}
		again, err := decodeQuorumState(s.encode(voterSet{kraftVersion: 1}))
		if err != nil || again != s {
			t.Fatalf("%+v became %+v, %v", s, again, err)
		}
	})
}
