// Package checkpoint reads and writes the small files of a log directory, byte
// for byte as Apache Kafka does: the offset checkpoints, meta.properties, the
// clean shutdown marker and partition.metadata.
//
// Offsets is the map of one offset checkpoint; MetaProperties, CleanShutdown's
// functions and PartitionMetadata stand for the other three. Entries is the
// line format underneath, which the leader epoch checkpoint shares: a version,
// a count, then one entry a line.
//
// Invariants: a write that returned nil is durable, and a crash during a write
// leaves the old or the new content (write to name.tmp, sync, rename, sync the
// directory). The one exception is WritePartitionMetadataUnsynced, and its reader
// takes what a crash may leave of it for "unknown".
//
// A file that is there but not in the format is a *CorruptError. Whether that
// costs a log directory is for the storage package to decide, and so is when to
// write. Nothing here keeps state or is locked: callers do not write one file
// from two places at a time.
//
// Apache Kafka: OffsetCheckpointFile, CheckpointFile, MetaProperties,
// CleanShutdownFileHandler (KIP-966 put the broker epoch into it),
// PartitionMetadataFile (KIP-516), KIP-858 for directory.id.
package checkpoint
