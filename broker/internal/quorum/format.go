package quorum

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// metadataFolder is the folder of the metadata partition in its log directory.
const metadataFolder = kafka.ClusterMetadataTopic + "-0"

// kraftVersions is the range of kraft.version that this node supports.
const minKRaftVersion, maxKRaftVersion = 0, 1

// FormatOptions says what a new metadata log directory begins with.
type FormatOptions struct {
	// Records are what the first leader appends: feature levels, first of all
	// metadata.version, and SCRAM credentials; see metadata.BootstrapRecords.
	Records []metadata.Record
	// Voters are the first voters with their directory ids (kraft.version 1);
	// none leaves the quorum to controller.quorum.voters (kraft.version 0).
	Voters []Voter
	// NoInitialVoters is for a controller that joins a quorum of kraft.version 1:
	// it learns from the leader who the voters are.
	NoInitialVoters bool
}

// StandaloneVoter is the only voter of a quorum of one with kraft.version 1.
func StandaloneVoter(id kafka.NodeID, directory kafka.UUID, endpoints ...Endpoint) Voter {
	return Voter{ID: id, DirectoryID: directory, Endpoints: endpoints, MinKRaftVersion: minKRaftVersion, MaxKRaftVersion: maxKRaftVersion}
}

// IsFormatted tells whether a metadata log directory has a metadata log, or the
// snapshot that one begins with.
func IsFormatted(fsys vfs.FS, dir string) (bool, error) {
	folder := filepath.Join(dir, metadataFolder)
	exists, err := vfs.Exists(fsys, folder)
	if err != nil || !exists {
		return false, err
	}
	entries, err := fsys.ReadDir(folder)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext == snapshotSuffix || ext == ".log" {
			return true, nil
		}
	}
	return false, nil
}

// Format writes the bootstrap snapshot into a metadata log directory, as Apache
// Kafka's storage tool does; meta.properties is the caller's. It replaces the
// snapshot of an earlier attempt, and does not touch a log.
func Format(fsys vfs.FS, dir string, o FormatOptions, now time.Time) error {
	folder := filepath.Join(dir, metadataFolder)
	if err := fsys.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("format %s: %w", dir, err)
	}
	if err := fsys.SyncDir(dir); err != nil {
		return fmt.Errorf("format %s: %w", dir, err)
	}
	spec := snapshotSpec{id: bootstrapSnapshot, timestamp: now.UnixMilli()}
	if len(o.Voters) > 0 || o.NoInitialVoters {
		spec.voters = newVoterSet(maxKRaftVersion, o.Voters, kafka.UnknownOffset)
	}
	if err := writeSnapshot(fsys, folder, spec, slices.Values(o.Records), now); err != nil {
		return fmt.Errorf("format %s: %w", dir, err)
	}
	return nil
}
