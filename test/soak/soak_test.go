package soak

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/test/history"
	"moldau.dev/moldau/test/moldau"
)

var (
	duration = flag.Duration("duration", 5*time.Second, "how long to keep up the load")
	binary   = flag.String("binary", "", "the `path` of moldau; empty builds it")
	data     = flag.String("data", "", "the data `folder`, which is kept; empty for one that is not")
	report   = flag.String("report", "", "the `folder` to write soak.md, soak.svg and soak.csv to; empty for none")
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if *binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "moldau-soak")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		*binary, err = moldau.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// soak is one run.
type soak struct {
	t     *testing.T
	node  *node
	began time.Time

	ledger     *history.Ledger
	commits    *history.Commits
	deliveries *history.Deliveries
	deletions  *deletions

	latencies latencies
	did       counters

	mu         sync.Mutex // Guards violations.
	violations []string
}

// counters count what the load did.
type counters struct {
	produced, failed, read                      atomic.Int64
	members, assignments, commits               atomic.Int64
	topicsCreated, topicsDeleted                atomic.Int64
	configsChanged, recordsDeleted, adminFailed atomic.Int64
	stops, kills                                atomic.Int64
}

// TestNothingIsLostAndNothingGrows is the whole run.
func TestNothingIsLostAndNothingGrows(t *testing.T) {
	dir := *data
	if dir == "" {
		dir = t.TempDir()
	}
	s := &soak{
		t: t, began: time.Now(), ledger: history.NewLedger(forgetfulTopics()...), commits: history.NewCommits(), deliveries: history.NewDeliveries(),
		deletions: newDeletions(),
	}
	var err error
	if s.node, err = startNode(dir); err != nil {
		t.Fatal(err)
	}
	defer s.node.kill()
	s.createTopics()
	curve := s.load()
	s.audit()
	s.endNode()
	v := judge(curve, *duration)
	for _, line := range v.failures() {
		t.Error(line)
	}
	t.Log(v.text())
	if *report != "" {
		if err := s.write(*report, curve, v); err != nil {
			t.Error(err)
		}
	}
}

// violation notes that the broker did what it must not.
func (s *soak) violation(err error) {
	const most = 50
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, fmt.Sprintf("after %v: %v", time.Since(s.began).Round(time.Second), err))
	if len(s.violations) <= most {
		s.t.Error(s.violations[len(s.violations)-1])
		fmt.Fprintln(os.Stderr, "VIOLATION", s.violations[len(s.violations)-1])
	}
}

// client returns a client of the node, which is always at the same address.
func (s *soak) client(opts ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(s.node.addr), kgo.UnknownTopicRetries(-1), kgo.RetryBackoffFn(func(int) time.Duration { return 100 * time.Millisecond }),
		kgo.MetadataMinAge(250 * time.Millisecond),
		// A connection that a kill ends before its first answer is no wrong configuration.
		kgo.AlwaysRetryEOF(),
	}, opts...)...)
	if err != nil {
		panic(err) // The options are wrong, whatever the broker does.
	}
	return cl
}

func (s *soak) createTopics() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	adm := kadm.NewClient(s.client())
	defer adm.Close()
	for _, topic := range topics {
		if _, err := adm.CreateTopic(ctx, topic.partitions, 1, topic.configs, topic.name); err != nil {
			s.t.Fatal(err)
		}
	}
}

// load runs everything until the time is over and the clients have had their
// answers, and gives the curve.
func (s *soak) load() []sample {
	ctx, cancel := context.WithTimeout(context.Background(), *duration)
	defer cancel()
	var load, watch sync.WaitGroup
	for _, topic := range topics {
		for i, codec := range topic.codecs {
			load.Go(func() { s.producers(ctx, topic, i, codec) })
		}
	}
	for _, g := range groups {
		load.Go(func() { s.group(ctx, g) })
	}
	for _, loop := range []func(context.Context){s.probe, s.churnTopics, s.changeConfigs, s.deleteRecords, s.watchGroups, s.watchLogs, s.restarts} {
		load.Go(func() { loop(ctx) })
	}
	watching, stop := context.WithCancel(context.Background())
	defer stop()
	watch.Go(func() { s.verify(watching) })
	var curve []sample
	watch.Go(func() { curve = s.sample(watching) })
	load.Wait()
	s.awaitVerified()
	stop()
	watch.Wait()
	return curve
}

// wait waits and tells whether to go on. Half the time is by chance, so that
// loops meet in every way.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d/2 + rand.N(d)):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// awaitVerified waits until the verifying consumer has read all that was
// acknowledged.
func (s *soak) awaitVerified() {
	deadline := time.Now().Add(time.Minute)
	for s.deletions.behind(s.ledger.Partitions()) != "" {
		if time.Now().After(deadline) {
			s.violation(errors.New("not all that was acknowledged can be read: " + s.deletions.behind(s.ledger.Partitions())))
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// audit reads the topic that nothing is deleted from once more from its start.
func (s *soak) audit() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	reader := s.ledger.Reader()
	offsets := map[int32]kgo.Offset{}
	ends := map[int32]int64{}
	for p, end := range s.ledger.Partitions() {
		if p.Topic == keptTopic {
			offsets[p.Partition], ends[p.Partition] = kgo.NewOffset().At(0), end
		}
	}
	cl := s.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{keptTopic: offsets}))
	defer cl.Close()
	for len(ends) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			s.violation(fmt.Errorf("the audit does not end: %w", err))
			return
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if err := reader.Read(r); err != nil {
				s.violation(fmt.Errorf("audit: %w", err))
			}
			if end, ok := ends[r.Partition]; ok && r.Offset+1 >= end {
				delete(ends, r.Partition)
			}
		})
	}
	for partition := range offsets {
		if err := reader.AtEnd(history.Partition{Topic: keptTopic, Partition: partition}); err != nil {
			s.violation(err)
		}
	}
}

// endNode stops the node, which must end cleanly.
func (s *soak) endNode() {
	if err := s.node.restart(true, false); err != nil {
		s.violation(err)
	}
}
