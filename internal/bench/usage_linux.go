package bench

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockTicks is USER_HZ, the unit of times in /proc; 100 on every architecture
// that Go runs on.
const clockTicks = 100

// ReadProcess reads what a process has used.
func ReadProcess(pid int) (Process, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return Process{}, err
	}
	// The name in parentheses may hold anything; fields count from its end.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const utime, stime, rss = 11, 12, 21
	if len(fields) <= rss {
		return Process{}, fmt.Errorf("%s/stat: %d fields", dir, len(fields))
	}
	var numbers [3]int64
	for i, field := range []int{utime, stime, rss} {
		if numbers[i], err = strconv.ParseInt(fields[field], 10, 64); err != nil {
			return Process{}, fmt.Errorf("%s/stat: %w", dir, err)
		}
	}
	p := Process{CPUSeconds: float64(numbers[0]+numbers[1]) / clockTicks, RSS: numbers[2] * int64(os.Getpagesize())}
	if files, err := os.ReadDir(filepath.Join(dir, "fd")); err == nil {
		p.Files = len(files)
	}
	return p, nil
}

// ownCPUSeconds is user and system time of this process.
func ownCPUSeconds() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}

// listener finds the process that listens on an address of this machine.
func listener(addr string) (pid int, ok bool) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil || !isLocal(host) {
		return 0, false
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return 0, false
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if inode, err := listeningInode(table, uint16(port)); err == nil {
			return ownerOf(inode)
		}
	}
	return 0, false
}

// isLocal tells whether a host name is an address of this machine.
func isLocal(host string) bool {
	ips, err := net.LookupIP(host) //nolint:noctx // A name of a broker that we are connected to.
	if err != nil {
		return false
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, ip := range ips {
		for _, a := range addrs {
			if network, ok := a.(*net.IPNet); ok && network.IP.Equal(ip) {
				return true
			}
		}
		if ip.IsLoopback() {
			return true
		}
	}
	return false
}

var errNotListening = errors.New("nobody listens there")

// listeningInode finds the socket that listens on a port, in a table of
// /proc/net: "sl local_address rem_address st ... inode".
func listeningInode(table string, port uint16) (string, error) {
	text, err := os.ReadFile(table)
	if err != nil {
		return "", err
	}
	const local, state, inode = 1, 3, 9
	const listening = "0A"
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) <= inode || f[state] != listening {
			continue
		}
		_, hexPort, _ := strings.Cut(f[local], ":")
		if b, err := hex.DecodeString(hexPort); err == nil && len(b) == 2 && uint16(b[0])<<8|uint16(b[1]) == port {
			return f[inode], nil
		}
	}
	return "", errNotListening
}

// ownerOf finds the process that holds a socket open.
func ownerOf(inode string) (pid int, ok bool) {
	want := "socket:[" + inode + "]"
	files, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, false
	}
	for _, file := range files {
		if target, err := os.Readlink(file); err != nil || target != want {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		return pid, err == nil
	}
	return 0, false
}

// cpuModel is the name of the first processor.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kernelRelease is the kernel's release.
func kernelRelease() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// processors is how many processors are online, whichever this process may use.
func processors() int {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return 0
	}
	return bytes.Count(text, []byte("processor\t:"))
}
