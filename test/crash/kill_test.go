package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/test/history"
	"moldau.dev/moldau/test/moldau"
)

// moment says when a process is killed: after that many events, and up to so much
// later.
type moment struct {
	name   string
	event  event
	most   int // The number of events is 1 to most.
	later  time.Duration
	signal syscall.Signal // Sent first; later counts from it.
}

// moments are those that rounds go through in turn.
var moments = []moment{
	{name: "produces", event: acked, most: 600, later: time.Millisecond},
	{name: "a roll", event: rolled, most: 12, later: 500 * time.Microsecond},
	{name: "a rebalance", event: joining, most: 6, later: 10 * time.Millisecond},
	{name: "a commit of offsets", event: committing, most: 30, later: 2 * time.Millisecond},
	{name: "the creation of a topic", event: creating, most: 15, later: 4 * time.Millisecond},
	{name: "the deletion of a topic", event: deleting, most: 10, later: 4 * time.Millisecond},
	{name: "a clean stop", event: acked, most: 200, later: 40 * time.Millisecond, signal: syscall.SIGTERM},
}

// killed is what the rounds have in common.
type killed struct {
	t       *testing.T
	w       *world
	options moldau.Options
	addr    string
	steady  []*producer
}

// TestKilledProcessLosesNothing kills a process again and again on the same data
// folder. Some rounds sync before they acknowledge. Some starts are killed, too:
// recovery must bear its own interruption.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Logf("seed %d", *seed)
	addresses, err := moldau.FreeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	k := &killed{t: t, w: newWorld(), addr: addresses[0], options: moldau.Options{Binary: *binary, Dir: t.TempDir()}}
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.ZstdCompression()} {
		cl := client(t, k.addr, producerOptions(codec)...)
		t.Cleanup(cl.Close)
		k.steady = append(k.steady, &producer{name: fmt.Sprintf("steady-%d", i), cl: cl, answers: make(chan struct{}, 6), steady: true})
	}
	for round := range *rounds {
		k.round(round)
	}
	p := k.start(nil)
	k.check(p, "the last round")
	ctx, cancel := bounded(t)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if created, _ := k.w.topics.Counts(); created < 2 || len(k.w.commits.Snapshot()) == 0 {
		t.Error("hardly anything was checked")
	}
	results.kill.end(k.w)
	inspect(t, &results.kill, k.options.Dir, k.options.Dir)
}

func (k *killed) start(random *rand.Rand) *moldau.Process {
	k.t.Helper()
	ctx, cancel := bounded(k.t)
	defer cancel()
	p, err := moldau.Start(ctx, k.with(random))
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(p.Kill)
	return p
}

// with gives the options of a start, some of them by chance.
func (k *killed) with(random *rand.Rand) moldau.Options {
	o := k.options
	o.Overrides = append(slices.Clone(settings), "listeners=PLAINTEXT://"+k.addr+",CONTROLLER://127.0.0.1:0")
	if random != nil && random.IntN(3) == 0 {
		o.Overrides = append(o.Overrides, synced)
	}
	return o
}

// introduce has the steady producers get their ids: a client does not bear that
// this very request is cut off.
func (k *killed) introduce() {
	for _, p := range k.steady {
		p.answers <- struct{}{}
		p.send(&clients{t: k.t, w: k.w, happened: func(event) {}}, history.Partition{Topic: loadTopic})
		p.settle(k.t)
	}
}

// check compares a node that has just started with what clients were told.
func (k *killed) check(p *moldau.Process, when string) {
	k.t.Helper()
	for _, producer := range k.steady {
		producer.settle(k.t)
	}
	records, err := k.w.check(k.t, k.addr)
	if err != nil {
		k.t.Fatalf("after %s: %v\n%s", when, err, p.Output())
	}
	results.kill.compared.Add(records)
}

// round starts the node, compares, and kills it under load.
func (k *killed) round(round int) {
	random := randomFor("kill", round)
	m := moments[round%len(moments)]
	count := 1 + random.IntN(m.most)
	later := time.Duration(random.Int64N(int64(m.later) + 1))
	p := k.start(random)
	if round == 0 {
		k.w.createLoadTopic(k.t, k.addr)
		k.introduce()
	}
	k.check(p, fmt.Sprintf("round %d", round-1))

	due := make(chan struct{})
	var left atomic.Int64
	left.Store(int64(count))
	c := &clients{t: k.t, w: k.w, addr: k.addr, round: round, happened: func(e event) {
		if e == m.event && left.Add(-1) == 0 {
			close(due)
		}
	}}
	watching, stop := context.WithCancel(context.Background())
	defer stop()
	go watchRolls(watching, k.options.Dir, c.happened)
	c.begin(k.steady...)
	select {
	case <-due:
	case <-p.Exited():
		k.t.Fatalf("the node ended by itself:\n%s", p.Output())
	case <-time.After(timeout):
		k.t.Fatalf("the clients got stuck, %d %s to go:\n%s", left.Load(), m.name, p.Output())
	}
	if m.signal != 0 {
		p.Signal(m.signal)
	}
	time.Sleep(later)
	p.Kill()
	c.end()
	results.kill.round(m.name)
	k.killStarts(random)
	if k.t.Failed() {
		k.t.Fatalf("in round %d, seed %d", round, *seed)
	}
}

// killStarts kills some starts before, while or after the node has become ready.
func (k *killed) killStarts(random *rand.Rand) {
	for range random.IntN(3) {
		p, err := moldau.Launch(k.with(random))
		if err != nil {
			k.t.Fatal(err)
		}
		select {
		case <-p.Ready():
		case <-time.After(time.Duration(random.IntN(80)) * time.Millisecond):
		}
		p.Kill()
		results.kill.round("a recovery")
	}
}

// watchRolls tells when a log of the load has a new segment.
func watchRolls(ctx context.Context, dir string, happened func(event)) {
	known := map[string]bool{}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		for partition := range loadPartitions {
			entries, err := os.ReadDir(filepath.Join(dir, fmt.Sprintf("%s-%d", loadTopic, partition)))
			if err != nil {
				continue // It is not there yet.
			}
			for _, e := range entries {
				if name := fmt.Sprint(partition, e.Name()); strings.HasSuffix(name, ".log") && !known[name] {
					known[name] = true
					happened(rolled)
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
