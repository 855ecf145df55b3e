// Package quorum keeps the cluster's metadata agreed on: it is the shell around
// etcd raft's RawNode, the pure controller.Core and the __cluster_metadata log.
//
// One goroutine, the quorum loop (Run), owns raft, the controller core and the
// log. Do hands it an operation; on the active controller the loop lets the core
// decide, replays the records on the core at once (the uncommitted view), writes
// them as one record batch, and answers when the batch is committed. Operations
// that wait at the same moment share one fsync. Committed batches become a
// metadata.Delta and a new metadata.Image, which is published atomically and then
// handed to the subscribers in order.
//
// The raft log is Kafka's file: one raft entry is one record batch, the raft term
// is the batch's leader epoch. What raft appends by itself becomes a control batch
// (LeaderChange, Voters). Offsets count records and raft indexes count batches;
// the snapshots anchor one to the other (see snapshotAnchor).
//
// What always holds:
//   - Nothing rests on unsynced bytes: a vote, a message to another voter, an
//     answer to a caller and a published Image all follow the fsync they need.
//   - A batch has the same bytes at the same offset on every voter.
//   - The Image never runs ahead of the commit index, and never goes back.
//   - A result marked atomic is one batch.
//   - A failed write or fsync of the metadata log ends the loop: the node stops
//     being a controller instead of guessing what the disk has.
//
// It decides nothing about topics, brokers or configs (package controller), knows
// no wire format between nodes (Transport does) and serves no client.
//
// In Apache Kafka: KafkaRaftClient, KafkaRaftLog, FileQuorumStateStore,
// RecordsSnapshotWriter, QuorumController, MetadataLoader, SnapshotGenerator.
// KIP-500, KIP-595, KIP-630, KIP-631, KIP-853, KIP-996.
package quorum
