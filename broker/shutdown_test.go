package broker

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/goleak"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// Requests that may wait for a minute must neither hold up the end nor outlive
// it. A stop that has time answers them.
func TestShutdownEndsWhatWaits(t *testing.T) {
	for name, given := range map[string]time.Duration{"in time": time.Minute, "at once": 0} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			n := startNode(t, "group.initial.rebalance.delay.ms=60000")
			old := kgo.MaxVersions(kversion.V2_0_0()) // JoinGroup waits at once.
			admin := &rawClient{t: t, cl: n.client(old)}
			if _, err := kadm.NewClient(admin.cl).CreateTopic(t.Context(), 1, 1, nil, "t"); err != nil {
				t.Fatal(err)
			}
			ask[*kmsg.FindCoordinatorResponse](admin, &kmsg.FindCoordinatorRequest{CoordinatorKey: "g"})
			// The first of these creates the topic of the groups; until that is loaded a join is refused at once.
			await(t, func() bool { return n.groups.DescribeGroups(t.Context(), []string{"g"}, 0)[0].ErrorCode == 0 })
			fetch := fetchRequest("t", 0)
			fetch.MinBytes, fetch.MaxWaitMillis = 1, 60_000
			join := kmsg.NewPtrJoinGroupRequest()
			join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = "g", "consumer", 30_000, 60_000
			join.Protocols = append(join.Protocols, kmsg.JoinGroupRequestProtocol{Name: "range", Metadata: []byte{}})

			answers := make(chan error, 2)
			var clients []*kgo.Client
			for _, req := range []kmsg.Request{fetch, join} {
				cl := n.client(kgo.RequestRetries(0), old)
				clients = append(clients, cl)
				go func() {
					_, err := cl.Broker(1).Request(context.Background(), req)
					answers <- err
				}()
			}
			await(t, func() bool {
				groups := n.groups.DescribeGroups(t.Context(), []string{"g"}, 0)
				return n.replicas.Waiting()["Fetch"] == 1 && groups[0].State == "PreparingRebalance"
			})
			ctx, cancel := context.WithTimeout(t.Context(), given)
			defer cancel()
			began := time.Now()
			err := n.Shutdown(ctx)
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if given > 0 && err != nil {
				t.Error(err)
			}
			for range clients {
				if err := <-answers; given > 0 && err != nil {
					t.Errorf("a request was not answered: %v", err)
				}
			}
			n.stopErr = nil // It says what was left undone, which the clean-up would take for a failure.
			for _, cl := range append(clients, admin.cl) {
				cl.Close()
			}
			goleak.VerifyNone(t, before)
		})
	}
}

// Requests whose records wait for the disk when the stop begins are acknowledged
// before their connection ends, however slow the disk is; what comes later is
// refused and written nowhere. A producer that is told neither would have to send
// again what is there already.
func TestShutdownAnswersWhatIsAppended(t *testing.T) {
	disk := faultfs.New(memfs.New())
	n := startNodeOn(t, disk)
	n.createTopic("t", 1, map[string]*string{"flush.messages": kadm.StringPtr("1")})
	tp := kafka.TopicPartition{Topic: "t"}
	held := make(chan struct{})
	disk.SetHook(func(op faultfs.Op) {
		if matched, _ := filepath.Match("/*/t-0/*.log", op.Path); matched && op.Kind == faultfs.Sync {
			<-held
		}
	})
	conn := n.dial("PLAINTEXT")
	send := func(correlation int32) {
		b := record.NewBuilder(record.NewOptions(0))
		b.Append(time.Now().UnixMilli(), nil, []byte("v"))
		req := produceRequest("t", 0, b.Build())
		req.TimeoutMillis = 60_000
		if _, err := conn.Write(frameOf(req, correlation)); err != nil {
			t.Fatal(err)
		}
	}
	const inFlight = 5
	for i := range int32(inFlight) {
		send(i)
	}
	await(t, func() bool { return n.replicas.Waiting()["Produce"] == inFlight })
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		n.stop()
	}()
	await(t, func() bool { return n.replicas.Image().Partition(tp).Leader != n.nodeID() })
	send(inFlight) // Whether it is still read is a matter of time.
	close(held)
	for i := range int32(inFlight) {
		frame, err := readFrame(conn)
		if err != nil {
			t.Fatalf("request %d has no answer: %v", i, err)
		}
		resp := kmsg.NewPtrProduceResponse()
		resp.Version = 12
		if err := resp.ReadFrom(frame[5:]); err != nil { // Behind the correlation id and no tags.
			t.Fatal(err)
		}
		p := resp.Topics[0].Partitions[0]
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil || p.BaseOffset != int64(i) {
			t.Errorf("request %d: offset %d, %v", i, p.BaseOffset, err)
		}
	}
	<-stopped
	n.start()
	if records := readAll(t, n, "t")[0]; len(records) != inFlight {
		t.Errorf("%d records", len(records))
	}
}

// await polls until ok.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to that")
		}
	}
}
