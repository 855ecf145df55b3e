// Package memfs is a file system in memory that can crash: it knows what was
// synced, and CrashClone gives what a power failure could leave.
//
// FS is the file system. Files are made of blocks of 4 KiB, and each has two
// states, what programs see and what the disk holds; File.Sync makes them equal.
// Directories have the same two states, which SyncDir makes equal, and between
// them a list of name changes in the order they were made.
//
// Invariants: what was synced survives every crash. A block that was not synced
// is kept, lost or torn; a name change that was not synced happened or did not,
// and a rename does so as a whole; a change builds only on changes to the same
// names that survived. A file's sync says nothing about its name, nor about
// those of the directories above it: this is stricter than most real file
// systems are, on purpose.
//
// It also has a capacity, beyond which writes fail with ENOSPC, and locks. It
// knows no permissions, links or times of access. Relative names count from the
// root. An FS is safe for concurrent use.
package memfs
