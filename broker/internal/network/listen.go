package network

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Listen opens a TCP listener on address (host:port; an empty host for all).
// backlog is socket.listen.backlog.size; the system's own maximum bounds it.
func Listen(ctx context.Context, address string, backlog int) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	if backlog > 0 {
		if err := setBacklog(l, backlog); err != nil {
			_ = l.Close() // The listener was of no use to anyone yet.
			return nil, fmt.Errorf("set backlog of %s to %d: %w", address, backlog, err)
		}
	}
	return l, nil
}

// acceptBackoff spaces retries of a failing Accept, usually for want of file
// descriptors. It gives up on errors that do not go away.
type acceptBackoff struct{ next time.Duration }

const (
	firstAcceptBackoff = 5 * time.Millisecond
	maxAcceptBackoff   = time.Second
)

func (b *acceptBackoff) reset() { b.next = 0 }

// wait returns false if the error is for good or the server stops.
func (b *acceptBackoff) wait(stop <-chan struct{}, err error) bool {
	if !temporary(err) {
		return false
	}
	b.next = min(max(2*b.next, firstAcceptBackoff), maxAcceptBackoff)
	timer := time.NewTimer(b.next)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stop:
		return false
	}
}
