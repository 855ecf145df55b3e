// Package producerstate remembers, for one partition, what its idempotent and
// transactional producers wrote last: enough to refuse gaps and zombies, to
// recognise a batch that was sent again, and to know how far readers of
// committed records may go (KIP-98, KIP-360, KIP-890).
//
// Manager is the partition's state. The log that owns it calls Check before a
// leader writes a batch, Update after it, and Replay for batches that come from
// a leader or from disk. Snapshots (<offset>.snapshot) spare a restart most of
// the replay: Load finds the newest good one, TakeSnapshot writes one. AbortedTxn
// is the entry of a segment's transaction index (.txnindex).
//
// Invariants:
//
//   - A snapshot holds the state after exactly the records below its offset, but
//     only the last batch of each producer: the others are forgotten by a restart
//     that does not replay them.
//   - A snapshot needs no sync to be safe. A torn or missing one costs an older
//     snapshot and a longer replay, never a wrong state.
//   - At most one transaction per producer is open. FirstUnstableOffset is at or
//     below the first record of every transaction that is open, or whose marker
//     is not yet below the high watermark.
//   - A producer with an open transaction is never forgotten.
//
// A partition without such producers costs a few words and no map. A Manager is
// a plain value without lock, clock or goroutine: the log's lock guards it, and
// the caller passes the time. It writes no transaction index and reads no log;
// the segment and storage packages do.
//
// Apache Kafka: ProducerStateManager, ProducerAppendInfo, ProducerStateEntry,
// UnifiedLog.analyzeAndValidateProducerState, TransactionIndex.
package producerstate
