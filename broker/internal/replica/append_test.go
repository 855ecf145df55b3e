package replica

import (
	"errors"
	"io/fs"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/faultfs"
)

func TestProduceWaitsForAllInSyncReplicas(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1, 2, 3)
		answer := w.await(w.append(r, 3, AcksAll), time.Minute)
		w.follow(2, 0)
		w.follow(3, 0)
		w.follow(2, 3)
		if p := answer(); p.answered || r.log.HighWatermark() != 0 {
			t.Fatalf("%+v at high watermark %d, while replica 3 has nothing", p, r.log.HighWatermark())
		}
		w.follow(3, 3)
		if p := answer(); !p.acknowledged || p.err != nil || p.expired || r.log.HighWatermark() != 3 {
			t.Fatalf("%+v at high watermark %d", p, r.log.HighWatermark())
		}
		if p := w.await(w.append(r, 1, AcksLeader), time.Minute)(); !p.acknowledged {
			t.Fatalf("acks=1: %+v", p)
		}
	})
}

func TestProduceTimesOut(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		answer := w.await(w.append(w.create(1, 2, 3), 1, AcksAll), 5*time.Second)
		time.Sleep(4 * time.Second)
		if p := answer(); p.answered {
			t.Fatalf("%+v before the timeout", p)
		}
		time.Sleep(2 * time.Second)
		if p := answer(); !p.expired || p.acknowledged || p.err != nil {
			t.Fatalf("%+v after the timeout", p)
		}
	})
}

func TestProduceNeedsEnoughReplicas(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.configure(events.Topic, func(c *config.Topic) { c.MinInSyncReplicas = 2 })
		w.controller.refusal = kerr.IneligibleReplica.Code
		r := w.create(1, 2, 3)
		answer := w.await(w.append(r, 1, AcksAll), time.Minute)
		a := w.append(r, 1, AcksAll)
		w.change(metadata.PartitionChangeRecord{ISR: []kafka.NodeID{1}})
		w.follow(2, 2)
		w.follow(3, 2)
		if p := answer(); p.answered || r.log.HighWatermark() != 0 {
			t.Fatalf("%+v: committed with too few in-sync replicas", p)
		}
		if _, err := r.Append(batch(1), AcksAll, record.Client); !errors.Is(err, kerr.NotEnoughReplicas) {
			t.Fatalf("acks=all: %v", err)
		}
		if _, err := r.Append(batch(1), AcksLeader, record.Client); err != nil {
			t.Fatalf("acks=1: %v", err)
		}
		w.change(metadata.PartitionChangeRecord{ISR: []kafka.NodeID{1, 2}})
		w.follow(2, 3)
		if p := answer(); !p.acknowledged || p.err != nil {
			t.Fatalf("%+v", p)
		}
		w.follow(3, 3)
		synctest.Wait()
		w.change(metadata.PartitionChangeRecord{ISR: []kafka.NodeID{1}})
		if ok, err := a.Acknowledged(); !ok || !errors.Is(err, kerr.NotEnoughReplicasAfterAppend) {
			t.Fatalf("%v, %v", ok, err)
		}
		// An administrator who asks for less lets everything go on.
		w.configure(events.Topic, func(c *config.Topic) { c.MinInSyncReplicas = 1 })
		if r.log.HighWatermark() != 3 {
			t.Fatalf("high watermark %d", r.log.HighWatermark())
		}
	})
}

// TestProduceIsAnsweredWhenTheLeaderGoes covers all that can end a leadership.
func TestProduceIsAnsweredWhenTheLeaderGoes(t *testing.T) {
	for name, gone := range map[string]func(w *world){
		"other leader": func(w *world) { w.change(metadata.PartitionChangeRecord{Leader: 2}) },
		"no leader":    func(w *world) { w.change(metadata.PartitionChangeRecord{Leader: kafka.NoNode}) },
		"moved away": func(w *world) {
			w.change(metadata.PartitionChangeRecord{Leader: 2, Replicas: []kafka.NodeID{2, 3}, Directories: []kafka.UUID{dirA, dirA}})
		},
		"deleted": func(w *world) { w.apply(&metadata.RemoveTopicRecord{TopicID: w.ids[events.Topic]}) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				answer := w.await(w.append(w.create(1, 2, 3), 1, AcksAll), time.Minute)
				gone(w)
				if p := answer(); p.expired || !errors.Is(p.err, kerr.NotLeaderForPartition) {
					t.Fatalf("%+v", p)
				}
			})
		})
	}
}

// A batch of a partition that is deleted is gone, also where it was the only one.
func TestSoleReplicaThatIsDeletedAcknowledgesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = 1 })
		r := w.create(1)
		release := w.holdSyncs()
		defer release()
		answer := w.await(w.append(r, 1, AcksAll), time.Minute)
		w.apply(&metadata.RemoveTopicRecord{TopicID: w.ids[events.Topic]})
		if p := answer(); p.expired || !errors.Is(p.err, kerr.NotLeaderForPartition) {
			t.Fatalf("%+v", p)
		}
	})
}

// holdSyncs has every sync of a segment wait until release is called.
func (w *world) holdSyncs() (release func()) {
	held := make(chan struct{})
	w.fs.SetHook(func(op faultfs.Op) {
		if op.Kind == faultfs.Sync {
			<-held
		}
	})
	return sync.OnceFunc(func() { close(held) })
}

func TestNothingIsCommittedBeforeItIsOnDisk(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = 1 })
		r := w.create(1)
		release := w.holdSyncs()
		defer release()
		all, leader := w.await(w.append(r, 2, AcksAll), time.Minute), w.await(w.append(r, 1, AcksLeader), time.Minute)
		if all().answered || leader().answered || r.log.HighWatermark() != 0 {
			t.Fatalf("%+v %+v at high watermark %d", all(), leader(), r.log.HighWatermark())
		}
		release()
		if !all().acknowledged || !leader().acknowledged || r.log.HighWatermark() != 3 {
			t.Fatalf("%+v %+v at high watermark %d", all(), leader(), r.log.HighWatermark())
		}
	})
}

// TestSoleReplicaAnswersWhatItAppended has the leader of a partition with one
// replica stop leading, as at the stop of its node, while appended batches wait for
// the disk. Nobody else can have them: they are acknowledged, not sent again.
func TestSoleReplicaAnswersWhatItAppended(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = 1 })
		r := w.create(1)
		release := w.holdSyncs()
		defer release()
		all, leader := w.await(w.append(r, 2, AcksAll), time.Minute), w.await(w.append(r, 1, AcksLeader), time.Minute)
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = math.MaxInt64 })
		behind := w.await(w.append(r, 1, AcksAll), time.Minute) // Needs no sync, and stands behind those that do.
		w.change(metadata.PartitionChangeRecord{Leader: kafka.NoNode})
		if _, err := r.Append(batch(1), AcksAll, record.Client); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Fatalf("append without leadership: %v", err)
		}
		if all().answered || leader().answered || behind().answered {
			t.Fatalf("%+v %+v %+v before the sync", all(), leader(), behind())
		}
		release()
		for _, p := range []produced{all(), leader(), behind()} {
			if !p.acknowledged || p.err != nil {
				t.Fatalf("%+v", p)
			}
		}
	})
}

// TestSoleReplicaWhoseDiskFailsAcknowledgesNothing is the same with a sync that fails.
func TestSoleReplicaWhoseDiskFailsAcknowledgesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = 1 })
		r := w.create(1)
		w.fs.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Sync}, Err: fs.ErrInvalid})
		release := w.holdSyncs()
		defer release()
		synced := w.await(w.append(r, 2, AcksAll), time.Minute)
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = math.MaxInt64 })
		behind := w.await(w.append(r, 1, AcksAll), time.Minute)
		w.change(metadata.PartitionChangeRecord{Leader: kafka.NoNode})
		release()
		for _, p := range []produced{synced(), behind()} {
			if p.expired || !errors.Is(p.err, kerr.KafkaStorageError) {
				t.Fatalf("%+v", p)
			}
		}
	})
}

// TestSyncedLeaderDoesNotWaitForFollowers also sees that followers get records
// that are not on the leader's disk yet.
func TestSyncedLeaderDoesNotWaitForFollowers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = 1 })
		r := w.create(1, 2)
		params := followerParams(2)
		params.MaxWait = time.Hour
		follower := w.poll(t.Context(), params, Wanted{TopicPartition: events, CurrentLeaderEpoch: 5, LastFetchedEpoch: -1})
		release := w.holdSyncs()
		defer release()
		leader, all := w.await(w.append(r, 1, AcksLeader), time.Minute), w.await(w.append(r, 1, AcksAll), time.Minute)
		if follower.waiting() || follower.took != 0 {
			t.Fatal("the follower is not told of a new record")
		}
		if leader().answered {
			t.Fatal("acknowledged before it is on disk")
		}
		release()
		if p := leader(); !p.acknowledged {
			t.Fatalf("acks=1 waits for more than the disk: %+v", p)
		}
		if all().answered {
			t.Fatal("acknowledged before the follower has it")
		}
		w.follow(2, 2)
		if p := all(); !p.acknowledged || p.err != nil {
			t.Fatalf("%+v", p)
		}
	})
}

func TestFailedSyncIsNeverAcknowledged(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = 1 })
		r := w.create(1)
		w.fs.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Sync}, Err: fs.ErrInvalid})
		release := w.holdSyncs() // Until both are appended.
		defer release()
		all, leader := w.await(w.append(r, 1, AcksAll), time.Minute), w.await(w.append(r, 1, AcksLeader), time.Minute)
		release()
		for _, p := range []produced{all(), leader()} {
			if p.expired || !errors.Is(p.err, kerr.KafkaStorageError) {
				t.Fatalf("%+v", p)
			}
		}
		if _, err := r.Append(batch(1), AcksAll, record.Client); !errors.Is(err, kerr.KafkaStorageError) {
			t.Fatal(err)
		}
		if r.advance(); r.log.HighWatermark() != 0 {
			t.Fatalf("high watermark %d passed records that were never synced", r.log.HighWatermark())
		}
	})
}

// TestTruncationConcernsOnlyItsWaiters: a leader that lost its records as a
// follower works when it leads again.
func TestTruncationConcernsOnlyItsWaiters(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = 1 })
		r := w.create(1, 2)
		release := w.holdSyncs()
		defer release()
		first := w.await(w.append(r, 2, AcksLeader), time.Minute)
		second := w.await(w.append(r, 2, AcksLeader), time.Minute)
		w.change(metadata.PartitionChangeRecord{Leader: 2})
		for _, p := range []produced{first(), second()} {
			if !errors.Is(p.err, kerr.NotLeaderForPartition) {
				t.Fatalf("%+v", p)
			}
		}
		truncated := make(chan error, 1)
		go func() { truncated <- r.log.TruncateTo(0) }()
		synctest.Wait()
		release()
		if err := <-truncated; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.change(metadata.PartitionChangeRecord{Leader: 1, ISR: []kafka.NodeID{1}})
		again := w.await(w.append(r, 1, AcksAll), time.Minute)
		if p := again(); !p.acknowledged || p.err != nil || r.log.HighWatermark() != 1 {
			t.Fatalf("%+v at high watermark %d", p, r.log.HighWatermark())
		}
	})
}

// TestSyncCountsSettle runs appends that need a sync, that do not, and that are
// refused, beside each other while the settings change: in the end nothing may
// hold back the high watermark.
func TestSyncCountsSettle(t *testing.T) {
	w := newWorld(t)
	w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = 3 })
	r := w.create(1)
	broken := batch(2000)
	broken[len(broken)-1]++
	for round := range 400 {
		var wg sync.WaitGroup
		if round%10 == 0 {
			wg.Go(func() {
				w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = []int64{math.MaxInt64, 1, 3, 50}[round/10%4] })
			})
		}
		for range 3 {
			wg.Go(func() {
				if _, err := r.Append(broken, AcksAll, record.Client); err == nil {
					t.Error("a broken batch was appended")
				}
			})
		}
		wg.Go(func() { w.append(r, 1, AcksAll) })
		wg.Wait()
		answer := make(chan bool, 1)
		w.m.Await([]Appended{lastOf(r)}, 5*time.Second, func(expired bool) { answer <- expired })
		if <-answer {
			t.Fatalf("round %d: high watermark %d of %d, %d syncs pending", round, r.log.HighWatermark(), r.log.LogEndOffset(), r.pendingSyncs)
		}
	}
	r.syncMu.Lock()
	defer r.syncMu.Unlock()
	if r.pendingSyncs != 0 {
		t.Fatalf("%d syncs pending", r.pendingSyncs)
	}
}

func TestOlderCoordinatorCannotAppend(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1, 2)
		log := CoordinatorLog{w.m}
		if _, err := log.Append(events, 5, batch(1)); err != nil {
			t.Fatal(err)
		}
		w.change(metadata.PartitionChangeRecord{Leader: 2})
		w.change(metadata.PartitionChangeRecord{Leader: 1})
		if _, err := r.append(batch(1), 5, AcksAll, record.Coordinator, w.m.fetches); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Fatalf("a coordinator of leader epoch 5 appended in epoch 7: %v", err)
		}
		if err := log.CheckAppend(events, 5); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Fatal(err)
		}
		if end, err := log.Append(events, 7, batch(2)); err != nil || end != 3 {
			t.Fatalf("end %d, %v", end, err)
		}
	})
}

// lastOf is a produce of the log's last record.
func lastOf(r *Replica) Appended {
	a := Appended{replica: r, acks: AcksAll}
	a.LastOffset = r.log.LogEndOffset() - 1
	return a
}
