package exchange

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"moldau.dev/moldau/test/apachekafka"
)

var (
	kafka      *apachekafka.Install
	kafkaError error
	binary     string
)

// TestMain builds moldau once, if there is an Apache Kafka to exchange with.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if kafka, kafkaError = apachekafka.Find(); kafkaError != nil {
		return m.Run() // Each test says why it skips itself.
	}
	dir, err := os.MkdirTemp("", "moldau-exchange")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "moldau")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/moldau").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// broker is a running broker of either kind.
type broker interface {
	Stop(ctx context.Context) error
	Kill() error
	Output() string
}

// moldau is a running moldau process.
type moldau struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error

	mu  sync.Mutex // Guards log.
	log strings.Builder
}

// startMoldau runs moldau with that server.properties until it serves.
func startMoldau(ctx context.Context, properties string) (*moldau, error) {
	m := &moldau{cmd: exec.Command(binary, "start", properties, "--override", "moldau.http.listener="), exited: make(chan struct{})}
	m.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "KAFKA_") }) // They would be settings.
	stderr, err := m.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go func() {
		serves := sync.OnceFunc(func() { close(ready) })
		lines := bufio.NewScanner(stderr)
		for lines.Buffer(nil, 1<<20); lines.Scan(); {
			m.mu.Lock()
			m.log.WriteString(lines.Text() + "\n")
			m.mu.Unlock()
			if strings.Contains(lines.Text(), `msg="Node is ready"`) {
				serves()
			}
		}
		m.err = m.cmd.Wait()
		close(m.exited)
	}()
	select {
	case <-ready:
		return m, nil
	case <-m.exited:
		return nil, fmt.Errorf("moldau ended while it started: %w\n%s", m.err, m.Output())
	case <-ctx.Done():
		err := ctx.Err()
		return nil, fmt.Errorf("moldau does not serve: %w\n%s", errors.Join(err, m.Kill()), m.Output())
	}
}

func (m *moldau) Output() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log.String()
}

func (m *moldau) Stop(ctx context.Context) error {
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-m.exited:
		return m.err
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("moldau does not stop: %w\n%s", ctx.Err(), m.Output()), m.Kill())
	}
}

func (m *moldau) Kill() error {
	select {
	case <-m.exited:
		return nil
	default:
	}
	_ = m.cmd.Process.Kill() // It may have ended by itself.
	<-m.exited
	return nil
}

// startTimeout and stopTimeout bound each start and stop of either broker.
const startTimeout, stopTimeout = 90 * time.Second, 60 * time.Second
