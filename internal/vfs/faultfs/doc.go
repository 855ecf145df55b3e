// Package faultfs makes any file system fail, stall and tell what is done to it.
//
// FS wraps another vfs.FS. Every operation is counted, shown to the hook, and
// compared with the faults that Inject added, in their order: the first that
// matches and is due decides. FailNth is the one for tests that let the n-th
// operation fail for n = 1, 2, 3 and so on, until a run meets no fault.
//
// A failed operation does not reach the file system below, with two exceptions:
// Close always closes, and a fault with Torn writes the first half of the bytes.
// A failed Sync syncs nothing, and says so only once if its fault does: this is
// how real disks lose data, so the caller must not trust a later Sync.
//
// An FS is safe for concurrent use. It decides nothing by chance.
package faultfs
