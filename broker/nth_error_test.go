package broker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// TestEveryOperationOfTheDiskMayFail lets the n-th operation of the file system
// fail in the life of a node that starts, is used, and stops. Whatever that does
// to the node, nothing it has acknowledged is lost, and it starts again without
// the fault.
func TestEveryOperationOfTheDiskMayFail(t *testing.T) {
	step := 3 // Operations vary from run to run, so that in time all are met.
	n := 1
	for met := true; met; n += step {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var failed faultfs.Op
			faulty := faultfs.New(memfs.New())
			seen := atomic.Int64{}
			faulty.SetHook(func(op faultfs.Op) {
				if seen.Add(1) == int64(n) {
					failed = op
				}
			})
			fault := faulty.FailNth(n, syscall.EIO)
			h, err := liveOnce(t, faulty)
			if met = fault.Hits() > 0; met {
				t.Logf("%v failed: %v", failed, err)
				faulty.Clear()
				checkLives(t, faulty, h)
			} else if err != nil && !kerr.IsRetriable(err) && !errors.Is(err, context.DeadlineExceeded) { // The client has little time.
				t.Errorf("without a fault: %v", err)
			}
		})
	}
	if n < 200 {
		t.Fatalf("only %d operations", n)
	}
}

// liveOnce starts a node, uses it and stops it. The error is what went wrong
// first; clients do not insist.
func liveOnce(t *testing.T, fsys *faultfs.FS) (h *history, err error) {
	t.Helper()
	h = newHistory()
	cfg := prepareNodeOn(t, fsys, synced, rolling, "offsets.topic.num.partitions=1").cfg
	cfg.Logger = nil
	node, err := Start(t.Context(), cfg)
	if err != nil {
		return h, fmt.Errorf("start: %w", err)
	}
	n := &testNode{t: t, Node: node}
	if err = n.use(h); err != nil {
		err = fmt.Errorf("use: %w", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if stopErr := n.Shutdown(ctx); err == nil && stopErr != nil {
		err = fmt.Errorf("shutdown: %w", stopErr)
	}
	if ctx.Err() != nil {
		t.Errorf("shutdown does not end: %v", err)
	}
	return h, err
}

// use is a short life: topics, records, offsets of a group, deletions.
func (n *testNode) use(h *history) error {
	ctx, cancel := context.WithTimeout(n.t.Context(), 300*time.Millisecond)
	defer cancel()
	cl := n.client(kgo.DefaultProduceTopic(crashTopic), kgo.RecordRetries(0), kgo.AllowIdempotentProduceCancellation(), kgo.RetryTimeout(100*time.Millisecond))
	defer cl.Close()
	admin := kadm.NewClient(cl)
	created, err := admin.CreateTopic(ctx, crashPartitions, 1, nil, crashTopic)
	if err != nil {
		return err
	}
	h.topics[crashTopic] = created.ID
	for i := range 12 {
		value := fmt.Sprintf("%d", sequence.Add(1))
		if err = cl.ProduceSync(ctx, &kgo.Record{Value: []byte(value), Partition: int32(i % crashPartitions)}).FirstErr(); err == nil {
			h.acked[value] = true
		}
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset(crashTopic, 1, 2, -1)
	if err := commitOnceLoaded(ctx, admin, offsets); err != nil {
		return err
	}
	h.committed[1] = 2
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, "short-lived"); err != nil {
		return err
	}
	if _, err := admin.DeleteTopic(ctx, "short-lived"); err != nil {
		return err
	}
	h.deleted["short-lived"] = true
	return err
}

// checkLives starts a node on what a life with a fault has left.
func checkLives(t *testing.T, fsys *faultfs.FS, h *history) {
	t.Helper()
	n := prepareNodeOn(t, fsys, synced, rolling, "offsets.topic.num.partitions=1")
	n.cfg.Logger = nil
	node, err := Start(t.Context(), n.cfg)
	if err != nil {
		t.Fatalf("the node does not start again: %v", err)
	}
	n.Node = node
	defer n.stop()
	if len(h.topics) == 0 {
		return
	}
	h.check(t, n)
}
