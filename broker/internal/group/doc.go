// Package group is the group coordinator: who is in a group, what each member
// consumes, and how far the group has got.
//
// A group lives in the partition of __consumer_offsets that its id hashes to,
// on the broker that leads it. There a Shard holds all groups of the partition,
// of whatever type, and their offsets; it is a pure state machine that a
// coordinator.Runtime loads, runs and unloads. Service is the door: one method
// per API, which takes and returns the wire's messages and blocks its caller
// until the outcome is committed (JoinGroup: until the rebalance is through).
//
// What always holds: the state is that of the log; what a client was told
// survives a failover of the coordinator; of a group deleted or expired nothing
// is left in the compacted topic.
//
// Records of group types that are not served here (KIP-848 consumer groups,
// share and streams groups written by Apache Kafka) stay in the log untouched;
// their offsets are served as those of a simple group.
//
// Sub-packages: classic (the classic protocol), offset (committed offsets).
//
// In Apache Kafka: GroupCoordinatorService, GroupCoordinatorShard,
// GroupMetadataManager, GroupCoordinatorRecordSerde.
package group
