package partition

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"moldau.dev/moldau/internal/kafka"
)

var (
	start  = time.Unix(1_700_000_000, 0)
	limits = Limits{MinInSyncReplicas: 2, ReplicaLagTimeMax: 30 * time.Second}
)

func threeReplicas(isr ...kafka.NodeID) Registration {
	return Registration{Leader: 1, LeaderEpoch: 5, PartitionEpoch: 10, Replicas: []kafka.NodeID{1, 2, 3}, ISR: isr}
}

func newLeader(t *testing.T, r Registration, logEnd kafka.Offset) *Partition {
	t.Helper()
	p := New(1)
	if got := p.Update(r, logEnd, start); got != BecameLeader {
		t.Fatalf("Update = %v, want BecameLeader", got)
	}
	return p
}

func fetch(p *Partition, id kafka.NodeID, offset, leaderEnd kafka.Offset, now time.Time) {
	p.FollowerFetched(Fetch{Replica: id, BrokerEpoch: 7, Offset: offset, Eligible: true}, leaderEnd, now)
}

func TestHighWatermarkIsSmallestEndOfISR(t *testing.T) {
	p := newLeader(t, threeReplicas(1, 2, 3), 100)
	if _, ok := p.HighWatermark(100, limits, start); ok {
		t.Fatal("moved before the followers had fetched")
	}
	fetch(p, 2, 90, 100, start)
	fetch(p, 3, 70, 100, start)
	if hw, ok := p.HighWatermark(100, limits, start); !ok || hw != 70 {
		t.Fatalf("high watermark %d %v, want 70", hw, ok)
	}
}

func TestHighWatermarkStopsBelowMinISR(t *testing.T) {
	p := newLeader(t, threeReplicas(1), 100)
	if hw, ok := p.HighWatermark(100, limits, start); ok {
		t.Fatalf("moved to %d with one in-sync replica of two needed", hw)
	}
	if err := p.CheckEnoughReplicas(2); !errors.Is(err, kerr.NotEnoughReplicas) {
		t.Fatalf("append allowed: %v", err)
	}
}

func TestMinISRIsBoundedByReplicas(t *testing.T) {
	p := New(1)
	p.Update(Registration{Leader: 1, Replicas: []kafka.NodeID{1}, ISR: []kafka.NodeID{1}}, 5, start)
	if err := p.CheckEnoughReplicas(2); err != nil {
		t.Fatal(err)
	}
	if hw, ok := p.HighWatermark(5, limits, start); !ok || hw != 5 || !p.Sole() {
		t.Fatalf("high watermark %d %v", hw, ok)
	}
}

func TestFollowerJoinsAtHighWatermarkAndEpochStart(t *testing.T) {
	p := newLeader(t, threeReplicas(1, 2), 100)
	fetch(p, 2, 120, 120, start)
	fetch(p, 3, 99, 120, start)
	if c := p.ProposeExpand(3, 80); c != nil {
		t.Fatalf("joined below the start of the epoch: %+v", c)
	}
	fetch(p, 3, 110, 120, start)
	c := p.ProposeExpand(3, 110)
	if c == nil || !slices.Equal(c.ISR, []kafka.NodeID{1, 2, 3}) || c.Members[2].BrokerEpoch != 7 {
		t.Fatalf("change %+v", c)
	}
	if again := p.ProposeExpand(3, 110); again != nil {
		t.Fatal("two changes in flight")
	}
	// The joining replica already holds the high watermark back.
	if hw, _ := p.HighWatermark(120, limits, start.Add(time.Hour)); hw != 110 {
		t.Fatalf("high watermark %d, want 110", hw)
	}
	p.ISRAnswered(c, nil, nil)
	if hw, _ := p.HighWatermark(120, limits, start.Add(time.Hour)); hw != 120 {
		t.Fatalf("high watermark %d after the refusal, want 120", hw)
	}
}

func TestShrinkCountsOldMembersUntilAgreed(t *testing.T) {
	p := newLeader(t, threeReplicas(1, 2, 3), 100)
	fetch(p, 2, 100, 100, start)
	fetch(p, 3, 50, 100, start)
	late := start.Add(31 * time.Second)
	fetch(p, 2, 100, 100, late)
	c := p.ProposeShrink(100, limits, late)
	if c == nil || !slices.Equal(c.ISR, []kafka.NodeID{1, 2}) {
		t.Fatalf("change %+v", c)
	}
	if hw, _ := p.HighWatermark(100, limits, late); hw != 50 {
		t.Fatalf("high watermark %d while the shrink is pending, want 50", hw)
	}
	epoch := kafka.PartitionEpoch(11)
	p.ISRAnswered(c, c.ISR, &epoch)
	if hw, _ := p.HighWatermark(100, limits, late); hw != 100 {
		t.Fatalf("high watermark %d after the shrink, want 100", hw)
	}
}

// TestCaughtUpIsMeasuredAtTheFetch: whoever fetches from where the log ended at
// its last fetch was caught up then, however much has come since.
func TestCaughtUpIsMeasuredAtTheFetch(t *testing.T) {
	p := newLeader(t, threeReplicas(1, 2), 0)
	for i := range 100 {
		now := start.Add(time.Duration(i) * time.Second)
		fetch(p, 2, kafka.Offset(10*i), kafka.Offset(10*i+10), now)
		if c := p.ProposeShrink(kafka.Offset(10*i+20), limits, now); c != nil {
			t.Fatalf("after %d s: %+v", i, c)
		}
	}
	// One that gets less than was there falls behind.
	for i := range 60 {
		now := start.Add(time.Duration(100+i) * time.Second)
		fetch(p, 2, kafka.Offset(1000+i), kafka.Offset(2000+10*i), now)
	}
	if c := p.ProposeShrink(3000, limits, start.Add(160*time.Second)); c == nil || !slices.Equal(c.ISR, []kafka.NodeID{1}) {
		t.Fatalf("%+v", c)
	}
}

func TestFetchesOfStrangersChangeNothing(t *testing.T) {
	p := newLeader(t, threeReplicas(1, 2), 100)
	fetch(p, 9, 100, 100, start)
	if _, ok := p.HighWatermark(100, limits, start); ok {
		t.Fatal("a stranger moved the high watermark")
	}
	if p.CheckFollower(2, 5) != nil || !errors.Is(p.CheckFollower(9, 5), kerr.UnknownLeaderEpoch) || !errors.Is(p.CheckFollower(9, -1), kerr.NotLeaderForPartition) {
		t.Fatal("followers are not told from strangers")
	}
}

func TestAnUncleanLeaderRecoversWithItsNextChange(t *testing.T) {
	r := threeReplicas(1)
	r.Recovering = true
	p := newLeader(t, r, 100)
	c := p.ProposeRecovered()
	if c == nil || p.ProposeRecovered() != nil || p.Pending() != c {
		t.Fatalf("%+v", c)
	}
	p.ISRAnswered(c, nil, nil)
	if c = p.ProposeRecovered(); c == nil {
		t.Fatal("a refusal ended the recovery")
	}
	epoch := kafka.PartitionEpoch(11)
	if p.ISRAnswered(c, c.ISR, &epoch); p.ProposeRecovered() != nil || p.Registration().Recovering {
		t.Fatal("the recovery has no end")
	}
}

func TestOlderMetadataIsIgnored(t *testing.T) {
	p := newLeader(t, threeReplicas(1, 2, 3), 100)
	old := threeReplicas(1)
	old.PartitionEpoch = 9
	if got := p.Update(old, 100, start); got != Unchanged {
		t.Fatalf("Update = %v", got)
	}
	next := threeReplicas(1, 2)
	next.PartitionEpoch = 11
	if got := p.Update(next, 100, start); got != Refreshed {
		t.Fatalf("Update = %v, want Refreshed", got)
	}
	moved := Registration{Leader: 2, LeaderEpoch: 6, PartitionEpoch: 12, Replicas: []kafka.NodeID{1, 2, 3}}
	if got := p.Update(moved, 100, start); got != BecameFollower {
		t.Fatalf("Update = %v, want BecameFollower", got)
	}
	if !errors.Is(p.CheckLeader(), kerr.NotLeaderForPartition) || !errors.Is(p.CheckEpoch(5), kerr.FencedLeaderEpoch) ||
		!errors.Is(p.CheckEpoch(7), kerr.UnknownLeaderEpoch) || p.CheckEpoch(-1) != nil {
		t.Fatal("epoch checks are wrong")
	}
}

// TestHighWatermarkNeverPassesAnInSyncReplica runs random fetches, ISR changes
// and appends and checks the defining property of the high watermark.
func TestHighWatermarkNeverPassesAnInSyncReplica(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := New(1)
		p.Update(threeReplicas(1, 2, 3), 0, start)
		ends := map[kafka.NodeID]kafka.Offset{1: 0, 2: 0, 3: 0}
		now, hw := start, kafka.Offset(0)
		epoch := kafka.PartitionEpoch(10)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			id := kafka.NodeID(rapid.IntRange(2, 3).Draw(t, "follower"))
			switch rapid.IntRange(0, 3).Draw(t, "action") {
			case 0:
				ends[1] += kafka.Offset(rapid.IntRange(1, 9).Draw(t, "records"))
			case 1:
				ends[id] = kafka.Offset(rapid.Int64Range(int64(ends[id]), int64(ends[1])).Draw(t, "fetched"))
				fetch(p, id, ends[id], ends[1], now)
			case 2:
				if c := p.ProposeExpand(id, hw); c != nil && rapid.Bool().Draw(t, "agreed") {
					epoch++
					p.ISRAnswered(c, c.ISR, &epoch)
				} else if c != nil {
					p.ISRAnswered(c, nil, nil)
				}
			case 3:
				if c := p.ProposeShrink(ends[1], limits, now); c != nil {
					epoch++
					p.ISRAnswered(c, c.ISR, &epoch)
				}
			}
			if next, ok := p.HighWatermark(ends[1], limits, now); ok && next > hw {
				hw = next
			}
			for _, member := range p.registration.ISR {
				if hw > ends[member] {
					t.Fatalf("high watermark %d passed in-sync replica %d at %d", hw, member, ends[member])
				}
			}
		}
	})
}
