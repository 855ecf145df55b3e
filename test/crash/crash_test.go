package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/test/history"
	"moldau.dev/moldau/test/moldau"
)

var (
	rounds = flag.Int("rounds", 5, "how many crashes of each kind")
	seed   = flag.Uint64("seed", 0, "the seed of all choices; 0 takes one from the clock")
	binary = flag.String("binary", "", "the `path` of moldau; empty builds it")
	report = flag.String("report", "", "the `file` to write the results to; empty for none")
)

// timeout bounds whatever waits for a node or for clients.
const timeout = 90 * time.Second

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	if *binary == "" {
		dir, err := os.MkdirTemp("", "moldau-crash")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			*binary, err = moldau.Build(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	code := m.Run()
	if *report != "" {
		if err := os.WriteFile(*report, []byte(page()), 0o644); err != nil { //nolint:gosec // Documentation.
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// world is what clients were told in all rounds: it has to survive.
type world struct {
	ledger  *history.Ledger
	commits *history.Commits
	topics  *history.Topics
}

func newWorld() *world {
	return &world{ledger: history.NewLedger(), commits: history.NewCommits(), topics: history.NewTopics()}
}

// snapshot is the world of this moment.
func (w *world) snapshot() *world {
	return &world{ledger: w.ledger.Snapshot(), commits: w.commits.Clone(), topics: w.topics.Snapshot()}
}

const (
	loadTopic      = "load"
	loadGroup      = "readers"
	loadPartitions = 4
)

// settings let logs have many segments, and groups forget members soon.
var settings = []string{
	"log.roll.ms=100", "offsets.topic.num.partitions=2", "group.initial.rebalance.delay.ms=0", "group.min.session.timeout.ms=500",
	"log.flush.offset.checkpoint.interval.ms=500", "log.flush.start.offset.checkpoint.interval.ms=500",
}

// synced lets everything that is acknowledged be on disk.
const synced = "log.flush.interval.messages=1"

// createLoadTopic makes the topic of the load, unless a crash has left it.
func (w *world) createLoadTopic(t *testing.T, addr string) {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	cl := client(t, addr)
	defer cl.Close()
	adm := kadm.NewClient(cl)
	listed, err := adm.ListTopics(ctx, loadTopic)
	if err != nil {
		t.Fatal(err)
	}
	if listed.Has(loadTopic) {
		return
	}
	created, err := adm.CreateTopic(ctx, loadPartitions, 1, nil, loadTopic)
	if err != nil {
		t.Fatal(err)
	}
	w.topics.Created(loadTopic, created.ID)
}

// randomFor gives the choices of one round.
func randomFor(kind string, round int) *rand.Rand {
	return rand.New(rand.NewPCG(*seed, uint64(round)<<8|uint64(len(kind)))) //nolint:gosec // No secret.
}
