package storage

import "moldau.dev/moldau/internal/kafka"

// FolderState says what the name of a partition's folder tells about it.
type FolderState string

// The states of a folder.
const (
	FolderOK      FolderState = "ok"
	FolderDeleted FolderState = "deleted"
	FolderStray   FolderState = "stray"
	FolderFuture  FolderState = "future"
)

// ParseFolderName reads the name of a folder in a log directory; false if it is
// not a partition's. The topic of a deleted or stray one may be cut.
func ParseFolderName(name string) (kafka.TopicPartition, FolderState, bool) {
	for suffix, state := range map[string]FolderState{deleteSuffix: FolderDeleted, straySuffix: FolderStray, futureSuffix: FolderFuture} {
		if tp, ok := parseTransit(name, suffix); ok {
			return tp, state, true
		}
	}
	tp, ok := parseFolder(name)
	return tp, FolderOK, ok
}
