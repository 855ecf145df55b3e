// Package kafka holds the identifiers that every other package speaks of:
// topics, partitions, offsets, epochs, node and producer ids, and the one
// vocabulary of protocol errors.
//
// The integer types are distinct on purpose: an offset never silently becomes
// an epoch. Convert at the wire (kmsg) and at the disk, nowhere else.
//
// It imports only the error codes of the protocol and holds no state. Apache
// Kafka spreads the same names over org.apache.kafka.common (Uuid,
// TopicPartition, internals.Topic, protocol.Errors).
package kafka
