package segment

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// Suffixes of the files of a segment, and of files in transit.
const (
	LogSuffix       = ".log"
	IndexSuffix     = ".index"
	TimeIndexSuffix = ".timeindex"
	TxnIndexSuffix  = ".txnindex"
	SnapshotSuffix  = ".snapshot"
	// DeletedSuffix marks files that are unlinked after file.delete.delay.ms.
	DeletedSuffix = ".deleted"
	// CleanedSuffix marks the unfinished output of compaction.
	CleanedSuffix = ".cleaned"
	// SwapSuffix marks finished output that is about to replace segments.
	SwapSuffix = ".swap"
)

// offsetDigits is the width of an offset in a file name.
const offsetDigits = 20

// FileName gives the name of a segment's file: the base offset in 20 digits
// and the suffix.
func FileName(base kafka.Offset, suffix string) string {
	var digits [offsetDigits]byte
	n := uint64(base)
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return string(digits[:]) + suffix
}

// ParseFileName splits the name of a segment's file; false for any other file.
// The suffix is everything after the digits.
func ParseFileName(name string) (base kafka.Offset, suffix string, ok bool) {
	dot := strings.IndexByte(name, '.')
	if dot <= 0 {
		return 0, "", false
	}
	n, err := strconv.ParseInt(name[:dot], 10, 64)
	if err != nil || n < 0 || name[0] == '+' {
		return 0, "", false
	}
	return kafka.Offset(n), name[dot:], true
}

// Dir is the folder of one partition. It may be renamed while segments are in
// use: open files stay valid, later opens take the new path.
type Dir struct {
	fs      vfs.FS
	handles *Handles
	path    atomic.Pointer[string]
}

// NewDir gives the folder at path, whose files are opened under that bound.
func NewDir(fs vfs.FS, path string, handles *Handles) *Dir {
	d := &Dir{fs: fs, handles: handles}
	d.SetPath(path)
	return d
}

// Path is the current path of the folder.
func (d *Dir) Path() string { return *d.path.Load() }

// SetPath tells where the folder has been renamed to.
func (d *Dir) SetPath(path string) { d.path.Store(&path) }

// FS is the file system that holds the folder.
func (d *Dir) FS() vfs.FS { return d.fs }

// Join gives the path of a file in the folder.
func (d *Dir) Join(name string) string { return filepath.Join(d.Path(), name) }

// CorruptError says that the bytes of a segment are not what was written.
type CorruptError struct {
	// File is the path of the file.
	File string
	// Position is where in the file, in bytes.
	Position int64
	// Err tells what is wrong.
	Err error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is corrupt at position %d: %v", e.File, e.Position, e.Err)
}

// Unwrap gives what is wrong.
func (e *CorruptError) Unwrap() error { return e.Err }
