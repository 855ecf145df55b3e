package process

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	loadTopic      = "load"
	loadGroup      = "readers"
	loadPartitions = 4
)

// history is what the clients of all rounds were told.
type history struct {
	mu sync.Mutex
	// sequence numbers the values, so that no two are equal.
	sequence int
	acked    map[string]bool
	// committed are offsets whose commit was acknowledged, attempted those whose
	// commit was sent last.
	committed, attempted map[int32]int64
}

func newHistory() *history {
	return &history{acked: map[string]bool{}, committed: map[int32]int64{}, attempted: map[int32]int64{}}
}

// TestKilledUnderLoadLosesNothingAcknowledged kills the process at random moments
// while idempotent producers write and a group commits, starts it again on the
// same folder, and compares: every acknowledged record is there once, offsets are
// dense, and the group's offsets are those it was told. Some rounds sync before they
// acknowledge. Between the rounds starts are killed, too: recovery must bear its
// own interruption.
func TestKilledUnderLoadLosesNothingAcknowledged(t *testing.T) {
	synced := []string{"log.flush.interval.messages=1"}
	rounds := [][]string{nil, synced, nil, nil, synced, nil}
	dir := t.TempDir()
	h := newHistory()
	for round, overrides := range rounds {
		n := start(t, dir, overrides...)
		if round == 0 {
			createLoadTopic(t, n)
		}
		h.check(t, n)
		h.load(t, n, 200+rand.IntN(400))
		killStarts(t, dir)
	}
	h.check(t, start(t, dir))
	if len(h.committed) == 0 {
		t.Fatal("no offset was ever committed")
	}
}

func createLoadTopic(t *testing.T, n *node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := kadm.NewClient(n.client()).CreateTopic(ctx, loadPartitions, 1, map[string]*string{"segment.bytes": kadm.StringPtr("1048576")}, loadTopic)
	if err != nil {
		t.Fatal(err)
	}
}

// killStarts starts the node a few times and kills it before, while or after it
// has become ready.
func killStarts(t *testing.T, dir string) {
	t.Helper()
	for range 2 {
		n, ready := launch(t, dir)
		select {
		case <-ready:
		case <-time.After(time.Duration(rand.IntN(120)) * time.Millisecond):
		}
		_ = n.signal(syscall.SIGKILL)
	}
}

// load runs the clients until that many more records were acknowledged and
// offsets were committed, and kills the node under them.
func (h *history) load(t *testing.T, n *node, records int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	enough := make(chan struct{})
	progress := &progress{records: records, commits: 3, enough: enough}
	var wg sync.WaitGroup
	for range 3 {
		// A record in flight has to end with its context: nobody will answer it.
		cl := n.client(kgo.DefaultProduceTopic(loadTopic), kgo.RecordRetries(0), kgo.ProducerLinger(0), kgo.AllowIdempotentProduceCancellation())
		wg.Go(func() { h.produce(ctx, cl, progress) })
	}
	// A static member takes its predecessor's place without waiting for its session to end.
	member := n.client(kgo.ConsumerGroup(loadGroup), kgo.InstanceID("reader"), kgo.ConsumeTopics(loadTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.FetchMaxWait(50*time.Millisecond))
	wg.Go(func() { h.consume(ctx, member, progress) })
	select {
	case <-enough:
	case <-ctx.Done():
		t.Errorf("clients got stuck at %v:\n%s", progress, n.output())
	}
	_ = n.signal(syscall.SIGKILL) // The error is the signal itself.
	cancel()
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("clients of a killed node do not end")
	}
	if t.Failed() {
		t.FailNow()
	}
}

// progress closes enough when both have come down to zero.
type progress struct {
	mu               sync.Mutex
	records, commits int
	enough           chan struct{}
}

func (p *progress) count(records, commits int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.records <= 0 && p.commits <= 0
	p.records -= records
	p.commits -= commits
	if !done && p.records <= 0 && p.commits <= 0 {
		close(p.enough)
	}
}

func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%d records and %d commits to go", p.records, p.commits)
}

func (h *history) produce(ctx context.Context, cl *kgo.Client, p *progress) {
	for ctx.Err() == nil {
		h.mu.Lock()
		h.sequence++
		value := fmt.Sprintf("%d-%s", h.sequence, strings.Repeat("x", 600))
		h.mu.Unlock()
		if err := cl.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr(); err != nil {
			return // Not acknowledged: it may be there or not.
		}
		h.mu.Lock()
		h.acked[value] = true
		h.mu.Unlock()
		p.count(1, 0)
	}
}

func (h *history) consume(ctx context.Context, cl *kgo.Client, p *progress) {
	for ctx.Err() == nil {
		if cl.PollFetches(ctx).Err0() != nil {
			return
		}
		offsets := map[int32]int64{}
		for partition, o := range cl.UncommittedOffsets()[loadTopic] {
			offsets[partition] = o.Offset
		}
		if len(offsets) == 0 {
			continue
		}
		h.mu.Lock()
		maps.Copy(h.attempted, offsets)
		h.mu.Unlock()
		if cl.CommitUncommittedOffsets(ctx) != nil {
			return
		}
		h.mu.Lock()
		maps.Copy(h.committed, offsets)
		h.mu.Unlock()
		p.count(0, 1)
	}
}

// check reads everything and compares it with what the clients were told.
func (h *history) check(t *testing.T, n *node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	admin := kadm.NewClient(n.client())
	committed, err := admin.FetchOffsets(ctx, loadGroup)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.checkCommitted(committed); err != nil {
		t.Errorf("%v\n%s", err, n.output())
	}
	records, err := readAll(ctx, n, admin)
	if err == nil {
		err = h.checkRecords(records)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, n.output())
	}
}

func readAll(ctx context.Context, n *node, admin *kadm.Client) ([]*kgo.Record, error) {
	ends, err := admin.ListEndOffsets(ctx, loadTopic)
	if err != nil || ends.Error() != nil {
		return nil, fmt.Errorf("list end offsets: %w, %w", err, ends.Error())
	}
	total := 0
	ends.Each(func(o kadm.ListedOffset) { total += int(o.Offset) })
	cl := n.client(kgo.ConsumeTopics(loadTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	var records []*kgo.Record
	for len(records) < total {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("after %d of %d records: %w", len(records), total, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records, nil
}

// checkRecords wants dense offsets, no record twice, and every acknowledged one.
func (h *history) checkRecords(records []*kgo.Record) error {
	seen, next := map[string]bool{}, map[int32]int64{}
	for _, r := range records {
		if r.Offset != next[r.Partition] {
			return fmt.Errorf("partition %d: offset %d follows %d", r.Partition, r.Offset, next[r.Partition]-1)
		}
		if seen[string(r.Value)] {
			return fmt.Errorf("record %.20s... is there twice, again at offset %d of partition %d", r.Value, r.Offset, r.Partition)
		}
		next[r.Partition] = r.Offset + 1
		seen[string(r.Value)] = true
	}
	for value := range h.acked {
		if !seen[value] {
			return fmt.Errorf("acknowledged record %.20s... is lost", value)
		}
	}
	return nil
}

// checkCommitted wants each partition's committed offset to be the last one that
// was acknowledged, or the one after it whose answer the kill swallowed.
func (h *history) checkCommitted(offsets kadm.OffsetResponses) error {
	for partition, want := range h.committed {
		o, ok := offsets.Lookup(loadTopic, partition)
		if !ok {
			return fmt.Errorf("partition %d: the committed offset %d is lost", partition, want)
		}
		if o.Err != nil || o.At != want && o.At != h.attempted[partition] {
			return fmt.Errorf("partition %d: committed offset %d (%w), want %d or %d", partition, o.At, o.Err, want, h.attempted[partition])
		}
		h.committed[partition] = o.At // Read once, it has to stay.
	}
	return nil
}

// TestComparisonFindsWhatItIsFor feeds the checks with histories that are wrong.
func TestComparisonFindsWhatItIsFor(t *testing.T) {
	record := func(partition int32, offset int64, value string) *kgo.Record {
		return &kgo.Record{Partition: partition, Offset: offset, Value: []byte(value)}
	}
	h := newHistory()
	h.acked["a"], h.acked["b"] = true, true
	for want, records := range map[string][]*kgo.Record{
		"":            {record(0, 0, "a"), record(1, 0, "not acknowledged"), record(1, 1, "b")},
		"is lost":     {record(0, 0, "a")},
		"there twice": {record(0, 0, "a"), record(0, 1, "b"), record(1, 0, "a")},
		"follows 0":   {record(0, 0, "a"), record(0, 2, "b")},
	} {
		if err := h.checkRecords(records); fmt.Sprint(err) != "<nil>" && want == "" || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for at, fine := range map[int64]bool{4: false, 5: true, 6: false, 7: true, -1: false} {
		responses := kadm.OffsetResponses{}
		h.committed[0], h.attempted[0] = 5, 7
		if at >= 0 {
			responses.Add(kadm.OffsetResponse{Offset: kadm.Offset{Topic: loadTopic, Partition: 0, At: at}})
		}
		if err := h.checkCommitted(responses); (err == nil) != fine {
			t.Errorf("committed %d: %v", at, err)
		}
	}
}
