package apachekafka

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// Process is a running node.
type Process struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	exited chan struct{} // Closed when the process has ended and err is set.
	err    error

	mu  sync.Mutex // Guards log.
	log strings.Builder
}

// readyMark is in the last line that a node logs while it starts.
const readyMark = "Kafka Server started"

// Start runs the node until it serves. The caller ends it with Stop or Kill; it
// does not end with ctx, which bounds only the start.
func (n *Node) Start(ctx context.Context) (*Process, error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Process{
		cmd: n.install.command(running, n.log4j, brokerClass, n.file), cancel: cancel, exited: make(chan struct{}),
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	ready := make(chan struct{})
	go p.follow(out, ready)
	select {
	case <-ready:
		return p, nil
	case <-p.exited:
		return nil, fmt.Errorf("the broker ended while it started: %w\n%s", p.err, tail(p.Output()))
	case <-ctx.Done():
		err := ctx.Err()
		return nil, fmt.Errorf("the broker does not serve: %w\n%s", errors.Join(err, p.Kill()), tail(p.Output()))
	}
}

// follow collects the process's output until it ends.
func (p *Process) follow(out io.Reader, ready chan struct{}) {
	serves := sync.OnceFunc(func() { close(ready) })
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		p.mu.Lock()
		p.log.WriteString(line)
		p.mu.Unlock()
		if strings.Contains(line, readyMark) {
			serves()
		}
		if err != nil {
			break
		}
	}
	p.err = p.cmd.Wait()
	close(p.exited)
}

// Output is what the process has logged so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop asks the node to shut down cleanly and waits for that. A node that has
// not ended when ctx does is killed, which is an error.
func (p *Process) Stop(ctx context.Context) error {
	defer p.cancel()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the broker: %w", err)
	}
	select {
	case <-p.exited:
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("the broker does not stop: %w\n%s", ctx.Err(), tail(p.Output())), p.Kill())
	}
	// A JVM that ends by a signal it has handled reports the signal: 128 + 15.
	exit := (*exec.ExitError)(nil)
	if errors.As(p.err, &exit) && (exit.ExitCode() == 128+int(syscall.SIGTERM) || exit.ExitCode() == -1) {
		return nil
	}
	return p.err
}

// Kill ends the process at once, as kill -9 does. It may be called again.
func (p *Process) Kill() error {
	defer p.cancel()
	select {
	case <-p.exited:
		return nil
	default:
	}
	if err := p.cmd.Process.Kill(); err != nil {
		select {
		case <-p.exited: // It ended by itself in between.
			return nil
		default:
			return fmt.Errorf("kill the broker: %w", err)
		}
	}
	<-p.exited
	return nil
}
