package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/test/apachekafka"
	process "moldau.dev/moldau/test/moldau"
)

// The brokers.
const (
	moldau = "moldau"
	kafka  = "kafka"
)

// installation makes brokers.
type installation struct {
	kafka  *apachekafka.Install
	moldau string
	dir    string
	made   int
}

// broker is one node on its own folder, of either kind.
type broker struct {
	kind    string
	addr    string
	command func() *exec.Cmd
	dir     string

	cmd    *exec.Cmd
	exited chan struct{}
	paused bool
}

// kafkaDefaults undo what package apachekafka sets to keep tests short. What
// remains are replication factors of 1, without which a single node has no
// internal topics.
var kafkaDefaults = map[string]string{
	"offsets.topic.num.partitions":                 "50",
	"transaction.state.log.num.partitions":         "50",
	"share.coordinator.state.topic.num.partitions": "50",
	"group.initial.rebalance.delay.ms":             "3000",
}

// newBroker makes a node with an empty folder, formatted as it needs to be.
func (i *installation) newBroker(ctx context.Context, kind string) (*broker, error) {
	i.made++
	b := &broker{kind: kind, dir: filepath.Join(i.dir, fmt.Sprintf("%s-%d", kind, i.made))}
	data := filepath.Join(b.dir, "data")
	if err := os.MkdirAll(data, 0o750); err != nil {
		return nil, err
	}
	// Ports that no outgoing connection gets while the node restarts.
	addrs, err := process.FreeAddresses(2)
	if err != nil {
		return nil, err
	}
	b.addr = addrs[0]
	properties := maps.Clone(kafkaDefaults)
	properties["listeners"] = "PLAINTEXT://" + addrs[0] + ",CONTROLLER://" + addrs[1]
	properties["controller.quorum.bootstrap.servers"] = addrs[1]
	node, err := i.kafka.NewNode(apachekafka.Options{LogDirs: []string{data}, WorkDir: b.dir, Properties: properties})
	if err != nil {
		return nil, err
	}
	b.command = func() *exec.Cmd {
		return exec.CommandContext(context.WithoutCancel(ctx), i.moldau, "start", node.PropertiesFile()) // Ended by stop and kill.
	}
	if kind == kafka {
		b.command = node.Command
		const clusterID = "bW9sZGF1LWJlbmNoLTAwMQ"
		if err := node.Format(ctx, clusterID, ""); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// start runs the node without waiting for it. pin is the processor it may use, or
// anywhere.
func (b *broker) start(pin int) error {
	log, err := os.OpenFile(filepath.Join(b.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // The process has its own.
	cmd := b.command()
	cmd.Stdout, cmd.Stderr = log, log
	if err := startPinned(cmd, pin); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // How it ended does not matter; that it ended does.
		close(exited)
	}()
	b.cmd, b.exited, b.paused = cmd, exited, false
	return nil
}

// pid is the node's process.
func (b *broker) pid() int { return b.cmd.Process.Pid }

// running tells whether the process lives.
func (b *broker) running() bool {
	if b.cmd == nil {
		return false
	}
	select {
	case <-b.exited:
		return false
	default:
		return true
	}
}

// pause stops the process where it is.
func (b *broker) pause() error {
	b.paused = true
	return b.cmd.Process.Signal(syscall.SIGSTOP)
}

// resume lets a paused process go on, and waits until it serves again: a broker
// that slept longer than its session is fenced until its next heartbeat.
func (b *broker) resume(ctx context.Context) error {
	if b.paused {
		if err := b.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
		b.paused = false
	}
	return b.await(ctx)
}

// stop asks the node to stop cleanly and waits for it.
func (b *broker) stop(ctx context.Context) error {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-b.exited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s does not stop: %w", b.kind, errors.Join(ctx.Err(), b.kill()))
	}
}

// kill ends the process as kill -9 does; one that has ended, or never ran, too.
func (b *broker) kill() error {
	if !b.running() {
		return nil
	}
	err := b.cmd.Process.Kill()
	<-b.exited
	return err
}

// remove ends the process and removes its folder.
func (b *broker) remove() error { return errors.Join(b.kill(), os.RemoveAll(b.dir)) }

// output is the end of what the process has logged.
func (b *broker) output() string {
	text, err := os.ReadFile(filepath.Join(b.dir, "log"))
	if err != nil {
		return err.Error()
	}
	const limit = 4 << 10
	return string(text[max(len(text)-limit, 0):])
}

// Bounds on waiting for a broker.
const (
	awaitTimeout = 3 * time.Minute
	awaitPause   = 100 * time.Millisecond
	// calm lets a broker finish what it does after it begins to serve.
	calm = time.Second
)

// await waits until the broker creates a topic and answers for it.
func (b *broker) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, awaitTimeout)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.MetadataMinAge(awaitPause))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var last error
	for n := 0; ; n++ {
		if last = probe(ctx, admin, fmt.Sprintf("probe-%d-%d", time.Now().UnixNano(), n)); last == nil {
			return wait(ctx, calm)
		}
		select {
		case <-b.exited:
			return fmt.Errorf("%s has ended\n%s", b.kind, b.output())
		case <-ctx.Done():
			return fmt.Errorf("%s does not serve: %w\n%s", b.kind, last, b.output())
		case <-time.After(awaitPause):
		}
	}
}

func probe(ctx context.Context, admin *kadm.Client, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, topic); err != nil {
		return err
	}
	offsets, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = offsets.Error()
	}
	_, deleted := admin.DeleteTopic(ctx, topic)
	return errors.Join(err, deleted)
}

// wait sleeps, unless ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
