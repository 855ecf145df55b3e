package producerstate

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// Guard proves that the transaction coordinator was asked about a producer's
// transaction, and that no marker arrived since: it is compared under the log's
// lock when the first record is appended (KIP-890).
type Guard uint64

// NoGuard is the guard of appends that need no verification.
const NoGuard Guard = 0

// verification is a question to the transaction coordinator that is under way, or
// answered and not yet used.
type verification struct {
	guard             Guard
	startedMs         int64
	lowestSequence    int32
	epoch             kafka.ProducerEpoch
	supportsEpochBump bool
}

// Verification describes the first batch of a transaction in this partition.
type Verification struct {
	ProducerID    kafka.ProducerID
	ProducerEpoch kafka.ProducerEpoch
	BaseSequence  int32
	// SupportsEpochBump says that the client speaks transaction version 2.
	SupportsEpochBump bool
	NowMs             int64
}

// StartVerification returns the guard to carry to the append while the
// coordinator is asked; NoGuard if the transaction is already open here, so that
// there is nothing to ask. An epoch that is too old is INVALID_PRODUCER_EPOCH.
func (m *Manager) StartVerification(v Verification) (Guard, error) {
	p := m.producers[v.ProducerID]
	if p != nil && v.ProducerEpoch < p.epoch {
		return NoGuard, m.staleEpoch(v.ProducerID, v.ProducerEpoch, p.epoch)
	}
	if m.HasOngoingTransaction(v.ProducerID, v.ProducerEpoch) {
		return NoGuard, nil
	}
	entry := m.verifications[v.ProducerID]
	if entry == nil {
		m.lastGuard++
		entry = &verification{
			guard:             m.lastGuard,
			startedMs:         v.NowMs,
			lowestSequence:    v.BaseSequence,
			epoch:             v.ProducerEpoch,
			supportsEpochBump: v.SupportsEpochBump,
		}
		if m.verifications == nil {
			m.verifications = make(map[kafka.ProducerID]*verification)
		}
		m.verifications[v.ProducerID] = entry
	}
	entry.note(v.ProducerEpoch, v.BaseSequence)
	return entry.guard, nil
}

// note keeps the lowest sequence of the newest epoch: batches that overtake it
// on their way through verification must wait.
func (v *verification) note(epoch kafka.ProducerEpoch, sequence int32) {
	switch {
	case epoch > v.epoch:
		v.epoch, v.lowestSequence = epoch, sequence
	case epoch == v.epoch:
		v.lowestSequence = min(v.lowestSequence, sequence)
	}
}

// checkVerified refuses the first records of a transaction that the coordinator
// was not asked about. p is nil for an unknown producer.
func (m *Manager) checkVerified(b record.Batch, p *producer, guard Guard) error {
	if !b.IsTransactional() || m.HasOngoingTransaction(b.ProducerID(), b.ProducerEpoch()) {
		return nil
	}
	if p != nil && b.ProducerEpoch() < p.epoch {
		return m.staleEpoch(b.ProducerID(), b.ProducerEpoch(), p.epoch)
	}
	if !m.config.VerifyTransactions.Load() || b.IsControl() {
		return nil
	}
	if v := m.verifications[b.ProducerID()]; v == nil || guard == NoGuard || v.guard != guard {
		return kafka.Errorf(kerr.InvalidTxnState, "Record was not part of an ongoing transaction")
	}
	return nil
}

// settleVerification ends the verification that a written transactional batch has
// used up. A marker of the epoch that is being verified stays out of it: under
// transaction version 2 it ends the transaction before.
func (m *Manager) settleVerification(b record.Batch) {
	v := m.verifications[b.ProducerID()]
	if v == nil || v.supportsEpochBump && b.IsControl() && b.ProducerEpoch() == v.epoch {
		return
	}
	delete(m.verifications, b.ProducerID())
}

func (m *Manager) staleEpoch(id kafka.ProducerID, epoch, current kafka.ProducerEpoch) error {
	return kafka.Errorf(kerr.InvalidProducerEpoch,
		"Epoch of producer %d is %d, which is smaller than the last seen epoch %d", id, epoch, current)
}
