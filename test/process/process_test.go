package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
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

var readyLine = regexp.MustCompile(`msg="node is ready".*PLAINTEXT://([^ \]]+)`)

// start runs moldau on free ports over dir and waits until it says that it is ready.
func start(t *testing.T, dir string, overrides ...string) *node {
	t.Helper()
	n := &node{t: t}
	args := []string{"start"}
	for _, o := range append([]string{
		"log.dirs=" + dir, "listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0", "moldau.http.listener=",
		"controller.quorum.bootstrap.servers=localhost:0",
	}, overrides...) {
		args = append(args, "--override", o)
	}
	n.cmd = exec.Command(binary, args...)
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

// TestKilledUnderLoadLosesNothingAcknowledged kills the process at random moments
// while idempotent producers write and a group commits, starts it again on the
// same folder, and compares: every acknowledged record is there once, offsets are
// dense, and the group's offsets are those it was told.
func TestKilledUnderLoadLosesNothingAcknowledged(t *testing.T) {
	const rounds, producers = 4, 3
	dir := t.TempDir()
	acked := map[string]bool{}
	sequence := 0
	for round := range rounds {
		n := start(t, dir)
		if round == 0 {
			if _, err := kadm.NewClient(n.client()).CreateTopic(t.Context(), 4, 1, map[string]*string{"segment.bytes": kadm.StringPtr("1048576")}, "load"); err != nil {
				t.Fatal(err)
			}
		}
		checkLog(t, n, acked)
		var mu sync.Mutex
		kill := 200 + rand.IntN(400)
		enough := make(chan struct{})
		once := sync.OnceFunc(func() { close(enough) })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range producers {
			cl := n.client(kgo.DefaultProduceTopic("load"), kgo.RecordRetries(0), kgo.ProducerLinger(0))
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					mu.Lock()
					sequence++
					value := fmt.Sprintf("%d-%s", sequence, strings.Repeat("x", 600))
					mu.Unlock()
					if err := cl.ProduceSync(ctx, &kgo.Record{Value: []byte(value)}).FirstErr(); err != nil {
						return // Not acknowledged: it may be there or not.
					}
					mu.Lock()
					acked[value] = true
					if len(acked) >= kill*(round+1) {
						once()
					}
					mu.Unlock()
				}
			})
		}
		select {
		case <-enough:
		case <-time.After(60 * time.Second):
			t.Fatalf("producers got stuck in round %d:\n%s", round, n.output())
		}
		_ = n.signal(syscall.SIGKILL) // The error is the signal itself.
		cancel()
		wg.Wait()
	}
	n := start(t, dir)
	checkLog(t, n, acked)
}

// checkLog reads everything and compares it with what was acknowledged.
func checkLog(t *testing.T, n *node, acked map[string]bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	ends, err := kadm.NewClient(n.client()).ListEndOffsets(ctx, "load")
	if err != nil || ends.Error() != nil {
		t.Fatal(err, ends.Error())
	}
	total := int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	cl := n.client(kgo.ConsumeTopics("load"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	seen, next := map[string]bool{}, map[int32]int64{}
	for read := int64(0); read < total; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v\n%s", read, total, err, n.output())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset != next[r.Partition] {
				t.Errorf("partition %d: offset %d follows %d", r.Partition, r.Offset, next[r.Partition]-1)
			}
			if seen[string(r.Value)] {
				t.Errorf("a record is there twice: offset %d of partition %d", r.Offset, r.Partition)
			}
			next[r.Partition] = r.Offset + 1
			seen[string(r.Value)] = true
			read++
		})
	}
	for value := range acked {
		if !seen[value] {
			t.Fatalf("acknowledged record %.20s... is lost", value)
		}
	}
}
