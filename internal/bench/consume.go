package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/record"
)

// ConsumeOptions describe a load of Fetch requests that read a topic from its
// beginning to its end again and again.
type ConsumeOptions struct {
	Topic  Topic  `json:"topic"`
	Window Window `json:"window"`
	// Consumers fetch at the same time, each from every partition of one leader in
	// turn, one request ahead.
	Consumers int `json:"consumers"`
	// FetchBytes is the most that is asked of a partition, as
	// max.partition.fetch.bytes.
	FetchBytes int `json:"fetchBytes"`
	// Fill is how many bytes are produced first if the topic is empty, in batches of
	// BatchSize with records of RecordSize.
	Fill       int64 `json:"fillBytes"`
	RecordSize int   `json:"recordSize"`
	BatchSize  int   `json:"batchSize"`
	Codec      Codec `json:"codec"`
}

// fetchWait is how long a broker may wait for records (fetch.max.wait.ms).
const fetchWait = 500 * time.Millisecond

// Consume measures Fetch requests.
func (c *Cluster) Consume(ctx context.Context, o ConsumeOptions) (_ *Result, err error) {
	t, err := c.prepare(ctx, ScenarioConsume, o.Topic)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.release(ctx, t, o.Topic)) }()
	if err := c.fill(ctx, t, o); err != nil {
		return nil, fmt.Errorf("fill topic %s: %w", t.name, err)
	}
	starts, err := c.startOffsets(ctx, t)
	if err != nil {
		return nil, err
	}
	conns, hangUp, err := c.connect(ctx, t, o.Consumers, fetchBuffer)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	version := conns[0].Version(kmsg.NewPtrFetchRequest())
	r := newRun(o.Window, 0, closedLoop, c.usage)
	workers := make([]func(context.Context) error, 0, len(conns))
	for i, conn := range conns {
		f := &fetcher{run: r, conn: conn, shard: r.meter.shard(i), next: i / len(t.leaders)}
		for _, partition := range t.leaders[i%len(t.leaders)].partitions {
			f.frames = append(f.frames, newFetchFrame(t, partition, version, starts[partition], o.FetchBytes))
		}
		workers = append(workers, f.work)
	}
	if err := r.execute(ctx, workers); err != nil {
		return nil, err
	}
	return c.result(ScenarioConsume, r, o, map[string]int16{"Fetch": version}), nil
}

// fill produces into an empty topic.
func (c *Cluster) fill(ctx context.Context, t *topic, o ConsumeOptions) error {
	ends, err := c.admin.ListEndOffsets(ctx, t.name)
	if err != nil {
		return err
	}
	for _, end := range ends[t.name] {
		if end.Offset > 0 {
			return nil
		}
	}
	_, err = c.produce(ctx, ScenarioConsume, t, ProduceOptions{
		Topic: o.Topic, Window: Window{Bytes: min(o.Fill, c.byteLimit(ctx, 0))},
		Connections: 2, InFlight: 2, RecordSize: o.RecordSize, BatchSize: o.BatchSize, Acks: -1, Codec: o.Codec,
	})
	return err
}

// startOffsets gives the log start offset of every partition.
func (c *Cluster) startOffsets(ctx context.Context, t *topic) (map[int32]int64, error) {
	listed, err := c.admin.ListStartOffsets(ctx, t.name)
	if err == nil {
		err = listed.Error()
	}
	starts := map[int32]int64{}
	for partition, offset := range listed[t.name] {
		starts[partition] = offset.Offset
	}
	return starts, err
}

// fetcher sends the Fetch requests of one connection and skips what comes.
type fetcher struct {
	run    *run
	conn   *Conn
	shard  *shard
	frames []*fetchFrame
	next   int
}

func (f *fetcher) work(ctx context.Context) error {
	defer f.conn.closeWith(ctx)()
	return lost(ctx, f.loop())
}

func (f *fetcher) loop() error {
	empty := 0
	for !f.run.stopped() {
		frame := f.frames[f.next%len(f.frames)]
		f.next++
		due := f.run.now()
		if _, err := f.conn.Write(frame.encode()); err != nil {
			return err
		}
		got, err := frame.skim(f.conn)
		if err != nil {
			return err
		}
		f.run.answered(f.shard, due, got)
		f.run.spend(int(got.bytes))
		if got.bytes > 0 {
			empty = 0
		} else if empty++; empty > 2*len(f.frames) {
			return errors.New("no partition holds records: produce some, or have the topic filled")
		}
	}
	return nil
}

// fetchFrame is an encoded Fetch request for one partition, and what is known of
// its answers.
type fetchFrame struct {
	partition int32
	version   int16
	// start is where the partition begins and offset what is fetched next; a reader
	// at the end begins again.
	start, offset int64
	request       []byte
	// offsetAt is where in the request the offset stands.
	offsetAt int
	// header is the size of an answer's header. Then come, from the body's
	// beginning, the error codes of the answer and of the partition, the high
	// watermark, and the records' length.
	header, errorAt, partitionErrorAt, highWatermarkAt, recordsAt int
	// compact says that the length is a varint.
	compact bool
	// tail is how much follows the records.
	tail int
}

func newFetchFrame(t *topic, partition int32, version int16, start int64, fetchBytes int) *fetchFrame {
	f := &fetchFrame{partition: partition, version: version, start: start, offset: start}
	encode := func(offset int64) (*kmsg.FetchRequest, []byte) {
		req := kmsg.NewPtrFetchRequest()
		req.SetVersion(version)
		req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(fetchWait.Milliseconds()), 1, max(50<<20, int32(fetchBytes))
		req.SessionEpoch = -1 // No session: these are full fetches (KIP-227).
		data := kmsg.NewFetchRequestTopic()
		data.Topic, data.TopicID = t.name, t.id
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, int32(fetchBytes)
		data.Partitions = append(data.Partitions, p)
		req.Topics = append(req.Topics, data)
		return req, frameOf(req)
	}
	req, fetch := encode(0)
	_, other := encode(-1)
	f.request, f.offsetAt = fetch, firstDifference(fetch, other)
	f.header, f.compact = responseHeaderSize(req), req.IsFlexible()
	f.layOut(t)
	return f
}

// layOut finds the fields of an answer by encoding answers that differ in them.
func (f *fetchFrame) layOut(t *topic) {
	encode := func(change func(*kmsg.FetchResponse, *kmsg.FetchResponseTopicPartition)) []byte {
		resp := kmsg.NewPtrFetchResponse()
		resp.SetVersion(f.version)
		data := kmsg.NewFetchResponseTopic()
		data.Topic, data.TopicID = t.name, t.id
		p := kmsg.NewFetchResponseTopicPartition()
		p.Partition, p.RecordBatches = f.partition, []byte{0}
		change(resp, &p)
		data.Partitions = append(data.Partitions, p)
		resp.Topics = append(resp.Topics, data)
		return resp.AppendTo(nil)
	}
	plain := encode(func(*kmsg.FetchResponse, *kmsg.FetchResponseTopicPartition) {})
	at := func(change func(*kmsg.FetchResponse, *kmsg.FetchResponseTopicPartition)) int {
		return firstDifference(plain, encode(change))
	}
	f.errorAt = at(func(r *kmsg.FetchResponse, _ *kmsg.FetchResponseTopicPartition) { r.ErrorCode = -1 })
	f.partitionErrorAt = at(func(_ *kmsg.FetchResponse, p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = -1 })
	f.highWatermarkAt = at(func(_ *kmsg.FetchResponse, p *kmsg.FetchResponseTopicPartition) { p.HighWatermark = -1 })
	records := at(func(_ *kmsg.FetchResponse, p *kmsg.FetchResponseTopicPartition) { p.RecordBatches[0] = 1 })
	f.tail = len(plain) - records - 1
	f.recordsAt = records - 4
	if f.compact {
		f.recordsAt = records - 1
	}
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// encode gives the request for the next offset.
func (f *fetchFrame) encode() []byte {
	binary.BigEndian.PutUint64(f.request[f.offsetAt:], uint64(f.offset))
	return f.request
}

// skim reads an answer without keeping it, and moves the offset.
func (f *fetchFrame) skim(c *Conn) (counts, error) {
	size, err := c.answerSize()
	if err != nil {
		return counts{}, err
	}
	prefix := f.header + f.recordsAt
	if size < prefix+1 {
		return counts{}, f.failed(c, size)
	}
	head, err := c.r.Peek(min(size, prefix+binary.MaxVarintLen32))
	if err != nil {
		return counts{}, err
	}
	body := head[f.header:]
	code := binary.BigEndian.Uint16(body[f.partitionErrorAt:])
	if f.version >= 7 { // Before, an answer has no code of its own.
		code |= binary.BigEndian.Uint16(body[f.errorAt:])
	}
	if code != 0 {
		return counts{}, f.failed(c, size)
	}
	highWatermark := int64(binary.BigEndian.Uint64(body[f.highWatermarkAt:]))
	length, width := f.recordsLength(body[f.recordsAt:])
	if width <= 0 || length > size-prefix-width {
		return counts{}, errors.New("an answer to a Fetch request has a wrong length")
	}
	if _, err := c.r.Discard(prefix + width); err != nil {
		return counts{}, err
	}
	got, err := f.skip(c, length)
	if err != nil {
		return counts{}, err
	}
	if f.offset >= highWatermark || got.bytes == 0 {
		f.offset = f.start
	}
	_, err = c.r.Discard(size - prefix - width - length)
	return got, err
}

// recordsLength reads the length of the records and tells how wide it is.
func (f *fetchFrame) recordsLength(b []byte) (length, width int) {
	if !f.compact {
		return max(int(int32(binary.BigEndian.Uint32(b))), 0), 4
	}
	u, width := binary.Uvarint(b)
	return max(int(u)-1, 0), width // 0 is null.
}

// skip reads records from batch to batch. The last batch may be cut off; it comes
// whole with the next fetch.
func (f *fetchFrame) skip(c *Conn, length int) (counts, error) {
	got := counts{requests: 1}
	for length >= record.HeaderSize {
		head, err := c.r.Peek(record.HeaderSize)
		if err != nil {
			return counts{}, err
		}
		b := record.Batch(head)
		size := b.Size()
		if size < record.HeaderSize || size > length {
			break
		}
		if int64(b.NextOffset()) > f.offset {
			f.offset = int64(b.NextOffset())
		}
		got.records += int64(b.Count())
		got.bytes += int64(size)
		if err := c.discard(size); err != nil {
			return counts{}, err
		}
		length -= size
	}
	return got, c.discard(length)
}

// failed reads an answer whole to tell its error.
func (f *fetchFrame) failed(c *Conn, size int) error {
	if size > maxAnswer {
		return fmt.Errorf("an answer of %d bytes", size)
	}
	answer := make([]byte, size)
	if _, err := io.ReadFull(c.r, answer); err != nil {
		return err
	}
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(f.version)
	if err := resp.ReadFrom(answer[min(f.header, size):]); err != nil {
		return fmt.Errorf("the answer to a Fetch request cannot be read: %w", err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return fmt.Errorf("fetch from partition %d: %w", f.partition, err)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("fetch from partition %d: %w", p.Partition, err)
			}
		}
	}
	return errors.New("the answer to a Fetch request does not name its partition")
}
