package producerstate

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// Append describes the append that a batch belongs to.
type Append struct {
	Origin record.Origin
	// Guard is what StartVerification gave for this request's producer, NoGuard if
	// there was nothing to verify.
	Guard Guard
	// TransactionVersion is that of a transaction marker's request
	// (transaction.version); 2 demands a newer epoch than the producer's last.
	TransactionVersion int16
}

// Check decides whether the leader may append a batch, whose base offset is
// already set. It changes nothing. Batches without producer id pass.
//
// If a client sends a batch again that is still remembered, Check returns what
// was written then: the append succeeds with that offset and timestamp, and
// nothing is written. The pointer is valid until the next change.
//
// Errors are INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER,
// INVALID_TXN_STATE, TRANSACTION_COORDINATOR_FENCED and, for a marker that cannot
// be read, INVALID_RECORD.
func (m *Manager) Check(b record.Batch, origin record.Origin) (duplicate *BatchMeta, err error) {
	return m.CheckAppend(b, Append{Origin: origin})
}

// CheckAppend is Check with what belongs to transactions.
//
// Differs from Kafka: batches of origin Replication are not refused for their
// state. The leader has accepted them, so a follower could only get stuck.
func (m *Manager) CheckAppend(b record.Batch, a Append) (duplicate *BatchMeta, err error) {
	if !b.HasProducerID() {
		return nil, nil
	}
	if a.Origin == record.Replication {
		return nil, checkMarker(b)
	}
	p := m.producers[b.ProducerID()]
	if p != nil && a.Origin == record.Client {
		if d := p.duplicate(b.ProducerEpoch(), b.BaseSequence(), b.LastSequence()); d != nil {
			return d, nil
		}
	}
	if a.Origin == record.Client || a.Origin == record.Coordinator {
		if err := m.checkVerified(b, p, a.Guard); err != nil {
			return nil, err
		}
	}
	if p == nil {
		p = &unknownProducer
	}
	if b.IsControl() {
		return nil, m.checkEndTxn(b, p, a.TransactionVersion)
	}
	return nil, m.checkData(b, p, a.Origin)
}

// unknownProducer stands for one without state. It is never written to.
var unknownProducer = *newProducer()

func checkMarker(b record.Batch) error {
	if !b.IsControl() {
		return nil
	}
	_, _, err := readMarker(b)
	return err
}

func (m *Manager) checkData(b record.Batch, p *producer, origin record.Origin) error {
	if b.ProducerEpoch() < p.epoch {
		return kafka.Errorf(kerr.InvalidProducerEpoch,
			"Epoch of producer %d at offset %d in %v is %d, which is smaller than the last seen epoch %d",
			b.ProducerID(), b.BaseOffset(), m.partition, b.ProducerEpoch(), p.epoch)
	}
	if origin == record.Client {
		if err := m.checkSequence(b, p); err != nil {
			return err
		}
	}
	if p.inTxn() && !b.IsTransactional() {
		return kafka.Errorf(kerr.InvalidTxnState,
			"Expected transactional write from producer %d at offset %d in partition %v",
			b.ProducerID(), b.BaseOffset(), m.partition)
	}
	return nil
}

func (m *Manager) checkSequence(b record.Batch, p *producer) error {
	sequence := b.BaseSequence()
	if v := m.verifications[b.ProducerID()]; v != nil {
		if v.supportsEpochBump && sequence != 0 && p.n == 0 {
			return kafka.Errorf(kerr.OutOfOrderSequenceNumber,
				"Invalid sequence number for producer %d at offset %d in partition %v: %d (incoming seq. number). "+
					"Expected sequence 0 for transactions v2 idempotent producer with no existing state.",
				b.ProducerID(), b.BaseOffset(), m.partition, sequence)
		}
		if sequence > v.lowestSequence {
			return kafka.Errorf(kerr.OutOfOrderSequenceNumber,
				"Out of order sequence number for producer %d at offset %d in partition %v: %d (incoming seq. number), %d (earliest seen sequence)",
				b.ProducerID(), b.BaseOffset(), m.partition, sequence, v.lowestSequence)
		}
	}
	// Without state any sequence is accepted: retention or DeleteRecords may have
	// taken the producer's records and its state with them.
	if p.epoch == kafka.NoProducerEpoch {
		return nil
	}
	if b.ProducerEpoch() != p.epoch {
		if sequence == 0 {
			return nil
		}
		return kafka.Errorf(kerr.OutOfOrderSequenceNumber,
			"Invalid sequence number for new epoch of producer %d at offset %d in partition %v: %d (request epoch), %d (seq. number), %d (current producer epoch)",
			b.ProducerID(), b.BaseOffset(), m.partition, b.ProducerEpoch(), sequence, p.epoch)
	}
	last := p.lastSequence()
	if int64(sequence) == int64(last)+1 || sequence == 0 && last == math.MaxInt32 {
		return nil
	}
	return kafka.Errorf(kerr.OutOfOrderSequenceNumber,
		"Out of order sequence number for producer %d at offset %d in partition %v: %d (incoming seq. number), %d (current end sequence number)",
		b.ProducerID(), b.BaseOffset(), m.partition, sequence, last)
}

func (m *Manager) checkEndTxn(b record.Batch, p *producer, transactionVersion int16) error {
	mk, found, err := readMarker(b)
	if err != nil || !found {
		return err
	}
	if err := m.checkMarkerEpoch(b, p, transactionVersion); err != nil {
		return err
	}
	if p.coordinatorEpoch > mk.CoordinatorEpoch {
		return kafka.Errorf(kerr.TransactionCoordinatorFenced,
			"Invalid coordinator epoch for producerId %d at offset %d in partition %v: %d (zombie), %d (current)",
			b.ProducerID(), b.BaseOffset(), m.partition, mk.CoordinatorEpoch, p.coordinatorEpoch)
	}
	return nil
}

func (m *Manager) checkMarkerEpoch(b record.Batch, p *producer, transactionVersion int16) error {
	epoch, comparison := b.ProducerEpoch(), "<"
	if transactionVersion < 2 {
		if epoch >= p.epoch {
			return nil
		}
	} else {
		// Since version 2 a marker raises the epoch. The same epoch without an open
		// transaction is a marker sent again, after the coordinator moved or a
		// response was lost, and is written again (KAFKA-19999); the largest epoch
		// cannot be raised.
		again := epoch == p.epoch && (!p.inTxn() || epoch == math.MaxInt16)
		if epoch > p.epoch || again {
			return nil
		}
		comparison = "<="
	}
	return kafka.Errorf(kerr.InvalidProducerEpoch,
		"Epoch of producer %d at offset %d in %v is %d, which is %s the last seen epoch %d (TV%d)",
		b.ProducerID(), b.BaseOffset(), m.partition, epoch, comparison, p.epoch, transactionVersion)
}
