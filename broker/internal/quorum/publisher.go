package quorum

import (
	"context"
	"sync"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// maxPublishLag is how many changes the subscribers may be behind before the
// loop takes no new operations.
const maxPublishLag = 1024

// publisher hands committed metadata to the subscribers, one change at a time.
type publisher struct {
	subscribersMu sync.Mutex
	subscribers   []func(*metadata.Delta, *metadata.Image)

	mu        sync.Mutex // Guards the fields below.
	queue     []publication
	published kafka.Offset
	waiters   []offsetWaiter

	wake chan struct{} // Capacity 1.
	// drained gets a token when the queue has become short again; capacity 1.
	drained chan struct{}
}

type publication struct {
	delta *metadata.Delta
	image *metadata.Image
}

type offsetWaiter struct {
	offset kafka.Offset
	done   chan struct{}
}

func newPublisher(image *metadata.Image) *publisher {
	p := &publisher{published: image.Offset(), wake: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
	if image.Offset() >= 0 {
		// The snapshot loaded at start is the first news.
		p.queue = append(p.queue, publication{metadata.Diff(metadata.EmptyImage(), image), image})
		p.published = -1
		p.wake <- struct{}{}
	}
	return p
}

func (p *publisher) subscribe(f func(*metadata.Delta, *metadata.Image)) {
	p.subscribersMu.Lock()
	defer p.subscribersMu.Unlock()
	p.subscribers = append(p.subscribers, f)
}

// add queues a change; the loop calls it in commit order.
func (p *publisher) add(delta *metadata.Delta, image *metadata.Image) {
	p.mu.Lock()
	p.queue = append(p.queue, publication{delta, image})
	p.mu.Unlock()
	notify(p.wake)
}

// behind tells whether the subscribers lag too far for new operations.
func (p *publisher) behind() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) >= maxPublishLag
}

func (p *publisher) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
			p.publish(ctx)
		}
	}
}

// publish empties the queue.
func (p *publisher) publish(ctx context.Context) {
	for ctx.Err() == nil {
		p.mu.Lock()
		queue := p.queue
		p.queue = nil
		p.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		p.subscribersMu.Lock()
		subscribers := p.subscribers
		p.subscribersMu.Unlock()
		for _, next := range queue {
			for _, f := range subscribers {
				f(next.delta, next.image)
			}
			p.note(next.image.Offset())
		}
		notify(p.drained)
	}
}

// note lets go whoever waited for the offset.
func (p *publisher) note(offset kafka.Offset) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.published = offset
	kept := p.waiters[:0]
	for _, w := range p.waiters {
		if w.offset <= offset {
			close(w.done)
		} else {
			kept = append(kept, w)
		}
	}
	clear(p.waiters[len(kept):])
	p.waiters = kept
}

func (p *publisher) offset() kafka.Offset {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.published
}

func (p *publisher) wait(ctx context.Context, offset kafka.Offset) error {
	p.mu.Lock()
	if p.published >= offset {
		p.mu.Unlock()
		return nil
	}
	w := offsetWaiter{offset: offset, done: make(chan struct{})}
	p.waiters = append(p.waiters, w)
	p.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err() // The waiter is dropped when its offset comes.
	}
}

// notify leaves a token in a channel of capacity 1.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
