package bench

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pacer waits until points in time. The timers of Go's runtime wake up to a
// millisecond late when the process idles, which is more than what is measured
// here; a timer of the kernel, waited for by the network poller, is exact to
// some microseconds.
type pacer struct {
	file *os.File
	raw  syscall.RawConn
	buf  [8]byte
}

func newPacer() (*pacer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	file := os.NewFile(uintptr(fd), "timerfd")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &pacer{file: file, raw: raw}, nil
}

// sleep waits for d.
func (p *pacer) sleep(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	var set error
	if err := p.raw.Control(func(fd uintptr) {
		set = unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil)
	}); err != nil {
		return err
	}
	if set != nil {
		return set
	}
	_, err := p.file.Read(p.buf[:])
	return err
}

func (p *pacer) close() { _ = p.file.Close() }
