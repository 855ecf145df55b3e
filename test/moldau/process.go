package moldau

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Options describe a process.
type Options struct {
	// Binary is the path of moldau.
	Binary string
	// Dir is the data folder (log.dirs).
	Dir string
	// Overrides are settings as key=value. Unless they say otherwise the process
	// listens on free ports of the loopback interface and serves no HTTP.
	Overrides []string
	// Environ are variables besides those of the caller, as key=value.
	Environ []string
	// Log takes what the process logs, besides Output; nil for nothing.
	Log io.Writer
}

// Process is a running moldau. Its methods are safe for concurrent use.
type Process struct {
	cmd    *exec.Cmd
	ready  chan struct{}
	exited chan struct{}
	err    error // How it ended; valid after exited.

	mu   sync.Mutex // Guards the fields below.
	addr string
	log  []string
	// logged counts all bytes that were logged.
	logged int64
}

// keptLines bounds what Output remembers: the newest ones.
const keptLines = 2000

// readyLine gives the address of the first listener, which is the broker's.
var readyLine = regexp.MustCompile(`msg="Node is ready".*?://([^ \]]+)`)

// Launch starts a process and returns at once.
func Launch(o Options) (*Process, error) {
	args := []string{"start"}
	for _, override := range append([]string{
		"log.dirs=" + o.Dir, "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "moldau.http.listener=",
		"controller.quorum.bootstrap.servers=127.0.0.1:0",
	}, o.Overrides...) {
		args = append(args, "--override", override)
	}
	cmd := exec.CommandContext(context.Background(), o.Binary, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "KAFKA_") }), o.Environ...) // They would be settings.
	return Run(cmd, o.Log)
}

// Run starts a command that ends up as a moldau, and returns at once. What the
// process logs goes to log, too, unless it is nil.
func Run(cmd *exec.Cmd, log io.Writer) (*Process, error) {
	p := &Process{cmd: cmd, ready: make(chan struct{}), exited: make(chan struct{})}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.follow(stderr, log)
	return p, nil
}

// Start starts a process and waits until it serves; if ctx ends before, the
// process is killed.
func Start(ctx context.Context, o Options) (*Process, error) {
	p, err := Launch(o)
	if err != nil {
		return nil, err
	}
	return p, p.Await(ctx)
}

// Await waits until the process serves; if ctx ends before, it is killed.
func (p *Process) Await(ctx context.Context) error {
	select {
	case <-p.ready:
		return nil
	case <-p.exited:
		return fmt.Errorf("moldau ended while it started: %w\n%s", p.err, p.Output())
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("moldau does not serve: %w\n%s", ctx.Err(), p.Output())
	}
}

// follow collects the process's log until it ends.
func (p *Process) follow(stderr io.Reader, log io.Writer) {
	serves := sync.OnceFunc(func() { close(p.ready) })
	for lines := bufio.NewReader(stderr); ; {
		line, err := lines.ReadString('\n')
		if log != nil && line != "" {
			_, _ = io.WriteString(log, line)
		}
		p.remember(line)
		if m := readyLine.FindStringSubmatch(line); m != nil {
			p.mu.Lock()
			p.addr = m[1]
			p.mu.Unlock()
			serves()
		}
		if err != nil {
			break
		}
	}
	p.err = p.cmd.Wait()
	close(p.exited)
}

func (p *Process) remember(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logged += int64(len(line))
	p.log = append(p.log, line)
	if len(p.log) >= 2*keptLines {
		p.log = slices.Clone(p.log[len(p.log)-keptLines:])
	}
}

// Ready is closed when the process serves.
func (p *Process) Ready() <-chan struct{} { return p.ready }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Addr is the address of the broker's listener; empty before the process is ready.
func (p *Process) Addr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is the newest of what the process has logged.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "")
}

// Logged is how many bytes the process has logged.
func (p *Process) Logged() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logged
}

// Signal sends a signal; to a process that has ended it does nothing.
func (p *Process) Signal(sig os.Signal) { _ = p.cmd.Process.Signal(sig) }

// Stop asks the process to stop cleanly and gives the error it ended with. One
// that has not ended when ctx does is killed, which is an error.
func (p *Process) Stop(ctx context.Context) error {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return p.err
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("moldau does not stop: %w\n%s", ctx.Err(), p.Output())
	}
}

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// ExitCode gives the exit code of a process that has ended, -1 if a signal ended it.
func (p *Process) ExitCode() int {
	<-p.exited
	exit := (*exec.ExitError)(nil)
	if errors.As(p.err, &exit) {
		return exit.ExitCode()
	}
	return 0
}
