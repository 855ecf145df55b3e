package producerstate

import (
	"testing"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

var partition = kafka.TopicPartition{Topic: "t", Partition: 0}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write describes a data batch; the zero values are those of an ordinary one of
// one record.
type write struct {
	id            kafka.ProducerID
	epoch         kafka.ProducerEpoch
	sequence      int32
	count         int
	offset        kafka.Offset
	timestamp     int64
	transactional bool
}

func (w write) batch() record.Batch {
	o := record.NewOptions(w.offset)
	o.ProducerID, o.ProducerEpoch, o.BaseSequence, o.Transactional = w.id, w.epoch, w.sequence, w.transactional
	b := record.NewBuilder(o)
	for range max(1, w.count) {
		b.Append(w.timestamp, []byte("k"), []byte("v"))
	}
	return b.Build()
}

// end describes a transaction marker.
type end struct {
	id          kafka.ProducerID
	epoch       kafka.ProducerEpoch
	offset      kafka.Offset
	timestamp   int64
	commit      bool
	coordinator int32
}

func (e end) batch() record.Batch {
	m := record.EndTxnMarker{Commit: e.commit, CoordinatorEpoch: e.coordinator}
	b := record.NewEndTxnBatch(m, e.timestamp, e.id, e.epoch)
	b.SetBaseOffset(e.offset)
	return b
}

func wantUnstable(t *testing.T, m *Manager, want kafka.Offset) {
	t.Helper()
	got, ok := m.FirstUnstableOffset()
	if got != want || ok != (want >= 0) {
		t.Errorf("first unstable offset %d, %t, want %d", got, ok, want)
	}
}
