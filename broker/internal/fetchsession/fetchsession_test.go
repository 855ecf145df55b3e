package fetchsession

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

var now = time.Unix(1_700_000_000, 0)

func wants(names ...string) (all []Partition) {
	for _, n := range names {
		all = append(all, Partition{Key: Key{Topic: n}, MaxBytes: 1000, LogStartOffset: -1})
	}
	return all
}

func names(ps []Partition) string {
	s := ""
	for _, p := range ps {
		s += p.Topic
	}
	return s
}

// begin begins a fetch with memory of its own.
func begin(c *Cache, r Request, now time.Time) (*Fetch, error) {
	f := new(Fetch)
	return f, c.Begin(f, r, now)
}

// start opens a session over the named topics, all answered as quiet at high watermark 5.
func start(t *testing.T, c *Cache, topics ...string) int32 {
	t.Helper()
	f, err := begin(c, Request{Partitions: wants(topics...)}, now)
	if err != nil {
		t.Fatal(err)
	}
	id, include, err := f.Finish(quiet(len(topics)), now)
	if err != nil || id == NoSession {
		t.Fatalf("session %d, %v", id, err)
	}
	for i, in := range include {
		if !in {
			t.Fatalf("a full fetch left out partition %d", i)
		}
	}
	return id
}

func quiet(n int) []Result {
	all := make([]Result, n)
	for i := range all {
		all[i] = Result{HighWatermark: 5}
	}
	return all
}

func TestIncrementalFetchTellsOnlyNews(t *testing.T) {
	c := NewCache(10)
	id := start(t, c, "a", "b", "c")
	f, err := begin(c, Request{SessionID: id, Epoch: 1}, now)
	if err != nil || names(f.Partitions()) != "abc" {
		t.Fatalf("partitions %q, %v", names(f.Partitions()), err)
	}
	results := quiet(3)
	results[0] = Result{HighWatermark: 6, HasRecords: true}
	results[2] = Result{HighWatermark: 5, Failed: true}
	_, include, _ := f.Finish(results, now)
	if !include[0] || include[1] || !include[2] {
		t.Fatalf("include %v", include)
	}
	// a had records and goes last; c failed and is told of again although nothing changed.
	f, _ = begin(c, Request{SessionID: id, Epoch: 2}, now)
	if names(f.Partitions()) != "bca" {
		t.Fatalf("order %q, want bca", names(f.Partitions()))
	}
	results = quiet(3)
	results[2].HighWatermark = 6
	_, include, _ = f.Finish(results, now)
	if include[0] || !include[1] || include[2] {
		t.Fatalf("include %v", include)
	}
}

// A fetch that was reset is as good as a new one, and takes no memory.
func TestFetchIsUsedAgain(t *testing.T) {
	c := NewCache(10)
	three, one := start(t, c, "a", "b", "c"), start(t, c, "d")
	sessions, results := map[int32]string{three: "abc", one: "d"}, quiet(3)
	f := new(Fetch)
	epoch := int32(0)
	again := func() {
		epoch++
		for id, want := range sessions {
			f.Reset()
			if err := c.Begin(f, Request{SessionID: id, Epoch: epoch}, now); err != nil {
				t.Fatal(err)
			}
			if got := f.Partitions(); len(got) != len(want) || got[0].Topic != want[:1] {
				t.Fatalf("partitions %q, want %q", names(got), want)
			}
			_, include, err := f.Finish(results[:len(want)], now)
			if err != nil || len(include) != len(want) || slices.Contains(include, true) {
				t.Fatalf("include %v, %v", include, err)
			}
		}
	}
	again()
	if n := testing.AllocsPerRun(100, again); n > 0 {
		t.Fatalf("%v allocations", n)
	}
	f.Reset()
	if err := c.Begin(f, Request{Partitions: wants("e")}, now); err != nil || names(f.Partitions()) != "e" {
		t.Fatalf("a full fetch after it: %q, %v", names(f.Partitions()), err)
	}
	if _, include, err := f.Finish(quiet(1), now); err != nil || !include[0] {
		t.Fatalf("include %v, %v", include, err)
	}
}

func TestSessionMayBeginEmpty(t *testing.T) {
	c := NewCache(10)
	id := start(t, c)
	f, err := begin(c, Request{SessionID: id, Epoch: 1, Partitions: wants("a")}, now)
	if err != nil || names(f.Partitions()) != "a" {
		t.Fatalf("%v, %v", f, err)
	}
}

func TestSessionAddsUpdatesAndForgets(t *testing.T) {
	c := NewCache(10)
	id := start(t, c, "a", "b")
	changed := wants("b", "c")
	changed[0].FetchOffset = 77
	f, err := begin(c, Request{SessionID: id, Epoch: 1, Partitions: changed, Forgotten: []Key{{Topic: "a"}}}, now)
	if err != nil || names(f.Partitions()) != "bc" || f.Partitions()[0].FetchOffset != 77 {
		t.Fatalf("%+v %v", f, err)
	}
	f, err = begin(c, Request{SessionID: id, Epoch: 2, Forgotten: []Key{{Topic: "b"}, {Topic: "c"}}}, now)
	if err != nil || len(f.Partitions()) != 0 {
		t.Fatalf("%+v %v", f, err)
	}
	if id, _, _ := f.Finish(nil, now); id != NoSession {
		t.Fatal("an empty session stayed open")
	}
}

func TestWrongEpochsAndIDsAreRefused(t *testing.T) {
	c := NewCache(10)
	id := start(t, c, "a")
	if _, err := begin(c, Request{SessionID: id, Epoch: 2}, now); !errors.Is(err, kerr.InvalidFetchSessionEpoch) {
		t.Fatal(err)
	}
	if _, err := begin(c, Request{SessionID: id, Epoch: 1, UsesTopicIDs: true}, now); !errors.Is(err, kerr.FetchSessionTopicIDError) {
		t.Fatal(err)
	}
	if _, err := begin(c, Request{SessionID: id + 1, Epoch: 1}, now); !errors.Is(err, kerr.FetchSessionIDNotFound) {
		t.Fatal(err)
	}
	if _, err := begin(c, Request{SessionID: id, Epoch: FinalEpoch}, now); err != nil {
		t.Fatal(err)
	}
	if _, err := begin(c, Request{SessionID: id, Epoch: 1}, now); !errors.Is(err, kerr.FetchSessionIDNotFound) {
		t.Fatal("the final epoch did not close the session")
	}
}

func TestRepeatedRequestIsNoticedAtTheEnd(t *testing.T) {
	c := NewCache(10)
	id := start(t, c, "a")
	first, _ := begin(c, Request{SessionID: id, Epoch: 1}, now)
	if _, err := begin(c, Request{SessionID: id, Epoch: 2}, now); err != nil {
		t.Fatal(err)
	}
	if _, _, err := first.Finish(quiet(1), now); !errors.Is(err, kerr.InvalidFetchSessionEpoch) {
		t.Fatal(err)
	}
}

func TestFullCacheEvictsIdleThenSmaller(t *testing.T) {
	c := NewCache(2)
	start(t, c, "a", "b", "c")
	start(t, c, "d")
	begin := func(at time.Time, replica bool, topics ...string) int32 {
		f, err := begin(c, Request{FromReplica: replica, Partitions: wants(topics...)}, at)
		if err != nil {
			t.Fatal(err)
		}
		id, _, _ := f.Finish(quiet(len(topics)), at)
		return id
	}
	if id := begin(now, false, "e", "f"); id != NoSession {
		t.Fatal("a young session lost its place")
	}
	if id := begin(now, true, "e"); id == NoSession {
		t.Fatal("a replica found no place")
	}
	if id := begin(now.Add(evictionAge+time.Second), false, "e"); id == NoSession {
		t.Fatal("an idle session kept its place")
	}
	if _, _, evictions := c.Stats(); evictions != 2 {
		t.Fatalf("%d evictions, want 2", evictions)
	}
}

// TestConcurrentClients has more clients than there are slots use sessions, and
// repeat requests, at once.
func TestConcurrentClients(t *testing.T) {
	c := NewCache(4)
	var clients sync.WaitGroup
	for client := range 8 {
		clients.Go(func() {
			at := now
			id, epoch := NoSession, InitialEpoch
			for range 300 {
				at = at.Add(time.Minute)
				f, err := begin(c, Request{SessionID: id, Epoch: epoch, FromReplica: client == 0, Partitions: wants("a", "b")}, at)
				if err != nil {
					id, epoch = NoSession, InitialEpoch
					continue
				}
				if names(f.Partitions()) != "ab" {
					t.Errorf("fetches %q", names(f.Partitions()))
				}
				if id, _, err = f.Finish(quiet(2), at); err != nil {
					t.Error(err)
				}
				if epoch = nextEpoch(epoch); id == NoSession {
					epoch = InitialEpoch
				}
				if sessions, _, _ := c.Stats(); sessions > 4 {
					t.Errorf("%d sessions in 4 slots", sessions)
				}
			}
		})
	}
	clients.Wait()
}

func TestEpochWrapsToOne(t *testing.T) {
	if nextEpoch(math.MaxInt32) != 1 || nextEpoch(1) != 2 {
		t.Fatal("epochs do not wrap as the clients'")
	}
}
