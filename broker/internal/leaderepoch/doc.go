// Package leaderepoch keeps, for one partition, where each leader's epoch began:
// the history that tells a follower, or a consumer, which part of its log was
// never committed (KIP-101, KIP-279, KIP-320).
//
// Cache is the partition's history, oldest epoch first, over its file
// leader-epoch-checkpoint in Apache Kafka's format.
//
// Invariants: epochs and start offsets both rise strictly from entry to entry.
// The file never loses an entry to a crash: it is only ever replaced by a synced
// one. It may lag behind the memory, because changes are written by Flush and
// not by the append that causes them. That is safe as long as the owner of the
// log (1) flushes the cache before it moves its recovery point, since recovery
// replays the epochs of all batches after it, and (2) truncates the cache to the
// log's bounds after opening it.
//
// It does not know the log: offsets and epochs come from the storage package.
//
// Apache Kafka: LeaderEpochFileCache, LeaderEpochCheckpointFile.
package leaderepoch
