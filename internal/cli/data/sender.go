package data

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// defaultMaxBatch is what a batch may be at most where the topic cannot be asked
// for its max.message.bytes, in bytes.
const defaultMaxBatch = 1_000_012

// maxBuffered bounds the records that wait for an acknowledgement, in number and
// in bytes; reading waits at the bound.
const (
	maxBufferedRecords = 100_000
	maxBufferedBytes   = 128 << 20 // More than any one record, which could never be sent else.
)

// stamp is what flags say about every record.
type stamp struct {
	topic       string // Empty: each record names its own.
	headers     []kgo.RecordHeader
	partition   int32     // anyPartition: as the record says.
	timestamp   time.Time // Zero: as the record says.
	repartition bool      // Not as the record says, but by its key.
}

// sender writes records to topics. One goroutine calls send and then finish; the
// client calls done from its own.
type sender struct {
	env    *cmdline.Env
	client *kgo.Client
	admin  *kadm.Client
	stamp  stamp
	create bool

	topics map[string]int // How many partitions the topics have that were seen.
	sent   int64
	limits limits

	// writing ends when brokers have acknowledged nothing for too long, but not when
	// the command is interrupted: what has been read is written.
	writing context.Context
	failed  chan struct{} // Closed with the first failure.

	mu    sync.Mutex // Guards the fields below; no call to the client is made under it.
	acks  ackWriter
	total tally
	// firstFailure is about the first record that brokers refused, of failures.
	firstFailure error
	failures     int64
}

// tally is what brokers have acknowledged.
type tally struct {
	records, bytes int64
	topics         map[string]bool
	last           *kgo.Record
}

// limits are the max.message.bytes of topics, which the client asks for.
type limits struct {
	mu      sync.Mutex // Guards byTopic.
	byTopic map[string]int32
}

func (l *limits) get(topic string) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limit, ok := l.byTopic[topic]; ok {
		return limit
	}
	return defaultMaxBatch
}

func (l *limits) set(topic string, limit int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byTopic[topic] = limit
}

func newSender(env *cmdline.Env, stamp stamp, acks ackWriter) *sender {
	return &sender{
		env:    env,
		stamp:  stamp,
		topics: map[string]int{},
		limits: limits{byTopic: map[string]int32{}},
		failed: make(chan struct{}),
		acks:   acks,
		total:  tally{topics: map[string]bool{}},
	}
}

// options are what the client must know of its sender.
func (s *sender) options() []kgo.Opt {
	return []kgo.Opt{
		kgo.RecordPartitioner(newPartitioner()),
		kgo.ProducerBatchMaxBytesFn(s.limits.get),
		kgo.MaxBufferedRecords(maxBufferedRecords),
		kgo.MaxBufferedBytes(maxBufferedBytes),
	}
}

// connect gives the sender its client. writing ends when there is no hope of an
// acknowledgement any more.
func (s *sender) connect(writing context.Context, client *kgo.Client) {
	s.writing, s.client, s.admin = writing, client, kadm.NewClient(client)
}

// send gives a record to the client, and waits while too many are under way. An
// error is about this record, which is not sent.
func (s *sender) send(r *kgo.Record) error {
	s.sent++
	if err := s.apply(r); err != nil {
		return fmt.Errorf("record %d: %w", s.sent, err)
	}
	partitions, ok := s.topics[r.Topic]
	if !ok {
		var err error
		if partitions, err = s.meet(s.writing, r.Topic); err != nil {
			return err
		}
	}
	if int(r.Partition) >= partitions {
		err := fmt.Errorf("record %d: %w", s.sent, noPartition(r.Topic, r.Partition, partitions))
		return cmdline.WithHint(err, "'moldau topics add-partitions' adds some; --repartition ignores the partitions of JSON records")
	}
	number := s.sent
	s.client.Produce(s.writing, r, func(r *kgo.Record, err error) { s.done(number, r, err) })
	return nil
}

// watch calls stalled when records have waited for an acknowledgement as long as
// timeout and none has come, until ctx ends. The client's own time-out does not
// do: it counts from the timestamp of a record, which may be years ago.
func (s *sender) watch(ctx context.Context, timeout time.Duration, stalled func(error)) {
	last, since := int64(-1), time.Now()
	for pause(ctx, redrawEvery) == nil {
		s.mu.Lock()
		settled := s.total.records + s.failures
		s.mu.Unlock()
		if settled != last || s.client.BufferedProduceRecords() == 0 {
			last, since = settled, time.Now()
			continue
		}
		if time.Since(since) >= timeout {
			stalled(errStalled)
			return
		}
	}
}

// errStalled says that brokers have not acknowledged anything for too long.
var errStalled = errors.New("no broker acknowledges anything")

func (s *sender) apply(r *kgo.Record) error {
	if s.stamp.topic != "" {
		r.Topic = s.stamp.topic
	}
	if r.Topic == "" {
		return errors.New(`it names no topic: give one as the argument, or "topic" in each JSON record`)
	}
	if s.stamp.repartition {
		r.Partition = anyPartition
	}
	if s.stamp.partition != anyPartition {
		r.Partition = s.stamp.partition
	}
	if !s.stamp.timestamp.IsZero() {
		r.Timestamp = s.stamp.timestamp
	}
	if len(s.stamp.headers) > 0 {
		r.Headers = append(r.Headers[:len(r.Headers):len(r.Headers)], s.stamp.headers...)
	}
	return nil
}

// meet learns of a topic what there is to know before its first record.
func (s *sender) meet(ctx context.Context, topic string) (partitions int, err error) {
	if s.create {
		created, err := s.admin.CreateTopic(ctx, -1, -1, nil, topic)
		switch {
		case err == nil:
			s.env.Notef("created topic %s with %s", topic, cmdline.Count(created.NumPartitions, "partition"))
		case !errors.Is(err, kerr.TopicAlreadyExists):
			return 0, fmt.Errorf("create topic %s: %w", topic, cmdline.KafkaError(err, ""))
		}
	}
	details, err := findTopics(ctx, s.admin, []string{topic})
	if err != nil {
		if unknown := (*unknownTopicError)(nil); errors.As(err, &unknown) {
			err = cmdline.WithHint(unknown, "%s", unknown.hint(" or --create"))
		}
		return 0, err
	}
	s.limits.set(topic, s.maxMessageBytes(ctx, topic))
	s.topics[topic] = len(details[topic].Partitions)
	return s.topics[topic], nil
}

// maxMessageBytes asks for what the topic takes at most. Who may write to a
// topic need not be allowed to read its configuration.
func (s *sender) maxMessageBytes(ctx context.Context, topic string) int32 {
	configs, err := s.admin.DescribeTopicConfigs(ctx, topic)
	if err != nil || len(configs) != 1 || configs[0].Err != nil {
		return defaultMaxBatch
	}
	for _, c := range configs[0].Configs {
		if c.Key != "max.message.bytes" || c.Value == nil {
			continue
		}
		if n, err := strconv.ParseInt(*c.Value, 10, 32); err == nil {
			// The client's own bounds for a batch, and for a request.
			return int32(min(max(n, 512), maxRecordSize-4096))
		}
	}
	return defaultMaxBatch
}

// done takes an acknowledgement.
func (s *sender) done(number int64, r *kgo.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failures++
		if s.firstFailure == nil {
			s.firstFailure = s.explain(number, r, err)
			close(s.failed)
		}
		return
	}
	s.total.records++
	s.total.bytes += int64(len(r.Key) + len(r.Value))
	if s.total.last == nil || s.total.last.Topic != r.Topic {
		s.total.topics[r.Topic] = true
	}
	s.total.last = r
	s.acks.write(r)
}

// progress is what has been acknowledged so far.
func (s *sender) progress() (records, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total.records, s.total.bytes
}

// flushAcks writes the acknowledgements that have come.
func (s *sender) flushAcks() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acks.flush()
}

// finish waits for what is under way, and says what became of it.
func (s *sender) finish() error {
	flushErr := s.client.Flush(s.writing)
	s.mu.Lock()
	defer s.mu.Unlock()
	ackErr := s.acks.flush()
	switch {
	case errors.Is(context.Cause(s.writing), errStalled):
		return cmdline.WithHint(fmt.Errorf("%w: of %s, %d are written for sure", errStalled, cmdline.Count(s.sent, "record"), s.total.records),
			"'moldau topics describe' shows whether the partitions have leaders; -X delivery.timeout.ms waits longer")
	case s.firstFailure != nil && s.failures > 1:
		return cmdline.WithHint(fmt.Errorf("%w\n%d records failed; this is the first of them", s.firstFailure, s.failures), "%s", hintOf(s.firstFailure))
	case s.firstFailure != nil:
		return s.firstFailure
	case flushErr != nil:
		return flushErr
	default:
		return ackErr
	}
}

func hintOf(err error) string {
	hint, ok := cmdline.Hint(err)
	if !ok {
		return "what was acknowledged is written; the records after the last one are not"
	}
	return hint
}

// explain says why a record was refused, and the cure.
func (s *sender) explain(number int64, r *kgo.Record, err error) error {
	where := fmt.Sprintf("record %d to %s", number, r.Topic)
	size := recordSize(r)
	switch {
	case errors.Is(err, kerr.MessageTooLarge):
		limit := s.limits.get(r.Topic)
		text := fmt.Sprintf("%s are more than the topic takes: max.message.bytes is %d", cmdline.Bytes(size), limit)
		return cmdline.WithHint(fmt.Errorf("%s: %w", where, cmdline.KafkaError(kerr.MessageTooLarge, text)),
			"'moldau configs set topic %s max.message.bytes=%d' lets it in", r.Topic, size+batchOverhead)
	default:
		return fmt.Errorf("%s: %w", where, cmdline.KafkaError(err, ""))
	}
}

// batchOverhead is what a batch of one record adds to its key, value and headers
// at most, in bytes.
const batchOverhead = 61 + 2 + 5*10

func recordSize(r *kgo.Record) int64 {
	size := int64(len(r.Key) + len(r.Value))
	for _, h := range r.Headers {
		size += int64(len(h.Key) + len(h.Value) + 10)
	}
	return size
}

// ackWriter writes acknowledgements to standard output.
type ackWriter struct {
	w      *bufio.Writer
	format cmdline.Format
	buf    []byte
}

func newAckWriter(w io.Writer, format cmdline.Format) ackWriter {
	return ackWriter{w: bufio.NewWriterSize(w, 64<<10), format: format}
}

// write writes one; an error stays in the writer until flush.
func (a *ackWriter) write(r *kgo.Record) {
	switch a.format {
	case formatOffsets:
		a.buf = appendPlace(a.buf[:0], r)
	case cmdline.FormatJSON:
		a.buf = append(a.buf[:0], `{"topic":`...)
		a.buf = appendJSONString(a.buf, r.Topic)
		a.buf = append(a.buf, `,"partition":`...)
		a.buf = strconv.AppendInt(a.buf, int64(r.Partition), 10)
		a.buf = append(a.buf, `,"offset":`...)
		a.buf = strconv.AppendInt(a.buf, r.Offset, 10)
		a.buf = append(a.buf, `,"timestamp":`...)
		a.buf = strconv.AppendInt(a.buf, r.Timestamp.UnixMilli(), 10)
		a.buf = append(a.buf, '}')
	default:
		return
	}
	_, _ = a.w.Write(append(a.buf, '\n')) // flush returns the error.
}

// appendPlace appends topic-partition@offset.
func appendPlace(dst []byte, r *kgo.Record) []byte {
	dst = append(dst, r.Topic...)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, int64(r.Partition), 10)
	dst = append(dst, '@')
	return strconv.AppendInt(dst, r.Offset, 10)
}

func (a *ackWriter) flush() error { return a.w.Flush() }
