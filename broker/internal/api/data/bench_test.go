package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// roundTrip sends a frame and reads its response into buf, without allocating.
func (c *client) roundTrip(frame, buf []byte) {
	if _, err := c.conn.Write(frame); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.ReadFull(c.conn, buf[:4]); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.ReadFull(c.conn, buf[4:4+binary.BigEndian.Uint32(buf)]); err != nil {
		c.t.Fatal(err)
	}
}

func frameOf(req kmsg.Request) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("bench")).AppendRequest(nil, req, 1)
}

// manyReplicas is that many partitions with this node as only replica.
func manyReplicas(n int) [][]kafka.NodeID {
	partitions := make([][]kafka.NodeID, n)
	for i := range partitions {
		partitions[i] = []kafka.NodeID{self}
	}
	return partitions
}

func ids(n int) []int32 {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// hotPaths are the requests that decide how fast the broker is.
func hotPaths(w *world) map[string]*kmsg.ProduceRequest {
	w.create("one", manyReplicas(1)...)
	w.create("many", manyReplicas(20)...)
	return map[string]*kmsg.ProduceRequest{
		"100B":              w.produce(newestProduce, -1, "one", batchOf(1, 100), 0),
		"64KiB":             w.produce(newestProduce, -1, "one", batchOf(640, 64<<10), 0),
		"20 partitions 1KB": w.produce(newestProduce, -1, "many", batchOf(10, 1000), ids(20)...),
	}
}

func BenchmarkProduce(b *testing.B) {
	w := newWorldOn(b, vfs.Default, b.TempDir())
	for name, req := range hotPaths(w) {
		b.Run(name, func(b *testing.B) {
			c := w.dial()
			frame, buf := frameOf(req), make([]byte, 1<<20)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				c.roundTrip(frame, buf)
			}
		})
	}
}

func BenchmarkFetch(b *testing.B) {
	for _, partitions := range []int{1, 20} {
		b.Run(fmt.Sprintf("%d partitions", partitions), func(b *testing.B) {
			w := newWorldOn(b, vfs.Default, b.TempDir())
			w.create("events", manyReplicas(partitions)...)
			c := w.dial()
			buf := make([]byte, 16<<20)
			c.roundTrip(frameOf(w.produce(newestProduce, -1, "events", batchOf(10, 1000), ids(partitions)...)), buf)
			frame := frameOf(w.fetch(newestFetch, "events", ids(partitions)...))
			b.ReportAllocs()
			for b.Loop() {
				c.roundTrip(frame, buf)
			}
		})
	}
}

// TestHotPathsDoNotAllocatePerRecord bounds the allocations of a request from
// its frame to its response. The client's part has none.
func TestHotPathsDoNotAllocatePerRecord(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	w := newWorldOn(t, vfs.Default, t.TempDir())
	produces := hotPaths(w)
	buf := make([]byte, 1<<20)
	c := w.dial()
	// The request's list of partitions is one; kmsg makes two for each partition of a response.
	for name, most := range map[string]float64{"100B": 3, "64KiB": 3, "20 partitions 1KB": 41} {
		frame := frameOf(produces[name])
		if got := testing.AllocsPerRun(200, func() { c.roundTrip(frame, buf) }); got > most {
			t.Errorf("produce of %s: %v allocations, at most %v are allowed", name, got, most)
		}
	}
	for partitions, most := range map[int]float64{1: 5, 20: 5} {
		topic := map[int]string{1: "one", 20: "many"}[partitions]
		req := w.fetch(newestFetch, topic, ids(partitions)...)
		for i := range req.Topics[0].Partitions {
			req.Topics[0].Partitions[i].PartitionMaxBytes = 1000
		}
		frame := frameOf(req)
		if got := testing.AllocsPerRun(200, func() { c.roundTrip(frame, buf) }); got > most {
			t.Errorf("fetch of %d partitions: %v allocations, at most %v are allowed", partitions, got, most)
		}
	}
}
