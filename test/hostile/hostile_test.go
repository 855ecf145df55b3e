package hostile

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/test/moldau"
)

var (
	duration = flag.Duration("duration", 4*time.Second, "how long to attack")
	seed     = flag.Uint64("seed", 0, "the seed of all choices; 0 takes one from the clock")
	program  = flag.String("binary", "", "the `path` of moldau; empty builds it")
	report   = flag.String("report", "", "the `file` to write the results to; empty for none")
	only     = flag.String("only", "", "attack only in ways whose names contain this `text`")
	target   = flag.String("attack", "", "`addresses` to attack, instead of running tests")
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	if *target != "" {
		return attackProcess(strings.Split(*target, ","))
	}
	if *program == "" {
		dir, err := os.MkdirTemp("", "moldau-hostile")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			*program, err = moldau.Build(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

const mib = 1 << 20

// The limits of the node that is attacked.
const (
	maxConnections    = 5500
	maxRequestBytes   = 16 * mib
	queuedBytes       = 64 * mib
	fetchBytes        = 4 * mib
	maxMessageBytes   = mib
	idleAfter         = 10 * time.Second
	bombsAtOnce       = 2 // Large batches that the node unpacks at once, at most: see package record.
	bombBytes         = record.DefaultMaxDecompressed
	connectionBytes   = 40 << 10 // What an idle connection may cost, with its goroutine.
	atRest            = 64 * mib // A node that does nothing has less.
	collectorOverhead = 2        // The garbage collector lets the heap double.
)

// memoryBound is what the configuration allows: requests, of which one may go
// beyond the bound; batches that are unpacked; connections; and what is at rest.
const memoryBound = collectorOverhead*(queuedBytes+maxRequestBytes+bombsAtOnce*bombBytes+maxConnections*connectionBytes) + atRest

// settings are those of the node.
var settings = []string{
	fmt.Sprintf("max.connections=%d", maxConnections), fmt.Sprintf("socket.request.max.bytes=%d", maxRequestBytes),
	fmt.Sprintf("queued.max.request.bytes=%d", queuedBytes), fmt.Sprintf("fetch.max.bytes=%d", fetchBytes), fmt.Sprintf("message.max.bytes=%d", maxMessageBytes),
	fmt.Sprintf("connections.max.idle.ms=%d", idleAfter.Milliseconds()), "group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=2",
}

// siege is one run.
type siege struct {
	t       *testing.T
	process *moldau.Process
	http    string

	before, during latencies
	attacks        map[string]int64
	// Of the process: bytes, goroutines, bytes logged while attacked.
	peakRSS, rssBefore, rssAfter      int64
	goroutinesBefore, goroutinesAfter int
	logged                            int64
	connections                       int
}

// TestHostileClientsHarmNobody is the whole run.
func TestHostileClientsHarmNobody(t *testing.T) {
	t.Logf("seed %d", *seed)
	addresses, err := moldau.FreeAddresses(3)
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{t: t, http: addresses[2]}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.process, err = moldau.Start(ctx, moldau.Options{Binary: *program, Dir: t.TempDir(), Overrides: append([]string{
		"listeners=PLAINTEXT://" + addresses[0] + ",CONTROLLER://" + addresses[1], "moldau.http.listener=" + s.http,
	}, settings...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.process.Kill)
	s.createTopics(ctx)
	s.measure(max(2*time.Second, *duration/5), &s.before)
	s.rssBefore, s.goroutinesBefore = s.rss(), s.goroutines()
	s.attack(addresses[:2])
	s.afterwards()
	s.judge()
	if *report != "" {
		if err := os.WriteFile(*report, []byte(s.page()), 0o644); err != nil { //nolint:gosec // Documentation.
			t.Error(err)
		}
	}
}

func (s *siege) createTopics(ctx context.Context) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.process.Addr()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for topic, configs := range map[string]map[string]*string{
		goodTopic: nil, bigTopic: nil, "victim": nil, "recompressed": {"compression.type": kadm.StringPtr("lz4")},
	} {
		if _, err := adm.CreateTopic(ctx, 1, 1, configs, topic); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := fillBigTopic(ctx, cl); err != nil {
		s.t.Fatal(err)
	}
}

// attack lets another process attack for the whole duration while the client that
// behaves is measured.
func (s *siege) attack(addresses []string) {
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *duration+2*time.Minute)
	defer cancel()
	attacker := exec.CommandContext(ctx, self, "-attack", strings.Join(addresses, ","), "-duration", duration.String(), "-seed", strconv.FormatUint(*seed, 10), "-only", *only)
	attacker.Stderr = os.Stderr
	out, err := attacker.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	logged := s.process.Logged()
	if err := attacker.Start(); err != nil {
		s.t.Fatal(err)
	}
	// It begins when it has its bombs.
	if _, err := out.Read(make([]byte, 1)); err != nil {
		s.t.Fatalf("the attacker does not begin: %v", err)
	}
	stop := s.watch()
	s.measure(*duration, &s.during)
	told, err := io.ReadAll(out)
	if err := attacker.Wait(); err != nil {
		s.t.Errorf("the attacker: %v", err)
	}
	stop()
	s.logged = s.process.Logged() - logged
	if err != nil || json.Unmarshal(told, &s.attacks) != nil {
		s.t.Fatalf("the attacker told %q (%v)", told, err)
	}
}

// watch follows the process's memory and connections until stop is called.
func (s *siege) watch() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			s.peakRSS = max(s.peakRSS, s.rss())
			s.connections = max(s.connections, s.files())
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// afterwards waits until the node has got rid of what the attack has left.
func (s *siege) afterwards() {
	deadline := time.Now().Add(idleAfter + time.Minute)
	for {
		s.goroutinesAfter = s.goroutines()
		if s.goroutinesAfter <= s.goroutinesBefore+leftGoroutines || time.Now().After(deadline) {
			break
		}
		time.Sleep(time.Second)
	}
	s.rssAfter = s.rss()
}

// rss is the process's memory in bytes, -1 if the system does not tell.
func (s *siege) rss() int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.process.PID()))
	if err != nil {
		return -1
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "VmRSS:" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err == nil {
				return n << 10
			}
		}
	}
	return -1
}

// files counts the process's open files, most of which are connections.
func (s *siege) files() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.process.PID()))
	if err != nil {
		return -1
	}
	return len(entries)
}

// goroutines asks the process for the number of its goroutines.
func (s *siege) goroutines() int {
	client := http.Client{Timeout: 30 * time.Second}
	resp, err := client.Get("http://" + s.http + "/metrics")
	if err != nil {
		s.t.Fatalf("metrics: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "go_goroutines "); ok {
			n, err := strconv.Atoi(value)
			if err != nil {
				s.t.Fatalf("metrics: %v", err)
			}
			return n
		}
	}
	s.t.Fatal("metrics: no go_goroutines")
	return 0
}

// sequence numbers the records of the client that behaves.
var sequence atomic.Int64
