//go:build unix

package network

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// setBacklog calls listen again, which changes the backlog of a listening socket.
func setBacklog(l net.Listener, backlog int) error {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var listenErr error
	if err := raw.Control(func(fd uintptr) { listenErr = unix.Listen(int(fd), backlog) }); err != nil {
		return err
	}
	return listenErr
}

// temporary tells whether Accept may succeed later.
func temporary(err error) bool {
	for _, errno := range []syscall.Errno{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.ECONNABORTED, unix.EINTR, unix.EPROTO} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
