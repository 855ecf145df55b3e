package producerstate

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

func wantCode(t *testing.T, err error, code *kerr.Error, message string) {
	t.Helper()
	if !errors.Is(err, code) || !strings.Contains(err.Error(), message) {
		t.Errorf("error %v, want %v with %q", err, code.Message, message)
	}
}

// managerWith gives the state after these batches.
func managerWith(batches ...record.Batch) *Manager {
	m := New(partition, nil)
	for _, b := range batches {
		m.Update(b)
	}
	return m
}

func TestCheckSequences(t *testing.T) {
	first := write{id: 1, sequence: 0, count: 3}.batch()
	for name, test := range map[string]struct {
		before  []record.Batch
		batch   write
		origin  record.Origin
		code    *kerr.Error
		message string
	}{
		"no state, any sequence":        {batch: write{id: 1, sequence: 77}},
		"in order":                      {before: []record.Batch{first}, batch: write{id: 1, sequence: 3, offset: 3}},
		"a gap":                         {before: []record.Batch{first}, batch: write{id: 1, sequence: 4, offset: 3}, code: kerr.OutOfOrderSequenceNumber, message: "Out of order sequence number for producer 1 at offset 3 in partition t-0: 4 (incoming seq. number), 2 (current end sequence number)"},
		"an overlap is no duplicate":    {before: []record.Batch{first}, batch: write{id: 1, sequence: 1, count: 2, offset: 3}, code: kerr.OutOfOrderSequenceNumber},
		"wrap-around":                   {before: []record.Batch{write{id: 1, sequence: math.MaxInt32}.batch()}, batch: write{id: 1, sequence: 0, offset: 1}},
		"wrap-around within a batch":    {before: []record.Batch{write{id: 1, sequence: math.MaxInt32 - 1, count: 4}.batch()}, batch: write{id: 1, sequence: 2, offset: 4}},
		"new epoch begins at 0":         {before: []record.Batch{first}, batch: write{id: 1, epoch: 1, sequence: 0, offset: 3}},
		"new epoch does not go on":      {before: []record.Batch{first}, batch: write{id: 1, epoch: 1, sequence: 3, offset: 3}, code: kerr.OutOfOrderSequenceNumber, message: "Invalid sequence number for new epoch of producer 1 at offset 3 in partition t-0: 1 (request epoch), 3 (seq. number), 0 (current producer epoch)"},
		"old epoch":                     {before: []record.Batch{write{id: 1, epoch: 5}.batch()}, batch: write{id: 1, epoch: 4, sequence: 1, offset: 1}, code: kerr.InvalidProducerEpoch, message: "Epoch of producer 1 at offset 1 in t-0 is 4, which is smaller than the last seen epoch 5"},
		"after a marker, begins at 0":   {before: []record.Batch{end{id: 1, epoch: 2}.batch()}, batch: write{id: 1, epoch: 2, sequence: 0, offset: 1}},
		"after a marker, a gap":         {before: []record.Batch{end{id: 1, epoch: 2}.batch()}, batch: write{id: 1, epoch: 2, sequence: 1, offset: 1}, code: kerr.OutOfOrderSequenceNumber},
		"a coordinator has none":        {before: []record.Batch{first}, batch: write{id: 1, sequence: -1, offset: 3}, origin: record.Coordinator},
		"a follower takes a gap":        {before: []record.Batch{first}, batch: write{id: 1, sequence: 9, offset: 3}, origin: record.Replication},
		"a follower takes old epochs":   {before: []record.Batch{write{id: 1, epoch: 5}.batch()}, batch: write{id: 1, epoch: 4, offset: 1}, origin: record.Replication},
		"other producers do not matter": {before: []record.Batch{first}, batch: write{id: 2, sequence: 9, offset: 3}},
		"plain write in a transaction": {
			before: []record.Batch{write{id: 1, transactional: true}.batch()}, batch: write{id: 1, sequence: 1, offset: 1},
			code: kerr.InvalidTxnState, message: "Expected transactional write from producer 1",
		},
		"no producer id": {before: []record.Batch{first}, batch: write{id: kafka.NoProducerID, epoch: kafka.NoProducerEpoch, sequence: kafka.NoSequence, offset: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			m := managerWith(test.before...)
			duplicate, err := m.Check(test.batch.batch(), test.origin)
			if duplicate != nil {
				t.Errorf("duplicate %+v", duplicate)
			}
			if test.code != nil {
				wantCode(t, err, test.code, test.message)
				return
			}
			must(t, err)
		})
	}
}

func TestDuplicatesWithinTheWindow(t *testing.T) {
	m := New(partition, nil)
	var writes []write
	for i := range int32(8) {
		w := write{id: 1, sequence: 2 * i, count: 2, offset: kafka.Offset(10 + 2*i), timestamp: int64(100 + i)}
		m.Update(w.batch())
		writes = append(writes, w)
	}
	for i, w := range writes {
		again := w
		again.offset = 1000
		duplicate, err := m.Check(again.batch(), record.Client)
		if i < len(writes)-window {
			wantCode(t, err, kerr.OutOfOrderSequenceNumber, "")
			continue
		}
		must(t, err)
		if duplicate == nil || duplicate.FirstOffset() != w.offset || duplicate.Timestamp != w.timestamp || duplicate.LastOffset != w.offset+1 {
			t.Errorf("batch %d: duplicate %+v", i, duplicate)
		}
	}
	if d, err := m.Check(writes[7].batch(), record.Coordinator); d != nil || err != nil {
		t.Errorf("duplicate %+v, %v for a coordinator", d, err)
	}
	// A new epoch forgets the batches of the old one.
	m.Update(write{id: 1, epoch: 1, offset: 50}.batch())
	_, err := m.Check(writes[7].batch(), record.Client)
	wantCode(t, err, kerr.InvalidProducerEpoch, "")
}

func TestDuplicateAcrossTheWrapAround(t *testing.T) {
	w := write{id: 1, sequence: math.MaxInt32 - 1, count: 4}
	m := managerWith(w.batch())
	d, err := m.Check(w.batch(), record.Client)
	must(t, err)
	if d == nil || d.FirstSequence() != math.MaxInt32-1 || d.LastSequence != 1 {
		t.Errorf("duplicate %+v", d)
	}
}

func TestCheckMarkers(t *testing.T) {
	open := write{id: 1, epoch: 3, transactional: true}.batch()
	ended := end{id: 1, epoch: 4, offset: 1, coordinator: 7}.batch()
	for name, test := range map[string]struct {
		before  []record.Batch
		marker  end
		version int16
		origin  record.Origin
		code    *kerr.Error
		message string
	}{
		"same epoch":                    {before: []record.Batch{open}, marker: end{id: 1, epoch: 3}},
		"same epoch, version 2":         {before: []record.Batch{open}, marker: end{id: 1, epoch: 3}, version: 2, code: kerr.InvalidProducerEpoch, message: "which is <= the last seen epoch 3 (TV2)"},
		"next epoch, version 2":         {before: []record.Batch{open}, marker: end{id: 1, epoch: 4}, version: 2},
		"old epoch":                     {before: []record.Batch{open}, marker: end{id: 1, epoch: 2}, code: kerr.InvalidProducerEpoch, message: "Epoch of producer 1 is 2, which is smaller than the last seen epoch 3"},
		"sent again, version 2":         {before: []record.Batch{open, ended}, marker: end{id: 1, epoch: 4, coordinator: 7}, version: 2},
		"old coordinator":               {before: []record.Batch{open, ended}, marker: end{id: 1, epoch: 4, coordinator: 6}, code: kerr.TransactionCoordinatorFenced, message: "6 (zombie), 7 (current)"},
		"old coordinator on a follower": {before: []record.Batch{open, ended}, marker: end{id: 1, epoch: 4, coordinator: 6}, origin: record.Replication},
		"largest epoch, version 2":      {before: []record.Batch{write{id: 1, epoch: math.MaxInt16, transactional: true}.batch()}, marker: end{id: 1, epoch: math.MaxInt16}, version: 2},
		"no state":                      {marker: end{id: 1, epoch: 0}, version: 2},
	} {
		t.Run(name, func(t *testing.T) {
			origin := test.origin
			if origin == record.Client {
				origin = record.Coordinator
			}
			test.marker.offset = 2
			_, err := managerWith(test.before...).CheckAppend(test.marker.batch(), Append{Origin: origin, TransactionVersion: test.version})
			if test.code != nil {
				wantCode(t, err, test.code, test.message)
				return
			}
			must(t, err)
		})
	}
}

// controlBatch gives a control batch of producer 1 with this one record.
func controlBatch(key, value []byte) record.Batch {
	o := record.NewOptions(0)
	o.ProducerID, o.ProducerEpoch, o.Control, o.Transactional = 1, 0, true, true
	b := record.NewBuilder(o)
	b.Append(0, key, value)
	return b.Build()
}

func TestMalformedMarkersAreRefused(t *testing.T) {
	good := record.EndTxnMarker{Commit: true}
	for name, b := range map[string]record.Batch{
		"null key":          controlBatch(nil, good.Value()),
		"short key":         controlBatch(good.Type().Key()[:3], good.Value()),
		"short value":       controlBatch(good.Type().Key(), good.Value()[:5]),
		"null value":        controlBatch(good.Type().Key(), nil),
		"not a transaction": controlBatch(record.ControlLeaderChange.Key(), good.Value()),
	} {
		for _, origin := range []record.Origin{record.Coordinator, record.Replication} {
			_, err := New(partition, nil).Check(b, origin)
			wantCode(t, err, kerr.InvalidRecord, "Malformed end transaction marker")
		}
		m := New(partition, nil)
		if _, err := m.Replay(b); err == nil || m.Len() != 0 || m.MapEndOffset() != 0 {
			t.Errorf("%s: Replay = %v, %d producers, map end %d", name, err, m.Len(), m.MapEndOffset())
		}
	}
}

func TestVerification(t *testing.T) {
	config := new(Config)
	config.VerifyTransactions.Store(true)
	start := func(m *Manager, epoch kafka.ProducerEpoch, sequence int32, v2 bool) Guard {
		t.Helper()
		g, err := m.StartVerification(Verification{ProducerID: 1, ProducerEpoch: epoch, BaseSequence: sequence, SupportsEpochBump: v2, NowMs: 1})
		must(t, err)
		return g
	}
	check := func(m *Manager, w write, g Guard) error {
		_, err := m.CheckAppend(w.batch(), Append{Origin: record.Client, Guard: g})
		return err
	}
	w := write{id: 1, transactional: true}

	m := New(partition, config)
	wantCode(t, check(m, w, NoGuard), kerr.InvalidTxnState, "Record was not part of an ongoing transaction")
	g := start(m, 0, 0, false)
	if again := start(m, 0, 0, false); g == NoGuard || again != g {
		t.Fatalf("guards %d, %d", g, again)
	}
	wantCode(t, check(m, w, g+1), kerr.InvalidTxnState, "")
	must(t, check(m, w, g))
	m.Update(w.batch())
	// The open transaction needs no guard any more.
	if g := start(m, 0, 1, false); g != NoGuard {
		t.Errorf("guard %d for an open transaction", g)
	}
	must(t, check(m, write{id: 1, sequence: 1, offset: 1, transactional: true}, NoGuard))
	// After the marker the old guard is void.
	m.Update(end{id: 1, offset: 1, commit: true}.batch())
	wantCode(t, check(m, write{id: 1, sequence: 1, offset: 2, transactional: true}, g), kerr.InvalidTxnState, "")
	// A marker voids a guard that was given before it.
	g = start(m, 0, 1, false)
	m.Update(end{id: 1, offset: 2, commit: true}.batch())
	wantCode(t, check(m, write{id: 1, sequence: 1, offset: 3, transactional: true}, g), kerr.InvalidTxnState, "")
	// But under version 2 not one of the next epoch, which the marker begins.
	g = start(m, 1, 0, true)
	m.Update(end{id: 1, epoch: 1, offset: 3, commit: true}.batch())
	must(t, check(m, write{id: 1, epoch: 1, offset: 4, transactional: true}, g))
	// Writes outside of transactions are not verified.
	must(t, check(m, write{id: 9, offset: 4}, NoGuard))
	_, err := m.StartVerification(Verification{ProducerID: 1, ProducerEpoch: 0})
	wantCode(t, err, kerr.InvalidProducerEpoch, "Epoch of producer 1 is 0, which is smaller than the last seen epoch 1")
	wantCode(t, check(m, write{id: 1, offset: 4, transactional: true}, g), kerr.InvalidProducerEpoch, "")
}

func TestVerificationKeepsOrder(t *testing.T) {
	// Batches 0 and 1 of a new transaction are verified at the same time: the second
	// must not get in first.
	config := new(Config)
	config.VerifyTransactions.Store(true)
	m := New(partition, config)
	for _, sequence := range []int32{1, 0} {
		_, err := m.StartVerification(Verification{ProducerID: 1, BaseSequence: sequence})
		must(t, err)
	}
	g := m.verifications[1].guard
	_, err := m.CheckAppend(write{id: 1, sequence: 1, transactional: true}.batch(), Append{Guard: g})
	wantCode(t, err, kerr.OutOfOrderSequenceNumber, "1 (incoming seq. number), 0 (earliest seen sequence)")
	_, err = m.CheckAppend(write{id: 1, sequence: 0, transactional: true}.batch(), Append{Guard: g})
	must(t, err)

	// Version 2: without state the first sequence must be 0 (KAFKA-18202).
	m = New(partition, config)
	g, err = m.StartVerification(Verification{ProducerID: 1, BaseSequence: 5, SupportsEpochBump: true})
	must(t, err)
	_, err = m.CheckAppend(write{id: 1, sequence: 5, transactional: true}.batch(), Append{Guard: g})
	wantCode(t, err, kerr.OutOfOrderSequenceNumber, "Expected sequence 0 for transactions v2 idempotent producer with no existing state.")
}

func TestKnownProducerCostsNoAllocation(t *testing.T) {
	m := managerWith(write{id: 1, transactional: true}.batch())
	b := write{id: 1, sequence: 1, offset: 1, transactional: true}.batch()
	plain := write{id: kafka.NoProducerID, offset: 1}.batch()
	sequence, origin := int32(1), record.Client
	got := testing.AllocsPerRun(100, func() {
		if d, err := m.Check(b, origin); d == nil && err != nil {
			t.Fatal(err)
		}
		m.Update(b)
		if _, err := m.Check(plain, origin); err != nil {
			t.Fatal(err)
		}
		m.Update(plain)
		sequence++
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
	if m := managerWith(plain); m.producers != nil || m.verifications != nil {
		t.Error("a map without producers")
	}
}
