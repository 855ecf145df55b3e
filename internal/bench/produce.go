package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ProduceOptions describe a load of Produce requests.
type ProduceOptions struct {
	Topic  Topic  `json:"topic"`
	Window Window `json:"window"`
	// Connections send at the same time, each up to InFlight requests ahead of
	// their answers.
	Connections int `json:"connections"`
	InFlight    int `json:"inFlight"`
	// RecordSize is the size of a record's value, in bytes.
	RecordSize int `json:"recordSize"`
	// BatchSize bounds a record batch before compression, as batch.size does. A
	// batch holds one record at least; 0 is one record.
	BatchSize int `json:"batchSize"`
	// BatchesPerRequest is how many partitions one request writes to.
	BatchesPerRequest int `json:"batchesPerRequest"`
	// Acks is -1 (all), 1, or 0: then nothing is answered, and what is counted is
	// what was sent.
	Acks int16 `json:"acks"`
	// Codec compresses the batches.
	Codec Codec `json:"codec"`
	// Rate is how many records a second are due, over all connections; 0 is as many
	// as the cluster takes.
	Rate float64 `json:"rate,omitempty"`
}

// Produce measures Produce requests. scenario is the name of the Result.
func (c *Cluster) Produce(ctx context.Context, scenario string, o ProduceOptions) (_ *Result, err error) {
	t, err := c.prepare(ctx, scenario, o.Topic)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.release(ctx, t, o.Topic)) }()
	return c.produce(ctx, scenario, t, o)
}

// produce runs the load on a topic that is ready.
func (c *Cluster) produce(ctx context.Context, scenario string, t *topic, o ProduceOptions) (*Result, error) {
	conns, hangUp, err := c.connect(ctx, t, o.Connections, readBuffer)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	version := conns[0].Version(kmsg.NewPtrProduceRequest())
	batch := newBatch(o.RecordSize, o.BatchSize, o.Codec)
	frames := make([][]frame, len(t.leaders))
	for i, l := range t.leaders {
		frames[i] = produceFrames(t, l.partitions, version, batch, o)
	}
	loop := closedLoop
	if o.Rate > 0 {
		loop = openLoop
	}
	r := newRun(o.Window, c.byteLimit(ctx, o.Window.MaxBytes), loop, c.usage)
	workers := make([]func(context.Context) error, 0, len(conns))
	for i, conn := range conns {
		p := &producer{
			run: r, conn: conn, shard: r.meter.shard(i), frames: frames[i%len(t.leaders)], next: i / len(t.leaders),
			inFlight: o.InFlight, unanswered: o.Acks == 0,
		}
		if o.Rate > 0 {
			partitions := len(t.leaders[i%len(t.leaders)].partitions)
			perRequest := float64(batch.records*partitions) / float64(len(p.frames))
			p.interval = time.Duration(float64(time.Second) * perRequest * float64(len(conns)) / o.Rate)
			p.due = p.interval * time.Duration(i) / time.Duration(len(conns))
		}
		workers = append(workers, p.work)
	}
	if err := r.execute(ctx, workers); err != nil {
		return nil, err
	}
	return c.result(scenario, r, o, map[string]int16{"Produce": version}), nil
}

// producer sends the Produce requests of one connection.
type producer struct {
	run   *run
	conn  *Conn
	shard *shard
	// frames are shared by all producers and never change. Each sends them in
	// turn, as clients write to every partition, and begins with the next-th.
	frames     []frame
	next       int
	inFlight   int
	unanswered bool
	// interval between requests, and when the next one is due: counted from when the
	// producer begins until it does. 0 is at once.
	interval, due time.Duration
	pacer         *pacer
}

// sent is a request that waits for its answer.
type sent struct {
	frame *frame
	due   time.Duration
}

func (p *producer) work(ctx context.Context) error {
	defer p.conn.closeWith(ctx)()
	if p.interval > 0 {
		var err error
		if p.pacer, err = newPacer(); err != nil {
			return err
		}
		defer p.pacer.close()
		p.due += p.run.now()
	}
	var err error
	switch {
	case p.unanswered:
		err = p.sendOnly()
	case p.inFlight > 1:
		err = p.pipeline()
	default:
		err = p.pingPong()
	}
	return lost(ctx, err)
}

// lost makes errors of connections that ended with ctx the error of ctx.
func lost(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// take gives the next request when it is due, and nil at the end of the run.
func (p *producer) take() (*frame, time.Duration, error) {
	f := &p.frames[p.next%len(p.frames)]
	p.next++
	due := p.run.now()
	if p.interval > 0 {
		due, p.due = p.due, p.due+p.interval
		if err := p.run.sleep(p.pacer, due); err != nil {
			return nil, 0, err
		}
	}
	if !p.run.spend(f.bytes) {
		if p.interval > 0 {
			p.run.behind(p.run.now() - due)
		}
		return nil, 0, nil
	}
	return f, due, nil
}

// pingPong sends a request when the one before was answered.
func (p *producer) pingPong() error {
	for {
		f, due, err := p.take()
		if f == nil {
			return err
		}
		if _, err := p.conn.Write(f.request); err != nil {
			return err
		}
		if err := p.answered(sent{f, due}); err != nil {
			return err
		}
	}
}

// pipeline sends requests up to inFlight ahead of their answers.
func (p *producer) pipeline() error {
	slots, waiting := make(chan struct{}, p.inFlight), make(chan sent, p.inFlight)
	read := make(chan error, 1)
	go func() {
		var failed error
		for s := range waiting {
			if failed == nil {
				if failed = p.answered(s); failed != nil {
					_ = p.conn.Close() // So that the writer notices.
				}
			}
			<-slots
		}
		read <- failed
	}()
	wrote := p.write(slots, waiting)
	if err := <-read; err != nil {
		return err
	}
	return wrote
}

// write sends requests until the end. Every one takes a slot first.
func (p *producer) write(slots chan<- struct{}, waiting chan<- sent) error {
	defer close(waiting)
	for {
		slots <- struct{}{}
		f, due, err := p.take()
		if f == nil {
			return err
		}
		waiting <- sent{f, due}
		if _, err := p.conn.Write(f.request); err != nil {
			return err
		}
	}
}

// sendOnly sends requests that have no answers.
func (p *producer) sendOnly() error {
	for {
		f, due, err := p.take()
		if f == nil {
			return err
		}
		if _, err := p.conn.Write(f.request); err != nil {
			return err
		}
		p.run.answered(p.shard, due, f.counts())
	}
}

// answered reads and checks the answer to a request.
func (p *producer) answered(s sent) error {
	answer, err := p.conn.answer()
	if err != nil {
		return err
	}
	if err := s.frame.check(answer); err != nil {
		return err
	}
	p.run.answered(p.shard, s.due, s.frame.counts())
	return nil
}

// produceError describes the first error in an answer.
func produceError(answer []byte, header int, version int16) error {
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(version)
	if err := resp.ReadFrom(answer[min(header, len(answer)):]); err != nil {
		return fmt.Errorf("the answer to a Produce request cannot be read: %w", err)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				if p.ErrorMessage != nil {
					err = fmt.Errorf("%w (%s)", err, *p.ErrorMessage)
				}
				return fmt.Errorf("produce to partition %d: %w", p.Partition, err)
			}
		}
	}
	return nil
}
