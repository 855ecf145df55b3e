package faultfs

import "fmt"

// Kind is the kind of an operation.
type Kind int

// The kinds of operations. Open is one that cannot create, Create one that can.
const (
	Open Kind = iota
	Create
	Read
	Write
	Sync
	Truncate
	Preallocate
	Size
	Close
	Remove
	RemoveAll
	Rename
	MkdirAll
	ReadDir
	Stat
	SyncDir
	Lock
	DiskUsage
	kinds // The number of kinds.
)

var kindNames = [kinds]string{
	"open", "create", "read", "write", "sync", "truncate", "preallocate", "size", "close",
	"remove", "remove-all", "rename", "mkdir-all", "read-dir", "stat", "sync-dir", "lock", "disk-usage",
}

func (k Kind) String() string {
	if k < 0 || k >= kinds {
		return fmt.Sprintf("kind(%d)", int(k))
	}
	return kindNames[k]
}

// Changes tells whether the operation can change what is on disk.
func (k Kind) Changes() bool {
	switch k {
	case Create, Write, Sync, Truncate, Preallocate, Remove, RemoveAll, Rename, MkdirAll, SyncDir:
		return true
	default:
		return false
	}
}

// Op is one operation.
type Op struct {
	Kind Kind
	// Path is the file or directory; for a rename the old name.
	Path string
	// NewPath is a rename's new name.
	NewPath string
	// Position and Length are set for reads, writes and preallocations, in bytes; a
	// truncation's size is its Position.
	Position, Length int64
}

// String gives a line for traces.
func (o Op) String() string {
	switch o.Kind {
	case Rename:
		return fmt.Sprintf("%v %s %s", o.Kind, o.Path, o.NewPath)
	case Read, Write, Preallocate:
		return fmt.Sprintf("%v %s [%d, %d)", o.Kind, o.Path, o.Position, o.Position+o.Length)
	case Truncate:
		return fmt.Sprintf("%v %s %d", o.Kind, o.Path, o.Position)
	default:
		return fmt.Sprintf("%v %s", o.Kind, o.Path)
	}
}
