package purgatory

import (
	"context"
	"time"
)

// Purgatory holds the delayed operations of one kind, watched by keys of type K.
type Purgatory[K comparable] struct {
	name string
}

// New returns an empty purgatory. The name is Kafka's (Produce, Fetch, ...) and
// labels metrics.
func New[K comparable](name string) *Purgatory[K] { return &Purgatory[K]{name: name} }

// Operation is one delayed operation. The caller fills in the exported fields,
// gives it to Watch once, and does not touch it afterwards.
type Operation struct {
	// TryComplete tells whether what the operation waits for has come, and if
	// so does what is to be done then. It is never called again after it has
	// returned true, nor after OnExpire, and never twice at the same time. It
	// runs on the goroutine of whoever calls Check or Watch, must not block, and
	// must not take a lock that a caller of Check holds.
	TryComplete func() bool
	// OnExpire runs instead when the deadline passes first, on the purgatory's
	// goroutine; it must not block.
	OnExpire func()
	// Deadline is when to give up. Zero means never.
	Deadline time.Time
}

// Watch tries the operation, and if it is not complete yet leaves it to be
// tried by each Check of one of the keys, until its deadline. It returns whether
// the operation was complete at once. No change is missed that is followed by
// a Check.
func (p *Purgatory[K]) Watch(op *Operation, keys ...K) bool { return op.TryComplete() }

// Check tries every operation that watches the key and returns how many it completed.
func (p *Purgatory[K]) Check(key K) int { return 0 }

// Wait blocks until try returns true, or the deadline or ctx ends; it returns
// whether try did.
func (p *Purgatory[K]) Wait(ctx context.Context, deadline time.Time, try func() bool, keys ...K) bool {
	return try()
}

// Run expires operations at their deadlines until ctx ends; then it expires
// all there are, and from then on what comes expires at once.
func (p *Purgatory[K]) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Size is the number of operations that are waiting.
func (p *Purgatory[K]) Size() int { return 0 }
