package coordinator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/goleak"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/coordinator/coordinatortest"
	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var tp = kafka.TopicPartition{Topic: "__test", Partition: 0}

// words is a shard that collects the records it replays.
type words struct {
	list    []string
	pending map[kafka.ProducerID][]string
	timers  *coordinator.Timers[string]
	loaded  bool
	gaveUp  func(error)
}

func (w *words) Replay(_ kafka.Offset, producer coordinator.Producer, r string) error {
	switch {
	case r == "unreplayable":
		return errors.New("no such word")
	case producer != coordinator.NoProducer:
		w.pending[producer.ID] = append(w.pending[producer.ID], r)
	default:
		w.list = append(w.list, r)
	}
	return nil
}

func (w *words) ReplayEndTransaction(producer coordinator.Producer, committed bool) error {
	if committed {
		w.list = append(w.list, w.pending[producer.ID]...)
	}
	delete(w.pending, producer.ID)
	return nil
}

func (w *words) Loaded(time.Time) { w.loaded = true }

func (w *words) Unloaded(_ time.Time, err error) { w.gaveUp(err) }

func (w *words) NextTimer() (time.Time, bool) { return w.timers.Next() }

func (w *words) FireTimer(now time.Time) (coordinator.Result[string], bool) {
	key, ok := w.timers.Pop(now)
	return coordinator.Result[string]{Records: []string{key}}, ok
}

type wordCodec struct{}

func (wordCodec) Encode(r string) (key, value []byte) { return []byte(r), []byte{} }

func (wordCodec) Decode(key, _ []byte) (string, error) {
	if strings.HasPrefix(string(key), "future") {
		return "", coordinator.ErrUnknownRecord
	}
	return string(key), nil
}

// world is a runtime on a log in memory.
type world struct {
	t   *testing.T
	log *coordinatortest.Log
	rt  *coordinator.Runtime[*words, string]

	mu      sync.Mutex
	unloads []error
}

func (w *world) unloaded() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.unloads)
}

// run calls f in a bubble with a running runtime that has the partition loaded.
func run(t *testing.T, adjust func(*coordinator.Options[*words, string]), f func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, log: coordinatortest.NewLog()}
		opts := coordinator.Options[*words, string]{
			Name: "test", Log: w.log, Codec: wordCodec{}, Threads: 2,
			AppendLinger: coordinator.AdaptiveLinger,
			Logger:       slog.New(slog.DiscardHandler),
			NewShard: func(kafka.TopicPartition) *words {
				return &words{
					pending: make(map[kafka.ProducerID][]string), timers: coordinator.NewTimers[string](),
					gaveUp: func(err error) {
						w.mu.Lock()
						defer w.mu.Unlock()
						w.unloads = append(w.unloads, err)
					},
				}
			},
		}
		if adjust != nil {
			adjust(&opts)
		}
		w.rt = coordinator.New(opts)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { _ = w.rt.Run(ctx) })
		w.rt.Load(tp, 1)
		synctest.Wait()
		f(w)
		cancel()
		group.Wait()
	})
}

func (w *world) write(records ...string) error {
	return w.rt.Write(w.t.Context(), tp, func(*words, time.Time) (coordinator.Result[string], error) {
		return coordinator.Result[string]{Records: records}, nil
	})
}

// submit writes without waiting.
func (w *world) submit(records ...string) <-chan error {
	return w.submitResult(coordinator.Result[string]{Records: records})
}

func (w *world) submitResult(r coordinator.Result[string]) <-chan error {
	outcome := make(chan error, 1)
	w.rt.Submit(tp, func(*words, time.Time) (coordinator.Result[string], error) { return r, nil },
		func(err error) { outcome <- err })
	return outcome
}

func (w *world) read() (list []string, err error) {
	err = w.rt.Read(w.t.Context(), tp, func(s *words, _ time.Time) error {
		list = slices.Clone(s.list)
		return nil
	})
	return list, err
}

func (w *world) wantWords(want ...string) {
	w.t.Helper()
	got, err := w.read()
	if err != nil || !slices.Equal(got, want) {
		w.t.Errorf("words are %q, %v, want %q", got, err, want)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error is %v, want %v", got, want)
	}
}

// pending fails if the outcome is known already.
func pending(t *testing.T, outcome <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-outcome:
		t.Errorf("released with %v before it was committed", err)
	default:
	}
}

func TestWriteIsReplayedAtOnceAndReleasedWhenCommitted(t *testing.T) {
	run(t, nil, func(w *world) {
		w.log.HoldCommits()
		first := w.submit("a")
		pending(t, first)
		second := w.submit("b")
		read := make(chan error, 1)
		go func() { _, err := w.read(); read <- err }()
		pending(t, second)
		pending(t, read)
		// This one finds no open batch, only what is not committed yet.
		late := make(chan error, 1)
		go func() { _, err := w.read(); late <- err }()
		pending(t, late)
		w.log.Commit(tp)
		for _, outcome := range []<-chan error{first, second, read, late} {
			wantErr(t, <-outcome, nil)
		}
		w.wantWords("a", "b")
	})
}

func TestWhatIsQueuedGoesIntoOneBatch(t *testing.T) {
	run(t, nil, func(w *world) {
		// One event holds the loop until all the others are queued behind it.
		hold := make(chan struct{})
		w.rt.Submit(tp, func(*words, time.Time) (coordinator.Result[string], error) {
			<-hold
			return coordinator.Result[string]{}, nil
		}, func(error) {})
		synctest.Wait()
		var outcomes []<-chan error
		for i := range 100 {
			outcomes = append(outcomes, w.submit(fmt.Sprint(i)))
		}
		close(hold)
		for _, outcome := range outcomes {
			wantErr(t, <-outcome, nil)
		}
		if batches := w.log.Batches(tp); len(batches) != 1 || batches[0].Count() != 100 || batches[0].LeaderEpoch() != 1 {
			t.Errorf("batches: %v", batches)
		}
	})
}

func TestLingerFillsABatchUntilItsTime(t *testing.T) {
	linger := func(o *coordinator.Options[*words, string]) { o.AppendLinger = 10 * time.Millisecond }
	run(t, linger, func(w *world) {
		first := w.submit("a")
		pending(t, first)
		time.Sleep(9 * time.Millisecond)
		second := w.submit("b")
		pending(t, second)
		time.Sleep(time.Millisecond)
		wantErr(t, <-first, nil)
		wantErr(t, <-second, nil)
		if n := len(w.log.Batches(tp)); n != 1 {
			t.Errorf("%d batches, want 1", n)
		}
	})
}

func TestBatchesStayBelowTheMaximum(t *testing.T) {
	run(t, nil, func(w *world) {
		w.log.SetMaxBatchSize(1000)
		word := strings.Repeat("x", 300)
		wantErr(t, w.write(word, word, word, word, word), nil)
		batches := w.log.Batches(tp)
		if len(batches) != 3 {
			t.Errorf("%d batches, want 3", len(batches))
		}
		for _, b := range batches {
			if b.Size() > 1000 {
				t.Errorf("batch of %d bytes", b.Size())
			}
		}
		w.submit(word)
		wantErr(t, <-w.submitResult(coordinator.Result[string]{Records: []string{word, word}, Atomic: true}), nil)
		if batches = w.log.Batches(tp); batches[len(batches)-1].Count() != 2 {
			t.Errorf("an atomic write was split: %v", batches)
		}
	})
}

func TestAppendFailureFailsTheBatchAndRebuildsTheShard(t *testing.T) {
	run(t, nil, func(w *world) {
		wantErr(t, w.write("kept"), nil)
		w.log.FailAppends(kerr.KafkaStorageError)
		var hooked error
		outcome := w.submitResult(coordinator.Result[string]{
			Records: []string{"lost"}, Done: func(_ time.Time, err error) { hooked = err },
		})
		wantErr(t, <-outcome, kerr.KafkaStorageError)
		wantErr(t, hooked, kerr.KafkaStorageError)
		synctest.Wait()
		w.wantWords("kept")
		if got := w.unloaded(); len(got) != 1 || !errors.Is(got[0], kerr.NotCoordinator) {
			t.Errorf("unloads: %v", got)
		}
		wantErr(t, w.write("next"), nil)
		w.wantWords("kept", "next")
		if n := w.log.Reads(tp); n != 2 {
			t.Errorf("log read %d times, want 2", n)
		}
	})
}

func TestReplayErrorFailsTheBatchAndRebuildsTheShard(t *testing.T) {
	run(t, nil, func(w *world) {
		if err := w.write("a", "unreplayable"); err == nil {
			t.Error("no error")
		}
		synctest.Wait()
		w.wantWords()
	})
}

func TestARefusedAppendIsToldBeforeAnythingIsReplayed(t *testing.T) {
	run(t, nil, func(w *world) {
		w.log.FailCheck(kerr.NotEnoughReplicas)
		wantErr(t, w.write("a"), kerr.NotEnoughReplicas)
		w.wantWords()
		if n := w.log.Reads(tp); n != 1 {
			t.Errorf("log read %d times: the shard was rebuilt", n)
		}
		w.log.FailCheck(nil)
		wantErr(t, w.write("b"), nil)
		w.wantWords("b")
	})
}

func TestUnloadFailsWhatWaits(t *testing.T) {
	run(t, nil, func(w *world) {
		w.log.HoldCommits()
		outcome := w.submit("a")
		pending(t, outcome)
		w.rt.Unload(tp, 2)
		wantErr(t, <-outcome, kerr.NotCoordinator)
		synctest.Wait()
		wantErr(t, w.write("b"), kerr.NotCoordinator)
		if len(w.rt.Partitions()) != 0 {
			t.Error("the partition is still known")
		}
		w.log.Commit(tp)
		w.rt.Load(tp, 3)
		synctest.Wait()
		w.wantWords("a") // it is in the log.
	})
}

func TestAnUnloadOfAnOlderEpochIsIgnored(t *testing.T) {
	run(t, nil, func(w *world) {
		w.rt.Load(tp, 5)
		w.rt.Unload(tp, 4)
		synctest.Wait()
		wantErr(t, w.write("a"), nil)
		if n := w.log.Reads(tp); n != 1 {
			t.Errorf("log read %d times: a leader that stays keeps its state", n)
		}
		if b := w.log.Batches(tp)[0]; b.LeaderEpoch() != 5 {
			t.Errorf("written with epoch %d, want 5", b.LeaderEpoch())
		}
		w.rt.Unload(tp, 6)
		w.rt.Load(tp, 7)
		synctest.Wait()
		w.wantWords("a")
	})
}

func TestWhileLoadingEverythingIsRefused(t *testing.T) {
	run(t, nil, func(w *world) {
		wantErr(t, w.write("a", "future-1", "b"), nil)
		w.rt.Unload(tp, 2)
		gate := make(chan struct{})
		w.log.GateReads(gate)
		w.rt.Load(tp, 3)
		synctest.Wait()
		wantErr(t, w.write("x"), kerr.CoordinatorLoadInProgress)
		_, err := w.read()
		wantErr(t, err, kerr.CoordinatorLoadInProgress)
		gate <- struct{}{}
		synctest.Wait()
		w.wantWords("a", "b") // what a newer version wrote is skipped.

		w.rt.Unload(tp, 4)
		w.rt.Load(tp, 5) // loading when the test ends: nothing may leak.
		synctest.Wait()
	})
}

func TestAFailedLoadIsNotCoordinatorUntilTheNextElection(t *testing.T) {
	run(t, nil, func(w *world) {
		other := kafka.TopicPartition{Topic: tp.Topic, Partition: 1}
		w.log.Resign(other)
		w.rt.Load(other, 1)
		synctest.Wait()
		err := w.rt.Read(w.t.Context(), other, func(*words, time.Time) error { return nil })
		wantErr(t, err, kerr.NotCoordinator)
	})
}

func TestALoadThatFailsIsTriedAgain(t *testing.T) {
	run(t, nil, func(w *world) {
		wantErr(t, w.write("a"), nil)
		w.rt.Unload(tp, 2)
		w.log.FailReads(io.ErrUnexpectedEOF, io.ErrUnexpectedEOF)
		begun := time.Now()
		w.rt.Load(tp, 3)
		synctest.Wait()
		wantErr(t, w.write("b"), kerr.NotCoordinator)
		time.Sleep(time.Second)
		synctest.Wait()
		wantErr(t, w.write("b"), kerr.NotCoordinator)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.wantWords("a")
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("took %v, want 3s", took)
		}

		w.rt.Unload(tp, 4)
		w.log.FailReads(io.ErrUnexpectedEOF)
		w.rt.Load(tp, 5)
		synctest.Wait()
		reads := w.log.Reads(tp)
		w.rt.Unload(tp, 6)
		time.Sleep(time.Hour)
		if n := w.log.Reads(tp); n != reads {
			t.Error("a partition that has moved is still loaded")
		}
	})
}

func TestAnOperationThatIsNotCommittedTimesOut(t *testing.T) {
	run(t, nil, func(w *world) {
		w.log.HoldCommits()
		var hooked error
		begun := time.Now()
		outcome := w.submitResult(coordinator.Result[string]{
			Records: []string{"a"}, Done: func(_ time.Time, err error) { hooked = err },
		})
		wantErr(t, <-outcome, kerr.RequestTimedOut)
		wantErr(t, hooked, kerr.RequestTimedOut)
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("took %v, want 5s", took)
		}
		w.log.Commit(tp)
		w.wantWords("a") // it was written all the same.
	})
}

func TestTimersFire(t *testing.T) {
	run(t, nil, func(w *world) {
		err := w.rt.Read(w.t.Context(), tp, func(s *words, now time.Time) error {
			s.timers.Set("late", now.Add(time.Hour))
			s.timers.Set("early", now.Add(time.Minute))
			return nil
		})
		wantErr(t, err, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.wantWords("early")
		time.Sleep(time.Hour)
		synctest.Wait()
		w.wantWords("early", "late")
	})
}

func TestTransactionsAreSeenWithTheirMarker(t *testing.T) {
	run(t, nil, func(w *world) {
		for i, committed := range []bool{true, false} {
			producer := coordinator.Producer{ID: kafka.ProducerID(i), Epoch: 1}
			word := fmt.Sprint("txn", i)
			wantErr(t, <-w.submitResult(coordinator.Result[string]{Records: []string{word}, Producer: &producer}), nil)
			wantErr(t, w.rt.EndTransaction(w.t.Context(), tp, coordinator.Marker{Producer: producer, Committed: committed}), nil)
		}
		w.wantWords("txn0")
		batches := w.log.Batches(tp)
		if len(batches) != 4 || !batches[0].IsTransactional() || !batches[1].IsControl() {
			t.Errorf("batches: %v", batches)
		}
		w.rt.Unload(tp, 2)
		w.rt.Load(tp, 3)
		synctest.Wait()
		w.wantWords("txn0")
	})
}

func TestShutdownFailsWhatWaits(t *testing.T) {
	var got error
	run(t, nil, func(w *world) {
		w.log.HoldCommits()
		w.rt.Submit(tp, func(*words, time.Time) (coordinator.Result[string], error) {
			return coordinator.Result[string]{Records: []string{"a"}}, nil
		}, func(err error) { got = err })
		synctest.Wait()
		if got != nil {
			t.Errorf("released with %v before it was committed", got)
		}
	})
	wantErr(t, got, kerr.CoordinatorNotAvailable)
}

func TestResponseError(t *testing.T) {
	for from, want := range map[error]error{
		kerr.NetworkException:          kerr.CoordinatorLoadInProgress,
		kerr.UnknownTopicOrPartition:   kerr.CoordinatorNotAvailable,
		kerr.NotEnoughReplicas:         kerr.CoordinatorNotAvailable,
		kerr.RequestTimedOut:           kerr.CoordinatorNotAvailable,
		kerr.NotLeaderForPartition:     kerr.NotCoordinator,
		kerr.KafkaStorageError:         kerr.NotCoordinator,
		kerr.MessageTooLarge:           kerr.UnknownServerError,
		kerr.CoordinatorLoadInProgress: kerr.CoordinatorLoadInProgress,
		io.EOF:                         io.EOF,
	} {
		if got := coordinator.ResponseError(fmt.Errorf("append: %w", from)); !errors.Is(got, want) {
			t.Errorf("%v becomes %v, want %v", from, got, want)
		}
	}
}

// A decision that no batch can hold is refused before it is replayed: it costs
// its own caller, not everybody who shares the partition.
func TestWhatFitsIntoNoBatchIsRefusedAlone(t *testing.T) {
	word, long := strings.Repeat("x", 300), strings.Repeat("y", 2000)
	for name, refused := range map[string]coordinator.Result[string]{
		"record":        {Records: []string{"small", long}},
		"atomic":        {Records: []string{word, word, word, word}, Atomic: true},
		"transactional": {Records: []string{word, word, word, word}, Producer: &coordinator.Producer{ID: 1}},
		"applied":       {Records: []string{long}, Applied: true},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(w *world) {
				w.log.SetMaxBatchSize(1000)
				wantErr(t, w.write("before"), nil)
				var hooked error
				refused.Done = func(_ time.Time, err error) { hooked = err }
				wantErr(t, <-w.submitResult(refused), kerr.MessageTooLarge)
				wantErr(t, hooked, kerr.MessageTooLarge)
				wantErr(t, w.write("after"), nil)
				w.wantWords("before", "after")
				if n := w.log.Reads(tp); n != 1 {
					t.Errorf("log read %d times: the shard was rebuilt", n)
				}
			})
		})
	}
}

// What only fits when it is compressed is written.
func TestWhatFitsCompressedIsWritten(t *testing.T) {
	gzip := func(o *coordinator.Options[*words, string]) { o.Compression = compress.Gzip }
	run(t, gzip, func(w *world) {
		w.log.SetMaxBatchSize(1000)
		long := strings.Repeat("y", 2000)
		wantErr(t, w.write(long), nil)
		w.wantWords(long)
	})
}

// On a full disk every append fails. The shard must not be loaded anew for each
// of them, and must go on to answer reads.
func TestAppendsThatKeepFailingDoNotRebuildTheShardEachTime(t *testing.T) {
	run(t, nil, func(w *world) {
		wantErr(t, w.write("kept"), nil)
		full := slices.Repeat([]error{kerr.KafkaStorageError}, 1000)
		w.log.FailAppends(full...)
		begun := time.Now()
		for time.Since(begun) < time.Minute {
			wantErr(t, w.write("lost"), kerr.KafkaStorageError)
			synctest.Wait()
			w.wantWords("kept")
			time.Sleep(100 * time.Millisecond)
		}
		if n := w.log.Reads(tp); n > 15 {
			t.Errorf("log read %d times in a minute", n)
		}
		w.log.EndFailures() // There is space again.
		time.Sleep(10 * time.Second)
		wantErr(t, w.write("next"), nil)
		w.wantWords("kept", "next")
		reads := w.log.Reads(tp)
		w.log.FailAppends(kerr.KafkaStorageError)
		wantErr(t, w.write("lost"), kerr.KafkaStorageError)
		synctest.Wait()
		wantErr(t, w.write("last"), nil) // A single failure holds nothing up.
		if n := w.log.Reads(tp) - reads; n != 1 {
			t.Errorf("log read %d times after one failure", n)
		}
	})
}

// A broker has fifty such partitions, most of which hold nothing.
func TestOfAnEmptyPartitionNothingIsSaid(t *testing.T) {
	var lines bytes.Buffer
	logged := func(o *coordinator.Options[*words, string]) { o.Logger = slog.New(slog.NewTextHandler(&lines, nil)) }
	run(t, logged, func(w *world) {
		w.rt.Unload(tp, 2)
		w.rt.Load(tp, 3)
		synctest.Wait()
		if lines.Len() > 0 {
			t.Errorf("the empty partition says:\n%s", &lines)
		}
		wantErr(t, w.write("a"), nil)
		w.rt.Unload(tp, 4)
		w.rt.Load(tp, 5)
		synctest.Wait()
	})
	if got := lines.String(); !strings.Contains(got, "Unloaded the") || strings.Count(got, "Loaded the") != 1 {
		t.Errorf("the other one says:\n%s", got)
	}
}

// A log that could not be read for long, for want of disk space, is loaded soon
// after it can be, and has not filled the broker's log meanwhile.
func TestALongFailureToLoadEndsSoonAfterItsCause(t *testing.T) {
	var lines bytes.Buffer
	logged := func(o *coordinator.Options[*words, string]) { o.Logger = slog.New(slog.NewTextHandler(&lines, nil)) }
	run(t, logged, func(w *world) {
		wantErr(t, w.write("a"), nil)
		w.rt.Unload(tp, 2)
		w.log.FailReads(slices.Repeat([]error{kerr.KafkaStorageError}, 1000)...)
		w.rt.Load(tp, 3)
		time.Sleep(time.Hour)
		w.log.EndFailures()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		w.wantWords("a")
	})
	if n := strings.Count(lines.String(), "level=ERROR"); n == 0 || n > 10 {
		t.Errorf("%d lines:\n%s", n, &lines)
	}
}
