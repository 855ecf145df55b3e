package compat

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"moldau.dev/moldau/test/apachekafka"
)

const (
	startTimeout = 90 * time.Second
	stopTimeout  = 30 * time.Second
)

// settings are those of both brokers.
var settings = map[string]string{
	"log.retention.check.interval.ms": "3600000", "log.segment.delete.delay.ms": "0",
	"group.min.session.timeout.ms": "100",
}

// startBoth starts the two brokers with the same settings. They stop with the
// test, if not before.
func startBoth(t *testing.T, install *apachekafka.Install) (kafka, moldau *node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	dir := t.TempDir()
	prepare := func(name string) *apachekafka.Node {
		work := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Join(work, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		n, err := install.NewNode(apachekafka.Options{LogDirs: []string{filepath.Join(work, "data")}, WorkDir: work, Properties: settings})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	kafkaNode, moldauNode := prepare("kafka"), prepare("moldau")
	if err := kafkaNode.Format(ctx, "4L6g3nShT-eMCtK--X86sw", ""); err != nil {
		t.Fatal(err)
	}
	running, err := kafkaNode.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stopKafka := sync.OnceFunc(func() { stop(t, "Apache Kafka", running.Stop, running.Output) })
	t.Cleanup(stopKafka)
	binary := filepath.Join(dir, "moldau.bin")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "../../cmd/moldau").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	stopMoldau := startMoldau(ctx, t, binary, moldauNode.PropertiesFile())
	both := func(name string, n *apachekafka.Node) *node {
		met, err := meet(t.Context(), name, n.Addr(), false)
		if err != nil {
			t.Fatal(err)
		}
		if met.atController, err = meet(t.Context(), name, n.ControllerAddr(), true); err != nil {
			t.Fatal(err)
		}
		return met
	}
	kafka, moldau = both("Apache Kafka", kafkaNode), both("Moldau", moldauNode)
	kafka.stop, kafka.dir = stopKafka, filepath.Join(dir, "kafka", "data")
	moldau.stop, moldau.dir = stopMoldau, filepath.Join(dir, "moldau", "data")
	return kafka, moldau
}

// stop ends a broker, and shows its log if the test has failed.
func stop(t *testing.T, name string, stop func(context.Context) error, output func() string) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := stop(ctx); err != nil {
		t.Errorf("stop %s: %v", name, err)
	}
	if t.Failed() && os.Getenv("COMPAT_LOGS") != "" {
		t.Logf("log of %s:\n%s", name, output())
	}
}

// startMoldau runs moldau with that server.properties until it serves. What it
// returns ends it, and is called at the end of the test anyway.
func startMoldau(ctx context.Context, t *testing.T, binary, properties string) (end func()) {
	t.Helper()
	cmd := exec.Command(binary, "start", properties, "--override", "moldau.http.listener=")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "KAFKA_") }) // They would be settings.
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var (
		mu     sync.Mutex // Guards log.
		log    strings.Builder
		ready  = make(chan struct{})
		exited = make(chan error, 1)
	)
	go func() {
		serves := sync.OnceFunc(func() { close(ready) })
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			mu.Lock()
			log.WriteString(lines.Text() + "\n")
			mu.Unlock()
			if strings.Contains(lines.Text(), `msg="Node is ready"`) {
				serves()
			}
		}
		exited <- cmd.Wait()
	}()
	output := func() string {
		mu.Lock()
		defer mu.Unlock()
		return log.String()
	}
	end = sync.OnceFunc(func() {
		stop(t, "Moldau", func(ctx context.Context) error {
			_ = cmd.Process.Signal(syscall.SIGTERM) // It may have ended by itself, which exited tells.
			select {
			case err := <-exited:
				return err
			case <-ctx.Done():
				return errors.Join(ctx.Err(), cmd.Process.Kill())
			}
		}, output)
	})
	t.Cleanup(end)
	select {
	case <-ready:
	case err := <-exited:
		exited <- err
		t.Fatalf("moldau ended while it started: %v\n%s", err, output())
	case <-ctx.Done():
		t.Fatal(fmt.Errorf("moldau does not serve: %w\n%s", ctx.Err(), output()))
	}
	return end
}
