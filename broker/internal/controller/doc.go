// Package controller decides what changes in the cluster's metadata: topics,
// partitions and their leaders, brokers, configs, features, producer ids.
//
// Core is a state machine without goroutine, lock, clock, socket or file. An
// operation looks at the metadata and returns a Result: the records that would
// do what was asked, and the response to give once they are committed. It
// changes no metadata itself; the caller appends the records to the log and
// replays them onto the Core right away, so that the next operation sees them.
// On losing the leadership the caller loads the committed Image again, and
// whatever was not committed is gone. The only thing operations change directly
// is soft state that is never replicated: when each broker was last heard of,
// and what it said about its own progress.
//
// What always holds:
//   - Replay on a Core gives the same metadata as Replay on a metadata.Delta.
//   - A fenced broker, or one in controlled shutdown, leads nothing.
//   - A partition's leader is in its ISR, except while the partition recovers
//     from an unclean election as that leader alone.
//
// The package does not agree on records (package quorum), speak to clients
// (package api) or check who may do what.
//
// In Apache Kafka: QuorumController with its ReplicationControlManager,
// ClusterControlManager, ConfigurationControlManager, FeatureControlManager,
// ProducerIdControlManager, PartitionChangeBuilder and StripedReplicaPlacer.
// KIP-455, KIP-460, KIP-584, KIP-631, KIP-841, KIP-903, KIP-966.
package controller
