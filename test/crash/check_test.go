package crash

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/test/history"
)

// check compares all that a node has with what clients were told: it may know
// more, but not less. It returns the number of records that were compared.
func (w *world) check(t *testing.T, addr string) (records int64, err error) {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	cl := client(t, addr)
	defer cl.Close()
	adm := kadm.NewClient(cl)
	listed, err := adm.ListTopics(ctx)
	if err != nil {
		return 0, fmt.Errorf("list topics: %w", err)
	}
	if err := w.topics.Check(listed); err != nil {
		return 0, err
	}
	for _, topic := range listed {
		for _, p := range topic.Partitions {
			if p.Err != nil {
				return 0, fmt.Errorf("partition %s-%d: %w", topic.Topic, p.Partition, p.Err)
			}
		}
	}
	ends, err := w.ends(ctx, adm, listed)
	if err != nil {
		return 0, err
	}
	if err := w.checkCommitted(ctx, adm, ends); err != nil {
		return 0, err
	}
	return w.checkRecords(ctx, t, addr, ends)
}

// ends gives the ends of the partitions that have records, or must have some.
func (w *world) ends(ctx context.Context, adm *kadm.Client, listed kadm.TopicDetails) (map[history.Partition]int64, error) {
	var names []string
	for name := range listed {
		if !listed[name].IsInternal {
			names = append(names, name)
		}
	}
	ends := map[history.Partition]int64{}
	for p := range w.ledger.Partitions() {
		if listed.Has(p.Topic) { // Otherwise its deletion was under way.
			ends[p] = 0
		}
	}
	if len(names) == 0 {
		return ends, nil
	}
	offsets, err := adm.ListEndOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list end offsets: %w", err)
	}
	offsets.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			err = errors.Join(err, fmt.Errorf("end of %s-%d: %w", o.Topic, o.Partition, o.Err))
		}
		ends[history.Partition{Topic: o.Topic, Partition: o.Partition}] = o.Offset
	})
	return ends, err
}

func (w *world) checkCommitted(ctx context.Context, adm *kadm.Client, ends map[history.Partition]int64) error {
	before := w.commits.Snapshot()
	offsets, err := adm.FetchOffsets(ctx, loadGroup)
	if err != nil && (!errors.Is(err, kerr.GroupIDNotFound) || len(before) > 0) {
		return fmt.Errorf("committed offsets: %w", err)
	}
	for gp := range before {
		o, ok := offsets.Lookup(gp.Topic, gp.Partition.Partition)
		if !ok {
			o.At = -1
		}
		if o.Err != nil {
			return fmt.Errorf("committed offset of %v: %w", gp.Partition, o.Err)
		}
		if err := w.commits.Check(gp, o.At, before); err != nil {
			return err
		}
		if end := ends[gp.Partition]; o.At > end {
			return fmt.Errorf("%v ends at %d, and offset %d is committed: the group has read what is lost", gp.Partition, end, o.At)
		}
	}
	return nil
}

// checkRecords reads every partition from its start to its end.
func (w *world) checkRecords(ctx context.Context, t *testing.T, addr string, ends map[history.Partition]int64) (int64, error) {
	t.Helper()
	from, todo := map[string]map[int32]kgo.Offset{}, map[history.Partition]int64{}
	for p, end := range ends {
		if end == 0 {
			continue
		}
		todo[p] = end
		if from[p.Topic] == nil {
			from[p.Topic] = map[int32]kgo.Offset{}
		}
		from[p.Topic][p.Partition] = kgo.NewOffset().At(0)
	}
	reader := w.ledger.Reader()
	cl := client(t, addr, kgo.ConsumePartitions(from))
	defer cl.Close()
	for len(todo) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return 0, fmt.Errorf("%d records were read, and not yet all of %v: %w", reader.Records, todo, err)
		}
		var wrong error
		fetches.EachRecord(func(r *kgo.Record) {
			p := history.Partition{Topic: r.Topic, Partition: r.Partition}
			if err := reader.Read(r); err != nil && wrong == nil {
				wrong = err
			}
			if r.Offset+1 >= todo[p] {
				delete(todo, p)
			}
		})
		if wrong != nil {
			return 0, wrong
		}
	}
	for p := range ends {
		if err := reader.AtEnd(p); err != nil {
			return 0, err
		}
	}
	return reader.Records, nil
}
