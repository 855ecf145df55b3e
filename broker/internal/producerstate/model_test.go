package producerstate

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// model is the naive idea of the state: the whole log, from which everything is
// worked out anew each time.
type model struct {
	log           []record.Batch
	highWatermark kafka.Offset
	// snapshots, and loaded, the one that the state was last loaded from:
	// transactions that ended below it are no longer seen as unreplicated.
	snapshots []kafka.Offset
	loaded    kafka.Offset
}

func (m *model) end() kafka.Offset {
	if len(m.log) == 0 {
		return 0
	}
	return m.log[len(m.log)-1].NextOffset()
}

// modelProducer is a producer as the log shows it.
type modelProducer struct {
	entry   Entry
	batches []record.Batch // Those of the current epoch that are remembered.
}

// producers reads the log from its start. unstable is the start of the oldest
// transaction that is open or not replicated.
func (m *model) producers() (producers map[kafka.ProducerID]*modelProducer, unstable kafka.Offset) {
	producers = map[kafka.ProducerID]*modelProducer{}
	unstable = math.MaxInt64
	for _, b := range m.log {
		p := producers[b.ProducerID()]
		if p == nil {
			p = &modelProducer{entry: Entry{ProducerID: b.ProducerID(), CoordinatorEpoch: -1, CurrentTxnFirstOffset: -1}}
			producers[b.ProducerID()] = p
		}
		if b.ProducerEpoch() != p.entry.ProducerEpoch {
			p.batches = nil
		}
		p.entry.ProducerEpoch, p.entry.LastTimestamp = b.ProducerEpoch(), b.MaxTimestamp()
		switch {
		case b.IsControl():
			if p.entry.CurrentTxnFirstOffset >= 0 && b.BaseOffset() >= max(m.highWatermark, m.loaded) {
				unstable = min(unstable, p.entry.CurrentTxnFirstOffset)
			}
			p.entry.CoordinatorEpoch, p.entry.CurrentTxnFirstOffset = 0, -1
		default:
			p.batches = append(p.batches, b)
			if b.IsTransactional() && p.entry.CurrentTxnFirstOffset < 0 {
				p.entry.CurrentTxnFirstOffset = b.BaseOffset()
			}
		}
	}
	for _, p := range producers {
		p.batches = p.batches[max(0, len(p.batches)-5):]
		p.entry.LastSequence = -1
		if n := len(p.batches); n > 0 {
			p.entry.LastSequence = p.batches[n-1].LastSequence()
		}
		if p.entry.CurrentTxnFirstOffset >= 0 {
			unstable = min(unstable, p.entry.CurrentTxnFirstOffset)
		}
	}
	return producers, unstable
}

// check is what Kafka's documentation says of an append by a client.
func (m *model) check(b record.Batch) (duplicate kafka.Offset, code *kerr.Error) {
	producers, _ := m.producers()
	p := producers[b.ProducerID()]
	if p == nil {
		return -1, nil
	}
	for _, old := range p.batches {
		if old.ProducerEpoch() == b.ProducerEpoch() && old.BaseSequence() == b.BaseSequence() && old.LastSequence() == b.LastSequence() {
			return old.BaseOffset(), nil
		}
	}
	expected := int32(0)
	if len(p.batches) > 0 && b.ProducerEpoch() == p.entry.ProducerEpoch {
		expected = int32((int64(p.entry.LastSequence) + 1) % (1 << 31))
	}
	switch {
	case b.ProducerEpoch() < p.entry.ProducerEpoch:
		return -1, kerr.InvalidProducerEpoch
	case b.BaseSequence() != expected:
		return -1, kerr.OutOfOrderSequenceNumber
	case p.entry.CurrentTxnFirstOffset >= 0 && !b.IsTransactional():
		return -1, kerr.InvalidTxnState
	}
	return -1, nil
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fsys, m, state := memfs.New(), &model{}, New(partition, nil)
		noError := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				w := write{offset: m.end(), timestamp: int64(m.end())}
				w.id = kafka.ProducerID(rapid.IntRange(0, 2).Draw(t, "id"))
				w.count = rapid.IntRange(1, 3).Draw(t, "count")
				w.transactional = rapid.Bool().Draw(t, "transactional")
				producers, _ := m.producers()
				if p := producers[w.id]; p == nil {
					w.sequence = rapid.SampledFrom([]int32{0, 0, 5, math.MaxInt32 - 4, math.MaxInt32}).Draw(t, "sequence")
				} else {
					w.epoch = p.entry.ProducerEpoch + kafka.ProducerEpoch(rapid.SampledFrom([]int{0, 0, 0, 0, 1, -1}).Draw(t, "epoch"))
					sequences := []int32{0, p.entry.LastSequence + 1, p.entry.LastSequence + 2}
					if p.entry.LastSequence >= math.MaxInt32-1 {
						sequences = []int32{0, 1}
					}
					for _, old := range p.batches {
						sequences = append(sequences, old.BaseSequence())
					}
					w.sequence = rapid.SampledFrom(sequences).Draw(t, "sequence")
				}
				b := w.batch()
				want, wantCode := m.check(b)
				duplicate, err := state.Check(b, record.Client)
				if wantCode != nil {
					if !errors.Is(err, wantCode) {
						t.Fatalf("%v: error %v, want %v", b, err, wantCode)
					}
					return
				}
				noError(err)
				if duplicate != nil && duplicate.FirstOffset() != want || (duplicate != nil) != (want >= 0) {
					t.Fatalf("%v: duplicate %+v, want offset %d", b, duplicate, want)
				}
				if duplicate == nil {
					state.Update(b)
					m.log = append(m.log, b)
				}
			},
			"marker": func(t *rapid.T) {
				producers, _ := m.producers()
				e := end{id: kafka.ProducerID(rapid.IntRange(0, 2).Draw(t, "id")), offset: m.end(), timestamp: int64(m.end())}
				if p := producers[e.id]; p != nil {
					e.epoch = p.entry.ProducerEpoch + kafka.ProducerEpoch(rapid.IntRange(0, 1).Draw(t, "bump"))
				}
				e.commit = rapid.Bool().Draw(t, "commit")
				b := e.batch()
				_, err := state.Check(b, record.Coordinator)
				noError(err)
				completed := state.Update(b)
				open := producers[e.id] != nil && producers[e.id].entry.CurrentTxnFirstOffset >= 0
				if (completed != nil) != open || open && (completed.FirstOffset != producers[e.id].entry.CurrentTxnFirstOffset || completed.Aborted == e.commit) {
					t.Fatalf("completed %+v, open %t", completed, open)
				}
				m.log = append(m.log, b)
			},
			"replicate": func(t *rapid.T) {
				m.highWatermark = kafka.Offset(rapid.Int64Range(int64(m.highWatermark), int64(m.end())).Draw(t, "high watermark"))
				state.OnHighWatermark(m.highWatermark)
			},
			"snapshot": func(*rapid.T) {
				written, err := state.TakeSnapshot(fsys, "/", m.end())
				noError(err)
				if written {
					m.snapshots = append(m.snapshots, m.end())
				}
			},
			"truncate": func(t *rapid.T) {
				n := len(m.log)
				for n > 0 && m.log[n-1].BaseOffset() >= m.highWatermark && rapid.Bool().Draw(t, "drop") {
					n--
				}
				m.load(t, fsys, state, n)
			},
			"restart": func(t *rapid.T) {
				state = New(partition, nil)
				m.load(t, fsys, state, len(m.log))
			},
			"": func(t *rapid.T) {
				producers, unstable := m.producers()
				got := state.Active()
				for _, e := range got {
					if p := producers[e.ProducerID]; p == nil || !reflect.DeepEqual(p.entry, e) {
						t.Fatalf("producer %+v, want %+v", e, p)
					}
				}
				if len(got) != len(producers) || state.MapEndOffset() != m.end() {
					t.Fatalf("%d producers, want %d; map end %d, want %d", len(got), len(producers), state.MapEndOffset(), m.end())
				}
				if o, ok := state.FirstUnstableOffset(); ok != (unstable < math.MaxInt64) || ok && o != unstable {
					t.Fatalf("first unstable offset %d, %t, want %d", o, ok, unstable)
				}
			},
		})
	})
}

// load truncates the log to n batches and loads the state.
func (m *model) load(t *rapid.T, fsys *memfs.FS, state *Manager, n int) {
	m.log = m.log[:n]
	m.snapshots = slices.DeleteFunc(m.snapshots, func(o kafka.Offset) bool { return o > m.end() })
	kept := state.MapEndOffset() == m.end()
	from, err := state.Load(fsys, "/", 0, m.end(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !kept {
		m.loaded = 0
		if len(m.snapshots) > 0 {
			m.loaded = m.snapshots[len(m.snapshots)-1]
		}
		if from != m.loaded && from != m.end() {
			t.Fatalf("replay from %d, want %d", from, m.loaded)
		}
	}
	for _, b := range m.log {
		if b.BaseOffset() >= from {
			if _, err := state.Replay(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	state.SetMapEndOffset(m.end())
	state.OnHighWatermark(m.highWatermark)
}
