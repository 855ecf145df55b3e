// Package storage is the logs of a node: one Log per partition, and the
// Manager of all of them over the node's log directories.
//
// A Log is an ordered list of segments (package segment), the state of its
// producers (producerstate) and its leader epochs (leaderepoch). AppendAsLeader
// validates a batch, gives it its offset and writes it; Read gives a range of a
// file for sendfile. Whether this node may append or serve a partition is the
// caller's business (package replica).
//
// The Manager opens and recovers the logs of each log directory, creates and
// deletes them, deletes old segments, writes the checkpoints, and leaves the
// marker of a clean shutdown. A log directory whose disk fails goes offline as
// a whole, and the others live on (KIP-112).
//
// What always holds of a Log:
//
//	logStartOffset <= highWatermark <= logEndOffset
//	recoveryPoint <= logEndOffset; every record below it is on disk
//
// Durability: appends reach the page cache only. A sync is asked for by
// flush.messages, flush.ms, a roll or Flush; it serves every append made before
// it began (group commit), and appends go on while it runs. A sync that failed
// is final: nothing that waits for it is acknowledged and the directory goes
// offline. A full disk is no failure: appends are refused with
// KAFKA_STORAGE_ERROR until there is space.
//
// Locks: Manager.mu, then Log.mu, then what is below (producers, epochs, files).
// Log.mu is held while a batch is written to its file, never during a sync, and
// not at all by readers.
//
// An idle Log is a struct of about a kilobyte: no goroutine, no open file, no
// mapped index.
//
// Kafka's classes: UnifiedLog, LocalLog, LogLoader, LogManager; LogDirFailureChannel.
// KIPs: 101, 107, 112, 279, 516, 858, 966.
package storage
