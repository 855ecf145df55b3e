//go:build !linux

package network

import (
	"net"
	"sync/atomic"
)

// Other systems leave every connection to Go's poller.

type pollers struct{}

func (*pollers) init(*Server) {}

func (*pollers) adopt(conn net.Conn) net.Conn { return conn }

func (*pollers) shutdown() <-chan struct{} {
	ended := make(chan struct{})
	close(ended)
	return ended
}

type poller struct{}

func (*poller) add(*Conn) error     { return nil }
func (*poller) remove(*Conn)        {}
func (*poller) standAside(*socket)  {}
func (*poller) handOver(*Conn) bool { return false }

// socket would be a connection that a poller watches: there is none.
type socket struct {
	net.Conn
	poller *poller
	ending atomic.Bool
}

func (*socket) wake() bool      { return false }
func (*socket) sleep() bool     { return false }
func (*socket) awaitRoom() bool { return true }
func (*socket) takeRoom() bool  { return false }
