package soak

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"moldau.dev/moldau/test/moldau"
)

// node is a broker at a fixed address that is restarted.
type node struct {
	options    moldau.Options
	addr, http string

	mu         sync.Mutex // Guards the fields below; not held while a node stops or starts.
	process    *moldau.Process
	generation int
	killed     bool // Whether this generation follows a kill.
}

// startNode starts a node over a folder.
func startNode(dir string) (*node, error) {
	addresses, err := moldau.FreeAddresses(2)
	if err != nil {
		return nil, err
	}
	n := &node{addr: addresses[0], http: addresses[1]}
	n.options = moldau.Options{Binary: *binary, Dir: dir, Log: io.Discard, Overrides: []string{
		"listeners=PLAINTEXT://" + n.addr + ",CONTROLLER://127.0.0.1:0", "moldau.http.listener=" + n.http,
		"offsets.topic.num.partitions=4", "group.initial.rebalance.delay.ms=300", "group.min.session.timeout.ms=1000",
		"log.retention.check.interval.ms=2000", "log.segment.delete.delay.ms=1000", "log.flush.offset.checkpoint.interval.ms=5000",
		"log.flush.start.offset.checkpoint.interval.ms=5000", "producer.id.expiration.ms=300000", "producer.id.expiration.check.interval.ms=30000",
	}}
	return n, n.start()
}

func (n *node) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	p, err := moldau.Start(ctx, n.options)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.process = p
	n.generation++
	return nil
}

func (n *node) current() (p *moldau.Process, generation int, afterKill bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process, n.generation, n.killed
}

// restart ends the node, cleanly or not, and starts it again if it shall.
func (n *node) restart(clean, again bool) error {
	p, generation, _ := n.current()
	select {
	case <-p.Exited():
		return fmt.Errorf("generation %d of the node has ended by itself:\n%s", generation, p.Output())
	default:
	}
	n.mu.Lock()
	n.killed = !clean
	n.mu.Unlock()
	if clean {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := p.Stop(ctx); err != nil {
			return fmt.Errorf("a clean stop: %w\n%s", err, p.Output())
		}
	} else {
		p.Kill()
	}
	if !again {
		return nil
	}
	return n.start()
}

// kill ends the node at the end of a test, however that went.
func (n *node) kill() {
	if p, _, _ := n.current(); p != nil {
		p.Kill()
	}
}
