// Package metadata is what every node knows about the cluster: the KRaft
// metadata records, the Image they add up to, and the Delta between two Images.
//
// A Record is one entry of the __cluster_metadata log. Encode and Decode give
// and take exactly the bytes that Apache Kafka writes (frame, API key, version,
// flexible body). An Image is immutable and shared freely between goroutines;
// its maps are persistent trees, so that a change to one topic among many
// costs the path to that topic and not a copy of the whole. A Delta replays
// records on top of an Image and remembers what they touched, for those who
// react to changes.
//
// What always holds:
//   - An Image never changes. Whatever it hands out (topics, partitions, maps,
//     slices) is read-only for the caller.
//   - Replaying the same records in the same order gives equal Images.
//   - Replaying Image.Records on the empty Image gives an equal Image.
//
// The package decides nothing: which records to write is package controller's
// business, how they are agreed on is package quorum's.
//
// In Apache Kafka: org.apache.kafka.image (MetadataImage, MetadataDelta),
// org.apache.kafka.common.metadata and MetadataRecordSerde. KIP-500, KIP-630,
// KIP-631, KIP-868, KIP-966.
package metadata
