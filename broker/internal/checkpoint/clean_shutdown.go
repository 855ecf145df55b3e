package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// CleanShutdownFile is the name of the marker in each log directory.
const CleanShutdownFile = ".kafka_cleanshutdown"

// NoBrokerEpoch stands for a marker that does not tell its broker epoch.
const NoBrokerEpoch kafka.BrokerEpoch = -1

// WriteCleanShutdown leaves the marker of a clean shutdown, atomically and
// durably. Everything that the marker vouches for must be synced before.
func WriteCleanShutdown(fsys vfs.FS, dir string, epoch kafka.BrokerEpoch) error {
	text := fmt.Sprintf(`{"version":0,"brokerEpoch":%d}`, epoch)
	return vfs.WriteFileAtomic(fsys, filepath.Join(dir, CleanShutdownFile), []byte(text))
}

// ReadCleanShutdown tells whether the directory was shut down cleanly, and by
// which registration of the broker. The file's presence decides, as in Apache
// Kafka: one that cannot be parsed gives NoBrokerEpoch, since versions before
// 3.8 left it empty.
func ReadCleanShutdown(fsys vfs.FS, dir string) (epoch kafka.BrokerEpoch, clean bool, err error) {
	data, err := vfs.ReadFile(fsys, filepath.Join(dir, CleanShutdownFile))
	if errors.Is(err, fs.ErrNotExist) {
		return NoBrokerEpoch, false, nil
	}
	if err != nil {
		return NoBrokerEpoch, false, err
	}
	return parseCleanShutdown(data), true, nil
}

func parseCleanShutdown(data []byte) kafka.BrokerEpoch {
	var content struct {
		BrokerEpoch *int64 `json:"brokerEpoch"`
	}
	if json.Unmarshal(data, &content) != nil || content.BrokerEpoch == nil {
		return NoBrokerEpoch
	}
	return kafka.BrokerEpoch(*content.BrokerEpoch)
}

// RemoveCleanShutdown removes the marker durably; a missing one is no error. It
// must return before the first write to the directory's logs: a marker that
// came back after a power failure would vouch for torn files.
func RemoveCleanShutdown(fsys vfs.FS, dir string) error {
	if err := vfs.RemoveIfExists(fsys, filepath.Join(dir, CleanShutdownFile)); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}
