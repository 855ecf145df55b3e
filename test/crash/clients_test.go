package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/test/history"
)

// event is something that clients are about to do, or were told.
type event int

const (
	acked      event = iota // A record was acknowledged.
	committing              // Offsets are about to be committed.
	committed               // A commit was acknowledged.
	joining                 // A member is about to join, or was given partitions.
	creating                // A topic is about to be created.
	deleting                // A topic is about to be deleted.
	rolled                  // A log has a new segment.
	events
)

func bounded(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), timeout)
}

func client(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr), kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(50 * time.Millisecond), kgo.ConsiderMissingTopicDeletedAfter(0),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
		// A connection that a crash ends before its first answer is no wrong configuration.
		kgo.AlwaysRetryEOF(),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// clients use a node for one round.
type clients struct {
	t     *testing.T
	w     *world
	addr  string
	round int
	// happened is told of events; it may be called by many goroutines at once.
	happened func(event)

	group sync.WaitGroup
	stop  context.CancelFunc
	own   []*kgo.Client // To be closed at the end.
}

// begin starts the clients. The producers given live longer than the round.
func (c *clients) begin(steady ...*producer) {
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.Lz4Compression()} {
		cl := c.client(producerOptions(codec)...)
		p := &producer{name: fmt.Sprintf("round-%d.%d", c.round, i), cl: cl, answers: make(chan struct{}, 6)}
		c.group.Go(func() { p.run(ctx, c) })
	}
	for _, p := range steady {
		c.group.Go(func() { p.run(ctx, c) })
	}
	for i := range 2 {
		c.group.Go(func() { c.member(ctx, fmt.Sprintf("member-%d", i)) })
	}
	c.group.Go(func() { c.visitors(ctx) })
	c.group.Go(func() { c.churn(ctx) })
}

// end stops the clients, whose node is gone or goes.
func (c *clients) end() {
	c.stop()
	for _, cl := range c.own {
		cl.Close()
	}
	ended := make(chan struct{})
	go func() { c.group.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(timeout):
		c.t.Fatal("the clients of a node that is gone do not end")
	}
}

func (c *clients) client(opts ...kgo.Opt) *kgo.Client {
	cl := client(c.t, c.addr, opts...)
	c.own = append(c.own, cl)
	return cl
}

func producerOptions(codec kgo.CompressionCodec) []kgo.Opt {
	return []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(codec)}
}

// producer is an idempotent producer that sends again until it has an answer, or
// its client is closed.
type producer struct {
	name    string
	cl      *kgo.Client
	answers chan struct{} // Bounds the records that wait for one.
	// steady is set if it lives longer than a round: it never gives up.
	steady bool
}

func (p *producer) run(ctx context.Context, c *clients) {
	for {
		select {
		case p.answers <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil {
			<-p.answers
			return
		}
		p.send(c, history.Partition{Topic: loadTopic, Partition: rand.Int32N(loadPartitions)})
		time.Sleep(rand.N(2 * time.Millisecond)) // Each round reads all that the rounds before have written.
	}
}

func (p *producer) send(c *clients, to history.Partition) {
	a := c.w.ledger.Attempt(p.name, to, 50+rand.IntN(600))
	p.cl.Produce(context.Background(), a.Record, func(r *kgo.Record, err error) {
		defer func() { <-p.answers }()
		switch {
		case err == nil:
			if err := c.w.ledger.Acked(a, r.Offset); err != nil {
				c.t.Error(err)
			}
			c.happened(acked)
		case p.steady:
			c.t.Errorf("producer %s: %v", p.name, err)
		default:
			c.w.ledger.Failed(a) // It may be there or not.
		}
	})
}

// settle waits until every record has its answer.
func (p *producer) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	if err := p.cl.Flush(ctx); err != nil {
		t.Fatalf("producer %s has no answers from a node that serves: %v", p.name, err)
	}
}

func (c *clients) groupClient(opts ...kgo.Opt) *kgo.Client {
	return client(c.t, c.addr, append([]kgo.Opt{
		kgo.ConsumerGroup(loadGroup), kgo.ConsumeTopics(loadTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), kgo.FetchMaxWait(50 * time.Millisecond), kgo.SessionTimeout(600 * time.Millisecond), kgo.HeartbeatInterval(100 * time.Millisecond),
		kgo.RebalanceTimeout(time.Second), kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { c.happened(joining) }),
	}, opts...)...)
}

// member reads and commits. It is a static one, which after a crash takes its
// place without waiting for its session to end.
func (c *clients) member(ctx context.Context, instance string) {
	cl := c.groupClient(kgo.InstanceID(instance))
	defer cl.CloseAllowingRebalance()
	c.readAndCommit(ctx, cl)
}

// visitors join the group and leave it, one after the other.
func (c *clients) visitors(ctx context.Context) {
	for ctx.Err() == nil {
		c.happened(joining)
		cl := c.groupClient()
		life, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(400))*time.Millisecond)
		c.readAndCommit(life, cl)
		cancel()
		if ctx.Err() == nil {
			leave, cancel := context.WithTimeout(ctx, time.Second) // Nobody answers it if the node is gone by now.
			_ = cl.LeaveGroupContext(leave)
			cancel()
		}
		cl.CloseAllowingRebalance()
	}
}

func (c *clients) readAndCommit(ctx context.Context, cl *kgo.Client) {
	for ctx.Err() == nil {
		cl.PollFetches(ctx)
		c.commit(ctx, cl)
		cl.AllowRebalance()
	}
}

func (c *clients) commit(ctx context.Context, cl *kgo.Client) {
	offsets := cl.UncommittedOffsets()
	if len(offsets) == 0 || ctx.Err() != nil {
		return
	}
	at := func(topic string, partition int32) history.GroupPartition {
		return history.GroupPartition{Group: loadGroup, Partition: history.Partition{Topic: topic, Partition: partition}}
	}
	for topic, partitions := range offsets {
		for partition, o := range partitions {
			c.w.commits.Attempt(at(topic, partition), o.Offset)
		}
	}
	c.happened(committing)
	cl.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			return // The group rebalances, or the node is gone.
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if kerr.ErrorForCode(p.ErrorCode) == nil {
					c.w.commits.Acked(at(t.Topic, p.Partition), offsets[t.Topic][p.Partition].Offset)
					c.happened(committed)
				}
			}
		}
	})
}

// topicNumbers number the topics of all rounds and kinds of crashes.
var topicNumbers atomic.Int64

// churn creates topics, writes a record to each, and deletes two of three.
func (c *clients) churn(ctx context.Context) {
	cl := client(c.t, c.addr, append(producerOptions(kgo.NoCompression()), kgo.AllowIdempotentProduceCancellation())...)
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for ctx.Err() == nil {
		number := topicNumbers.Add(1)
		if err := c.topicLife(ctx, cl, adm, fmt.Sprintf("topic-%d", number), number%3 != 0); err != nil {
			return // The node is gone.
		}
	}
}

func (c *clients) topicLife(ctx context.Context, cl *kgo.Client, adm *kadm.Client, topic string, deleted bool) error {
	c.happened(creating)
	created, err := adm.CreateTopic(ctx, 2, 1, nil, topic)
	if err != nil {
		return err
	}
	c.w.topics.Created(topic, created.ID)
	a := c.w.ledger.Attempt("churn", history.Partition{Topic: topic, Partition: rand.Int32N(2)}, 100)
	if err := cl.ProduceSync(ctx, a.Record).FirstErr(); err != nil {
		return err
	}
	if err := c.w.ledger.Acked(a, a.Record.Offset); err != nil {
		c.t.Error(err)
	}
	if !deleted {
		return nil
	}
	c.w.topics.Deleting(topic)
	c.w.ledger.Forget(topic)
	c.happened(deleting)
	gone, err := adm.DeleteTopic(ctx, topic)
	if err != nil || gone.Err != nil {
		return errors.Join(err, gone.Err)
	}
	c.w.topics.Deleted(topic)
	return nil
}
