package data

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// reader polls records and prints those that are wanted, until every partition
// has been read to its end, enough records are printed, or its context ends.
type reader struct {
	env     *cmdline.Env
	client  *kgo.Client
	printer *printer
	filter  filter
	prober  *prober
	limit   int64 // How many records to print, 0 for any number.
	bounded bool  // Partitions have an end where reading stops.
	group   bool

	// atEnd is called once, when all partitions have been read to where they
	// ended at the start.
	atEnd func()

	mu      sync.Mutex // Guards the fields below: a group's callbacks change them too. Held while printing.
	cursors *cursors
	// assigned tells that the group has said which partitions are this member's.
	assigned bool
	seen     int64 // Records read, printed or not.
	marks    []*kgo.Record
}

// errStop says that the reader has done all it was asked for.
var errStop = errors.New("done")

// run reads. It returns nil when done, the error of ctx, or what went wrong.
func (r *reader) run(ctx context.Context) error {
	for {
		if r.finished() {
			return nil
		}
		fetches, err := r.poll(ctx)
		if err != nil {
			return err
		}
		err = r.take(fetches)
		r.release()
		if err != nil {
			return err
		}
		if fetches.Empty() && r.bounded {
			r.probe(ctx)
		}
	}
}

// poll waits for records. A reader with an end waits only so long.
func (r *reader) poll(ctx context.Context) (kgo.Fetches, error) {
	pollCtx := ctx
	if r.bounded {
		var cancel context.CancelFunc
		pollCtx, cancel = context.WithTimeout(ctx, probeAfter)
		defer cancel()
	}
	fetches := r.client.PollFetches(pollCtx)
	if ctx.Err() != nil && fetches.Empty() {
		r.release()
		return nil, context.Cause(ctx)
	}
	return fetches, nil
}

// release lets the group rebalance, which polling has forbidden.
func (r *reader) release() {
	if r.group {
		r.client.AllowRebalance()
	}
}

// finished tells whether every partition has been read to its end, and says so
// once where reading goes on.
func (r *reader) finished() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cursors.open > 0 || r.group && !r.assigned {
		return false
	}
	if !r.bounded && r.atEnd != nil {
		r.atEnd()
		r.atEnd = nil
	}
	return r.bounded
}

// take prints what is wanted of fetches, and marks for commit what has been
// written.
func (r *reader) take(fetches kgo.Fetches) error {
	if err := r.failure(fetches); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks = r.marks[:0]
	var stop error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if stop == nil {
			stop = r.takePartition(p)
		}
	})
	if stop != nil && !errors.Is(stop, errStop) {
		return stop
	}
	// Only what has been written may be committed.
	if err := r.printer.flush(); err != nil {
		return err
	}
	if r.group {
		r.client.MarkCommitRecords(r.marks...)
	}
	return stop
}

func (r *reader) takePartition(p kgo.FetchTopicPartition) error {
	id := partitionID{p.Topic, p.Partition}
	cur, tracked := r.cursors.all[id]
	if !tracked {
		cur = &cursor{id: id, end: unbounded, done: true}
	}
	var last *kgo.Record
	defer func() {
		if last != nil {
			r.marks = append(r.marks, last)
		}
	}()
	for _, record := range p.Records {
		if r.bounded && record.Offset >= cur.end {
			r.cursors.advance(cur, cur.end)
			break
		}
		r.cursors.advance(cur, record.Offset+1)
		if !record.Attrs.IsControl() {
			r.seen++
			if shown := r.printer.shown(record); r.filter.wants(shown) {
				if err := r.printer.print(shown); err != nil {
					return err
				}
			}
		}
		last = record
		if r.limit > 0 && r.printer.printed >= r.limit {
			return errStop
		}
	}
	if r.bounded && cur.done && tracked {
		r.client.PauseFetchPartitions(map[string][]int32{id.topic: {id.partition}})
	}
	return nil
}

// failure is the error among fetches that ends the command. The client goes on
// after others, so that the person is only told.
func (r *reader) failure(fetches kgo.Fetches) error {
	var failure error
	fetches.EachError(func(topic string, partition int32, err error) {
		var loss *kgo.ErrDataLoss
		var session *kgo.ErrGroupSession
		var code *kerr.Error
		switch {
		case failure != nil, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		case errors.As(err, &loss):
			r.env.Notef("%s-%d: records from offset %d on were lost; reading goes on at %d", topic, partition, loss.ConsumedTo, loss.ResetTo)
		case errors.As(err, &session) && (!errors.As(err, &code) || code.Retriable):
			r.env.Notef("the group does not hear this member: %v; trying again", session.Err)
		case topic == "":
			failure = cmdline.KafkaError(err, "")
		default:
			failure = fmt.Errorf("consume %s-%d: %w", topic, partition, cmdline.KafkaError(err, ""))
		}
	})
	return failure
}

// probe looks at partitions of which nothing has come.
func (r *reader) probe(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, cur := range r.cursors.all {
		if !cur.done && ctx.Err() == nil {
			// Requests are made under the lock, which only a rebalance of the group
			// waits for.
			r.prober.advance(ctx, r.cursors, cur)
		}
	}
}

// watcher looks for topics and partitions that are new while a reader follows,
// and for topics that are gone.
type watcher struct {
	env      *cmdline.Env
	admin    *kadm.Client
	selector selector
	every    time.Duration // How often to look.
	// found is called with all topics there are of those selected.
	found func(kadm.TopicDetails)
}

// run watches until ctx ends, and calls fail when a topic is gone.
func (w *watcher) run(ctx context.Context, fail func(error)) {
	missing, lost := 0, false
	for {
		if pause(ctx, w.every) != nil {
			return
		}
		topics, err := w.selector.list(ctx, w.admin)
		unknown := (*unknownTopicError)(nil)
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &unknown):
			// A broker that has just started may not know a topic yet.
			if missing++; missing >= 2 {
				fail(fmt.Errorf("topic %s is gone: somebody has deleted it", unknown.name))
				return
			}
		case err != nil:
			if !lost {
				w.env.Notef("the cluster does not answer: %v; trying again", err)
			}
			lost = true
		default:
			if lost {
				w.env.Notef("the cluster answers again")
			}
			missing, lost = 0, false
			w.found(topics)
		}
	}
}
