package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/magiconair/properties"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// MetaPropertiesFile is the name of the file in each log directory.
const MetaPropertiesFile = "meta.properties"

// MetaPropertiesVersion is the version to write.
const MetaPropertiesVersion = 1

// The keys of meta.properties. Version 0, of the time of ZooKeeper, has
// broker.id instead of node.id, and all its keys are optional.
const (
	keyVersion     = "version"
	keyClusterID   = "cluster.id"
	keyBrokerID    = "broker.id"
	keyNodeID      = "node.id"
	keyDirectoryID = "directory.id"
)

// MetaProperties says whose log directory this is.
type MetaProperties struct {
	// Version is 0 or 1.
	Version int
	// ClusterID is any non-empty text, in practice a UUID's; "" only in version 0.
	ClusterID string
	// NodeID is NoNode only in version 0.
	NodeID kafka.NodeID
	// DirectoryID is zero in a directory that was formatted before KIP-858.
	DirectoryID kafka.UUID
}

// ReadMetaProperties reads the file of a log directory. An error that matches
// fs.ErrNotExist says that the directory is not formatted; a *CorruptError that
// the file is not what it should be.
func ReadMetaProperties(fsys vfs.FS, dir string) (MetaProperties, error) {
	name := filepath.Join(dir, MetaPropertiesFile)
	data, err := vfs.ReadFile(fsys, name)
	if err != nil {
		return MetaProperties{}, err
	}
	return parseMetaProperties(name, data)
}

// WriteMetaProperties replaces the file atomically and durably. The comment in
// it tells the time, as Java's does.
func WriteMetaProperties(fsys vfs.FS, dir string, m MetaProperties, now time.Time) error {
	return vfs.WriteFileAtomic(fsys, filepath.Join(dir, MetaPropertiesFile), m.encode(now))
}

// IsFormatted tells whether the directory has a meta.properties.
func IsFormatted(fsys vfs.FS, dir string) (bool, error) {
	_, err := fsys.Stat(filepath.Join(dir, MetaPropertiesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (m MetaProperties) encode(now time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "#\n#%s\n", now.Format("Mon Jan 02 15:04:05 MST 2006"))
	property := func(key, value string) { fmt.Fprintf(&b, "%s=%s\n", key, escapeProperty(value)) }
	// The order is that of Java's hash table, so that the bytes are the same.
	switch {
	case m.Version > 0:
		property(keyNodeID, strconv.Itoa(int(m.NodeID)))
	case m.NodeID != kafka.NoNode:
		property(keyBrokerID, strconv.Itoa(int(m.NodeID)))
	}
	if !m.DirectoryID.IsZero() {
		property(keyDirectoryID, m.DirectoryID.String())
	}
	property(keyVersion, strconv.Itoa(m.Version))
	if m.ClusterID != "" {
		property(keyClusterID, m.ClusterID)
	}
	return []byte(b.String())
}

// escapeProperty writes a value so that every reader of Java properties gets it
// back, whichever character set it assumes.
func escapeProperty(value string) string {
	var b strings.Builder
	for i, r := range value {
		switch {
		case strings.ContainsRune(`:=#!\`, r) || r == ' ' && i == 0:
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r > '~':
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04X`, unit)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func parseMetaProperties(name string, data []byte) (MetaProperties, error) {
	loader := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
	props, err := loader.LoadBytes(data)
	if err != nil {
		return MetaProperties{}, corruptf(name, "%v", err)
	}
	m := MetaProperties{NodeID: kafka.NoNode, ClusterID: props.GetString(keyClusterID, "")}
	if m.Version, err = metaPropertiesVersion(name, props); err != nil {
		return MetaProperties{}, err
	}
	key := keyNodeID
	if m.Version == 0 {
		key = keyBrokerID
	}
	if text, ok := props.Get(key); ok {
		id, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return MetaProperties{}, corruptf(name, "unable to read %s as a base-10 number: %q", key, clip(text))
		}
		m.NodeID = kafka.NodeID(id)
	} else if m.Version > 0 {
		return MetaProperties{}, corruptf(name, "%s was not found", key)
	}
	if m.Version > 0 && m.ClusterID == "" {
		return MetaProperties{}, corruptf(name, "%s was not found", keyClusterID)
	}
	if text, ok := props.Get(keyDirectoryID); ok {
		if m.DirectoryID, err = kafka.ParseUUID(text); err != nil {
			return MetaProperties{}, corruptf(name, "unable to read %s: %v", keyDirectoryID, err)
		}
	}
	return m, nil
}

func metaPropertiesVersion(name string, props *properties.Properties) (int, error) {
	text := props.GetString(keyVersion, "0")
	version, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return 0, corruptf(name, "invalid version %q", clip(text))
	}
	if version != 0 && version != MetaPropertiesVersion {
		return 0, corruptf(name, "unknown version %d", version)
	}
	return int(version), nil
}
