// Package groups has the handlers of the group APIs: FindCoordinator,
// JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetFetch,
// OffsetDelete, DescribeGroups, ListGroups, DeleteGroups.
//
// They know the versions of the messages and the metadata (which topics exist,
// what their ids are, who leads a coordinator's partition); everything else is
// package group's.
//
// In Apache Kafka: the methods of KafkaApis.
package groups
