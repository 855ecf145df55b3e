package offline

// Code is a kind of Finding.
type Code struct {
	// Name is a stable slug, such as batch-crc.
	Name     string
	Severity Severity
	// Cause says how it usually comes about, Cure what to do about it.
	Cause, Cure string
}

const (
	causeDisk     = "The disk, its controller or memory changed bytes, or something other than the broker wrote to the file."
	causeCrash    = "The node was killed or lost power while it was writing."
	causeRemoved  = "A file was removed, renamed or restored by hand, or the disk lost it."
	causeRecovery = "The node was killed or lost power, or the file was changed by hand."

	cureReplica = "Check the disk. With other replicas: stop the node, move this partition's folder away and start; the node copies it again. " +
		"Without: the next recovery that reaches this place cuts the log here, so save the folder first."
	cureStart   = "None needed: the next start of the node repairs it."
	cureRebuild = "Remove the file while the node is stopped; it is built anew from the records."
)

// The kinds of findings about records.
var (
	codeBatchCRC     = &Code{"batch-crc", Error, causeDisk, cureReplica}
	codeBatchFraming = &Code{"batch-framing", Error, causeDisk, cureReplica}
	codeBatchHeader  = &Code{"batch-header", Error, "Software wrote a batch that breaks the rules of the format, or bytes changed outside of the checksum.", cureReplica}
	codeBatchTorn    = &Code{"batch-torn", Error, causeCrash, "After a kill or power failure: none needed, the next start cuts the end off; nothing acknowledged by all in-sync replicas is lost with it unless they all failed. After a clean stop: " + cureReplica}
	codeZeros        = &Code{"zero-bytes", Warning, "The file was preallocated or lost its last writes in a power failure.", cureStart}
	codeLost         = &Code{"records-unreadable", Error, "The bytes in between belong to no readable batch.", cureReplica}
	codeRecord       = &Code{"record-corrupt", Error, "A producer or other software built the batch wrongly: its checksum is right.", "Consumers stop here. Delete the records up to and including this offset (moldau topics delete-records), or have the consumers skip it."}
	codeRecordOffset = &Code{"record-offset", Error, "Software built the batch wrongly: its checksum is right.", "Consumers may see wrong offsets here. Delete the records up to and including this batch, or have the consumers skip it."}
	codeTimestamp    = &Code{"batch-max-timestamp", Warning, "The producer's software set the largest timestamp wrongly.", "Lookups by time may be off by this batch; nothing else is affected."}
	codeOldMagic     = &Code{"old-format", Info, "Kafka before 0.11 wrote this batch.", "None needed; its records are not looked into."}
	codeLargeBatch   = &Code{"batch-not-decoded", Info, "The batch is larger than what is decoded at a time; its checksum was verified.", "None needed."}
	codeOverlap      = &Code{"offset-order", Error, "Files of different logs were mixed, or software appended wrongly.", cureReplica}
	codeGap          = &Code{"offset-gap", Error, "A segment's file or a part of it is missing, unless the topic was compacted in the past.", "Look for a missing .log file and for how it was lost. If the topic used to have cleanup.policy=compact, all is well."}
	codeControl      = &Code{"control-record", Error, "Software wrote a control record that cannot be read.", cureReplica}
	codeUnreadable   = &Code{"unreadable", Error, "The operating system refused to read the file.", "Check the file's permissions and the disk (dmesg, smartctl)."}
)

// The kinds of findings about a segment's other files.
var (
	codeIndexMissing  = &Code{"index-missing", Warning, causeRecovery, cureStart}
	codeIndexOrder    = &Code{"index-order", Error, causeRecovery, cureRebuild}
	codeIndexSize     = &Code{"index-size", Warning, causeRecovery, cureRebuild}
	codeIndexPosition = &Code{"index-position", Error, causeRecovery, cureRebuild}
	codeIndexOffset   = &Code{"index-offset", Error, causeRecovery, cureRebuild}
	codeTimeIndex     = &Code{"timeindex-mismatch", Error, causeRecovery, cureRebuild}
	codeTxnFormat     = &Code{"txnindex-format", Error, causeRecovery, "Consumers that read committed fail here. Remove all .txnindex files from the partition's folder on, and its .kafka_cleanshutdown and recovery point, so that the next start builds them anew."}
	codeTxnMissing    = &Code{"txnindex-missing-entry", Error, causeRecovery, "Consumers that read committed see aborted records. Remove .kafka_cleanshutdown and the partition's line in recovery-point-offset-checkpoint: the next start builds the index anew."}
	codeTxnExtra      = &Code{"txnindex-extra-entry", Warning, causeRecovery, "Consumers that read committed may miss records. Remove .kafka_cleanshutdown and the partition's line in recovery-point-offset-checkpoint: the next start builds the index anew."}
	codeSnapshot      = &Code{"producer-snapshot-corrupt", Warning, causeCrash, "None needed: the next start uses an older one and reads the records since."}
	codeSnapshotWrong = &Code{"producer-snapshot-mismatch", Error, causeRecovery, "Idempotent producers may be refused or duplicated. Remove the .snapshot file while the node is stopped; the state is replayed from the records."}
	codeSnapshotLate  = &Code{"producer-snapshot-beyond-end", Warning, causeRecovery, cureStart}
	codeEpochFormat   = &Code{"leader-epoch-corrupt", Warning, causeRecovery, "None needed: the next start builds it anew from the records."}
	codeEpochWrong    = &Code{"leader-epoch-mismatch", Error, causeRecovery, "Remove leader-epoch-checkpoint while the node is stopped; it is built anew from the records."}
	codeEpochOrder    = &Code{"leader-epoch-order", Error, "Records of a former leader were not truncated, or files of different replicas were mixed.", cureReplica}
	codeOrphan        = &Code{"index-without-log", Warning, causeRemoved, "If the .log file was removed by mistake, restore it; else none needed: the next start removes the index."}
	codeUnfinished    = &Code{"compaction-unfinished", Info, causeCrash, "None needed: the next start finishes or undoes it."}
	codeEmptyFolder   = &Code{"no-segments", Error, causeRemoved, "Restore the folder. Without, the node starts the partition empty."}
)

// The kinds of findings about log directories.
var (
	codeRunning        = &Code{"node-running", Warning, "A running node holds the lock of the log directory.", "Stop the node first: what it writes meanwhile shows as damage."}
	codeMeta           = &Code{"meta-properties", Error, causeRemoved, "Restore meta.properties from a backup, or write it by hand: version=1, cluster.id, node.id and directory.id as the node's other directories and the cluster's metadata say."}
	codeMetaDiffer     = &Code{"meta-properties-differ", Error, "Directories of different nodes or clusters were given, or mixed.", "Give the directories of one node; put the foreign one back where it belongs."}
	codeSameDirectory  = &Code{"directory-id-twice", Error, "A log directory was copied.", "Remove one of the two from log.dirs; a node refuses to start with both."}
	codeCheckpoint     = &Code{"checkpoint-corrupt", Warning, causeRecovery, "None needed: the next start ignores the file, and recovers more of the logs."}
	codeHighWatermark  = &Code{"high-watermark-beyond-end", Error, "Records that were committed are gone from the end of the log.", "With other replicas they are fetched again. Without, the records are lost; look for how the log was cut."}
	codeRecoveryPoint  = &Code{"recovery-point-beyond-end", Error, "Records that were synced to the disk are gone from the end of the log.", "With other replicas they are fetched again. Without, the records are lost; look for how the log was cut."}
	codeLogStart       = &Code{"log-start-beyond-end", Error, "The log was cut below its start offset, or files were removed.", "The next start begins the log anew at the start offset."}
	codeCheckpointStay = &Code{"checkpoint-without-log", Info, "The partition was deleted or moved after the checkpoint was written.", "None needed."}
	codeDuplicate      = &Code{"partition-twice", Error, "The partition lies in two log directories: a folder was copied.", "Move one of the two folders away; a node refuses to start with both."}
	codeStray          = &Code{"stray", Warning, "The cluster's metadata does not know this replica: the topic was deleted or the partition moved while the node was down.", "None needed: the next start sets it aside. Remove a folder that ends in -stray when you do not need its records."}
	codeTopicID        = &Code{"topic-id-mismatch", Error, "The topic was deleted and created again while the node was down, or a folder of another cluster was copied here.", "The next start sets the folder aside as stray. Move it away if you need its records."}
	codeTopicIDFile    = &Code{"partition-metadata", Warning, causeRecovery, "None needed: the next start takes the topic's id from the cluster's metadata."}
	codeMissing        = &Code{"partition-missing", Error, causeRemoved + " Or the partition was created just before the node stopped.", "Restore the folder if it had records: the next start makes an empty one."}
	codeFolderName     = &Code{"folder-unknown", Info, "The folder is not a partition's.", "Remove it if it is not needed: Apache Kafka refuses to start with folders it does not know."}
	codeNoMetadata     = &Code{"no-metadata-log", Info, "None of the directories holds __cluster_metadata-0.", "Give metadata.log.dir too, so that topic ids and replicas are checked."}
	codeQuorumState    = &Code{"quorum-state", Error, causeRecovery, "With other controllers: remove the node's metadata log and let it join anew. The only controller: restore the file."}
	codeMetaSnapshot   = &Code{"metadata-snapshot-corrupt", Error, causeDisk, "If an older snapshot and the log after it are whole, move this one away. With other controllers: move the folder __cluster_metadata-0 away and let the node fetch it again."}
	codeMetaRecord     = &Code{"metadata-record", Error, "A newer version of the software wrote it, or software wrote it wrongly.", "Use a version that knows the metadata.version of the cluster."}
	codeMetaReplay     = &Code{"metadata-replay", Error, "Records of the metadata log contradict each other: some are missing.", "With other controllers: move the folder __cluster_metadata-0 away and let the node fetch it again."}
	codeMetaGap        = &Code{"metadata-gap", Error, causeRemoved, "Restore the missing segment or snapshot. With other controllers: move the folder __cluster_metadata-0 away and let the node fetch it again."}
)

// The kinds of findings about single small files, when they are dumped.
var codeFormat = &Code{"file-format", Error, causeRecovery, "Restore the file, or remove it if the node builds it anew: see docs/formats."}
