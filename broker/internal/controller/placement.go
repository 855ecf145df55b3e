package controller

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// placer spreads the replicas of new partitions over racks, and within each
// rack over its brokers, both round robin from a random start. A partition's
// replicas are in as many racks as there are; fenced brokers are used only once
// a rack has no other left, and never for the first replica, which will lead.
type placer struct {
	random   *rand.Rand
	racks    []*rack
	total    int
	unfenced int
	// round counts the partitions placed since the last shuffle.
	round int
	// offset is the rack the next partition starts in.
	offset int
}

type rack struct {
	name             *string
	unfenced, fenced brokerRing
}

// brokerRing hands out each of its brokers once per round, starting one further
// in each round.
type brokerRing struct {
	brokers              []kafka.NodeID
	index, offset, round int
}

func (r *brokerRing) init(random *rand.Rand) {
	slices.Sort(r.brokers)
	if len(r.brokers) > 0 {
		r.offset = random.IntN(len(r.brokers))
	}
}

func (r *brokerRing) next(round int) (kafka.NodeID, bool) {
	if len(r.brokers) == 0 {
		return kafka.NoNode, false
	}
	if r.round != round {
		r.round, r.index = round, 0
		r.offset = (r.offset + 1) % len(r.brokers)
	}
	if r.index >= len(r.brokers) {
		return kafka.NoNode, false
	}
	broker := r.brokers[(r.index+r.offset)%len(r.brokers)]
	r.index++
	return broker, true
}

func (r *rack) next(round int) (kafka.NodeID, bool) {
	if broker, ok := r.unfenced.next(round); ok {
		return broker, true
	}
	return r.fenced.next(round)
}

// newPlacer considers every broker that is not in controlled shutdown and has a
// log directory that takes new replicas.
func newPlacer(random *rand.Rand, image *metadata.Image) *placer {
	p := &placer{random: random}
	for b := range image.Brokers() {
		if b.InControlledShutdown && !b.Fenced || !b.HasUncordonedDirectory() {
			continue
		}
		r := p.rack(b.Rack)
		p.total++
		if b.Fenced {
			r.fenced.brokers = append(r.fenced.brokers, b.ID)
		} else {
			p.unfenced++
			r.unfenced.brokers = append(r.unfenced.brokers, b.ID)
		}
	}
	slices.SortFunc(p.racks, func(a, b *rack) int { return compareRacks(a.name, b.name) })
	for _, r := range p.racks {
		r.unfenced.init(random)
		r.fenced.init(random)
	}
	if len(p.racks) > 0 {
		p.offset = random.IntN(len(p.racks))
	}
	return p
}

func (p *placer) rack(name *string) *rack {
	for _, r := range p.racks {
		if compareRacks(r.name, name) == 0 {
			return r
		}
	}
	r := &rack{name: name}
	p.racks = append(p.racks, r)
	return r
}

func compareRacks(a, b *string) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	default:
		return cmp.Compare(*a, *b)
	}
}

// place gives the replicas of that many new partitions, or
// INVALID_REPLICATION_FACTOR.
func (p *placer) place(partitions, replicationFactor int) ([][]kafka.NodeID, error) {
	switch {
	case replicationFactor <= 0:
		return nil, kafka.Errorf(kerr.InvalidReplicationFactor,
			"Invalid replication factor %d: the replication factor must be positive.", replicationFactor)
	case p.unfenced == 0:
		return nil, kafka.Errorf(kerr.InvalidReplicationFactor,
			"All brokers are currently fenced, or have all their log directories cordoned.")
	case replicationFactor > p.total:
		return nil, kafka.Errorf(kerr.InvalidReplicationFactor,
			"The target replication factor of %d cannot be reached because only %d broker(s) are registered or some brokers have all their log directories cordoned.",
			replicationFactor, p.total)
	}
	assignments := make([][]kafka.NodeID, partitions)
	for i := range assignments {
		assignments[i] = p.placeOne(replicationFactor)
	}
	return assignments, nil
}

// placeOne places one partition. The replication factor is at most the number
// of brokers, at least one of which is not fenced.
func (p *placer) placeOne(replicationFactor int) []kafka.NodeID {
	if p.round == p.unfenced && p.unfenced > 1 {
		// Every broker has led as often as it can without repeating; a shuffle
		// keeps the next ones from being the same assignments again.
		p.shuffle()
		p.round = 0
	}
	if p.offset == len(p.racks) {
		p.offset = 0
	}
	leaderRack := p.offset
	replicas := make([]kafka.NodeID, 0, replicationFactor)
	for len(replicas) == 0 {
		if broker, ok := p.racks[leaderRack].unfenced.next(p.round); ok {
			replicas = append(replicas, broker)
			break
		}
		leaderRack = (leaderRack + 1) % len(p.racks)
	}
	for at := p.offset; len(replicas) < replicationFactor; at = (at + 1) % len(p.racks) {
		if at == leaderRack {
			// The leader's rack has had its turn in the first pass.
			leaderRack = -1
			continue
		}
		if broker, ok := p.racks[at].next(p.round); ok {
			replicas = append(replicas, broker)
		}
	}
	p.round++
	p.offset++
	return replicas
}

func (p *placer) shuffle() {
	p.random.Shuffle(len(p.racks), func(i, j int) { p.racks[i], p.racks[j] = p.racks[j], p.racks[i] })
	for _, r := range p.racks {
		for _, ring := range []*brokerRing{&r.unfenced, &r.fenced} {
			p.random.Shuffle(len(ring.brokers), func(i, j int) { ring.brokers[i], ring.brokers[j] = ring.brokers[j], ring.brokers[i] })
		}
	}
}
