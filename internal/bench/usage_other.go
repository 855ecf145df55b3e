//go:build !linux

package bench

import (
	"errors"
	"runtime"
)

// errNoProcesses says that this system does not tell of other processes in a way
// that is read here.
var errNoProcesses = errors.New("the CPU of a process can be read on Linux only")

// ReadProcess reads what a process has used.
func ReadProcess(int) (Process, error) { return Process{}, errNoProcesses }

func ownCPUSeconds() float64 { return 0 }

func listener(string) (pid int, ok bool) { return 0, false }

func cpuModel() string { return "" }

func kernelRelease() string { return "" }

func processors() int { return runtime.NumCPU() }
