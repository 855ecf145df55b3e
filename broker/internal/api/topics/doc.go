// Package topics serves the APIs about topics: Metadata, DescribeTopicPartitions,
// CreateTopics, DeleteTopics and CreatePartitions.
//
// What only reads is answered from the metadata Image of this node. What changes
// something is forwarded to the active controller, whose answer is passed on;
// when it arrives, this node has seen the change.
//
// In Apache Kafka: KafkaApis.handleTopicMetadataRequest, ControllerApis,
// KRaftMetadataCache, DescribeTopicPartitionsRequestHandler and
// AutoTopicCreationManager. KIP-4, KIP-464, KIP-516, KIP-966.
package topics
