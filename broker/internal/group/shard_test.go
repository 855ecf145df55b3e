package group

import (
	"log/slog"
	"testing"
	"time"
)

func testConfig() Config {
	return Config{
		Threads: 2, AppendLinger: -1, WriteTimeout: 5 * time.Second, Partitions: 3,
		MinSessionTimeout: 6 * time.Second, MaxSessionTimeout: 30 * time.Minute,
		InitialRebalanceDelay: 3 * time.Second, MaxSize: 1000,
		OffsetMetadataMaxSize: 4096, OffsetsRetention: 7 * 24 * time.Hour,
		OffsetsRetentionCheckInterval: 10 * time.Minute,
	}
}

func testShard(t testing.TB) *Shard {
	t.Helper()
	return newShard(testConfig(), discard(), randomSuffix)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
