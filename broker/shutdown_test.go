package broker

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/goleak"
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

// await polls until ok.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to that")
		}
	}
}
