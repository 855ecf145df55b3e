// Package coordinator runs replicated state machines over the partitions of an
// internal topic: groups over __consumer_offsets, transactions over
// __transaction_state, share state over __share_group_state.
//
// A Shard is the state machine of one partition: it decides and replays, and
// knows no goroutine, lock, clock or log. The Runtime gives it all of these:
//
//   - Load builds a shard by replaying its partition's log on a goroutine of
//     its own; meanwhile every operation is refused with
//     COORDINATOR_LOAD_IN_PROGRESS. Unload drops it and fails everything that
//     waits with NOT_COORDINATOR.
//   - A write runs on the event loop that owns the partition: it decides, its
//     records are replayed at once, batched, appended to the log, and its
//     caller is released when the high watermark has passed the batch.
//   - A read runs on the same loop and is released when everything it saw is
//     committed.
//   - A shard's timers are data (Timers); the loop sleeps until the next one.
//
// What always holds: a shard is touched by one goroutine only; a released
// caller never saw state that a failover can lose; the shard's state is that
// of its log. If an append fails, all operations of the batch fail and the
// shard is rebuilt from the log, so that shards need no undo and no versioned
// data structures. That is rare, because what would make the log refuse an
// append (too few in-sync replicas) is asked before anything is replayed.
//
// No goroutine waits per request here: callers may block on their own.
//
// The package does not know what the records mean, nor which broker leads a
// partition: whoever follows the metadata calls Load and Unload.
//
// In Apache Kafka: CoordinatorRuntime, CoordinatorShard, CoordinatorLoaderImpl,
// PartitionWriter, CoordinatorOperationExceptionHelper.
package coordinator
