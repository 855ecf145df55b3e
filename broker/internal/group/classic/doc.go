// Package classic is the classic group protocol: members join, one of them
// assigns, all sync, and a heartbeat keeps each of them in. It serves every
// consumer that does not speak KIP-848, Kafka Connect and Schema Registry.
//
// A Group is a pure state machine: it reads no clock, blocks nobody, writes
// nothing. Requests come with the time; timers are set in a coordinator.Timers
// and come back through Expire; a request that must wait gives a callback,
// called once, at the latest by Kill. A transition that must be durable returns
// a Store: the record to write, and what to do once it is written or has failed.
//
// What always holds:
//
//   - the generation never goes back, and each generation has one leader and
//     one protocol that all its members support;
//   - an assignment is handed out only after it was stored, and only to members
//     of its generation;
//   - every join and sync is answered.
//
// The members are soft state between two generations; what a failover restores
// is the last stored generation, by FromRecord.
//
// It does not keep offsets (package offset), nor know other group types (group).
//
// KIPs: 62, 134 (initial rebalance delay), 345 (static members), 394
// (MEMBER_ID_REQUIRED), 389 (group.max.size), 429, 559, 800 (reasons), 814
// (static leaders skip the assignment).
//
// In Apache Kafka: ClassicGroup, ClassicGroupMember, ClassicGroupState, and the
// classicGroup methods of GroupMetadataManager.
package classic
