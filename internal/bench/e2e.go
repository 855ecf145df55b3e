package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/record"
)

// EndToEndOptions describe a load of records that are due at a steady rate and
// are followed from there to a consumer.
type EndToEndOptions struct {
	Topic  Topic  `json:"topic"`
	Window Window `json:"window"`
	// Rate is how many records a second are due, over all producers.
	Rate float64 `json:"rate"`
	// Producers send what is due at once (linger.ms=0), up to InFlight requests
	// ahead of their answers; what becomes due meanwhile goes into one batch, as in
	// clients.
	Producers int `json:"producers"`
	InFlight  int `json:"inFlight"`
	// Consumers share the partitions and keep one fetch waiting each.
	Consumers int `json:"consumers"`
	// RecordSize is the size of a record's value, in bytes.
	RecordSize int `json:"recordSize"`
	// BatchSize bounds a batch, in bytes.
	BatchSize int   `json:"batchSize"`
	Acks      int16 `json:"acks"`
}

// stampSize is the size of what a record's value begins with: when it was due.
const stampSize = 8

// MinEndToEndRecord is the smallest RecordSize of an end-to-end run.
const MinEndToEndRecord = stampSize

// settle is how long an end-to-end run waits for what is still under way.
const settle = 10 * time.Second

// EndToEnd measures how long records take from when they are due to when a
// consumer has them.
func (c *Cluster) EndToEnd(ctx context.Context, o EndToEndOptions) (_ *Result, err error) {
	t, err := c.prepare(ctx, ScenarioEndToEnd, o.Topic)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.release(ctx, t, o.Topic)) }()
	if !t.created {
		return nil, fmt.Errorf("topic %s is there already; an end-to-end run needs a topic of its own, because it reads its own stamps", t.name)
	}
	producers, hangUp, err := c.connect(ctx, t, max(o.Producers, len(t.leaders)), readBuffer)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	consumers, hangUpConsumers, err := c.connect(ctx, t, max(o.Consumers, len(t.leaders)), fetchBuffer)
	if err != nil {
		return nil, err
	}
	defer hangUpConsumers()
	versions := map[string]int16{
		"Produce": producers[0].Version(kmsg.NewPtrProduceRequest()), "Fetch": consumers[0].Version(kmsg.NewPtrFetchRequest()),
	}
	r := newRun(o.Window, c.byteLimit(ctx, o.Window.MaxBytes), openLoop, c.usage)
	e := &endToEnd{run: r, topic: t, options: o, versions: versions}
	workers := make([]func(context.Context) error, 0, len(producers)+len(consumers))
	for i, conn := range consumers {
		workers = append(workers, newFollower(e, conn, i, len(consumers)).work)
	}
	e.sending.Store(int64(len(producers)))
	for i, conn := range producers {
		workers = append(workers, newStamper(e, conn, i, len(producers)).work)
	}
	if err := r.execute(ctx, workers); err != nil {
		return nil, err
	}
	result := c.result(ScenarioEndToEnd, r, o, versions)
	result.Missing = max(e.acked.Load()-e.received.Load(), 0)
	return result, nil
}

// endToEnd is what the producers and the consumers of a run share.
type endToEnd struct {
	run      *run
	topic    *topic
	options  EndToEndOptions
	versions map[string]int16
	// sending is how many producers still send.
	sending atomic.Int64
	// acked and received count records of the whole run.
	acked, received atomic.Int64
}

// finished tells that everything that was acknowledged has come.
func (e *endToEnd) finished() bool {
	return e.sending.Load() == 0 && e.received.Load() >= e.acked.Load()
}

// stamper is a producer whose records say when they were due.
type stamper struct {
	*endToEnd
	conn       *Conn
	partitions []int32
	next       int
	interval   time.Duration
	due        time.Duration
	pacer      *pacer
	value      []byte
	builder    *record.Builder
	maxRecords int
	// req is every request in turn, so that little garbage is made, and header the size of
	// the header of each answer.
	req    *kmsg.ProduceRequest
	header int
}

func newStamper(e *endToEnd, conn *Conn, i, n int) *stamper {
	interval := time.Duration(float64(time.Second) * float64(n) / e.options.Rate)
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(e.versions["Produce"])
	req.Acks, req.TimeoutMillis = e.options.Acks, int32(drainTimeout.Milliseconds())
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = e.topic.name, e.topic.id
	t.Partitions = []kmsg.ProduceRequestTopicPartition{kmsg.NewProduceRequestTopicPartition()}
	req.Topics = []kmsg.ProduceRequestTopic{t}
	return &stamper{
		endToEnd: e, conn: conn, partitions: e.topic.leaders[i%len(e.topic.leaders)].partitions, next: i / len(e.topic.leaders),
		interval: interval, due: e.run.now() + interval*time.Duration(i)/time.Duration(n),
		value: make([]byte, e.options.RecordSize), builder: record.NewBuilder(record.NewOptions(0)),
		maxRecords: max(e.options.BatchSize/(e.options.RecordSize+recordOverhead), 1), req: req, header: responseHeaderSize(req),
	}
}

// recordOverhead is about what a record takes beside its value.
const recordOverhead = 12

func (s *stamper) work(ctx context.Context) error {
	defer s.conn.closeWith(ctx)()
	defer s.sending.Add(-1)
	var err error
	if s.pacer, err = newPacer(); err != nil {
		return err
	}
	defer s.pacer.close()
	slots, waiting := make(chan struct{}, s.options.InFlight), make(chan int, s.options.InFlight)
	read := make(chan error, 1)
	go func() {
		var failed error
		for records := range waiting {
			if failed == nil {
				if failed = s.answered(records); failed != nil {
					_ = s.conn.Close()
				}
			}
			<-slots
		}
		read <- failed
	}()
	wrote := s.write(slots, waiting)
	if err := <-read; err != nil {
		return lost(ctx, err)
	}
	return lost(ctx, wrote)
}

// write sends what is due until the run stops. waiting gets how many records each request
// that waits for its answer has.
func (s *stamper) write(slots chan<- struct{}, waiting chan<- int) error {
	defer close(waiting)
	for {
		if err := s.run.sleep(s.pacer, s.due); err != nil {
			return err
		}
		slots <- struct{}{}
		records := s.request()
		if !s.run.spend(records * s.options.RecordSize) {
			s.run.behind(s.run.now() - s.due)
			return nil
		}
		waiting <- records
		if err := s.conn.send(s.req); err != nil {
			return err
		}
	}
}

// request gathers the records that are due into a batch for the next partition, in req.
func (s *stamper) request() (records int) {
	s.builder.Reset(record.NewOptions(0))
	now, wall := s.run.now(), time.Now().UnixMilli()
	for ; s.due <= now && records < s.maxRecords; s.due += s.interval {
		binary.BigEndian.PutUint64(s.value, uint64(s.due))
		s.builder.Append(wall, nil, s.value)
		records++
	}
	if records == 0 { // The timer was early by less than it is exact.
		binary.BigEndian.PutUint64(s.value, uint64(s.due))
		s.builder.Append(wall, nil, s.value)
		s.due += s.interval
		records = 1
	}
	p := &s.req.Topics[0].Partitions[0]
	p.Partition = s.partitions[s.next%len(s.partitions)]
	s.next++
	p.Records = s.builder.Build()
	return records
}

func (s *stamper) answered(records int) error {
	answer, err := s.conn.answer()
	if err != nil {
		return err
	}
	if err := produceError(answer, s.header, s.versions["Produce"]); err != nil {
		return err
	}
	s.acked.Add(int64(records))
	return nil
}

// follower is a consumer that reads the stamps. It fetches as clients do: in an
// incremental session (KIP-227), whose requests name only what has changed.
type follower struct {
	*endToEnd
	conn  *Conn
	shard *shard
	// offsets holds what is fetched next of every partition, changed those that the
	// session does not know yet.
	offsets map[int32]int64
	changed map[int32]bool
	session int32
	epoch   int32
	// req and resp are every request and answer in turn, so that little garbage is made.
	req  *kmsg.FetchRequest
	resp *kmsg.FetchResponse
}

func newFollower(e *endToEnd, conn *Conn, i, n int) *follower {
	f := &follower{
		endToEnd: e, conn: conn, shard: e.run.meter.shard(i),
		offsets: map[int32]int64{}, changed: map[int32]bool{},
		req: kmsg.NewPtrFetchRequest(), resp: kmsg.NewPtrFetchResponse(),
	}
	f.assign(i, n)
	f.req.SetVersion(e.versions["Fetch"])
	f.req.MaxWaitMillis, f.req.MinBytes, f.req.MaxBytes = int32(fetchWait.Milliseconds()), 1, 50<<20
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = e.topic.name, e.topic.id
	f.req.Topics = append(f.req.Topics, t)
	return f
}

// assign gives the i-th of n consumers its partitions of its leader.
func (f *follower) assign(i, n int) {
	leaders := f.topic.leaders
	rank, of := i/len(leaders), (n-i%len(leaders)+len(leaders)-1)/len(leaders)
	for k, partition := range leaders[i%len(leaders)].partitions {
		if k%of == rank {
			f.offsets[partition], f.changed[partition] = 0, true
		}
	}
}

func (f *follower) work(ctx context.Context) error {
	defer f.conn.closeWith(ctx)()
	var deadline time.Time
	for !f.finished() {
		if f.run.stopped() && f.sending.Load() == 0 {
			if deadline.IsZero() {
				deadline = time.Now().Add(settle)
			} else if time.Now().After(deadline) {
				return nil // The result tells how many are missing.
			}
		}
		if err := f.fetch(); err != nil {
			return lost(ctx, err)
		}
	}
	return nil
}

func (f *follower) fetch() error {
	resp := f.resp
	if err := f.conn.Do(f.request(), resp); err != nil {
		return err
	}
	now := f.run.now()
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	if f.epoch++; f.session != resp.SessionID {
		f.session, f.epoch = resp.SessionID, 1
	}
	for i := range resp.Topics {
		for k := range resp.Topics[i].Partitions {
			if err := f.read(&resp.Topics[i].Partitions[k], now); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *follower) request() *kmsg.FetchRequest {
	f.req.SessionID, f.req.SessionEpoch = f.session, f.epoch
	topics := f.req.Topics[:1]
	t := &topics[0]
	t.Partitions = t.Partitions[:0]
	for partition, offset := range f.offsets {
		if f.session != 0 && !f.changed[partition] {
			continue
		}
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 1<<20
		t.Partitions = append(t.Partitions, p)
	}
	clear(f.changed)
	if len(t.Partitions) == 0 {
		topics = topics[:0]
	}
	f.req.Topics = topics
	return f.req
}

// read notes the latency of every record of a partition, which came at now.
func (f *follower) read(p *kmsg.FetchResponseTopicPartition, now time.Duration) error {
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return fmt.Errorf("fetch from partition %d: %w", p.Partition, err)
	}
	for b, err := range record.Batches(p.RecordBatches) {
		if err != nil {
			break // The last batch may be cut off; it comes whole with the next fetch.
		}
		if int64(b.BaseOffset()) != f.offsets[p.Partition] {
			return fmt.Errorf("partition %d: after offset %d comes %d", p.Partition, f.offsets[p.Partition]-1, b.BaseOffset())
		}
		for r, err := range b.Records(record.DefaultMaxDecompressed) {
			if err != nil {
				return fmt.Errorf("partition %d, offset %d: %w", p.Partition, b.BaseOffset(), err)
			}
			f.stamp(r.Value, now)
		}
		f.offsets[p.Partition], f.changed[p.Partition] = int64(b.NextOffset()), true
		f.received.Add(int64(b.Count()))
	}
	return nil
}

// stamp counts one record.
func (f *follower) stamp(value []byte, now time.Duration) {
	due := time.Duration(binary.BigEndian.Uint64(value))
	if f.run.dueCounts(due) {
		f.shard.count(counts{requests: 1, records: 1, bytes: int64(len(value))})
		f.shard.observe(now - due)
	}
}
