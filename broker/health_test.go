package broker

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/vfs/faultfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// get asks the node's HTTP server.
func get(t *testing.T, url, accept string) (status int, body string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// TestReadinessTellsHowFarARecoveryIs holds the opening of one log back, and asks
// meanwhile.
func TestReadinessTellsHowFarARecoveryIs(t *testing.T) {
	mem := memfs.New()
	n := startNodeOn(t, mem)
	n.createTopic("events", 3, nil)
	n.stop()

	faulty := faultfs.New(mem)
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	faulty.SetHook(func(op faultfs.Op) {
		if op.Kind == faultfs.ReadDir && filepath.Base(op.Path) == "events-1" {
			once.Do(func() { close(held) })
			<-release
		}
	})
	lines, logged := io.Pipe()
	n = prepareNodeOn(t, faulty, "moldau.http.listener=localhost:0")
	n.cfg.Logger = slog.New(slog.NewTextHandler(logged, nil))
	address := make(chan string, 1)
	go func() {
		scanner := bufio.NewScanner(lines)
		for scanner.Scan() {
			if _, rest, ok := strings.Cut(scanner.Text(), "moldau.http.listener="); ok {
				address <- rest
			}
		}
	}()
	defer logged.Close()
	started := make(chan error, 1)
	go func() {
		var err error
		n.Node, err = Start(t.Context(), n.cfg)
		started <- err
	}()
	url := "http://" + <-address
	<-held
	// The other two may be on their way.
	eventually(t, "two of three logs are open", func() bool {
		status, body, _ := get(t, url+"/readyz", "")
		return status == http.StatusServiceUnavailable && body == "not ok\nstart: recovering logs: 2 of 3\n"
	})
	if status, body, _ := get(t, url+"/healthz", ""); status != http.StatusOK || body != "ok\n" {
		t.Errorf("a node that recovers its logs is not healthy: %d %q", status, body)
	}
	if _, body, _ := get(t, url+"/metrics", ""); !strings.Contains(body, "kafka_log_logmanager_remaininglogstorecover 1\n") || !strings.Contains(body, "kafka_server_kafkaserver_brokerstate 2\n") {
		t.Errorf("metrics meanwhile:\n%s", body)
	}
	close(release)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.stop)
	if status, body, _ := get(t, url+"/readyz", ""); status != http.StatusOK || body != "ok\n" {
		t.Errorf("a node that is ready says %d %q", status, body)
	}
}

func TestReadinessNamesAnOfflineLogDirectory(t *testing.T) {
	faulty := faultfs.New(memfs.New())
	n := startNodeOn(t, faulty, "moldau.http.listener=localhost:0")
	n.createTopic("events", 4, nil)
	faulty.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Create, faultfs.Write}, Path: "/b/*/*", Err: io.ErrClosedPipe})
	c := n.raw()
	for p := range int32(4) {
		_ = c.produce("events", p) // Half of them fail.
	}
	url := "http://" + n.HTTPAddr().String()
	status, body, header := get(t, url+"/readyz", "application/json")
	var got report
	if err := json.Unmarshal([]byte(body), &got); err != nil || header.Get("Content-Type") != "application/json" {
		t.Fatalf("%q: %v", body, err)
	}
	// The partitions of the other directory are served.
	if status != http.StatusOK || !got.OK || len(got.Reasons) != 1 || got.Reasons[0].What != "log.dirs" || !strings.Contains(got.Reasons[0].Detail, "/b is offline") {
		t.Errorf("%d %s", status, body)
	}
	s := n.scrape()
	s.want(1, "kafka_log_logmanager_offlinelogdirectorycount")
	s.want(1, "kafka_log_logmanager_logdirectoryoffline", "logdirectory", "/b")
	s.want(0, "kafka_log_logmanager_logdirectoryoffline", "logdirectory", "/a")
	s.want(2, "kafka_server_replicamanager_offlinereplicacount")
}

// A broker that was unregistered while it ran is out of service until it is started again.
func TestReadinessTellsOfAnUnregisteredBroker(t *testing.T) {
	n := startNode(t, "moldau.http.listener=localhost:0", "broker.heartbeat.interval.ms=50")
	n.createTopic("events", 1, nil)
	n.produce("events", 0, 10)
	req := kmsg.NewPtrUnregisterBrokerRequest()
	req.BrokerID = 1
	if resp := ask[*kmsg.UnregisterBrokerResponse](n.raw(), req); resp.ErrorCode != 0 {
		t.Fatalf("error %d: %v", resp.ErrorCode, resp.ErrorMessage)
	}
	url := "http://" + n.HTTPAddr().String()
	eventually(t, "the node is not ready", func() bool {
		status, body, _ := get(t, url+"/readyz", "")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "the broker is not registered any more (STALE_BROKER_EPOCH") && strings.Contains(body, "restart it")
	})
	if status, body, _ := get(t, url+"/healthz", ""); status != http.StatusOK {
		t.Errorf("its controller serves on, but it is not healthy: %d %q", status, body)
	}
	n.restart()
	n.produce("events", 10, 10)
	checkDense(t, "events", n.consume("events", 20), 20)
}

func TestProfilesAreOffUnlessConfigured(t *testing.T) {
	for setting, want := range map[string]int{"false": http.StatusNotFound, "true": http.StatusOK} {
		n := startNode(t, "moldau.http.listener=localhost:0", "moldau.http.pprof="+setting)
		if status, _, _ := get(t, "http://"+n.HTTPAddr().String()+"/debug/pprof/goroutine?debug=1", ""); status != want {
			t.Errorf("moldau.http.pprof=%s: status %d, want %d", setting, status, want)
		}
	}
}

// A client that sends garbage again and again, and one that asks for topics which
// cannot be created, must not fill the disk with log lines.
func TestFloodsOfLogLinesAreThinnedOut(t *testing.T) {
	n := prepareNodeOn(t, memfs.New(), "default.replication.factor=3")
	var garbage, topics atomic.Int64
	n.cfg.Logger = slog.New(slog.NewTextHandler(writerFunc(func(line []byte) {
		switch {
		case strings.Contains(string(line), "Closing connection that sent no valid request"):
			garbage.Add(1)
		case strings.Contains(string(line), "Auto topic creation failed"):
			topics.Add(1)
		}
	}), nil))
	n.start()
	for range 200 {
		conn := n.dial("PLAINTEXT")
		_, _ = conn.Write([]byte("\xff\xff\xff\xff"))
		_, _ = io.ReadAll(conn)
		_ = conn.Close()
	}
	c := n.raw()
	begun := time.Now()
	for i := range 200 {
		req := kmsg.NewPtrMetadataRequest()
		req.AllowAutoTopicCreation = true
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr("t" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
		req.Topics = append(req.Topics, topic)
		ask[*kmsg.MetadataResponse](c, req)
	}
	eventually(t, "lines about both", func() bool { return garbage.Load() >= 20 && topics.Load() >= 20 })
	// One more for each second that it took.
	most := int64(20 + time.Since(begun)/time.Second + 30)
	if garbage.Load() > most || topics.Load() > most {
		t.Errorf("%d and %d lines of 200 each, want %d at most", garbage.Load(), topics.Load(), most)
	}
}

type writerFunc func(line []byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}
