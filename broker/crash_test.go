package broker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// synced lets everything that is acknowledged be on disk: records, group offsets.
const synced = "log.flush.interval.messages=1"

// rolling gives logs many segments.
const rolling = "log.roll.ms=30"

// crash is a file system as a power failure left it, with what clients had been
// told before.
type crash struct {
	fsys    *memfs.FS
	history *history
	options memfs.CrashOptions
	op      faultfs.Op
}

// crasher takes crashes at chosen operations of a file system.
type crasher struct {
	mem     *memfs.FS
	history *history
	random  *rand.Rand

	mu      sync.Mutex // Guards the fields below; it is held while a crash is taken.
	next    int        // operations until the next crash.
	crashes []crash
	limit   int
	enough  chan struct{}
}

// hook is the file system's: what was acknowledged before this operation began
// must survive a crash just before it.
func (c *crasher) hook(op faultfs.Op) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next--
	if c.next > 0 || len(c.crashes) == c.limit {
		return
	}
	c.next = 1 + c.random.IntN(400)
	told := c.history.snapshot()
	options := memfs.CrashOptions{Seed: c.random.Uint64()}
	switch c.random.IntN(4) {
	case 0: // Only what was synced survives.
	case 1:
		options.KeepPercent = 100
	default:
		options.KeepPercent, options.TearPercent = c.random.IntN(101), c.random.IntN(101)
	}
	c.crashes = append(c.crashes, crash{fsys: c.mem.CrashClone(options), history: told, options: options, op: op})
	if len(c.crashes) == c.limit {
		close(c.enough)
	}
}

func (c *crasher) taken() []crash {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crashes
}

// TestPowerFailureLosesNothingAcknowledged runs a node on a file system in memory
// with clients that produce, commit offsets, create and delete topics, and lets
// the power fail just before operations of the file system chosen by chance: what
// was not synced is lost, kept or torn. A node that starts on what is left must
// know all that was acknowledged before, go on, and still know it after another
// restart.
func TestPowerFailureLosesNothingAcknowledged(t *testing.T) {
	seeds := 3
	if testing.Short() {
		seeds = 1
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			for i, c := range crashesUnderLoad(t, seed, 6) {
				t.Run(fmt.Sprint(i), func(t *testing.T) { checkCrash(t, c, 2) })
			}
		})
	}
}

// crashesUnderLoad gives what is left of a node that clients use, after power
// failures from its very first start on.
func crashesUnderLoad(t *testing.T, seed uint64, limit int) []crash {
	t.Helper()
	mem := memfs.New()
	h := newHistory()
	random := rand.New(rand.NewPCG(seed, 1))
	c := &crasher{mem: mem, history: h, random: random, next: 1 + random.IntN(300), limit: limit, enough: make(chan struct{})}
	faulty := faultfs.New(mem)
	faulty.SetHook(c.hook)
	n := startNodeOn(t, faulty, synced, rolling, "offsets.topic.num.partitions=3")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := n.admin().CreateTopic(ctx, crashPartitions, 1, nil, crashTopic); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	load := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("a client failed: %v", err)
			}
		})
	}
	for range 2 {
		cl := n.client(kgo.DefaultProduceTopic(crashTopic), kgo.ProducerLinger(0), kgo.AllowIdempotentProduceCancellation())
		load(func(ctx context.Context) error { return h.produceLoad(ctx, cl) })
	}
	load(func(ctx context.Context) error { return h.commitLoad(ctx, kadm.NewClient(n.client())) })
	load(func(ctx context.Context) error { return h.topicLoad(ctx, kadm.NewClient(n.client())) })
	select {
	case <-c.enough:
	case <-ctx.Done():
		t.Error("the clients got stuck")
	}
	cancel()
	wg.Wait()
	n.stop()
	return c.taken()
}

// checkCrash starts a node on what a crash has left, twice. The power may fail
// again meanwhile; then what that has left is checked, too.
func checkCrash(t *testing.T, c crash, again int) {
	t.Logf("crash before %v with %d records acknowledged, %+v", c.op, len(c.history.acked), c.options)
	random := rand.New(rand.NewPCG(c.options.Seed, 2))
	recovery := &crasher{mem: c.fsys, history: c.history.snapshot(), random: random, next: 1 + random.IntN(600), limit: 1, enough: make(chan struct{})}
	faulty := faultfs.New(c.fsys)
	faulty.SetHook(recovery.hook)
	n := startNodeOn(t, faulty, synced, rolling, "offsets.topic.num.partitions=3")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	topics, err := n.admin().ListTopics(ctx, crashTopic)
	if err != nil {
		t.Fatal(err)
	}
	if !topics.Has(crashTopic) {
		if len(c.history.acked)+len(c.history.committed)+len(c.history.topics) > 0 {
			t.Fatal("the topic is lost")
		}
		n.createTopic(crashTopic, crashPartitions, nil) // The crash was before its creation.
	}
	c.history.check(t, n)
	value := fmt.Sprintf("after-%d", sequence.Add(1))
	cl := n.client(kgo.DefaultProduceTopic(crashTopic))
	if err := cl.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c.history.acked[value] = true
	n.createTopic(value, 1, nil)
	n.restart()
	c.history.check(t, n)
	n.stop()
	for _, next := range recovery.taken() {
		if again > 0 {
			checkCrash(t, next, again-1)
		}
	}
}
