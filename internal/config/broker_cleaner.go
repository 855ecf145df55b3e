package config

import (
	"math"
	"time"
)

// cleanerKeys are the keys of the log cleaner (compaction).
var cleanerKeys = []Key{
	{
		Name: "log.cleaner.threads", Type: Int, Default: int32(1), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many threads compact logs.",
	},
	{
		Name: "log.cleaner.io.max.bytes.per.second", Type: Double, Default: math.MaxFloat64, Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many bytes per second compaction reads and writes at most, all threads together.",
	},
	{
		Name: "log.cleaner.dedupe.buffer.size", Type: Long, Default: int64(134217728), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many bytes all compacting threads together may use for remembering keys.",
	},
	{
		Name: "log.cleaner.io.buffer.size", Type: Int, Default: int32(524288), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many bytes all compacting threads together may use for reading and writing.",
	},
	{
		Name: "log.cleaner.io.buffer.load.factor", Type: Double, Default: 0.9, Importance: Medium, Dynamic: ClusterWide,
		Doc: "How full the memory for keys may become, from 0 to 1. More keys per pass, more collisions.",
	},
	{
		Name: "log.cleaner.backoff.ms", Type: Long, Default: int64(15000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, to wait when there is nothing to compact.",
	},
	{
		Name: "log.cleaner.min.cleanable.ratio", Type: Double, Default: 0.5, Valid: between{0, 1}, Importance: Medium, Dynamic: ClusterWide,
		Doc: "Which part of a log, from 0 to 1, must be not yet compacted before it is compacted again.",
	},
	{
		Name: "log.cleaner.enable", Type: Boolean, Default: true, Importance: Medium,
		Doc: "Whether logs are compacted at all. Topics with cleanup.policy=compact grow without end where it is off.",
	},
	{
		Name: "log.cleaner.delete.retention.ms", Type: Long, Default: int64(86400000), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, tombstones and transaction markers of compacted topics stay readable.",
	},
	{
		Name: "log.cleaner.min.compaction.lag.ms", Type: Long, Default: int64(0), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, a record stays uncompacted at least.",
	},
	{
		Name: "log.cleaner.max.compaction.lag.ms", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(1), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, a record that can be compacted stays uncompacted at most.",
	},
}

// CleanerSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type CleanerSettings struct {
	LogCleanerThreads             int           // log.cleaner.threads
	LogCleanerIOMaxBytesPerSecond float64       // log.cleaner.io.max.bytes.per.second
	LogCleanerDedupeBufferSize    int64         // log.cleaner.dedupe.buffer.size
	LogCleanerIOBufferSize        int           // log.cleaner.io.buffer.size
	LogCleanerIOBufferLoadFactor  float64       // log.cleaner.io.buffer.load.factor
	LogCleanerBackoff             time.Duration // log.cleaner.backoff.ms
	LogCleanerEnable              bool          // log.cleaner.enable
}

func cleanerSettings(v values) CleanerSettings {
	return CleanerSettings{
		LogCleanerThreads:             v.int("log.cleaner.threads"),
		LogCleanerIOMaxBytesPerSecond: v.float("log.cleaner.io.max.bytes.per.second"),
		LogCleanerDedupeBufferSize:    v.int64("log.cleaner.dedupe.buffer.size"),
		LogCleanerIOBufferSize:        v.int("log.cleaner.io.buffer.size"),
		LogCleanerIOBufferLoadFactor:  v.float("log.cleaner.io.buffer.load.factor"),
		LogCleanerBackoff:             v.duration("log.cleaner.backoff.ms", time.Millisecond),
		LogCleanerEnable:              v.bool("log.cleaner.enable"),
	}
}
