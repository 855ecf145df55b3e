package producerstate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// DefaultExpiration is the default of producer.id.expiration.ms.
const DefaultExpiration = 24 * time.Hour

// lateTxnBuffer is added to the longest allowed transaction before an open one
// counts as hanging.
const lateTxnBuffer = 5 * time.Minute

// Config is shared by all partitions of a broker and may change at any time. The
// zero value has Kafka's default expiration and does not verify transactions.
type Config struct {
	// ExpirationMs is producer.id.expiration.ms; 0 means DefaultExpiration.
	ExpirationMs atomic.Int64
	// VerifyTransactions is transaction.partition.verification.enable: the first
	// record of a transaction needs a Guard (KIP-890).
	VerifyTransactions atomic.Bool
}

func (c *Config) expirationMs() int64 {
	if ms := c.ExpirationMs.Load(); ms > 0 {
		return ms
	}
	return DefaultExpiration.Milliseconds()
}

// Manager is the state of all producers of one partition. It is owned by the
// partition's log and guarded by the log's lock.
type Manager struct {
	partition kafka.TopicPartition
	config    *Config

	producers     map[kafka.ProducerID]*producer
	verifications map[kafka.ProducerID]*verification
	lastGuard     Guard
	// ongoing are the open transactions, unreplicated the ended ones whose marker
	// may not be below the high watermark yet.
	ongoing, unreplicated txnList

	// snapshots are the offsets of the snapshot files, sorted.
	snapshots []kafka.Offset
	// mapEnd: the state covers exactly the records below it.
	mapEnd kafka.Offset
	// snapEnd is the mapEnd of the newest snapshot.
	snapEnd kafka.Offset
}

// New returns the state of an empty partition that starts at offset 0. Load
// gives it the state of one that exists.
func New(partition kafka.TopicPartition, config *Config) *Manager {
	if config == nil {
		config = new(Config)
	}
	return &Manager{partition: partition, config: config}
}

// Len is the number of known producers.
func (m *Manager) Len() int { return len(m.producers) }

// IsEmpty tells that no producer is known and no transaction holds back
// committed reads: batches without producer id need not be replayed.
func (m *Manager) IsEmpty() bool { return len(m.producers) == 0 && len(m.unreplicated) == 0 }

// MapEndOffset is the offset of the next record to replay: the state covers
// exactly the records below it.
func (m *Manager) MapEndOffset() kafka.Offset { return m.mapEnd }

// SetMapEndOffset says that the state covers the records below offset: on a roll,
// or when the records between carry no producer id.
func (m *Manager) SetMapEndOffset(offset kafka.Offset) { m.mapEnd = offset }

// Update takes note of a batch that the leader has written, with its final
// offsets and timestamp, after Check accepted it. It returns the transaction
// that the batch ended, else nil. For a known producer's records it does not
// allocate.
func (m *Manager) Update(b record.Batch) *CompletedTxn {
	completed, err := m.Replay(b)
	if err != nil { // The condition is outside: the arguments would allocate.
		invariant.Assert(false, "update of %v with a batch that was not checked: %v", m.partition, err)
	}
	return completed
}

// Replay takes note of a batch that was accepted before: one that a follower
// copied, or one that is read back from disk. It refuses nothing but a transaction
// marker that cannot be read, and then changes nothing.
func (m *Manager) Replay(b record.Batch) (*CompletedTxn, error) {
	var completed *CompletedTxn
	if b.HasProducerID() {
		if b.IsControl() {
			mk, found, err := readMarker(b)
			if err != nil {
				return nil, fmt.Errorf("transaction marker at offset %d of %v: %w", b.BaseOffset(), m.partition, err)
			}
			if found {
				completed = m.endTxn(b, mk)
			}
		} else {
			m.addBatch(b)
		}
		if b.IsTransactional() {
			m.settleVerification(b)
		}
	}
	m.mapEnd = b.NextOffset()
	return completed, nil
}

// producer returns the state of a producer id, creating it.
func (m *Manager) producer(id kafka.ProducerID) *producer {
	p := m.producers[id]
	if p == nil {
		p = newProducer()
		if m.producers == nil {
			m.producers = make(map[kafka.ProducerID]*producer)
		}
		m.producers[id] = p
	}
	return p
}

func (m *Manager) addBatch(b record.Batch) {
	p := m.producer(b.ProducerID())
	p.addBatch(b.ProducerEpoch(), BatchMeta{
		LastSequence: b.LastSequence(),
		OffsetDelta:  b.LastOffsetDelta(),
		LastOffset:   b.LastOffset(),
		Timestamp:    b.MaxTimestamp(),
	})
	if b.IsTransactional() && !p.inTxn() {
		p.txnFirstOffset = b.BaseOffset()
		m.ongoing.put(txn{producerID: b.ProducerID(), firstOffset: b.BaseOffset(), lastOffset: kafka.UnknownOffset})
	}
}

// endTxn applies a marker. One without records of its transaction in this
// partition ends nothing, but its epochs count.
func (m *Manager) endTxn(b record.Batch, mk marker) *CompletedTxn {
	p := m.producer(b.ProducerID())
	firstOffset := p.txnFirstOffset
	p.setEpoch(b.ProducerEpoch())
	p.coordinatorEpoch = mk.CoordinatorEpoch
	p.lastTimestamp = mk.timestamp
	p.txnFirstOffset = kafka.UnknownOffset
	if firstOffset == kafka.UnknownOffset {
		return nil
	}
	t := txn{producerID: b.ProducerID(), firstOffset: firstOffset, lastOffset: b.BaseOffset()}
	m.ongoing.remove(firstOffset)
	m.unreplicated.put(t)
	completed := &CompletedTxn{
		ProducerID:       b.ProducerID(),
		FirstOffset:      firstOffset,
		LastOffset:       t.lastOffset,
		LastStableOffset: t.lastOffset + 1,
		Aborted:          !mk.Commit,
	}
	if len(m.ongoing) > 0 {
		completed.LastStableOffset = m.ongoing[0].firstOffset
	}
	return completed
}

// FirstUnstableOffset is the start of the oldest transaction that is open, or
// whose marker was not below the last OnHighWatermark; false if there is none.
// The last stable offset is the smaller of it and the high watermark.
func (m *Manager) FirstUnstableOffset() (kafka.Offset, bool) {
	switch {
	case len(m.ongoing) == 0 && len(m.unreplicated) == 0:
		return kafka.UnknownOffset, false
	case len(m.unreplicated) == 0:
		return m.ongoing[0].firstOffset, true
	case len(m.ongoing) == 0:
		return m.unreplicated[0].firstOffset, true
	default:
		return min(m.ongoing[0].firstOffset, m.unreplicated[0].firstOffset), true
	}
}

// FirstUndecidedOffset is the start of the oldest open transaction; false if
// there is none.
func (m *Manager) FirstUndecidedOffset() (kafka.Offset, bool) {
	if len(m.ongoing) == 0 {
		return kafka.UnknownOffset, false
	}
	return m.ongoing[0].firstOffset, true
}

// OnHighWatermark releases the ended transactions whose marker is below the high
// watermark. It is cheap enough for every move of the high watermark.
func (m *Manager) OnHighWatermark(highWatermark kafka.Offset) {
	if len(m.unreplicated) == 0 {
		return
	}
	m.unreplicated = slices.DeleteFunc(m.unreplicated, func(t txn) bool { return t.lastOffset < highWatermark })
	if len(m.unreplicated) == 0 {
		m.unreplicated = nil
	}
}

// OnLogStartOffsetIncremented follows a move of the log's start. Producers stay
// known though their records are gone.
func (m *Manager) OnLogStartOffsetIncremented(logStartOffset kafka.Offset) {
	m.OnHighWatermark(logStartOffset)
	m.mapEnd = max(m.mapEnd, logStartOffset)
	m.snapEnd = logStartOffset
	if n := len(m.snapshots); n > 0 {
		m.snapEnd = m.snapshots[n-1]
	}
}

// HasLateTransaction tells whether the oldest open transaction looks abandoned:
// nothing was written to it for longer than the longest timeout a transaction may
// have (transaction.max.timeout.ms), and five minutes more.
func (m *Manager) HasLateTransaction(nowMs int64, maxTimeout time.Duration) bool {
	if len(m.ongoing) == 0 {
		return false
	}
	last := m.producers[m.ongoing[0].producerID].lastTimestamp
	return last > 0 && nowMs-last > (maxTimeout+lateTxnBuffer).Milliseconds()
}

// RemoveExpired forgets producers without open transaction that have not written
// for producer.id.expiration.ms, and verifications as old.
func (m *Manager) RemoveExpired(nowMs int64) {
	expirationMs := m.config.expirationMs()
	maps.DeleteFunc(m.producers, func(_ kafka.ProducerID, p *producer) bool {
		return p.expired(nowMs, expirationMs)
	})
	if len(m.producers) == 0 {
		m.producers = nil
	}
	maps.DeleteFunc(m.verifications, func(_ kafka.ProducerID, v *verification) bool {
		return nowMs-v.startedMs >= expirationMs
	})
	if len(m.verifications) == 0 {
		m.verifications = nil
	}
}

func (p *producer) expired(nowMs, expirationMs int64) bool {
	return !p.inTxn() && nowMs-p.lastTimestamp >= expirationMs
}

// Active lists the known producers by id, for DescribeProducers.
func (m *Manager) Active() []Entry {
	entries := make([]Entry, 0, len(m.producers))
	for id, p := range m.producers {
		entries = append(entries, Entry{
			ProducerID:            id,
			ProducerEpoch:         p.epoch,
			LastSequence:          p.lastSequence(),
			LastTimestamp:         p.lastTimestamp,
			CoordinatorEpoch:      p.coordinatorEpoch,
			CurrentTxnFirstOffset: p.txnFirstOffset,
		})
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.ProducerID, b.ProducerID) })
	return entries
}

// HasOngoingTransaction tells whether the producer has a transaction open in this
// epoch.
func (m *Manager) HasOngoingTransaction(id kafka.ProducerID, epoch kafka.ProducerEpoch) bool {
	p := m.producers[id]
	return p != nil && p.inTxn() && p.epoch == epoch
}

// clear forgets all producers and transactions.
func (m *Manager) clear() {
	m.producers, m.ongoing, m.unreplicated = nil, nil, nil
}
