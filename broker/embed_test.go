package broker

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/simnet"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// TestNodesOfOneProcessShareNothing runs nodes of different clusters side by side.
func TestNodesOfOneProcessShareNothing(t *testing.T) {
	var wg sync.WaitGroup
	nodes := make([]*testNode, 3)
	for i := range nodes {
		nodes[i] = startNodeOn(t, memfs.New())
	}
	for i, n := range nodes {
		wg.Go(func() {
			n.createTopic("t", 1, nil)
			n.produce("t", 0, 10*(i+1))
		})
	}
	wg.Wait()
	for i, n := range nodes {
		checkDense(t, "t", n.consume("t", 10*(i+1)), 10*(i+1))
		if n.ClusterID() == nodes[(i+1)%len(nodes)].ClusterID() {
			t.Error("two nodes are of one cluster")
		}
	}
	nodes[0].stop()
	nodes[1].produce("t", 20, 1)
}

// TestNodeOutlivesTheContextOfItsStart cancels that context, which must end nothing.
func TestNodeOutlivesTheContextOfItsStart(t *testing.T) {
	n := prepareNodeOn(t, memfs.New())
	ctx, cancel := context.WithCancel(t.Context())
	node, err := Start(ctx, n.cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Node = node
	t.Cleanup(n.stop)
	cancel()
	n.createTopic("t", 1, nil)
	n.produce("t", 0, 1)
	select {
	case <-n.Done():
		t.Error("the node is over")
	default:
	}
	if err := n.Err(); err != nil {
		t.Error(err)
	}
}

func TestHandlerServesHealth(t *testing.T) {
	n := startNodeOn(t, memfs.New())
	for path, want := range map[string]int{"/": http.StatusOK, "/healthz": http.StatusOK, "/readyz": http.StatusOK, "/nothing": http.StatusNotFound} {
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s gives %d, want %d", path, w.Code, want)
		}
	}
}

// TestIdleNodeIsDurablyBlocked runs a node with Kafka's own intervals in a bubble of
// testing/synctest: if any of its goroutines waited for something outside, the
// clock would stand still.
func TestIdleNodeIsDurablyBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New()
		n := prepareNodeOn(t, memfs.New())
		n.cfg.Overrides = append(n.cfg.Overrides, "listeners=PLAINTEXT://broker:9092,CONTROLLER://broker:9093")
		n.cfg.Listen = network.Host("broker").Listen
		n.start()
		cl, err := kgo.NewClient(kgo.SeedBrokers("broker:9092"), kgo.Dialer(network.Host("client").DialContext),
			kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("t"))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		for range 3 {
			time.Sleep(time.Hour)
			if err := cl.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestInterceptedRequests(t *testing.T) {
	n := prepareNodeOn(t, memfs.New())
	seen := make(chan kmsg.Request, 100)
	n.cfg.Intercept = func(_ context.Context, r *ClientRequest) Interception {
		if r.Key != kmsg.DescribeCluster || r.Listener != "PLAINTEXT" || r.ClientID != "curious" {
			return Interception{}
		}
		req, err := r.Decode()
		if err != nil {
			t.Error(err)
		}
		seen <- req
		resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
		resp.ClusterID = "intercepted"
		return Interception{Response: resp}
	}
	n.start()
	cl := n.client(kgo.ClientID("curious"))
	resp, err := kmsg.NewPtrDescribeClusterRequest().RequestWith(t.Context(), cl)
	if err != nil || resp.ClusterID != "intercepted" {
		t.Errorf("%+v, %v", resp, err)
	}
	if req := <-seen; req.Key() != int16(kmsg.DescribeCluster) {
		t.Errorf("saw %T", req)
	}
}
