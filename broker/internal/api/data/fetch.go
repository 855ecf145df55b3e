package data

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/fetchsession"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// Versions of Fetch at which something changes.
const (
	fetchStorageError  = 6  // KAFKA_STORAGE_ERROR is known to the client.
	fetchFromFollower  = 11 // KIP-392
	fetchTopicIDs      = 13 // KIP-516
	fetchReplicaState  = 15 // KIP-903
	fetchLeaderHints   = 16 // KIP-951
	noPreferredReplica = kafka.NoNode
)

// fetching is one Fetch request on its way. It is pooled with all its memory; it
// goes back when the response has been sent, which also lets go of the records, and
// nobody looks any more whether it may be answered.
type fetching struct {
	handlers *Handlers
	request  *network.Request
	req      kmsg.FetchRequest
	session  fetchsession.Fetch
	fetch    replica.Fetch
	hints    []node
	response fetchResponse
	// failed counts the partitions that got an error.
	failed int
	// holds counts what keeps the memory: the response, and waiting.
	holds atomic.Int32
	// sent is release, and hurried hurry, bound once.
	sent, hurried func()

	// The rest is memory for lists.
	named   []fetchsession.Partition
	results []fetchsession.Result
	told    []int
	parts   []network.Part
}

// keepPartitions is how many partitions the requests name at most whose memory is kept
// for reuse.
const keepPartitions = 10_000

var fetchings sync.Pool

func newFetching(h *Handlers, r *network.Request) *fetching {
	f, ok := fetchings.Get().(*fetching)
	if !ok {
		f = new(fetching)
		f.sent, f.hurried = f.release, f.hurry
		f.fetch.Done, f.fetch.Freed = f.respond, f.release
	}
	f.handlers, f.request = h, r
	f.holds.Store(1)
	return f
}

// release lets go of what was fetched and keeps the memory, if this is the last hold.
func (f *fetching) release() {
	if f.holds.Add(-1) > 0 {
		return
	}
	f.fetch.Release()
	if max(cap(f.fetch.Wanted), protocol.Elements(&f.req)) > keepPartitions {
		return
	}
	clear(f.parts)
	clear(f.named)
	clear(f.fetch.Wanted)
	clear(f.fetch.Results)
	f.session.Reset()
	f.handlers, f.request, f.failed = nil, nil, 0
	f.response = fetchResponse{buf: f.response.buf[:0], gaps: f.response.gaps[:0]}
	f.fetch.Wanted, f.fetch.Results = f.fetch.Wanted[:0], f.fetch.Results[:0]
	f.hints, f.named = f.hints[:0], f.named[:0]
	f.results, f.told, f.parts = f.results[:0], f.told[:0], f.parts[:0]
	fetchings.Put(f)
}

// Fetch reads records. While there are fewer bytes than the client wants (long poll)
// it is left to whoever brings them.
func (h *Handlers) Fetch(_ context.Context, r *network.Request) {
	f := newFetching(h, r)
	if err := protocol.DecodeInto(&f.req, r.Header, r.Body); err != nil {
		r.Close(err)
		f.release()
		return
	}
	f.response.version = f.req.Version
	r.Release() // Waiting must not cost memory.
	now := time.Now()
	if err := h.Sessions.Begin(&f.session, f.sessionRequest(), now); err != nil {
		f.respondError(err)
		return
	}
	r.FromFollower = f.fromReplica()
	f.want(h.image())
	f.fetch.FetchParams = f.params()
	if h.Replicas.Fetch(&f.fetch) {
		f.respond()
		return
	}
	f.holds.Add(1)
	r.Suspend(f.hurried)
	h.Replicas.AwaitFetch(&f.fetch)
}

func (f *fetching) hurry() { f.handlers.Replicas.Hurry(&f.fetch) }

func (f *fetching) fromReplica() bool { return f.replicaID() >= 0 }

func (f *fetching) replicaID() kafka.NodeID {
	if f.req.Version >= fetchReplicaState {
		return kafka.NodeID(f.req.ReplicaState.ID)
	}
	return kafka.NodeID(f.req.ReplicaID)
}

func (f *fetching) sessionRequest() fetchsession.Request {
	r := fetchsession.Request{
		SessionID: f.req.SessionID, Epoch: f.req.SessionEpoch,
		UsesTopicIDs: f.req.Version >= fetchTopicIDs, FromReplica: f.fromReplica(), Partitions: f.named,
	}
	for i := range f.req.Topics {
		t := &f.req.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			r.Partitions = append(r.Partitions, fetchsession.Partition{
				Key:         fetchsession.Key{TopicID: t.TopicID, Topic: t.Topic, Partition: p.Partition},
				FetchOffset: kafka.Offset(p.FetchOffset), MaxBytes: p.PartitionMaxBytes,
				CurrentLeaderEpoch: epochOf(p.CurrentLeaderEpoch), LastFetchedEpoch: epochOf(p.LastFetchedEpoch),
				LogStartOffset: kafka.Offset(p.LogStartOffset),
			})
		}
	}
	for _, t := range f.req.ForgottenTopics {
		for _, p := range t.Partitions {
			r.Forgotten = append(r.Forgotten, fetchsession.Key{TopicID: t.TopicID, Topic: t.Topic, Partition: p})
		}
	}
	f.named = r.Partitions
	return r
}

// epochOf takes every negative number for no epoch.
func epochOf(epoch int32) kafka.LeaderEpoch {
	return max(kafka.LeaderEpoch(epoch), kafka.NoLeaderEpoch)
}

func (f *fetching) params() replica.FetchParams {
	maxBytes := min(int(f.req.MaxBytes), f.handlers.FetchMaxBytes)
	p := replica.FetchParams{
		Replica: max(f.replicaID(), kafka.NoNode), ReplicaEpoch: -1, LeaderOnly: f.fromReplica() || f.req.Version < fetchFromFollower,
		MaxWait: millis(f.req.MaxWaitMillis), MinBytes: min(int(f.req.MinBytes), maxBytes), MaxBytes: maxBytes,
	}
	switch {
	case f.fromReplica():
		p.Isolation = replica.ReadLogEnd
		if f.req.Version >= fetchReplicaState {
			p.ReplicaEpoch = kafka.BrokerEpoch(f.req.ReplicaState.Epoch)
		}
	case f.req.IsolationLevel == readCommitted:
		p.Isolation = replica.ReadCommitted
	}
	return p
}

// want turns the session's partitions into what the replicas are asked for.
func (f *fetching) want(image *metadata.Image) {
	partitions := f.session.Partitions()
	f.fetch.Wanted = slices.Grow(f.fetch.Wanted[:0], len(partitions))[:len(partitions)]
	for i := range partitions {
		p := &partitions[i]
		w := &f.fetch.Wanted[i]
		name, err := topicOf(image, f.req.Version >= fetchTopicIDs, p.Topic, p.TopicID)
		*w = replica.Wanted{
			TopicPartition: kafka.TopicPartition{Topic: name, Partition: p.Partition}, TopicID: p.TopicID,
			Offset: p.FetchOffset, MaxBytes: int(p.MaxBytes), CurrentLeaderEpoch: p.CurrentLeaderEpoch,
			LastFetchedEpoch: p.LastFetchedEpoch, LogStartOffset: p.LogStartOffset, Err: err,
		}
		if err == nil && image.Partition(w.TopicPartition) == nil {
			w.Err = kerr.UnknownTopicOrPartition
		}
		if err := checkIsolation(f.req.IsolationLevel); err != nil {
			w.Err = err
		}
	}
}

// respond sends what the session says the client has to be told.
func (f *fetching) respond() {
	follower := f.fromReplica()
	for i := range f.fetch.Results {
		got := &f.fetch.Results[i]
		got.Count(follower)
		f.results = append(f.results, fetchsession.Result{
			Failed: got.Err != nil, HasRecords: got.Records.Size > 0, Redirected: got.Diverging,
			HighWatermark: got.HighWatermark, LogStartOffset: got.LogStartOffset,
		})
	}
	sessionID, include, err := f.session.Finish(f.results, time.Now())
	if err != nil {
		f.respondError(err)
		return
	}
	for i, in := range include {
		if in {
			f.told = append(f.told, i)
		}
	}
	f.write(sessionID)
	f.handlers.countError(kmsg.Fetch, follower, 0, len(f.told)-f.failed)
	if err := f.lay(); err != nil {
		f.request.Close(err)
		f.release()
		return
	}
	f.request.Respond(network.Response{Parts: f.parts, Done: f.sent})
}

// write writes the response around the records. Partitions of one topic that
// follow each other share its entry.
func (f *fetching) write(sessionID int32) {
	w, runs := &f.response, 0
	for rest := f.told; len(rest) > 0; runs++ {
		rest = rest[f.run(rest):]
	}
	w.begin(0, 0, sessionID, runs)
	partitions := f.session.Partitions()
	for rest := f.told; len(rest) > 0; {
		first, n := &partitions[rest[0]], f.run(rest)
		w.topic(first.Topic, first.TopicID, n)
		for _, i := range rest[:n] {
			p := f.partition(i)
			w.partition(&p)
		}
		w.endTopic()
		rest = rest[n:]
	}
	w.end(f.hints)
}

// run counts the leading partitions that are of one topic.
func (f *fetching) run(told []int) int {
	partitions := f.session.Partitions()
	n := 1
	for n < len(told) && sameTopic(&partitions[told[0]], &partitions[told[n]]) {
		n++
	}
	return n
}

func sameTopic(a, b *fetchsession.Partition) bool {
	return a.TopicID == b.TopicID && a.Topic == b.Topic
}

func (f *fetching) partition(i int) fetchPartition {
	got := &f.fetch.Results[i]
	p := fetchPartition{
		index: f.fetch.Wanted[i].TopicPartition.Partition, highWatermark: got.HighWatermark, lastStableOffset: got.LastStableOffset,
		logStartOffset: got.LogStartOffset, preferredReadReplica: noPreferredReplica, recordsSize: got.Records.Size,
		diverging: got.Diverging, divergingEpoch: got.DivergingEpoch, divergingEnd: got.DivergingEnd,
	}
	if f.req.IsolationLevel == readCommitted && got.Err == nil {
		p.aborted = make([]abortedTxn, 0, len(got.Aborted))
		for _, txn := range got.Aborted {
			p.aborted = append(p.aborted, abortedTxn{producerID: txn.ProducerID, firstOffset: txn.FirstOffset})
		}
	}
	if f.fetch.Wanted[i].Err != nil {
		p.aborted = []abortedTxn{} // Empty rather than null, as Kafka has it.
	}
	if got.Err != nil {
		f.fail(&p, i, got.Err)
	}
	return p
}

func (f *fetching) fail(p *fetchPartition, i int, err error) {
	p.errorCode = protocol.Code(err)
	tp := f.fetch.Wanted[i].TopicPartition
	f.countFailure(tp.Topic, p.errorCode)
	if p.errorCode == kerr.UnknownServerError.Code {
		f.handlers.Logger.Error("Fetch failed", "partition", tp.String(), "error", err)
	}
	if replica.StorageError(err) && f.req.Version < fetchStorageError {
		p.errorCode = kerr.NotLeaderForPartition.Code
	}
	if f.req.Version < fetchLeaderHints || !errors.Is(err, kerr.NotLeaderForPartition) && !errors.Is(err, kerr.FencedLeaderEpoch) {
		return
	}
	leader, epoch, ok := f.handlers.leaderHint(tp, f.request.Conn.Listener)
	if !ok {
		return
	}
	p.hinting, p.leader, p.leaderEpoch = true, leader.id, epoch
	// Nodes know each other from the metadata.
	if !f.fromReplica() && !slices.ContainsFunc(f.hints, func(n node) bool { return n.id == leader.id }) {
		f.hints = append(f.hints, leader)
	}
}

func (f *fetching) countFailure(topic string, code int16) {
	f.failed++
	stats := f.handlers.Replicas.StatsFor(topic)
	stats.Fetches.Add(1)
	stats.FailedFetches.Add(1)
	f.handlers.countError(kmsg.Fetch, f.fromReplica(), code, 1)
}

// lay lays the buffer's pieces and the records side by side.
func (f *fetching) lay() error {
	w := &f.response
	from, g := 0, 0
	for _, i := range f.told {
		records := &f.fetch.Results[i].Records
		if records.Size == 0 {
			continue
		}
		part, err := recordsPart(records)
		if err != nil {
			return err
		}
		f.parts = append(f.parts, network.Part{Bytes: w.buf[from:w.gaps[g].at]}, part)
		from = w.gaps[g].at
		g++
	}
	f.parts = append(f.parts, network.Part{Bytes: w.buf[from:]})
	return nil
}

// respondError answers with an error for the whole request.
func (f *fetching) respondError(err error) {
	f.handlers.countError(kmsg.Fetch, f.fromReplica(), protocol.Code(err), 1)
	f.response.begin(0, protocol.Code(err), fetchsession.NoSession, 0)
	f.response.end(nil)
	f.parts = append(f.parts, network.Part{Bytes: f.response.buf})
	f.request.Respond(network.Response{Parts: f.parts, Done: f.sent})
}

// recordsPart hands records to the network: as a range of their file, which is
// held until release, or as bytes where the file is not the operating system's.
func recordsPart(records *storage.Slice) (network.Part, error) {
	if file, position, size := records.File(); file != nil {
		return network.Part{File: file, Position: position, Size: int64(size)}, nil
	}
	b, err := records.ReadAll(nil)
	return network.Part{Bytes: b}, err
}
