package coordinator_test

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/coordinator/coordinatortest"
	"moldau.dev/moldau/internal/kafka"
)

// BenchmarkWrite measures writes of one record each from many callers.
func BenchmarkWrite(b *testing.B) {
	log := coordinatortest.NewLog()
	rt := coordinator.New(coordinator.Options[*words, string]{
		Name: "bench", Log: log, Codec: wordCodec{}, AppendLinger: coordinator.AdaptiveLinger,
		Logger: slog.New(slog.DiscardHandler),
		NewShard: func(kafka.TopicPartition) *words {
			return &words{timers: coordinator.NewTimers[string](), gaveUp: func(error) {}}
		},
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- rt.Run(ctx) }()
	rt.Load(tp, 1)
	write := func() error {
		return rt.Write(ctx, tp, func(s *words, _ time.Time) (coordinator.Result[string], error) {
			s.list = s.list[:0]
			return coordinator.Result[string]{Records: []string{"a record of some length"}}, nil
		})
	}
	for write() != nil {
		runtime.Gosched() // until it is loaded.
	}
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := write(); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/float64(len(log.Batches(tp))), "writes/batch")
	cancel()
	<-ended
}
