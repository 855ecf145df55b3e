package quorum

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// TestFullDisk fills the disk: what makes the metadata grow is refused, deletions
// go on, the node starts again without a free byte, and recovers by itself.
func TestFullDisk(t *testing.T) {
	fsys := formatted(t)
	q := open(t, testOptions(t, fsys))
	if err := q.lead(); err != nil {
		t.Fatal(err)
	}
	if err := q.do(setConfig("a", "1")); err != nil {
		t.Fatal(err)
	}
	fill(t, fsys)
	remove := func(*controller.Core, time.Time) controller.Result {
		return controller.Result{Records: []metadata.Record{&metadata.ConfigRecord{ResourceType: metadata.ResourceTopic, ResourceName: "t", Name: "a"}}}
	}
	refusedEventually(t, q)
	if err := q.do(remove); err != nil {
		t.Fatalf("a deletion on the full disk: %v", err)
	}
	q = open(t, testOptions(t, fsys))
	if err := q.lead(); err != nil {
		t.Fatalf("start on the full disk: %v", err)
	}
	if configOf(q.Image(), "a") != "" || q.Image().MetadataVersion() == 0 {
		t.Fatal("the metadata is wrong after the start")
	}
	refusedEventually(t, q)
	fsys.SetCapacity(1 << 40)
	if err := q.do(setConfig("b", "2")); err != nil {
		t.Fatalf("with space again: %v", err)
	}
}

// fill leaves no free space.
func fill(t *testing.T, fsys *memfs.FS) {
	t.Helper()
	fsys.SetCapacity(1 << 40)
	total, usable, err := fsys.DiskUsage("/")
	if err != nil {
		t.Fatal(err)
	}
	fsys.SetCapacity(total - usable)
}

// refusedEventually writes until the reserve for emergencies is reached.
func refusedEventually(t *testing.T, q *stepped) {
	t.Helper()
	value := string(make([]byte, 10_000))
	for range 200 {
		err := q.do(setConfig("large", value))
		if errors.Is(err, kerr.KafkaStorageError) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("a full disk took everything")
}
