package process

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var binary string

// TestMain builds the binary once.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "moldau-process")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "moldau")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/moldau").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// node is a running moldau process.
type node struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string

	mu  sync.Mutex // Guards log.
	log strings.Builder
}

var readyLine = regexp.MustCompile(`msg="node is ready".*(?:PLAINTEXT|INSIDE)://([^ \]]+)`)

// start runs moldau on free ports over dir and waits until it says that it is ready.
func start(t *testing.T, dir string, overrides ...string) *node {
	t.Helper()
	n, ready := launch(t, dir, overrides...)
	select {
	case addr, ok := <-ready:
		if !ok {
			t.Fatalf("moldau ended before it was ready:\n%s", n.output())
		}
		n.addr = addr
	case <-time.After(30 * time.Second):
		t.Fatalf("moldau is not ready after 30 s:\n%s", n.output())
	}
	return n
}

// launch runs moldau and does not wait: the channel gives the address of the
// ready node, and is closed when the node has ended.
func launch(t *testing.T, dir string, overrides ...string) (*node, <-chan string) {
	t.Helper()
	args := []string{"start"}
	for _, o := range append([]string{
		"log.dirs=" + dir, "listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0", "moldau.http.listener=",
		"controller.quorum.bootstrap.servers=localhost:0",
	}, overrides...) {
		args = append(args, "--override", o)
	}
	return run(t, exec.Command(binary, args...))
}

// run runs a command that becomes a node, as launch does.
func run(t *testing.T, cmd *exec.Cmd) (*node, <-chan string) {
	t.Helper()
	n := &node{t: t, cmd: cmd}
	stderr, err := n.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.cmd.Process.Kill(); _ = n.cmd.Wait() })
	ready := make(chan string, 1)
	go func() {
		defer close(ready)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			n.mu.Lock()
			n.log.WriteString(lines.Text() + "\n")
			n.mu.Unlock()
			if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m[1]
			}
		}
	}()
	return n, ready
}

func (n *node) output() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.String()
}

func (n *node) signal(sig syscall.Signal) error {
	if err := n.cmd.Process.Signal(sig); err != nil {
		n.t.Fatal(err)
	}
	return n.cmd.Wait()
}

func (n *node) client(opts ...kgo.Opt) *kgo.Client {
	n.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(n.addr)}, opts...)...)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(cl.Close)
	return cl
}

func TestSIGTERMStopsCleanly(t *testing.T) {
	dir := t.TempDir()
	n := start(t, dir)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatalf("exit: %v\n%s", err, n.output())
	}
	if _, err := os.Stat(filepath.Join(dir, ".kafka_cleanshutdown")); err != nil {
		t.Fatalf("no marker of a clean shutdown: %v", err)
	}
}

func TestPortInUseIsSaidWithItsCure(t *testing.T) {
	n := start(t, t.TempDir())
	out, err := exec.Command(binary, "start", "-o", "log.dirs="+t.TempDir(), "-o", "listeners=PLAINTEXT://"+n.addr+",CONTROLLER://localhost:0",
		"-o", "moldau.http.listener=").CombinedOutput()
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "another address with listeners") {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestWrongUsageExitsWithTwo(t *testing.T) {
	out, err := exec.Command(binary, "start", "--nonsense").CombinedOutput()
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "--help") {
		t.Fatalf("%v: %s", err, out)
	}
}
