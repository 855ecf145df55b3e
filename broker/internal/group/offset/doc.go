// Package offset keeps the offsets that groups have committed, those of open
// transactions apart.
//
// A Store is a pure state machine: what is decided comes back as records, and
// Replay changes the state. It belongs to one shard of the group coordinator.
//
// What always holds: a transaction's offsets are seen by nobody before its
// marker says commit; of two commits for a partition, the one whose record
// stands later in the log wins, also when it belongs to a transaction that ended
// earlier; nothing is kept for a group without offsets.
//
// It does not know who may commit (package group and the group types do).
//
// KIPs: 98 (transactions), 211 (expiry), 447 (require stable), 848, 1251.
//
// In Apache Kafka: OffsetMetadataManager, OffsetAndMetadata,
// OffsetExpirationCondition.
package offset
