package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// eventually asks again until it holds. It polls: what it waits for has no event
// that a client could wait for.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestFailedLogDirTakesOnlyItsPartitions lets an operation fail in the second of
// two log directories. Its partitions answer KAFKA_STORAGE_ERROR and lose their
// leader, those of the first go on, and a restart after the repair brings all back.
func TestFailedLogDirTakesOnlyItsPartitions(t *testing.T) {
	for name, fault := range map[string]faultfs.Fault{
		"write a batch":     {Kinds: []faultfs.Kind{faultfs.Write}, Path: "/b/t-*/*.log"},
		"torn write":        {Kinds: []faultfs.Kind{faultfs.Write}, Path: "/b/t-*/*.log", Torn: true},
		"sync":              {Kinds: []faultfs.Kind{faultfs.Sync}, Path: "/b/t-*/*.log"},
		"sync, once":        {Kinds: []faultfs.Kind{faultfs.Sync}, Path: "/b/t-*/*.log", Times: 1},
		"create a segment":  {Kinds: []faultfs.Kind{faultfs.Create}, Path: "/b/t-*/*.log"},
		"write an index":    {Kinds: []faultfs.Kind{faultfs.Write}, Path: "/b/t-*/*index"},
		"write checkpoint":  {Kinds: []faultfs.Kind{faultfs.Write}, Path: "/b/*checkpoint*"},
		"rename checkpoint": {Kinds: []faultfs.Kind{faultfs.Rename}, Path: "/b/*checkpoint"},
		"everything":        {Path: "/b/*/*", Kinds: []faultfs.Kind{faultfs.Write, faultfs.Sync, faultfs.Create, faultfs.Read, faultfs.Rename}},
	} {
		t.Run(name, func(t *testing.T) {
			mem := memfs.New()
			faulty := faultfs.New(mem)
			n := startNodeOn(t, faulty, synced, rolling, "log.flush.offset.checkpoint.interval.ms=50", "log.index.interval.bytes=0")
			n.createTopic("t", 8, nil)
			c := n.raw()
			for p := range int32(8) {
				if err := c.produce("t", p); err != nil {
					t.Fatal(err)
				}
			}
			where, _ := c.logDirs("t")
			if len(where["/a"]) != 4 || len(where["/b"]) != 4 {
				t.Fatalf("partitions %v", where)
			}
			fault.Err = syscall.EIO
			injected := faulty.Inject(fault)
			eventually(t, "the fault shows", func() bool {
				for _, p := range where["/b"] {
					err := c.produce("t", p)
					if err == nil && injected.Hits() > 0 && fault.Times != 1 && slices.Contains(fault.Kinds, faultfs.Sync) {
						t.Fatalf("partition %d: acknowledged although a sync failed", p)
					}
				}
				_, errs := c.logDirs("t")
				return errors.Is(errs["/b"], kerr.KafkaStorageError)
			})
			checkDirIsOffline(t, c, where)
			faulty.Clear()
			checkDirIsOffline(t, c, where) // A directory that has failed stays offline.
			n.restart()
			told := c.history
			c = n.raw()
			c.history = told
			for p := range int32(8) {
				if err := c.produce("t", p); err != nil {
					t.Errorf("partition %d after the repair: %v", p, err)
				}
			}
			if _, errs := c.logDirs("t"); errs["/b"] != nil {
				t.Errorf("log directories after the repair: %v", errs)
			}
			c.history.checkRecords(t, readAll(t, n, "t"))
		})
	}
}

func checkDirIsOffline(t *testing.T, c *rawClient, where map[string][]int32) {
	t.Helper()
	for _, p := range where["/b"] {
		eventually(t, "the partition loses its leader", func() bool { return c.leader("t", p) == -1 })
		if err := c.produce("t", p); !errors.Is(err, kerr.KafkaStorageError) {
			t.Errorf("produce to partition %d of the failed directory: %v", p, err)
		}
		if _, err := c.fetch("t", p); !errors.Is(err, kerr.KafkaStorageError) {
			t.Errorf("fetch from partition %d of the failed directory: %v", p, err)
		}
	}
	for _, p := range where["/a"] {
		if err := c.produce("t", p); err != nil {
			t.Errorf("produce to partition %d of the good directory: %v", p, err)
		}
		if records, err := c.fetch("t", p); err != nil || len(records) == 0 {
			t.Errorf("fetch from partition %d of the good directory: %d bytes, %v", p, len(records), err)
		}
	}
}

// TestNodeEndsWithoutWorkingLogDir lets every log directory fail, or the one that
// holds the metadata log: the node says so by Done, and can be shut down.
func TestNodeEndsWithoutWorkingLogDir(t *testing.T) {
	for name, paths := range map[string][]string{
		"all directories":        {"/a/t-*/*.log", "/b/t-*/*.log"},
		"the metadata directory": {"/a/__cluster_metadata-0/*.log"},
	} {
		t.Run(name, func(t *testing.T) {
			faulty := faultfs.New(memfs.New())
			n := prepareNodeOn(t, faulty, synced)
			node, err := Start(t.Context(), n.cfg)
			if err != nil {
				t.Fatal(err)
			}
			n.Node = node
			n.createTopic("t", 2, nil)
			if err := n.raw().produce("t", 0); err != nil {
				t.Fatal(err)
			}
			admin := n.admin()
			for _, path := range paths {
				faulty.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Write, faultfs.Sync}, Path: path, Err: syscall.EIO})
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			go func() {
				for p := int32(0); ctx.Err() == nil; p = 1 - p {
					_, _ = admin.CreateTopic(ctx, 1, 1, nil, fmt.Sprintf("other-%d", sequence.Add(1)))
					cl, err := kgo.NewClient(kgo.SeedBrokers(n.Addr("PLAINTEXT").String()), kgo.DefaultProduceTopic("t"), kgo.RecordRetries(0))
					if err == nil {
						cl.ProduceSync(ctx, kgo.StringRecord("x"))
						cl.Close()
					}
				}
			}()
			select {
			case <-n.Done():
			case <-ctx.Done():
				t.Fatal("the node goes on without its log directories")
			}
			cancel()
			began := time.Now()
			err = n.Shutdown(context.Background())
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("shutdown: %v, want the reason", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("shutdown took %v", took)
			}
		})
	}
}
