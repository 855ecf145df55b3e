package offline

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/broker/internal/segment"
)

// Kind is the format of a file.
type Kind string

// The formats that Dump reads; docs/formats describes them.
const (
	KindLog               Kind = "log"
	KindIndex             Kind = "index"
	KindTimeIndex         Kind = "timeindex"
	KindTxnIndex          Kind = "txnindex"
	KindProducerSnapshot  Kind = "producer-snapshot"
	KindMetadataSnapshot  Kind = "metadata-snapshot"
	KindLeaderEpochs      Kind = "leader-epochs"
	KindOffsets           Kind = "offsets"
	KindPartitionMetadata Kind = "partition-metadata"
	KindMetaProperties    Kind = "meta-properties"
	KindQuorumState       Kind = "quorum-state"
	KindCleanShutdown     Kind = "clean-shutdown"
)

// Kinds lists all formats.
func Kinds() []Kind {
	return []Kind{
		KindLog, KindIndex, KindTimeIndex, KindTxnIndex, KindProducerSnapshot, KindMetadataSnapshot, KindLeaderEpochs,
		KindOffsets, KindPartitionMetadata, KindMetaProperties, KindQuorumState, KindCleanShutdown,
	}
}

// ParseKind reads the name of a format.
func ParseKind(s string) (Kind, error) {
	if k := Kind(s); slices.Contains(Kinds(), k) {
		return k, nil
	}
	names := make([]string, 0, len(Kinds()))
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return "", fmt.Errorf("unknown file type %q: it is one of %s", s, strings.Join(names, ", "))
}

// transitSuffixes are what a segment's file may have after its own suffix.
var transitSuffixes = []string{segment.DeletedSuffix, segment.CleanedSuffix, segment.SwapSuffix, ".tmp", ".part"}

// KindOf tells the format of a file from its name; false for a name that is
// none of a data folder's.
func KindOf(path string) (Kind, bool) {
	name := filepath.Base(path)
	for _, suffix := range transitSuffixes {
		name = strings.TrimSuffix(name, suffix)
	}
	switch name {
	case leaderepoch.File:
		return KindLeaderEpochs, true
	case checkpoint.RecoveryPointFile, checkpoint.HighWatermarkFile, checkpoint.LogStartOffsetFile, checkpoint.CleanerOffsetFile:
		return KindOffsets, true
	case checkpoint.PartitionMetadataFile:
		return KindPartitionMetadata, true
	case checkpoint.MetaPropertiesFile:
		return KindMetaProperties, true
	case quorum.StateFile:
		return KindQuorumState, true
	case checkpoint.CleanShutdownFile:
		return KindCleanShutdown, true
	}
	switch filepath.Ext(name) {
	case segment.LogSuffix:
		return KindLog, true
	case segment.IndexSuffix:
		return KindIndex, true
	case segment.TimeIndexSuffix:
		return KindTimeIndex, true
	case segment.TxnIndexSuffix:
		return KindTxnIndex, true
	case segment.SnapshotSuffix:
		return KindProducerSnapshot, true
	case quorum.SnapshotSuffix:
		return KindMetadataSnapshot, true
	default:
		return "", false
	}
}
