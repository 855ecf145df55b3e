package data

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
	"moldau.dev/moldau/internal/record"
)

// Versions of Produce at which something changes.
const (
	produceLeaderHints       = 10 // KIP-951
	produceTopicIDs          = 13 // KIP-516
	adminClientID            = "__admin_client"
	noOffset                 = int64(kafka.UnknownOffset)
	noAppendTime       int64 = -1
)

// production is one Produce request on its way. It is pooled: a steady producer
// causes no allocation but that of its response.
type production struct {
	handlers *Handlers
	request  *network.Request
	req      kmsg.ProduceRequest
	resp     kmsg.ProduceResponse
	// appended is parallel to the partitions of the request, in order; those
	// refused at once are zero.
	appended []replica.Appended
	appends  replica.Appends
	// refused counts the partitions that got an error.
	refused int
	// encoded is the body of a response without errors, and parts names it to the network.
	encoded []byte
	parts   [1]network.Part
	// settled and sent are finish and release, bound once.
	settled func(bool)
	sent    func()
}

var productions sync.Pool

func newProduction(h *Handlers, r *network.Request) *production {
	p, ok := productions.Get().(*production)
	if !ok {
		p = new(production)
		p.settled, p.sent = p.finish, p.release
	}
	p.handlers, p.request, p.refused = h, r, 0
	return p
}

// Produce appends batches. It returns when they are appended; the response
// follows when they are acknowledged, so that the client's next request can be
// appended meanwhile.
func (h *Handlers) Produce(_ context.Context, r *network.Request) {
	p := newProduction(h, r)
	if err := protocol.DecodeInto(&p.req, r.Header, r.Body); err != nil {
		r.Close(err)
		p.release()
		return
	}
	p.appendAll()
	if p.req.Acks == int16(replica.AcksNone) {
		p.finishUnacknowledged()
		return
	}
	r.Release() // The records are in the log; waiting must not cost memory.
	r.Park()
	h.Replicas.Await(p.appended, millis(p.req.TimeoutMillis), p.settled)
}

// appendAll appends every partition's batch and prepares the response.
//
// Differs from Kafka: a partition that the request names twice gets both batches
// and both answers, where Kafka drops the first batch without a word.
func (p *production) appendAll() {
	p.resp = kmsg.ProduceResponse{Version: p.req.Version, Topics: p.resp.Topics[:0], Brokers: p.resp.Brokers[:0]}
	p.appended = p.appended[:0]
	image := p.handlers.image()
	forbidden := p.forbidden()
	for i := range p.req.Topics {
		t := &p.req.Topics[i]
		if len(t.Partitions) == 0 {
			continue
		}
		name, topicErr := topicOf(image, p.req.Version >= produceTopicIDs, t.Topic, t.TopicID)
		answer := p.nextTopic(len(t.Partitions))
		answer.Topic, answer.TopicID = t.Topic, t.TopicID
		for j := range t.Partitions {
			part := &t.Partitions[j]
			tp := kafka.TopicPartition{Topic: name, Partition: part.Partition}
			a, err := nothing(), cmp.Or(forbidden, topicErr)
			if err == nil {
				a, err = p.append(tp, t.TopicID, part.Records)
			} else {
				p.handlers.Replicas.StatsFor(name).Produces.Add(1)
			}
			if err != nil {
				a.Discard()
			}
			p.appended = append(p.appended, a)
			answer.Partitions = append(answer.Partitions, p.answer(tp, &a, err))
		}
	}
	p.appends.Done()
}

// nextTopic adds a topic to the response, in memory of earlier responses.
func (p *production) nextTopic(partitions int) *kmsg.ProduceResponseTopic {
	n := len(p.resp.Topics)
	p.resp.Topics = slices.Grow(p.resp.Topics, 1)[:n+1]
	topic := &p.resp.Topics[n]
	before := topic.Partitions[:0]
	*topic = kmsg.NewProduceResponseTopic()
	topic.Partitions = slices.Grow(before, partitions)
	return topic
}

// forbidden is the answer to all of a request that no transaction can be in:
// it has a transactional batch, and names no transactional id.
func (p *production) forbidden() error {
	if p.req.TransactionID != nil {
		return nil
	}
	for i := range p.req.Topics {
		for j := range p.req.Topics[i].Partitions {
			records := p.req.Topics[i].Partitions[j].Records
			if peeked, err := record.Peek(records); err == nil && peeked.Magic == record.Magic &&
				len(records) >= record.HeaderSize && record.Batch(records).IsTransactional() {
				return kerr.TransactionalIDAuthorizationFailed
			}
		}
	}
	return nil
}

// nothing is what has been appended of a batch that was refused at once.
func nothing() replica.Appended {
	return replica.Appended{AppendInfo: storage.AppendInfo{LogStartOffset: kafka.UnknownOffset}}
}

// append appends one partition's records as they came. The checks are in Kafka's
// order, so that a request with several faults has the same answer.
func (p *production) append(tp kafka.TopicPartition, topicID kafka.UUID, records []byte) (replica.Appended, error) {
	r, missing := p.handlers.Replicas.Replica(tp)
	if missing == nil {
		r.Stats().Produces.Add(1)
	} else {
		p.handlers.Replicas.StatsFor(tp.Topic).Produces.Add(1)
	}
	if errors.Is(missing, kerr.UnknownTopicOrPartition) {
		return nothing(), missing
	}
	if missing == nil && !topicID.IsZero() && topicID != r.TopicID() {
		missing = kerr.UnknownTopicID // The topic was deleted and created again, and its log is about to be.
	}
	batch, err := p.batchOf(records)
	acks := replica.Acks(p.req.Acks)
	switch {
	case err != nil:
		return nothing(), err
	case acks < replica.AcksAll || acks > replica.AcksLeader:
		return nothing(), kerr.InvalidRequiredAcks
	case kafka.IsInternalTopic(tp.Topic) && p.request.Header.ClientID != adminClientID:
		return nothing(), kafka.Errorf(kerr.InvalidTopicException, "Cannot append to internal topic %s", tp.Topic)
	case missing != nil:
		return nothing(), missing
	}
	a, err := p.appends.Append(r, batch, acks, record.Client)
	if err != nil {
		a.LogStartOffset = kafka.UnknownOffset
		if tellsLogStart(err) {
			a.LogStartOffset = r.Log().LogStartOffset()
		}
		if errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) {
			r.Stats().BytesRejected.Add(int64(len(records)))
		}
	}
	return a, err
}

// tellsLogStart is whether the answer to a batch that was refused has the log
// start offset: not where the log itself is not what the client takes it for, or
// no record of the batch was looked at.
func tellsLogStart(err error) bool {
	for _, silent := range []error{
		kerr.UnknownTopicOrPartition, kerr.NotLeaderForPartition, kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.CorruptMessage,
		kerr.KafkaStorageError, kerr.UnknownTopicID,
	} {
		if errors.Is(err, silent) {
			return false
		}
	}
	return true
}

// batchOf gives the one batch that a Produce request may carry for a partition.
func (p *production) batchOf(records []byte) (record.Batch, error) {
	batch, err := record.ReadProduce(records, p.req.Version)
	if err == nil && batch.IsTransactional() {
		return nil, kafka.Errorf(kerr.InvalidTxnState, "the record batch is transactional, but no transaction is open on this partition")
	}
	return batch, err
}

// answer fills in one partition's response.
func (p *production) answer(tp kafka.TopicPartition, a *replica.Appended, err error) kmsg.ProduceResponseTopicPartition {
	resp := kmsg.NewProduceResponseTopicPartition()
	resp.Partition = tp.Partition
	resp.BaseOffset, resp.LogAppendTime, resp.LogStartOffset = noOffset, noAppendTime, int64(a.LogStartOffset)
	if err != nil {
		p.refuse(tp, &resp, err)
		for _, bad := range a.RecordErrors {
			entry := kmsg.NewProduceResponseTopicPartitionErrorRecord()
			entry.RelativeOffset, entry.ErrorMessage = bad.Index, kmsg.StringPtr(bad.Message)
			resp.ErrorRecords = append(resp.ErrorRecords, entry)
		}
		return resp
	}
	resp.BaseOffset, resp.LogAppendTime = int64(a.FirstOffset), a.LogAppendTime
	return resp
}

// refuse writes an error into a partition's response, with a hint to the leader.
func (p *production) refuse(tp kafka.TopicPartition, resp *kmsg.ProduceResponseTopicPartition, err error) {
	p.refused++
	resp.ErrorCode, resp.ErrorMessage = protocol.Code(err), protocol.Message(err)
	p.handlers.countError(kmsg.Produce, false, resp.ErrorCode, 1)
	p.handlers.Replicas.StatsFor(tp.Topic).FailedProduces.Add(1)
	resp.BaseOffset, resp.LogAppendTime = noOffset, noAppendTime
	if resp.ErrorCode == kerr.UnknownServerError.Code {
		p.handlers.Logger.Error("Produce failed", "partition", tp.String(), "error", err)
	}
	if !errors.Is(err, kerr.NotLeaderForPartition) || p.req.Version < produceLeaderHints {
		return
	}
	leader, epoch, ok := p.handlers.leaderHint(tp, p.request.Conn.Listener)
	resp.CurrentLeader.LeaderID, resp.CurrentLeader.LeaderEpoch = int32(leader.id), int32(epoch)
	if ok && !slices.ContainsFunc(p.resp.Brokers, func(b kmsg.ProduceResponseBroker) bool { return b.NodeID == int32(leader.id) }) {
		broker := kmsg.NewProduceResponseBroker()
		broker.NodeID, broker.Host, broker.Port, broker.Rack = int32(leader.id), leader.host, leader.port, leader.rack
		p.resp.Brokers = append(p.resp.Brokers, broker)
	}
}

// finish answers when every batch is acknowledged, refused or out of time.
func (p *production) finish(bool) {
	i := 0
	for t := range p.resp.Topics {
		topic := &p.resp.Topics[t]
		for j := range topic.Partitions {
			p.settle(topic, &topic.Partitions[j], &p.appended[i])
			i++
		}
	}
	p.handlers.countError(kmsg.Produce, false, 0, i-p.refused)
	if p.refused > 0 {
		p.request.Respond(network.Response{Message: &p.resp, Done: p.sent})
		return
	}
	p.encoded = appendProduced(p.encoded[:0], &p.resp)
	p.parts[0].Bytes = p.encoded
	p.request.Respond(network.Response{Parts: p.parts[:], Done: p.sent})
}

func (p *production) settle(topic *kmsg.ProduceResponseTopic, resp *kmsg.ProduceResponseTopicPartition, a *replica.Appended) {
	if resp.ErrorCode != 0 {
		return
	}
	acknowledged, err := a.Acknowledged()
	if !acknowledged {
		err = kerr.RequestTimedOut
	}
	if err != nil {
		name, _ := topicOf(p.handlers.image(), p.req.Version >= produceTopicIDs, topic.Topic, topic.TopicID)
		p.refuse(kafka.TopicPartition{Topic: name, Partition: resp.Partition}, resp, err)
	}
}

// finishUnacknowledged ends a request with acks=0. It has no response to carry
// an error, so that the connection is closed: the producer then looks at the
// metadata again.
func (p *production) finishUnacknowledged() {
	if p.refused > 0 {
		p.request.Close(errUnacknowledged)
	} else {
		p.request.RespondNothing()
	}
	p.release()
}

var errUnacknowledged = errors.New("a produce request with acks=0 failed, which only closing the connection can tell its client")

func (p *production) release() {
	p.request, p.handlers = nil, nil
	if protocol.Elements(&p.req) > keepPartitions {
		return
	}
	clear(p.appended)
	for i := range p.req.Topics {
		for j := range p.req.Topics[i].Partitions {
			p.req.Topics[i].Partitions[j].Records = nil // The frame is somebody else's by now.
		}
	}
	productions.Put(p)
}
