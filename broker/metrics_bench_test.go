package broker

import (
	"fmt"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/vfs/memfs"
)

// BenchmarkScrape10000Partitions is /metrics of a node with 10,000 partitions, all
// of which a group lags behind in.
func BenchmarkScrape10000Partitions(b *testing.B) {
	node, err := Start(b.Context(), Config{FS: memfs.New(), Overrides: []string{
		"listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0", "moldau.http.listener=", "log.dirs=/a", "controller.quorum.bootstrap.servers=localhost:0",
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = node.Shutdown(b.Context()) }()
	cl, err := kgo.NewClient(kgo.SeedBrokers(node.Addr("PLAINTEXT").String()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	admin, offsets := kadm.NewClient(cl), kadm.Offsets{}
	for i := range 10 {
		topic := fmt.Sprintf("topic%d", i)
		if _, err := admin.CreateTopic(b.Context(), 1000, 1, nil, topic); err != nil {
			b.Fatal(err)
		}
		var records []*kgo.Record
		for p := range int32(1000) {
			records = append(records, &kgo.Record{Topic: topic, Partition: p, Value: []byte("x")})
			offsets.AddOffset(topic, p, 0, -1)
		}
		if err := cl.ProduceSync(b.Context(), records...).FirstErr(); err != nil {
			b.Fatal(err)
		}
	}
	for admin.CommitAllOffsets(b.Context(), "group", offsets) != nil {
		if b.Context().Err() != nil {
			b.Fatal(b.Context().Err())
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := node.metrics.Write(b.Context(), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
