package history

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// at gives a record as a consumer gets it.
func at(a Attempt, offset int64) *kgo.Record {
	r := *a.Record
	r.Offset = offset
	return &r
}

func expect(t *testing.T, what string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || !strings.Contains(fmt.Sprint(err), want) && want != "" {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

var p0 = Partition{"t", 0}

// TestReaderFindsWhatItIsFor feeds a reader with logs that are wrong. The producer
// has been told that its records 0, 1 and 3 are at offsets 0, 1 and 3.
func TestReaderFindsWhatItIsFor(t *testing.T) {
	for name, c := range map[string]struct {
		log  func(a []Attempt) []*kgo.Record
		want string
	}{
		"all is well": {func(a []Attempt) []*kgo.Record {
			return []*kgo.Record{at(a[0], 0), at(a[1], 1), at(a[2], 2), at(a[3], 3)}
		}, ""},
		"the end is lost":   {func(a []Attempt) []*kgo.Record { return []*kgo.Record{at(a[0], 0), at(a[1], 1), at(a[2], 2)} }, "1 acknowledged records are lost"},
		"one is lost":       {func(a []Attempt) []*kgo.Record { return []*kgo.Record{at(a[0], 0), at(a[2], 1), at(a[3], 2)} }, "was acknowledged with offset 1, where"},
		"an offset is lost": {func(a []Attempt) []*kgo.Record { return []*kgo.Record{at(a[0], 0), at(a[1], 1), at(a[3], 3)} }, "offset 3 follows 1"},
		"one is moved": {func(a []Attempt) []*kgo.Record {
			return []*kgo.Record{at(a[0], 0), at(a[1], 1), at(a[3], 2)}
		}, "was acknowledged with offset 3, and is at 2"},
		"one is there twice": {func(a []Attempt) []*kgo.Record {
			return []*kgo.Record{at(a[0], 0), at(a[1], 1), at(a[2], 2), at(a[3], 3), at(a[3], 4)}
		}, "a second time"},
		"one is there again later": {func(a []Attempt) []*kgo.Record {
			return []*kgo.Record{at(a[0], 0), at(a[1], 1), at(a[2], 2), at(a[3], 3), at(a[2], 4)}
		}, "twice, or out of order"},
		"one is altered": {func(a []Attempt) []*kgo.Record {
			r := at(a[1], 1)
			r.Value = append([]byte{}, r.Value...)
			r.Value[len(r.Value)-1] ^= 1
			return []*kgo.Record{at(a[0], 0), r}
		}, "not as it was sent"},
		"a header is lost": {func(a []Attempt) []*kgo.Record {
			r := at(a[1], 1)
			r.Headers = nil
			return []*kgo.Record{at(a[0], 0), r}
		}, "not as it was sent"},
		"one is of another partition": {func(a []Attempt) []*kgo.Record {
			r := at(a[0], 0)
			r.Partition = 1
			return []*kgo.Record{r}
		}, "sent elsewhere"},
		"one is nobody's": {func([]Attempt) []*kgo.Record {
			return []*kgo.Record{{Topic: "t", Value: []byte("hello")}}
		}, "nobody sent"},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLedger()
			var attempts []Attempt
			for range 4 {
				attempts = append(attempts, l.Attempt("p", p0, 100))
			}
			for _, offset := range []int{0, 1, 3} {
				expect(t, "ack", l.Acked(attempts[offset], int64(offset)), "")
			}
			r := l.Reader()
			var err error
			for _, record := range c.log(attempts) {
				if err = r.Read(record); err != nil {
					break
				}
			}
			if err == nil {
				err = r.AtEnd(p0)
			}
			expect(t, "the log", err, c.want)
		})
	}
}

// TestForgetfulTopic lets acknowledgements come before and after the reading, and
// records go before they are read.
func TestForgetfulTopic(t *testing.T) {
	l := NewLedger("t")
	r := l.Reader()
	var a []Attempt
	for range 8 {
		a = append(a, l.Attempt("p", p0, 100))
	}
	expect(t, "ack 0", l.Acked(a[0], 0), "")
	expect(t, "read 0", r.Read(at(a[0], 0)), "")
	expect(t, "read 1 before its ack", r.Read(at(a[1], 1)), "")
	expect(t, "ack 1", l.Acked(a[1], 1), "")
	expect(t, "read 2", r.Read(at(a[2], 2)), "")
	expect(t, "ack 2 with another offset", l.Acked(a[2], 3), "was read at 2")
	expect(t, "ack 3 where 1 was read", l.Acked(a[3], 1), "something else was read")
	expect(t, "ack 4", l.Acked(a[4], 4), "")
	expect(t, "ack 5", l.Acked(a[5], 5), "")
	expect(t, "jump too far", r.Jump(p0, 6, 5), "1 acknowledged records are lost")
	expect(t, "ack 6, gone before it was read", l.Acked(a[6], 3), "")
	expect(t, "jump back", r.Jump(p0, 1, 9), "follows")
	if told := l.told(p0); len(told.acked)+len(told.offsets)+len(told.read) > 0 {
		t.Errorf("it still remembers %+v", told)
	}
}

func TestTwoRecordsAtOneOffset(t *testing.T) {
	l := NewLedger()
	expect(t, "ack", l.Acked(l.Attempt("p", p0, 1), 7), "")
	expect(t, "ack", l.Acked(l.Attempt("p", p0, 1), 7), "both acknowledged with offset 7")
}

func TestSnapshotStaysAsItWas(t *testing.T) {
	l := NewLedger()
	a := l.Attempt("p", p0, 1)
	before := l.Snapshot()
	expect(t, "ack", l.Acked(a, 0), "")
	expect(t, "before", before.Reader().AtEnd(p0), "")
	expect(t, "after", l.Snapshot().Reader().AtEnd(p0), "lost")
}

func TestCommitsFindWhatTheyAreFor(t *testing.T) {
	g := GroupPartition{"g", p0}
	for offset, want := range map[int64]string{4: "went back from 5 to 4", 5: "", 6: "", 7: "", 8: "none above 7", -1: "is lost"} {
		c := NewCommits()
		c.Attempt(g, 5)
		c.Acked(g, 5)
		c.Attempt(g, 7)
		expect(t, fmt.Sprint(offset), c.Check(g, offset, c.Snapshot()), want)
	}
}

func TestDeliveriesFindAGap(t *testing.T) {
	g := GroupPartition{"g", p0}
	d := NewDeliveries()
	for _, c := range []struct {
		offset, deletedBelow int64
		want                 string
	}{{0, 0, ""}, {1, 0, ""}, {0, 0, ""}, {5, 5, ""}, {6, 5, ""}, {8, 5, "none from 7 to 7"}} {
		expect(t, fmt.Sprint(c.offset), d.Delivered(g, c.offset, c.deletedBelow), c.want)
	}
}

func TestTopicsFindWhatTheyAreFor(t *testing.T) {
	topics := NewTopics()
	one, two := kadm.TopicID{1}, kadm.TopicID{2}
	topics.Created("kept", one)
	topics.Created("gone", one)
	topics.Deleting("gone")
	listed := kadm.TopicDetails{"kept": {Topic: "kept", ID: one}, "gone": {Topic: "gone", ID: one}}
	expect(t, "while it is deleted", topics.Check(listed), "")
	topics.Deleted("gone")
	expect(t, "when it is deleted", topics.Check(listed), "is deleted, and there")
	expect(t, "lost", topics.Check(kadm.TopicDetails{}), "is lost")
	expect(t, "another", topics.Check(kadm.TopicDetails{"kept": {Topic: "kept", ID: two}}), "was created with")
}
