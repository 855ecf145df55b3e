// Package compress packs and unpacks the payload of a record batch with the
// four codecs of Kafka's wire format: gzip, snappy, lz4 and zstd.
//
// What is written is what Apache Kafka's Java client reads, and the other way
// round: gzip members, snappy in the block framing of snappy-java ("xerial";
// raw snappy blocks are read too, some clients send them), lz4 frames and zstd
// frames.
//
// Invariants: every function is safe for concurrent use; encoders and decoders
// are pooled and run on the caller's goroutine; the memory that a decompression
// takes is bounded by the caller's limit, never by a number read from the
// input, so a decompression bomb ends in ErrTooLarge.
//
// It knows nothing of batches and records; see package record. Apache Kafka's
// counterpart is org.apache.kafka.common.compress (KIP-98 frame fixes, KIP-110
// for zstd, KIP-390 for levels).
package compress
