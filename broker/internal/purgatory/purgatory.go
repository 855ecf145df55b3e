package purgatory

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// shardCount spreads the keys over locks. A power of two.
const shardCount = 64

// Purgatory holds the delayed operations of one kind, watched by keys of type
// K. It is safe for concurrent use. The zero value is not usable: see New.
type Purgatory[K comparable] struct {
	name   string
	seed   maphash.Seed
	size   atomic.Int64
	timers timers
	shards [shardCount]shard[K]
}

// New returns an empty purgatory. The name is Kafka's (Produce, Fetch, ...) and
// labels metrics.
func New[K comparable](name string) *Purgatory[K] {
	p := &Purgatory[K]{name: name, seed: maphash.MakeSeed()}
	p.timers.init()
	return p
}

// Name is the name given to New.
func (p *Purgatory[K]) Name() string { return p.name }

// Size is the number of operations that wait (PurgatorySize in Kafka counts
// the same operation once per key, and completed ones until they are purged).
func (p *Purgatory[K]) Size() int { return int(p.size.Load()) }

// Run expires operations at their deadlines until ctx ends. Then it expires all
// that have one, and from then on what is watched with one expires at once, so
// that nothing hangs when a node stops. It returns nil.
func (p *Purgatory[K]) Run(ctx context.Context) error {
	p.timers.run(ctx)
	return nil
}

// Watch tries the operation, and if it is not complete yet leaves it to be
// tried by each Check of one of the keys, until its deadline. It returns
// whether the operation is complete already. No change is missed that is
// followed by a Check: the operation is tried again once it is on all lists.
//
// The caller need not handle the result: an operation completes by its own
// callbacks in every case. An operation that is Freed may be watched again, which
// allocates nothing.
func (p *Purgatory[K]) Watch(op *Operation, keys ...K) bool {
	op.begin()
	defer op.unpin()
	if op.try() {
		p.timers.remove(op) // It may have been hurried.
		return true
	}
	op.pins.Add(1) // The lists'.
	p.enlist(op, keys)
	if !op.Deadline.IsZero() && !p.timers.add(op) {
		op.expire()
	}
	op.try()
	return op.setListed()
}

// Hurry makes an operation that has a deadline expire soon, unless it completes
// before. It may be called under any lock that the callbacks take, from shortly
// before Watch until a callback completes the operation; not later, when its memory
// may be another's.
func (p *Purgatory[K]) Hurry(op *Operation) { p.timers.hurry(op) }

// enlist puts the operation on the list of each key.
func (p *Purgatory[K]) enlist(op *Operation, keys []K) {
	p.size.Add(1)
	w, ok := op.lists.(*watching[K])
	if !ok || w.purgatory != p {
		w = &watching[K]{purgatory: p}
		op.lists = w
	}
	w.nodes = slices.Grow(w.nodes[:0], len(keys))[:len(keys)]
	for i, key := range keys {
		n := &w.nodes[i]
		*n = node[K]{op: op, key: key, shard: p.shard(key)}
		n.shard.add(n)
	}
}

// Check tries every operation that watches the key, on the caller's goroutine,
// and returns how many it completed. It costs an atomic load when nothing is
// watched in the key's shard.
func (p *Purgatory[K]) Check(key K) int {
	s := p.shard(key)
	if s.nodes.Load() == 0 {
		return 0
	}
	var few [16]*Operation // Most keys have few watchers: no allocation.
	completed := 0
	for _, op := range s.pin(key, few[:0]) {
		if op.try() {
			completed++
		}
		op.unpin()
	}
	return completed
}

func (p *Purgatory[K]) shard(key K) *shard[K] {
	return &p.shards[maphash.Comparable(p.seed, key)%shardCount]
}

// shard is the lists of the keys that hash to it.
type shard[K comparable] struct {
	// nodes is read without mu by Check: either Check sees the node, or Watch,
	// which tries again after adding it, sees what Check's caller had changed.
	nodes atomic.Int64

	mu    sync.Mutex
	lists map[K]*node[K] // The first of each list.
}

// node is one operation on the list of one key.
type node[K comparable] struct {
	op         *Operation
	key        K
	shard      *shard[K]
	prev, next *node[K]
}

func (s *shard[K]) add(n *node[K]) {
	s.mu.Lock()
	if s.lists == nil {
		s.lists = make(map[K]*node[K])
	}
	if first := s.lists[n.key]; first != nil {
		n.next = first
		first.prev = n
	}
	s.lists[n.key] = n
	s.nodes.Add(1)
	s.mu.Unlock()
}

func (s *shard[K]) remove(n *node[K]) {
	s.mu.Lock()
	switch {
	case n.prev != nil:
		n.prev.next = n.next
	case n.next != nil:
		s.lists[n.key] = n.next
	default:
		delete(s.lists, n.key)
	}
	if n.next != nil {
		n.next.prev = n.prev
	}
	s.nodes.Add(-1)
	s.mu.Unlock()
}

// pin appends the key's operations, oldest last, each with a pin.
func (s *shard[K]) pin(key K, ops []*Operation) []*Operation {
	s.mu.Lock()
	for n := s.lists[key]; n != nil; n = n.next {
		n.op.pins.Add(1)
		ops = append(ops, n.op)
	}
	s.mu.Unlock()
	return ops
}

// watching is where an operation is listed, to leave from there.
type watching[K comparable] struct {
	purgatory *Purgatory[K]
	nodes     []node[K]
}

func (w *watching[K]) leave(op *Operation) {
	for i := range w.nodes {
		w.nodes[i].shard.remove(&w.nodes[i])
	}
	clear(w.nodes) // Their keys may be large.
	if !op.Deadline.IsZero() {
		w.purgatory.timers.remove(op)
	}
	w.purgatory.size.Add(-1)
}
