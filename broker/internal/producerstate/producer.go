package producerstate

import (
	"math"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// window is how many batches of a producer are remembered to recognise one that
// is sent again: a client has at most as many requests in flight.
const window = 5

// noCoordinatorEpoch is the coordinator epoch before any marker.
const noCoordinatorEpoch int32 = -1

// BatchMeta is what is remembered of a batch that was written.
type BatchMeta struct {
	LastSequence int32
	// OffsetDelta is the last offset minus the first.
	OffsetDelta int32
	LastOffset  kafka.Offset
	// Timestamp is the batch's largest, in milliseconds: the append time if the
	// topic uses LogAppendTime.
	Timestamp int64
}

// FirstSequence is the sequence of the batch's first record.
func (m *BatchMeta) FirstSequence() int32 {
	if m.LastSequence < m.OffsetDelta { // Sequences wrap to 0 after the largest.
		return math.MaxInt32 - (m.OffsetDelta - m.LastSequence) + 1
	}
	return m.LastSequence - m.OffsetDelta
}

// FirstOffset is the offset of the batch's first record.
func (m *BatchMeta) FirstOffset() kafka.Offset { return m.LastOffset - kafka.Offset(m.OffsetDelta) }

// producer is the state of one producer id. batches is a ring: the oldest of n
// is at first.
type producer struct {
	epoch            kafka.ProducerEpoch
	n, first         uint8
	coordinatorEpoch int32
	// lastTimestamp is that of the last batch or marker, in milliseconds.
	lastTimestamp int64
	// txnFirstOffset is where the open transaction began, UnknownOffset if none is.
	txnFirstOffset kafka.Offset
	batches        [window]BatchMeta
}

func newProducer() *producer {
	return &producer{
		epoch:            kafka.NoProducerEpoch,
		coordinatorEpoch: noCoordinatorEpoch,
		lastTimestamp:    record.NoTimestamp,
		txnFirstOffset:   kafka.UnknownOffset,
	}
}

func (p *producer) inTxn() bool { return p.txnFirstOffset != kafka.UnknownOffset }

// last returns the newest batch, nil if there is none of the current epoch.
func (p *producer) last() *BatchMeta {
	if p.n == 0 {
		return nil
	}
	return p.batch(int(p.n) - 1)
}

// batch returns a remembered batch; 0 is the oldest of n.
func (p *producer) batch(i int) *BatchMeta { return &p.batches[(int(p.first)+i)%window] }

func (p *producer) lastSequence() int32 {
	if last := p.last(); last != nil {
		return last.LastSequence
	}
	return kafka.NoSequence
}

// duplicate returns the remembered batch with exactly these sequences.
func (p *producer) duplicate(epoch kafka.ProducerEpoch, first, last int32) *BatchMeta {
	if epoch != p.epoch {
		return nil
	}
	for i := range int(p.n) {
		m := p.batch(i)
		if m.LastSequence == last && m.FirstSequence() == first {
			return m
		}
	}
	return nil
}

// setEpoch forgets the batches of another epoch.
func (p *producer) setEpoch(epoch kafka.ProducerEpoch) {
	if p.epoch != epoch {
		p.epoch = epoch
		p.n, p.first = 0, 0
	}
}

func (p *producer) addBatch(epoch kafka.ProducerEpoch, m BatchMeta) {
	p.setEpoch(epoch)
	if p.n == window {
		p.first = (p.first + 1) % window
		p.n--
	}
	p.batches[(p.first+p.n)%window] = m
	p.n++
	p.lastTimestamp = m.Timestamp
}

// Entry is the state of one producer as DescribeProducers shows it.
type Entry struct {
	ProducerID    kafka.ProducerID
	ProducerEpoch kafka.ProducerEpoch
	// LastSequence is NoSequence if nothing was written in this epoch.
	LastSequence int32
	// LastTimestamp is in milliseconds.
	LastTimestamp int64
	// CoordinatorEpoch is -1 before the first transaction marker.
	CoordinatorEpoch int32
	// CurrentTxnFirstOffset is UnknownOffset if no transaction is open.
	CurrentTxnFirstOffset kafka.Offset
}
