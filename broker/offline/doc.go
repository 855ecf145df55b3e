// Package offline reads the files of a node that is stopped: it dumps single
// files, lists and verifies whole data folders, and prints the cluster's metadata.
//
// Dump decodes one file into entries. List tells what log directories hold.
// Verify reads every byte of them and reports what is wrong as Findings, each with
// the file, the position, the cause and the cure. LoadMetadata builds the metadata
// from the newest snapshot and the log after it. The files may be Moldau's or
// Apache Kafka's: the formats are the same (docs/formats).
//
// Invariants:
//
//   - Nothing is written, created, locked or repaired.
//   - Memory is bounded by the largest batch, not by the folder: see
//     maxBatchBytes.
//   - Bytes that make no sense give a Finding, never a panic, and never an
//     allocation of a size that they claim.
//
// It repairs nothing: a start of the node does that, and the cure says what it
// will do. It does not read remote storage. The formats themselves belong to
// record, segment, producerstate, leaderepoch, checkpoint and metadata.
//
// Apache Kafka: DumpLogSegments (kafka-dump-log), MetadataShell
// (kafka-metadata-shell).
package offline
