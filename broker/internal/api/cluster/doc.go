// Package cluster serves the APIs about the cluster as a whole: DescribeCluster,
// DescribeLogDirs, DescribeQuorum, UpdateFeatures, UnregisterBroker,
// ElectLeaders and partition reassignments.
//
// What only reads is answered from what this node knows; the rest is forwarded
// to the active controller. ApiVersions is answered by package api, from the
// table of APIs itself.
//
// In Apache Kafka: KafkaApis, ControllerApis, AuthHelper.computeDescribeClusterResponse,
// ReplicaManager.describeLogDirs. KIP-455, KIP-460, KIP-584, KIP-700, KIP-827, KIP-919, KIP-1073.
package cluster
