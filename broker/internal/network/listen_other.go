//go:build !unix

package network

import "net"

// setBacklog leaves the system's backlog.
func setBacklog(net.Listener, int) error { return nil }

// temporary knows no error of Accept that goes away.
func temporary(error) bool { return false }
