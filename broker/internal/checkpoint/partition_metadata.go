package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// PartitionMetadataFile is the name of the file in each partition's folder.
const PartitionMetadataFile = "partition.metadata"

// PartitionMetadata says to which topic a partition's folder belongs, since a
// topic may be deleted and created again under its old name.
type PartitionMetadata struct {
	// Version is 0 in all files so far; higher ones are read as 0.
	Version int
	// TopicID is zero if it is not known.
	TopicID kafka.UUID
}

// ReadPartitionMetadata reads the file of a partition's folder. A missing file,
// or what a crash may leave of one that was written without a sync (nothing, a
// prefix, zeros), gives a zero TopicID: unknown. Anything else that does not
// parse is a *CorruptError.
func ReadPartitionMetadata(fsys vfs.FS, dir string) (PartitionMetadata, error) {
	name := filepath.Join(dir, PartitionMetadataFile)
	data, err := vfs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return PartitionMetadata{}, nil
	}
	if err != nil {
		return PartitionMetadata{}, err
	}
	return parsePartitionMetadata(name, data)
}

// WritePartitionMetadata replaces the file atomically and durably.
func WritePartitionMetadata(fsys vfs.FS, dir string, m PartitionMetadata) error {
	return vfs.WriteFileAtomic(fsys, filepath.Join(dir, PartitionMetadataFile), m.encode())
}

// WritePartitionMetadataUnsynced writes the file of a folder that has none yet
// and leaves it to the system, or to a later sync of the caller's, when it
// becomes durable: the creation of ten thousand partitions must not wait for as
// many syncs. Until then the metadata log is what knows the topic's id.
func WritePartitionMetadataUnsynced(fsys vfs.FS, dir string, m PartitionMetadata) error {
	return vfs.WriteFile(fsys, filepath.Join(dir, PartitionMetadataFile), m.encode())
}

func (m PartitionMetadata) encode() []byte {
	return fmt.Appendf(nil, "version: %d\ntopic_id: %v", m.Version, m.TopicID)
}

func parsePartitionMetadata(name string, data []byte) (PartitionMetadata, error) {
	data = bytes.TrimRight(data, "\x00")
	if cutShort(data) {
		return PartitionMetadata{}, nil
	}
	lines := textLines(data)
	if len(lines) < 2 {
		return PartitionMetadata{}, corruptf(name, "malformed line %q", clip(lines[0]))
	}
	version, ok := labelled(lines[0])
	n, err := strconv.ParseInt(version, 10, 32)
	if !ok || err != nil {
		return PartitionMetadata{}, corruptf(name, "malformed line %q", clip(lines[0]))
	}
	if n < 0 {
		return PartitionMetadata{}, corruptf(name, "unrecognised version %d", n)
	}
	text, ok := labelled(lines[1])
	if !ok {
		return PartitionMetadata{}, corruptf(name, "malformed line %q", clip(lines[1]))
	}
	id, err := kafka.ParseUUID(text)
	if err != nil {
		return PartitionMetadata{}, corruptf(name, "malformed line %q", clip(lines[1]))
	}
	if id.IsZero() {
		return PartitionMetadata{}, corruptf(name, "invalid topic id %v", id)
	}
	return PartitionMetadata{Version: int(n), TopicID: id}, nil
}

// cutShort tells whether data is the beginning of a file that we wrote, up to
// but without its last character.
func cutShort(data []byte) bool {
	const head = "version: 0\ntopic_id: "
	const whole = len(head) + 22 // An id has 22 characters.
	if len(data) < len(head) {
		return strings.HasPrefix(head, string(data))
	}
	return len(data) < whole && bytes.HasPrefix(data, []byte(head))
}

// labelled gives what follows the colon and the space of a line.
func labelled(line string) (string, bool) {
	_, value, found := strings.Cut(line, ":")
	trimmed := strings.TrimLeftFunc(value, isSpace)
	return trimmed, found && trimmed != "" && len(trimmed) < len(value)
}
