package data

import (
	"encoding/binary"

	"moldau.dev/moldau/internal/kafka"
)

// fetchResponse writes a Fetch response without copying records: the bytes
// around them go into one buffer, and each partition's records are named by the
// place in that buffer where they belong. Its oracle in the tests is kmsg.
//
// The layout, by version (fields of v4 to v18):
//
//	throttle_ms int32 | error int16, session_id int32 (v7+)
//	topics: name (to v12) or topic id (v13+)
//	  partitions: index int32 | error int16 | high watermark int64 | last stable offset int64
//	    log start offset int64 (v5+) | aborted transactions | preferred read replica int32 (v11+)
//	    records bytes | tags: diverging epoch 0, current leader 1 (v12+)
//	tags: node endpoints 0 (v16+)
type fetchResponse struct {
	version int16
	buf     []byte
	// gaps are the places of records, in order.
	gaps []gap
}

// gap says that size bytes of records belong at position at of the buffer.
type gap struct {
	at   int
	size int
}

// node is a broker's endpoint as KIP-951's hints name it.
type node struct {
	id   kafka.NodeID
	host string
	port int32
	rack *string
}

// abortedTxn names an aborted transaction that overlaps the records returned.
type abortedTxn struct {
	producerID  kafka.ProducerID
	firstOffset kafka.Offset
}

// fetchPartition is what a response says of one partition, apart from its records.
type fetchPartition struct {
	index                int32
	errorCode            int16
	highWatermark        kafka.Offset
	lastStableOffset     kafka.Offset
	logStartOffset       kafka.Offset
	aborted              []abortedTxn // nil is null: the client reads uncommitted.
	preferredReadReplica kafka.NodeID
	recordsSize          int
	// divergingEpoch and divergingEnd are set when diverging.
	diverging      bool
	divergingEpoch kafka.LeaderEpoch
	divergingEnd   kafka.Offset
	// leader and leaderEpoch are set when hinting.
	hinting     bool
	leader      kafka.NodeID
	leaderEpoch kafka.LeaderEpoch
}

func (w *fetchResponse) flexible() bool { return w.version >= 12 }

// begin writes what stands above the topics.
func (w *fetchResponse) begin(throttleMs int32, errorCode int16, sessionID int32, topics int) {
	w.int32(throttleMs)
	if w.version >= 7 {
		w.int16(errorCode)
		w.int32(sessionID)
	}
	w.arrayLen(topics)
}

func (w *fetchResponse) topic(name string, id kafka.UUID, partitions int) {
	if w.version >= 13 {
		w.buf = append(w.buf, id[:]...)
	} else {
		w.string(name)
	}
	w.arrayLen(partitions)
}

// endTopic closes a topic after its partitions.
func (w *fetchResponse) endTopic() {
	if w.flexible() {
		w.buf = append(w.buf, 0)
	}
}

func (w *fetchResponse) partition(p *fetchPartition) {
	w.int32(p.index)
	w.int16(p.errorCode)
	w.int64(int64(p.highWatermark))
	w.int64(int64(p.lastStableOffset))
	if w.version >= 5 {
		w.int64(int64(p.logStartOffset))
	}
	w.abortedTxns(p.aborted)
	if w.version >= 11 {
		w.int32(int32(p.preferredReadReplica))
	}
	if w.flexible() {
		w.uvarint(p.recordsSize + 1)
	} else {
		w.int32(int32(p.recordsSize))
	}
	if p.recordsSize > 0 {
		w.gaps = append(w.gaps, gap{at: len(w.buf), size: p.recordsSize})
	}
	if w.flexible() {
		w.partitionTags(p)
	}
}

func (w *fetchResponse) abortedTxns(aborted []abortedTxn) {
	if aborted == nil {
		w.nullArray()
		return
	}
	w.arrayLen(len(aborted))
	for _, txn := range aborted {
		w.int64(int64(txn.producerID))
		w.int64(int64(txn.firstOffset))
		if w.flexible() {
			w.buf = append(w.buf, 0)
		}
	}
}

func (w *fetchResponse) partitionTags(p *fetchPartition) {
	tags := byte(0)
	if p.diverging {
		tags++
	}
	if p.hinting {
		tags++
	}
	w.buf = append(w.buf, tags)
	if p.diverging {
		w.buf = append(w.buf, 0, 13) // Tag 0: int32, int64 and an empty tag section.
		w.int32(int32(p.divergingEpoch))
		w.int64(int64(p.divergingEnd))
		w.buf = append(w.buf, 0)
	}
	if p.hinting {
		w.buf = append(w.buf, 1, 9) // Tag 1: two int32 and an empty tag section.
		w.int32(int32(p.leader))
		w.int32(int32(p.leaderEpoch))
		w.buf = append(w.buf, 0)
	}
}

// end closes the response; the endpoints go with the leaders hinted at.
func (w *fetchResponse) end(endpoints []node) {
	if !w.flexible() {
		return
	}
	if w.version < 16 || len(endpoints) == 0 {
		w.buf = append(w.buf, 0)
		return
	}
	body := fetchResponse{version: w.version}
	body.arrayLen(len(endpoints))
	for _, n := range endpoints {
		body.int32(int32(n.id))
		body.string(n.host)
		body.int32(n.port)
		if n.rack == nil {
			body.buf = append(body.buf, 0)
		} else {
			body.string(*n.rack)
		}
		body.buf = append(body.buf, 0)
	}
	w.buf = append(w.buf, 1, 0)
	w.uvarint(len(body.buf))
	w.buf = append(w.buf, body.buf...)
}

func (w *fetchResponse) int16(v int16) { w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(v)) }
func (w *fetchResponse) int32(v int32) { w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(v)) }
func (w *fetchResponse) int64(v int64) { w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(v)) }
func (w *fetchResponse) uvarint(v int) { w.buf = binary.AppendUvarint(w.buf, uint64(v)) }

func (w *fetchResponse) arrayLen(n int) {
	if w.flexible() {
		w.uvarint(n + 1)
	} else {
		w.int32(int32(n))
	}
}

func (w *fetchResponse) nullArray() {
	if w.flexible() {
		w.buf = append(w.buf, 0)
	} else {
		w.int32(-1)
	}
}

func (w *fetchResponse) string(s string) {
	if w.flexible() {
		w.uvarint(len(s) + 1)
	} else {
		w.int16(int16(len(s)))
	}
	w.buf = append(w.buf, s...)
}
