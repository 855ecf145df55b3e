// Package data serves the APIs that move records: Produce, Fetch, ListOffsets,
// OffsetForLeaderEpoch, DeleteRecords, InitProducerId and DescribeProducers.
//
// The handlers translate between the wire and package replica: they resolve
// topic ids, apply each API's version rules, and turn errors into codes. What
// a partition decides is decided there. Produce and Fetch are given the raw
// network request, since they decide how fast a broker is; the others are plain
// typed handlers.
//
// One file per API. In Apache Kafka: the handlers of kafka.server.KafkaApis.
package data
