package quorum

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// crashedBeforeInstall gives the disk of a voter that has fetched a snapshot of a
// newer leader and then crashed before it replaced its log, which ends with a batch
// of three records. offset is how far the snapshot lies from the log's end.
func crashedBeforeInstall(t *testing.T, offset kafka.Offset) (*memfs.FS, *stepped, snapshotID) {
	t.Helper()
	fsys := formatted(t)
	q := open(t, testOptions(t, fsys))
	if err := q.lead(); err != nil {
		t.Fatal(err)
	}
	three := func(*controller.Core, time.Time) controller.Result {
		var r controller.Result
		for i := range 3 {
			r.Records = append(r.Records, &metadata.ConfigRecord{ResourceType: metadata.ResourceTopic, ResourceName: "t", Name: fmt.Sprint(i), Value: new("v")})
		}
		return r
	}
	if err := q.do(three); err != nil {
		t.Fatal(err)
	}
	end := q.log.position()
	id := snapshotID{offset: end.offset + offset, epoch: end.epoch + 1}
	_, voters := q.log.votersAt(end.offset)
	spec := snapshotSpec{id: id, voters: voters, anchor: &snapshotAnchor{index: end.index + 5}}
	if err := writeSnapshot(fsys, q.dir, spec, q.Image().Records(), time.UnixMilli(1)); err != nil {
		t.Fatal(err)
	}
	return fsys, q, id
}

func wantLogAt(t *testing.T, fsys vfs.FS, id snapshotID) {
	t.Helper()
	q, err := Open(testOptions(t, fsys))
	if err != nil {
		t.Fatal(err)
	}
	if end := q.log.position(); end.offset != id.offset || end.epoch != id.epoch {
		t.Errorf("the log ends at %+v, want the end of snapshot %v", end, id)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

// A torn tail below a snapshot that is ahead of the log does not matter.
func TestTornTailBelowAFetchedSnapshot(t *testing.T) {
	fsys, q, id := crashedBeforeInstall(t, 50)
	s := q.log.segments[0]
	if _, err := s.file.WriteAt([]byte("torn"), s.size); err != nil {
		t.Fatal(err)
	}
	wantLogAt(t, fsys.CrashClone(memfs.CrashOptions{KeepPercent: 100}), id)
}

// A batch of an older leader that crosses the end of a snapshot was never committed.
func TestUncommittedBatchAcrossTheEndOfAFetchedSnapshot(t *testing.T) {
	fsys, _, id := crashedBeforeInstall(t, -1)
	wantLogAt(t, fsys.CrashClone(memfs.CrashOptions{KeepPercent: 100}), id)
}

// cutTransport gives only the first half of a snapshot.
type cutTransport struct{ data []byte }

func (cutTransport) Send(Voter, *raftpb.Message) {}

func (c cutTransport) FetchSnapshot(_ context.Context, _ Voter, _ string, w io.Writer) error {
	_, err := w.Write(c.data[:len(c.data)*3/4])
	return err
}

// A snapshot that did not arrive whole gets no name under which a start, or the
// installation, would find it.
func TestSnapshotThatDidNotArriveWhole(t *testing.T) {
	fsys, q, id := crashedBeforeInstall(t, 50)
	data, err := vfs.ReadFile(fsys, id.path(q.dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := removeSnapshot(fsys, q.dir, id); err != nil {
		t.Fatal(err)
	}
	q.o.Transport = cutTransport{data}
	if err := q.snapshots.download(t.Context(), Voter{ID: 2}, id); err == nil {
		t.Error("half a snapshot was taken")
	}
	if _, err := fsys.Stat(id.path(q.dir)); !os.IsNotExist(err) {
		t.Errorf("half a snapshot has its name: %v", err)
	}
}

// A truncation gives back the space that was reserved behind the log's end, so the
// log must ask for it again before it promises room.
func TestTruncationForgetsReservedSpace(t *testing.T) {
	_, q, _ := crashedBeforeInstall(t, 50)
	if err := q.log.room(1, false); err != nil {
		t.Fatal(err)
	}
	if err := q.log.truncate(q.log.position().index); err != nil {
		t.Fatal(err)
	}
	if s := q.log.segments[0]; s.reserved > s.size {
		t.Errorf("%d bytes are believed to be reserved of a file of %d", s.reserved, s.size)
	}
}
