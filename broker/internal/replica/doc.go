// Package replica hosts this node's replicas: it joins each partition's state
// (package partition) with its log (package storage), follows the metadata, and
// lets produces and fetches wait.
//
// A Manager holds a Replica for every partition assigned to this node. A
// Replica appends and reads; when its high watermark moves, it wakes whoever
// waits for that in the purgatories: acks=all produces, long-polling fetches,
// DeleteRecords, and the coordinators' listeners.
//
// What always holds:
//   - a record is acknowledged with acks=all only when the high watermark has
//     passed it, and with flush.messages reached only when it is on disk;
//   - the high watermark never passes records that an acknowledgement promised
//     to have on disk and that are not there yet;
//   - a partition's lock is never held while waiting for a disk or a client.
//
// Lock order: Manager.mu, Replica.mu, the log's own. No lock is held when a
// purgatory or a listener is called.
//
// In Apache Kafka: kafka.server.ReplicaManager, the I/O half of
// kafka.cluster.Partition, DelayedProduce, DelayedFetch, DelayedDeleteRecords.
package replica
