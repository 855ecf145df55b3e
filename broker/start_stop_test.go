package broker

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// TestFailedStartLeavesNothingBehind lets a start fail at its steps: no
// goroutine, no lock and no port is left, so that the next start works.
func TestFailedStartLeavesNothingBehind(t *testing.T) {
	occupied, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = occupied.Close() }()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx      context.Context
		override string
		fault    faultfs.Fault
		want     string
	}{
		"canceled":             {ctx: canceled, override: "node.id=1", want: "canceled"},
		"broker port in use":   {override: "listeners=PLAINTEXT://" + occupied.Addr().String() + ",CONTROLLER://localhost:0", want: "cannot listen on " + occupied.Addr().String() + ": bind: address already in use; is another broker running? Stop it, or choose another address with listeners"},
		"second port in use":   {override: "listeners=PLAINTEXT://localhost:0,CONTROLLER://" + occupied.Addr().String(), want: "another address with listeners"},
		"http port in use":     {override: "moldau.http.listener=" + occupied.Addr().String(), want: "moldau.http.listener"},
		"unusable folder":      {override: "node.id=1", fault: faultfs.Fault{Kinds: []faultfs.Kind{faultfs.MkdirAll}, Path: "/a", Err: syscall.EROFS}, want: "log.dirs"},
		"metadata log":         {override: "node.id=1", fault: faultfs.Fault{Path: "/a/__cluster_metadata-0/*.log", Err: syscall.EIO}, want: "input/output error"},
		"unknown cluster":      {override: "controller.quorum.voters=7@localhost:1", want: "voters"},
		"not a number":         {override: "num.partitions=many", want: "num.partitions"},
		"unsupported listener": {override: "listener.security.protocol.map=PLAINTEXT:SSL,CONTROLLER:PLAINTEXT", want: "SSL"},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			faulty := faultfs.New(memfs.New())
			n := prepareNodeOn(t, faulty)
			good := n.cfg
			n.cfg.Overrides = append(n.cfg.Overrides, c.override)
			if c.fault.Err != nil {
				faulty.Inject(c.fault)
			}
			ctx := c.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			began := time.Now()
			node, err := Start(ctx, n.cfg)
			if err == nil {
				_ = node.Shutdown(context.Background())
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			goleak.VerifyNone(t, before)
			faulty.Clear()
			n.cfg = good
			n.start()
			n.stop()
			goleak.VerifyNone(t, before)
		})
	}
}

// memberID has the coordinator give an id for a member to join with.
func (c *rawClient) memberID(join *kmsg.JoinGroupRequest) string {
	c.t.Helper()
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKeys = []string{join.Group}
	ask[*kmsg.FindCoordinatorResponse](c, find) // Creates __consumer_offsets.
	var id string
	eventually(c.t, "the coordinator gives a member id", func() bool {
		resp := ask[*kmsg.JoinGroupResponse](c, join)
		id = resp.MemberID
		return errors.Is(kerr.ErrorForCode(resp.ErrorCode), kerr.MemberIDRequired)
	})
	return id
}

func TestShutdownTwiceGivesTheSame(t *testing.T) {
	n := startNodeOn(t, memfs.New())
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = n.Shutdown(t.Context()) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.Done():
	default:
		t.Fatal("Done is open after Shutdown")
	}
}

// TestShutdownDoesNotWaitForThoseWhoWait stops a node while clients wait in a
// rebalance, for records, and for an acknowledgement that cannot come.
func TestShutdownDoesNotWaitForThoseWhoWait(t *testing.T) {
	n := startNodeOn(t, memfs.New(), "group.initial.rebalance.delay.ms=60000")
	n.createTopic("t", 1, nil)
	c := n.raw()
	id := c.topicID("t")
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = "g", "consumer", 45_000, 300_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{0, 1}}}
	join.MemberID = c.memberID(join)
	fetch := kmsg.NewPtrFetchRequest()
	fetch.MaxWaitMillis, fetch.MinBytes, fetch.MaxBytes, fetch.SessionEpoch = 60_000, 1, 1<<20, -1
	fetch.Topics = []kmsg.FetchRequestTopic{{Topic: "t", TopicID: id, Partitions: []kmsg.FetchRequestTopicPartition{{PartitionMaxBytes: 1 << 20, CurrentLeaderEpoch: -1}}}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for _, req := range []kmsg.Request{join, fetch} {
		cl := n.client(kgo.RequestRetries(0))
		wg.Go(func() { _, _ = cl.Broker(1).Request(ctx, req) })
	}
	eventually(t, "the fetch waits", func() bool { return n.replicas.Waiting()["Fetch"] == 1 })
	eventually(t, "the member waits", func() bool {
		describe := kmsg.NewPtrDescribeGroupsRequest()
		describe.Groups = []string{"g"}
		return len(ask[*kmsg.DescribeGroupsResponse](c, describe).Groups[0].Members) == 1
	})
	began := time.Now()
	n.stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("shutdown took %v", took)
	}
	cancel()
	wg.Wait()
}

// TestShutdownWithoutTimeStillStops gives a stop no time at all: it must leave
// nothing running, and the records must be there after the next start.
func TestShutdownWithoutTimeStillStops(t *testing.T) {
	mem := memfs.New()
	n := prepareNodeOn(t, mem)
	node, err := Start(t.Context(), n.cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Node = node
	n.createTopic("t", 2, nil)
	n.produce("t", 0, 100)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	n.start()
	checkDense(t, "t", n.consume("t", 100), 100)
}
