package group

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"moldau.dev/moldau/broker/internal/coordinator/coordinatortest"
	"moldau.dev/moldau/broker/internal/group/offset"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// BenchmarkLoad measures how fast a partition with a million committed offsets
// is loaded: until then its groups have no coordinator.
func BenchmarkLoad(b *testing.B) {
	const groups, topics, partitions = 1000, 10, 100
	for _, rounds := range []int{1, 10} { // Of the same offsets, as before compaction.
		b.Run(fmt.Sprintf("commits=%d", rounds), func(b *testing.B) {
			log, tp := coordinatortest.NewLog(), offsetsPartition(0)
			for n := range rounds * groups / 10 {
				builder := record.NewBuilder(record.NewOptions(log.HighWatermark(tp)))
				for g := range 10 {
					for t := range topics {
						for p := range int32(partitions / rounds) {
							k := offset.Key{Group: fmt.Sprint("consumer-group-", (n*10+g)%groups), Topic: fmt.Sprint("topic-number-", t), Partition: p}
							key, value := codec{}.Encode(OffsetCommit{Key: k, Value: &offset.Committed{
								Offset: kafka.Offset(n), LeaderEpoch: 3, CommitTimestamp: time.Now().UnixMilli(), ExpireTimestamp: offset.NoExpiry,
								TopicID: kafka.UUID{byte(t), 1},
							}})
							builder.Append(time.Now().UnixMilli(), key, value)
						}
					}
				}
				if _, err := log.Append(tp, 1, builder.Build()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				load(b, log, tp)
			}
			records := float64(log.HighWatermark(tp)) * float64(b.N)
			b.ReportMetric(records/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// load begins a coordinator and ends it when it has loaded the partition.
func load(b *testing.B, log *coordinatortest.Log, tp kafka.TopicPartition) {
	loaded := make(chan struct{})
	service := NewService(Options{
		Log: log, Logger: slog.New(&loadedHandler{loaded: loaded}), Config: Config{Partitions: 1, OffsetsRetentionCheckInterval: time.Hour},
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	service.OnElection(tp.Partition, 1)
	<-loaded
	cancel()
	<-ended
}

// loadedHandler waits for the line that a partition is loaded.
type loadedHandler struct {
	slog.Handler
	loaded chan struct{}
}

func (h *loadedHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *loadedHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h *loadedHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "Loaded the coordinator's state" {
		close(h.loaded)
	}
	return nil
}
