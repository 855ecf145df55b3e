package producerstate

import (
	"testing"
	"time"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

func TestFirstUnstableOffset(t *testing.T) {
	m := New(partition, nil)
	wantUnstable(t, m, -1)
	m.Update(write{id: 1, offset: 10, transactional: true}.batch())
	m.Update(write{id: 2, offset: 11, transactional: true}.batch())
	wantUnstable(t, m, 10)

	completed := m.Update(end{id: 1, offset: 12}.batch())
	if completed == nil || *completed != (CompletedTxn{ProducerID: 1, FirstOffset: 10, LastOffset: 12, LastStableOffset: 11, Aborted: true}) {
		t.Errorf("completed %+v", completed)
	}
	if got := completed.AbortedTxn(); got != (AbortedTxn{1, 10, 12, 11}) {
		t.Errorf("index entry %+v", got)
	}
	wantUnstable(t, m, 10) // The marker is not below the high watermark.
	m.OnHighWatermark(12)
	wantUnstable(t, m, 10)
	m.OnHighWatermark(13)
	wantUnstable(t, m, 11)

	completed = m.Update(end{id: 2, offset: 13, commit: true}.batch())
	if completed == nil || completed.Aborted || completed.LastStableOffset != 14 {
		t.Errorf("completed %+v", completed)
	}
	if o, ok := m.FirstUndecidedOffset(); ok {
		t.Errorf("undecided from %d", o)
	}
	m.OnHighWatermark(14)
	wantUnstable(t, m, -1)
	if completed := m.Update(end{id: 2, offset: 14, commit: true}.batch()); completed != nil {
		t.Errorf("a marker without transaction completed %+v", completed)
	}
	if m.MapEndOffset() != 15 {
		t.Errorf("map end %d", m.MapEndOffset())
	}
}

func TestEmptyControlBatchIsSkipped(t *testing.T) {
	// Compaction keeps the header of a marker's batch whose record it removed.
	m := managerWith(write{id: 1, transactional: true}.batch())
	o := record.NewOptions(1)
	o.ProducerID, o.ProducerEpoch, o.Control, o.Transactional = 1, 0, true, true
	b := record.NewBuilder(o)
	b.Append(0, nil, nil)
	batch := b.Build()[:record.HeaderSize]
	batch[8], batch[9], batch[10], batch[11] = 0, 0, 0, record.HeaderSize-record.LogOverhead
	batch[57], batch[58], batch[59], batch[60] = 0, 0, 0, 0
	completed, err := m.Replay(batch)
	must(t, err)
	if completed != nil || m.MapEndOffset() != 2 {
		t.Errorf("completed %+v, map end %d", completed, m.MapEndOffset())
	}
	wantUnstable(t, m, 0)
}

func TestExpiration(t *testing.T) {
	config := new(Config)
	m := New(partition, config)
	m.Update(write{id: 1, timestamp: 1000}.batch())
	m.Update(write{id: 2, offset: 1, timestamp: 1000, transactional: true}.batch())
	m.Update(write{id: 3, offset: 2, timestamp: 1001}.batch())
	_, err := m.StartVerification(Verification{ProducerID: 4, NowMs: 1000})
	must(t, err)
	day := (24 * time.Hour).Milliseconds()
	m.RemoveExpired(1000 + day - 1)
	if m.Len() != 3 || len(m.verifications) != 1 {
		t.Errorf("%d producers, %d verifications", m.Len(), len(m.verifications))
	}
	m.RemoveExpired(1000 + day)
	if m.producers[1] != nil || m.producers[2] == nil || m.producers[3] == nil || m.verifications != nil {
		t.Errorf("producers %+v, verifications %v", m.Active(), m.verifications)
	}
	config.ExpirationMs.Store(10)
	m.Update(end{id: 2, offset: 3, timestamp: 2000}.batch())
	m.RemoveExpired(2010)
	if m.producers != nil {
		t.Errorf("producers %+v", m.Active())
	}
}

func TestLateTransaction(t *testing.T) {
	m := New(partition, nil)
	if m.HasLateTransaction(1<<60, time.Minute) {
		t.Error("late without a transaction")
	}
	m.Update(write{id: 1, timestamp: 1000, transactional: true}.batch())
	limit := 1000 + (6 * time.Minute).Milliseconds()
	if m.HasLateTransaction(limit, time.Minute) || !m.HasLateTransaction(limit+1, time.Minute) {
		t.Error("a transaction is late after its longest timeout and five minutes")
	}
}

func TestActive(t *testing.T) {
	m := managerWith(
		write{id: 7, epoch: 2, sequence: 5, count: 2, timestamp: 9, transactional: true}.batch(),
		end{id: 3, epoch: 1, offset: 2, timestamp: 10, coordinator: 4}.batch(),
	)
	want := []Entry{
		{ProducerID: 3, ProducerEpoch: 1, LastSequence: kafka.NoSequence, LastTimestamp: 10, CoordinatorEpoch: 4, CurrentTxnFirstOffset: kafka.UnknownOffset},
		{ProducerID: 7, ProducerEpoch: 2, LastSequence: 6, LastTimestamp: 9, CoordinatorEpoch: -1, CurrentTxnFirstOffset: 0},
	}
	got := m.Active()
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("active %+v", got)
	}
	if !m.HasOngoingTransaction(7, 2) || m.HasOngoingTransaction(7, 3) || m.HasOngoingTransaction(3, 1) {
		t.Error("ongoing transactions are wrong")
	}
}
