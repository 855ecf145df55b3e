//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

// anywhere lets a process use every processor.
const anywhere = -1

// run refuses other systems before anything here is called.

func startPinned(*exec.Cmd, int) error { return errors.ErrUnsupported }

func syncDisks() {}

func dropCaches() error { return errors.ErrUnsupported }

func touchMemory(int64) error { return errors.ErrUnsupported }

func fileSystem(string) string { return "" }

func memory() int64 { return 0 }
