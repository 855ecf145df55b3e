package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// anywhere lets a process use every processor.
const anywhere = -1

// startPinned starts a process that may use one processor only, or any. A process
// inherits the processors of the thread that starts it.
func startPinned(cmd *exec.Cmd, core int) error {
	if core == anywhere {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, pinned unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read the affinity: %w", err)
	}
	pinned.Set(core)
	if err := unix.SchedSetaffinity(0, &pinned); err != nil {
		return fmt.Errorf("pin to processor %d: %w", core, err)
	}
	err := cmd.Start()
	if restored := unix.SchedSetaffinity(0, &before); restored != nil && err == nil {
		err = fmt.Errorf("restore the affinity: %w", restored)
	}
	return err
}

// syncDisks writes everything to the disks, so that one round's writes do not burden
// the next one's.
func syncDisks() { unix.Sync() }

// dropCaches has the system forget what it has in memory of its disks, which only root
// may ask for. ext4 without a journal gives nobody the inode of a file that was deleted
// in the last minutes, and knows those from what it has in memory: while it remembers
// tens of thousands, it searches past them for each new file or folder, and making
// 30,000 may take more than ten seconds instead of one. It has to forget the blocks of the
// disk (1) for that; its inodes and names (2) alone do not help.
func dropCaches() error {
	syncDisks() // What is not written yet stays.
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
}

// taken is the memory that touchMemory took, of which one page in each piece stays.
var taken []byte

// takenPiece is smaller than what Linux reports to a hypervisor as free: 2 MiB.
const takenPiece = 1 << 20

// touchMemory has the machine take this much memory and give it back, as far as
// there is that much to be had. Under a hypervisor that takes memory back while it is
// free, whoever needs it next pays for it to come again: some seconds per GB, several
// times what a broker needs to write one. A page of each piece is kept: so nothing is
// free in pieces that are large enough to be reported, which would take the memory away
// again within seconds, and hold up one processor for some milliseconds each time.
func touchMemory(bytes int64) error {
	if taken == nil {
		bytes = min(bytes, memory()/4) / takenPiece * takenPiece
		if bytes == 0 {
			return errors.New("the system does not tell how much memory there is")
		}
		mapped, err := unix.Mmap(-1, 0, int(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			return fmt.Errorf("take %d bytes of memory: %w", bytes, err)
		}
		taken = mapped
	}
	page := os.Getpagesize()
	for i := 0; i < len(taken); i += page {
		taken[i] = 1
	}
	for piece := range slices.Chunk(taken, takenPiece) {
		if err := unix.Madvise(piece[page:], unix.MADV_DONTNEED); err != nil {
			return fmt.Errorf("give memory back: %w", err)
		}
	}
	return nil
}

// fileSystem names the file system of a folder.
func fileSystem(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return "unknown"
	}
	names := map[int64]string{unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.TMPFS_MAGIC: "tmpfs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs"}
	if name, ok := names[int64(s.Type)]; ok { //nolint:unconvert // The type differs between architectures.
		return name
	}
	return fmt.Sprintf("0x%x", s.Type)
}

// memory is the machine's memory in bytes.
func memory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit) //nolint:unconvert // The types differ between architectures.
}
