package moldautest

import (
	"errors"
	"sync"
	"syscall"
	"testing"

	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// errPulled is what a broker that was killed gets of its disk.
var errPulled = errors.New("the test has killed this broker")

// disk is the broker's disk for the time of the test.
type disk struct {
	dir string // log.dirs.

	mu sync.Mutex // Guards the fields below.
	// mem is the disk if it is in memory. A power failure leaves another one.
	mem *memfs.FS
	// faulty is the disk as the broker's current run sees it.
	faulty *faultfs.FS
	// noSync is set while syncs fail.
	noSync *faultfs.Injected
	// syncFailed stays set: the run of a broker that has seen a failed sync is lost.
	syncFailed bool
}

func newDisk(t testing.TB, tempDir bool) *disk {
	t.Helper()
	if tempDir {
		return &disk{dir: t.TempDir(), faulty: faultfs.New(vfs.Default)}
	}
	mem := memfs.New()
	return &disk{dir: "/kafka", mem: mem, faulty: faultfs.New(mem)}
}

// files gives the next run of the broker its file system.
func (d *disk) files() vfs.FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncFailed = d.noSync != nil
	return d.faulty
}

// pull takes the disk away from the broker's current run, as it is.
func (d *disk) pull() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faulty.Inject(faultfs.Fault{Err: errPulled})
}

// lose takes the disk away, and from it what was not synced.
func (d *disk) lose() {
	d.pull()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mem = d.mem.CrashClone(memfs.CrashOptions{})
}

// plugIn makes the disk ready for the next run.
func (d *disk) plugIn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faulty = faultfs.New(vfs.Default)
	if d.mem != nil {
		d.faulty = faultfs.New(d.mem)
	}
	if d.noSync != nil {
		d.noSync = d.faulty.Inject(failedSync)
	}
}

// broken tells whether the broker may have come to its end by a failed sync.
func (d *disk) broken() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncFailed
}

var failedSync = faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Sync, faultfs.SyncDir}, Err: syscall.EIO}

// FillDisk leaves no free byte on the broker's disk until FreeDisk: producers get
// KAFKA_STORAGE_ERROR, consumers go on. It needs the data in memory.
func (b *Broker) FillDisk() {
	b.t.Helper()
	b.setCapacity(0)
}

// FreeDisk undoes FillDisk.
func (b *Broker) FreeDisk() {
	b.t.Helper()
	b.setCapacity(-1)
}

func (b *Broker) setCapacity(bytes int64) {
	b.t.Helper()
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	if b.disk.mem == nil {
		b.t.Fatal("moldautest: FillDisk needs the data in memory, without WithTempDir")
	}
	b.disk.mem.SetCapacity(bytes)
}

// FailSync lets every fsync fail until HealSync. As with Kafka, a log directory
// whose sync has failed goes offline for good, and a broker that has no other one
// ends; this does not fail the test. HealSync and Start bring it back.
func (b *Broker) FailSync() {
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	if b.disk.noSync == nil {
		b.disk.noSync = b.disk.faulty.Inject(failedSync)
		b.disk.syncFailed = true
	}
}

// HealSync undoes FailSync.
func (b *Broker) HealSync() {
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	if b.disk.noSync != nil {
		b.disk.noSync.Remove()
		b.disk.noSync = nil
	}
}
