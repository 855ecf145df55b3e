package compat

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// produce is a request with records for partition 0 of a topic. The id is used
// from version 13.
func produce(topic string, id [16]byte, acks int16, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(9)
	req.Acks, req.TimeoutMillis = acks, 5000
	req.Topics = append(req.Topics, produceTopic(topic, id, map[int32][]byte{0: records}))
	return req
}

func produceTopic(topic string, id [16]byte, records map[int32][]byte) kmsg.ProduceRequestTopic {
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = topic, id
	for p := range int32(16) {
		if r, ok := records[p]; ok {
			part := kmsg.NewProduceRequestTopicPartition()
			part.Partition, part.Records = p, r
			t.Partitions = append(t.Partitions, part)
		}
	}
	return t
}

func produceScenarios() []scenario {
	return []scenario{
		{name: "Produce: acks", run: produceAcks},
		{name: "Produce: every version", run: produceVersions},
		{name: "Produce: topics and partitions that are not there", run: produceUnknown},
		{name: "Produce: what is named twice", run: produceTwice},
		{name: "Produce: what is no batch, but refused", run: produceMalformed},
		{name: "Produce: what is no batch, but has one in it", run: produceSurplus},
		{name: "Produce: offset deltas that are wrong", run: produceDeltas},
		{name: "Produce: LogAppendTime from the client", run: produceMarked},
		{name: "Produce: headers of batches that are wrong", run: produceWrongHeaders},
		{name: "Produce: records that are wrong", run: produceWrongRecords},
		{name: "Produce: times", run: produceTimes},
		{name: "Produce: LogAppendTime", run: produceLogAppendTime},
		{name: "Produce: sizes", run: produceSizes},
		{name: "Produce: compacted topics need keys", run: produceCompacted},
		{name: "Produce: codecs", run: produceCodecs},
		{name: "Produce: the topic's codec", run: produceRecompressed},
		{name: "Produce: max.decompressed.message.bytes", run: produceDecompressed},
		{name: "Produce: idempotent producers", run: produceIdempotent},
		{name: "Produce: sequences wrap", run: produceWrap},
		{name: "Produce: several partitions", run: produceSeveral},
	}
}

var plain = func() []byte { return seal(newBatch(value("a"), value("b"))) }

func produceDecompressed(c *client) {
	id := c.create("decompressed", 1, "max.decompressed.message.bytes", "500")
	for attribute, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		for _, size := range []int{400, 480, 490, 493, 494, 495, 496, 500, 600} {
			b := newBatch(value("a"), value(strings.Repeat("b", size)))
			if attribute > 0 {
				b = compressed(b, codec, int16(attribute))
			}
			c.ask(fmt.Sprintf("codec %d, %d bytes", attribute, size), produce("decompressed", id, -1, seal(b)))
		}
	}
}

func produceAcks(c *client) {
	id := c.create("acks", 1)
	for _, acks := range []int16{1, -1, 2, -2, math.MaxInt16} {
		c.ask(fmt.Sprintf("acks=%d", acks), produce("acks", id, acks, plain()))
	}
	c.unacknowledged("acks=0", produce("acks", id, 0, plain()))
	c.unacknowledged("acks=0 and a wrong batch", produce("acks", id, 0, []byte("none")))
	c.unacknowledged("acks=0 and an unknown topic", produce("acks-unknown", id, 0, plain()))
	c.ask("no topics", &kmsg.ProduceRequest{Version: 9, Acks: 1, TimeoutMillis: 1000})
	c.ask("no partitions", &kmsg.ProduceRequest{Version: 9, Acks: 1, TimeoutMillis: 1000, Topics: []kmsg.ProduceRequestTopic{{Topic: "acks"}}})
	c.ask("a timeout of 0", func() *kmsg.ProduceRequest {
		r := produce("acks", id, -1, plain())
		r.TimeoutMillis = 0
		return r
	}())
	c.ask("a negative timeout", func() *kmsg.ProduceRequest {
		r := produce("acks", id, -1, plain())
		r.TimeoutMillis = -1
		return r
	}())
	c.ask("the end", listOffsets("acks", map[int32]int64{0: -1}))
}

// unacknowledged sends a request that has no answer, and another which has, and
// records which of them was answered.
func (c *client) unacknowledged(name string, req kmsg.Request) {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.clientID))
	if err := c.write(formatter.AppendRequest(nil, req, c.last+1)); err != nil {
		c.fail("%v", err)
	}
	c.ask(name+", then ApiVersions", kmsg.NewPtrApiVersionsRequest())
}

func produceVersions(c *client) {
	id := c.create("versions", 1)
	c.each("a batch", 0, 14, func(int16) kmsg.Request { return produce("versions", id, -1, plain()) })
	c.each("a wrong batch", 3, 13, func(int16) kmsg.Request { return produce("versions", id, -1, plain()[:60]) })
	c.each("an unknown topic", 3, 13, func(int16) kmsg.Request { return produce("versions-not", [16]byte{1}, -1, plain()) })
	c.each("a record that is wrong", 3, 13, func(int16) kmsg.Request {
		b := newBatch(value("a"), value("b"))
		b.FirstTimestamp, b.MaxTimestamp = epoch+2*hour, epoch+2*hour
		return produce("versions", id, -1, seal(b))
	})
	c.each("the end", 4, 4, func(int16) kmsg.Request { return listOffsets("versions", map[int32]int64{0: -1}) })
}

func produceUnknown(c *client) {
	id := c.create("known", 1)
	name := func(topic string) *kmsg.ProduceRequest { return produce(topic, id, -1, plain()) }
	for _, topic := range []string{"unknown", "", ".", "..", "white space", strings.Repeat("x", 250), "__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"} {
		c.ask(fmt.Sprintf("topic %.20q", topic), name(topic))
	}
	for _, partition := range []int32{1, 2} {
		req := name("known")
		req.Topics[0].Partitions[0].Partition = partition
		c.ask(fmt.Sprintf("partition %d", partition), req)
	}
	req := name("known")
	req.Topics[0].Partitions[0].Partition = -1
	c.ask("partition -1", req)
	byID := name("known")
	byID.SetVersion(13)
	byID.Topics[0].TopicID = [16]byte{15: 1}
	c.ask("an unknown id", byID)
	byID.Topics[0].TopicID = [16]byte{}
	c.ask("the zero id", byID)
	admin := c.other("__admin_client")
	defer admin.close()
	admin.ask("an internal topic that is not there, as the admin client", name("__transaction_state"))
	transactional := name("known")
	transactional.TransactionID = kmsg.StringPtr("t")
	c.ask("a transactional id without a transactional batch", transactional)
	c.ask("the end", listOffsets("known", map[int32]int64{0: -1}))
}

func produceTwice(c *client) {
	id := c.create("twice", 1)
	twice := produce("twice", id, -1, plain())
	twice.Topics = append(twice.Topics, twice.Topics[0])
	c.ask("a topic twice", twice)
	twice = produce("twice", id, -1, plain())
	twice.Topics[0].Partitions = append(twice.Topics[0].Partitions, twice.Topics[0].Partitions[0])
	c.ask("a partition twice", twice)
}

func produceSurplus(c *client) {
	id := c.create("surplus", 1)
	good := plain()
	c.ask("surplus byte", produce("surplus", id, -1, append(slices.Clone(good), 0)))
	c.ask("surplus bytes", produce("surplus", id, -1, append(slices.Clone(good), make([]byte, 40)...)))
	c.ask("two batches, the second cut", produce("surplus", id, -1, append(slices.Clone(good), good[:len(good)-3]...)))
}

func produceDeltas(c *client) {
	id := c.create("deltas", 1)
	batches := map[string]func() *kmsg.RecordBatch{
		"not in order": func() *kmsg.RecordBatch {
			return newBatch(rec{value: []byte("a"), delta: 1}, rec{value: []byte("b"), delta: -1})
		},
		"twice":    func() *kmsg.RecordBatch { return newBatch(value("a"), rec{value: []byte("b"), delta: -1}) },
		"left out": func() *kmsg.RecordBatch { return newBatch(value("a"), rec{value: []byte("b"), delta: 5}) },
	}
	for _, name := range slices.Sorted(maps.Keys(batches)) {
		c.ask(name, produce("deltas", id, -1, seal(batches[name]())))
		for _, codec := range codecs {
			c.ask(name+", "+codec.name, produce("deltas", id, -1, seal(compressed(batches[name](), codec.codec, codec.attribute))))
		}
	}
	c.ask("what is in the log", fetch(id, "deltas", 0))
}

func produceMarked(c *client) {
	id := c.create("marked", 1)
	b := newBatch(value("a"), value("b"))
	b.Attributes |= 8
	b.MaxTimestamp -= 500
	c.ask("on a topic with CreateTime", produce("marked", id, -1, seal(b)))
	c.ask("what is in the log", fetch(id, "marked", 0))
}

func produceMalformed(c *client) {
	id := c.create("malformed", 1)
	good := plain()
	magic := func(m byte) []byte {
		b := slices.Clone(good)
		b[16] = m
		return b
	}
	length := func(n int32) []byte {
		b := slices.Clone(good)
		binary.BigEndian.PutUint32(b[8:], uint32(n))
		return b
	}
	flip := func(at int) []byte {
		b := slices.Clone(good)
		b[at] ^= 0x55
		return b
	}
	empty := newBatch()
	empty.LastOffsetDelta = 0
	for _, test := range []struct {
		name    string
		records []byte
	}{
		{"no bytes", []byte{}},
		{"16 bytes", good[:16]},
		{"60 bytes", good[:60]},
		{"cut", good[:len(good)-1]},
		{"two batches", append(slices.Clone(good), good...)},
		{"length 0", length(0)},
		{"length -1", length(-1)},
		{"length 13", length(13)},
		{"length 48", length(48)},
		{"length 49", length(49)},
		{"length too large", length(1 << 20)},
		{"length huge", length(math.MaxInt32)},
		{"magic 0", magic(0)},
		{"magic 1", magic(1)},
		{"magic 3", magic(3)},
		{"magic -1", magic(255)},
		{"message of magic 1", message(1)},
		{"message of magic 0", message(0)},
		{"CRC", flip(17)},
		{"a bit of the records", flip(len(good) - 1)},
		{"a bit of the header", flip(30)},
		{"no records", seal(newBatch())},
		{"no records, last offset delta 0", seal(empty)},
		{"leader epoch", func() []byte { b := slices.Clone(good); b[15] = 9; return b }()},
	} {
		c.ask(test.name, produce("malformed", id, -1, test.records))
	}
	impatient := c.other("compat")
	defer impatient.close()
	impatient.patience = time.Second
	impatient.ask("null", produce("malformed", id, -1, nil))
	for _, v := range []int16{3, 13} {
		for _, m := range []byte{0, 1, 3} {
			req := produce("malformed", id, -1, magic(m))
			req.SetVersion(v)
			c.ask(fmt.Sprintf("magic %d, v%d", m, v), req)
		}
	}
	c.ask("the end", listOffsets("malformed", map[int32]int64{0: -1}))
}

// message is a message of the formats before batches.
func message(magic int8) []byte {
	if magic == 0 {
		m := kmsg.MessageV0{Offset: 0, MessageSize: 4 + 1 + 1 + 4 + 4 + 1, Magic: 0, Value: []byte("v")}
		return m.AppendTo(nil)
	}
	m := kmsg.MessageV1{Offset: 0, MessageSize: 4 + 1 + 1 + 8 + 4 + 4 + 1, Magic: 1, Timestamp: epoch, Value: []byte("v")}
	return m.AppendTo(nil)
}

func produceWrongHeaders(c *client) {
	id := c.create("headers", 1)
	for _, test := range []struct {
		name   string
		change func(b *kmsg.RecordBatch)
	}{
		{"base offset 5", func(b *kmsg.RecordBatch) { b.FirstOffset = 5 }},
		{"base offset -1", func(b *kmsg.RecordBatch) { b.FirstOffset = -1 }},
		{"last offset delta 2", func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 2 }},
		{"last offset delta 0", func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 0 }},
		{"last offset delta -1", func(b *kmsg.RecordBatch) { b.LastOffsetDelta = -1 }},
		{"count 3", func(b *kmsg.RecordBatch) { b.NumRecords = 3 }},
		{"count 3 and last offset delta 2", func(b *kmsg.RecordBatch) { b.NumRecords, b.LastOffsetDelta = 3, 2 }},
		{"count 1", func(b *kmsg.RecordBatch) { b.NumRecords = 1 }},
		{"count 1 and last offset delta 0", func(b *kmsg.RecordBatch) { b.NumRecords, b.LastOffsetDelta = 1, 0 }},
		{"count 0", func(b *kmsg.RecordBatch) { b.NumRecords = 0 }},
		{"count -1", func(b *kmsg.RecordBatch) { b.NumRecords = -1 }},
		{"control batch", func(b *kmsg.RecordBatch) { b.Attributes |= 0x20 }},
		{"delete horizon", func(b *kmsg.RecordBatch) { b.Attributes |= 0x40 }},
		{"unused attributes", func(b *kmsg.RecordBatch) { b.Attributes |= 0x80 }},
		{"unused attributes of the upper byte", func(b *kmsg.RecordBatch) { b.Attributes |= 0x4000 }},
		{"transactional without a producer", func(b *kmsg.RecordBatch) { b.Attributes |= 0x10 }},
		{"codec 5", func(b *kmsg.RecordBatch) { b.Attributes |= 5 }},
		{"codec 7", func(b *kmsg.RecordBatch) { b.Attributes |= 7 }},
		{"gzip that is none", func(b *kmsg.RecordBatch) { b.Attributes |= 1 }},
		{"snappy that is none", func(b *kmsg.RecordBatch) { b.Attributes |= 2 }},
		{"lz4 that is none", func(b *kmsg.RecordBatch) { b.Attributes |= 3 }},
		{"zstd that is none", func(b *kmsg.RecordBatch) { b.Attributes |= 4 }},
		{"max timestamp too low", func(b *kmsg.RecordBatch) { b.MaxTimestamp -= 500 }},
		{"max timestamp too high", func(b *kmsg.RecordBatch) { b.MaxTimestamp += 500 }},
		{"max timestamp -1", func(b *kmsg.RecordBatch) { b.MaxTimestamp = -1 }},
		{"producer without a sequence", func(b *kmsg.RecordBatch) { b.ProducerID, b.ProducerEpoch = 900, 0 }},
		{"producer with sequence -2", func(b *kmsg.RecordBatch) { b.ProducerID, b.ProducerEpoch, b.FirstSequence = 901, 0, -2 }},
		{"producer without an epoch", func(b *kmsg.RecordBatch) { b.ProducerID, b.FirstSequence = 902, 0 }},
		{"producer with epoch -2", func(b *kmsg.RecordBatch) { b.ProducerID, b.ProducerEpoch, b.FirstSequence = 903, -2, 0 }},
		{"sequence without a producer", func(b *kmsg.RecordBatch) { b.FirstSequence = 5 }},
		{"producer id -2", func(b *kmsg.RecordBatch) { b.ProducerID = -2 }},
	} {
		b := newBatch(value("a"), value("b"))
		test.change(b)
		c.ask(test.name, produce("headers", id, -1, seal(b)))
	}
	c.ask("what is in the log", fetch(id, "headers", 0))
}

func produceWrongRecords(c *client) {
	id := c.create("records", 1)
	for _, test := range []struct {
		name  string
		batch *kmsg.RecordBatch
	}{
		{"null value", newBatch(rec{key: []byte("k")})},
		{"null key and value", newBatch(rec{})},
		{"headers", newBatch(rec{value: []byte("a"), headers: []kmsg.Header{{Key: "h", Value: []byte("1")}, {Key: "", Value: nil}, {Key: "h", Value: []byte{}}}})},
		{"a record longer than the batch", raw(newBatch(value("a")), 0x7e, 0, 0, 0, 1, 2, 'a', 0)},
		{"a record of length 0", raw(newBatch(value("a")), 0)},
		{"a record of length -1", raw(newBatch(value("a")), 1)},
		{"a record with a surplus byte", raw(newBatch(value("a")), 16, 0, 0, 0, 1, 2, 'a', 0, 0)},
		{"surplus bytes after the records", raw(newBatch(value("a")), 14, 0, 0, 0, 1, 2, 'a', 0, 9, 9, 9)},
		{"a key longer than the record", raw(newBatch(value("a")), 14, 0, 0, 0, 100, 2, 'a', 0)},
		{"a header count of -1", raw(newBatch(value("a")), 14, 0, 0, 0, 1, 2, 'a', 1)},
		{"a header count that is too large", raw(newBatch(value("a")), 14, 0, 0, 0, 1, 2, 'a', 100)},
		{"a header with a null key", raw(newBatch(value("a")), 18, 0, 0, 0, 1, 2, 'a', 2, 1, 1)},
		{"no bytes of records", raw(newBatch(value("a")))},
		{"a varint that does not end", raw(newBatch(value("a")), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)},
		{"record attributes", raw(newBatch(value("a")), 14, 77, 0, 0, 1, 2, 'a', 0)},
		{"a time before the first one's", newBatch(value("a"), rec{value: []byte("b"), ms: -500})},
	} {
		c.ask(test.name, produce("records", id, -1, seal(test.batch)))
	}
	c.ask("what is in the log", fetch(id, "records", 0))
}

// raw replaces the records of a batch by bytes.
func raw(b *kmsg.RecordBatch, records ...byte) *kmsg.RecordBatch {
	b.Records = records
	return b
}

const hour = 60 * 60 * 1000

func produceTimes(c *client) {
	id := c.create("times", 1)
	bounded := c.create("times-bounded", 1, "message.timestamp.before.max.ms", "1800000", "message.timestamp.after.max.ms", "1800000")
	at := func(first int64, records ...rec) []byte {
		b := newBatch(records...)
		b.MaxTimestamp += first - b.FirstTimestamp
		b.FirstTimestamp = first
		return seal(b)
	}
	for _, test := range []struct {
		name    string
		records []byte
	}{
		{"-1", at(-1, value("a"))},
		{"-2", at(-2, value("a"))},
		{"0", at(0, value("a"))},
		{"two hours ago", at(epoch-2*hour, value("a"))},
		{"30 s ago", at(epoch-30_000, value("a"))},
		{"in two hours", at(epoch+2*hour, value("a"))},
		{"one of three in two hours", at(epoch-10, value("a"), rec{value: []byte("b"), ms: 2 * hour}, value("c"))},
		{"two of three in two hours", at(epoch-10, value("a"), rec{value: []byte("b"), ms: 2 * hour}, rec{value: []byte("c"), ms: 2 * hour})},
		{"one of two two hours ago", at(epoch-10, value("a"), rec{value: []byte("b"), ms: -2 * hour})},
		{"the largest time", at(math.MaxInt64, value("a"))},
		{"the smallest time", at(math.MinInt64, value("a"))},
	} {
		c.ask(test.name, produce("times", id, -1, test.records))
		c.ask(test.name+", within half an hour", produce("times-bounded", bounded, -1, test.records))
	}
	c.ask("what is in the log", fetch(id, "times", 0))
	c.ask("what is in the log within half an hour", fetch(bounded, "times-bounded", 0))
}

func produceLogAppendTime(c *client) {
	id := c.create("append-time", 1, "message.timestamp.type", "LogAppendTime")
	old := newBatch(value("a"), value("b"))
	old.FirstTimestamp, old.MaxTimestamp = 1000, 1000
	c.each("a batch", 3, 13, func(int16) kmsg.Request { return produce("append-time", id, -1, seal(old)) })
	c.ask("a time of -1", produce("append-time", id, -1, func() []byte {
		b := newBatch(value("a"))
		b.FirstTimestamp, b.MaxTimestamp = -1, -1
		return seal(b)
	}()))
	marked := newBatch(value("a"))
	marked.Attributes |= 8
	c.ask("the attribute is set", produce("append-time", id, -1, seal(marked)))
	c.ask("compressed", produce("append-time", id, -1, seal(compressed(newBatch(value("a"), value("b")), kgo.GzipCompression(), 1))))
	c.ask("in two hours", produce("append-time", id, -1, func() []byte {
		b := newBatch(value("a"))
		b.FirstTimestamp, b.MaxTimestamp = epoch+2*hour, epoch+2*hour
		return seal(b)
	}()))
	producer := c.newProducerID()
	c.ask("an idempotent producer's", produce("append-time", id, -1, seal(idempotent(newBatch(value("a")), producer, 0, 0))))
	c.ask("the same again", produce("append-time", id, -1, seal(idempotent(newBatch(value("a")), producer, 0, 0))))
	c.ask("what is in the log", fetch(id, "append-time", 0))
}

func produceSizes(c *client) {
	id := c.create("sizes", 1, "max.message.bytes", "2000")
	large := func(n int) []byte { return seal(newBatch(rec{value: make([]byte, n)})) }
	base := len(large(1000)) - 1000
	for _, n := range []int{1999, 2000, 2001, 100_000} {
		c.ask(fmt.Sprintf("a batch of %d bytes", n), produce("sizes", id, -1, large(n-base)))
	}
	c.each("too large", 3, 13, func(int16) kmsg.Request { return produce("sizes", id, -1, large(3000)) })
	c.ask("too large, but not when compressed", produce("sizes", id, -1, seal(compressed(newBatch(rec{value: make([]byte, 3000)}), kgo.GzipCompression(), 1))))
	segment := c.create("sizes-segment", 1, "segment.bytes", "1048576", "max.message.bytes", "3000000")
	c.ask("larger than a segment", produce("sizes-segment", segment, -1, large(1_100_000)))
	c.ask("the default limit", produce("sizes-default", c.create("sizes-default", 1), -1, large(1_048_589)))
	c.ask("what is in the log", fetch(id, "sizes", 0))
}

func produceCompacted(c *client) {
	id := c.create("compacted", 1, "cleanup.policy", "compact")
	both := c.create("compacted-deleted", 1, "cleanup.policy", "compact,delete")
	for _, v := range []int16{3, 7, 8, 13} {
		for _, test := range []struct {
			name  string
			batch *kmsg.RecordBatch
		}{
			{"a key", newBatch(keyed("k", "v"))},
			{"an empty key", newBatch(rec{key: []byte{}, value: []byte("v")})},
			{"no key", newBatch(value("v"))},
			{"two of three without key", newBatch(value("v"), keyed("k", "v"), value("v"))},
			{"no key, compressed", compressed(newBatch(keyed("k", "v"), value("v")), kgo.Lz4Compression(), 3)},
			{"a tombstone", newBatch(rec{key: []byte("k")})},
		} {
			req := produce("compacted", id, -1, seal(test.batch))
			req.SetVersion(v)
			c.ask(fmt.Sprintf("%s, v%d", test.name, v), req)
		}
	}
	c.ask("no key, also deleted", produce("compacted-deleted", both, -1, plain()))
	c.ask("what is in the log", fetch(id, "compacted", 0))
}

var codecs = []struct {
	name      string
	codec     kgo.CompressionCodec
	attribute int16
}{
	{"gzip", kgo.GzipCompression(), 1}, {"snappy", kgo.SnappyCompression(), 2}, {"lz4", kgo.Lz4Compression(), 3}, {"zstd", kgo.ZstdCompression(), 4},
}

func produceCodecs(c *client) {
	id := c.create("codecs", 1)
	for _, codec := range codecs {
		batch := func(records ...rec) []byte {
			return seal(compressed(newBatch(records...), codec.codec, codec.attribute))
		}
		c.each(codec.name, 3, 13, func(int16) kmsg.Request { return produce("codecs", id, -1, batch(keyed("a", "b"), keyed("c", "d"))) })
		c.ask(codec.name+", one record", produce("codecs", id, -1, batch(value("a"))))
		b := compressed(newBatch(value("a"), value("b")), codec.codec, codec.attribute)
		b.NumRecords, b.LastOffsetDelta = 3, 2
		c.ask(codec.name+", a record missing", produce("codecs", id, -1, seal(b)))
		b = compressed(newBatch(value("a"), value("b")), codec.codec, codec.attribute)
		b.NumRecords, b.LastOffsetDelta = 1, 0
		c.ask(codec.name+", a record too many", produce("codecs", id, -1, seal(b)))
		b = compressed(newBatch(value("a"), value(strings.Repeat("b", 300))), codec.codec, codec.attribute)
		b.Records = b.Records[:len(b.Records)-4]
		c.ask(codec.name+", cut", produce("codecs", id, -1, seal(b)))
		b = compressed(newBatch(value("a"), rec{value: []byte("b"), ms: 2 * hour}), codec.codec, codec.attribute)
		c.ask(codec.name+", a time ahead", produce("codecs", id, -1, seal(b)))
	}
	c.ask("what is in the log", fetch(id, "codecs", 0))
}

func produceRecompressed(c *client) {
	for _, to := range []string{"uncompressed", "gzip", "snappy", "lz4", "zstd"} {
		topic := "codec-" + to
		id := c.create(topic, 1, "compression.type", to)
		c.ask("plain to "+to, produce(topic, id, -1, plain()))
		for _, codec := range codecs {
			c.ask(codec.name+" to "+to, produce(topic, id, -1, seal(compressed(newBatch(keyed("a", "b"), value("c")), codec.codec, codec.attribute))))
		}
		b := newBatch(value("a"), value("b"))
		b.MaxTimestamp += 77
		c.ask("a wrong largest time to "+to, produce(topic, id, -1, seal(b)))
		c.ask("what is in the log of "+to, fetch(id, topic, 0))
	}
}

// newProducerID asks for a producer id.
func (c *client) newProducerID() int64 {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.SetVersion(4)
	var id int64
	c.until("there are producer ids", req, func(resp kmsg.Response) bool {
		r := resp.(*kmsg.InitProducerIDResponse)
		id = r.ProducerID
		return r.ErrorCode == 0
	})
	return id
}

func produceIdempotent(c *client) {
	id := c.create("idempotent", 2)
	producer := c.newProducerID()
	ask := func(name string, epoch int16, sequence int32, records ...rec) {
		if records == nil {
			records = []rec{value("a"), value("b")}
		}
		c.ask(name, produce("idempotent", id, -1, seal(idempotent(newBatch(records...), producer, epoch, sequence))))
	}
	ask("first", 0, 0)
	ask("next", 0, 2)
	ask("the same again", 0, 2)
	ask("the first again", 0, 0)
	ask("a gap", 0, 7)
	ask("the same sequence, fewer records", 0, 2, value("a"))
	ask("overlapping", 0, 3)
	for i := range int32(5) {
		ask(fmt.Sprintf("batch %d", i), 0, 4+2*i)
	}
	ask("a duplicate that is remembered", 0, 4)
	ask("a duplicate that is forgotten", 0, 2)
	ask("a new epoch with a sequence", 1, 5)
	ask("a new epoch", 1, 0)
	ask("the old epoch", 0, 14)
	ask("the old epoch from 0", 0, 0)
	ask("a duplicate of the new epoch", 1, 0)
	ask("a new epoch by two", 3, 0)
	ask("next of it", 3, 2)
	producer = c.newProducerID()
	ask("an unknown producer from 0", 0, 0)
	producer = c.newProducerID()
	ask("an unknown producer from 5", 0, 5)
	ask("next of it", 0, 7)
	producer = math.MaxInt64
	ask("the largest id", math.MaxInt16, 0)
	producer = c.newProducerID()
	c.ask("acks=1", produce("idempotent", id, 1, seal(idempotent(newBatch(value("a")), producer, 0, 0))))
	c.ask("acks=1, the same again", produce("idempotent", id, 1, seal(idempotent(newBatch(value("a")), producer, 0, 0))))
	c.unacknowledged("acks=0, the same again", produce("idempotent", id, 0, seal(idempotent(newBatch(value("a")), producer, 0, 0))))
	c.unacknowledged("acks=0, a gap", produce("idempotent", id, 0, seal(idempotent(newBatch(value("a")), producer, 0, 9))))
	c.each("a duplicate", 3, 13, func(int16) kmsg.Request {
		return produce("idempotent", id, -1, seal(idempotent(newBatch(value("a")), producer, 0, 0)))
	})
	c.each("a gap", 3, 13, func(int16) kmsg.Request {
		return produce("idempotent", id, -1, seal(idempotent(newBatch(value("a")), producer, 0, 9)))
	})
	transactional := idempotent(newBatch(value("a")), producer, 0, 1)
	transactional.Attributes |= 0x10
	c.ask("transactional without a transactional id", produce("idempotent", id, -1, seal(transactional)))
	c.ask("what is in the log", fetch(id, "idempotent", 0))
}

func produceWrap(c *client) {
	id := c.create("wrap", 1)
	producer := c.newProducerID()
	ask := func(name string, sequence int32, records ...rec) {
		c.ask(name, produce("wrap", id, -1, seal(idempotent(newBatch(records...), producer, 0, sequence))))
	}
	ask("close to the end", math.MaxInt32-3, value("a"), value("b"))
	ask("across the end", math.MaxInt32-1, value("a"), value("b"), value("c"), value("d"))
	ask("the same again", math.MaxInt32-1, value("a"), value("b"), value("c"), value("d"))
	ask("a gap", 3, value("a"))
	ask("next", 2, value("a"))
	producer = c.newProducerID()
	ask("exactly to the end", math.MaxInt32-1, value("a"), value("b"))
	ask("0", 0, value("a"))
	ask("the last batch before 0 again", math.MaxInt32-1, value("a"), value("b"))
	ask("0 again", 0, value("a"))
	ask("the largest again, alone", math.MaxInt32, value("a"))
	producer = c.newProducerID()
	ask("the largest alone", math.MaxInt32, value("a"))
	ask("1 where 0 is next", 1, value("a"))
	ask("-1 where 0 is next", -1, value("a"))
	ask("0 after the largest", 0, value("a"))
	producer = c.newProducerID()
	ask("one before the largest", math.MaxInt32-1, value("a"))
	ask("0 where the largest is next", 0, value("a"))
	ask("the largest", math.MaxInt32, value("a"))
	for i := range int32(5) {
		ask(fmt.Sprintf("batch %d after the largest", i), i, value("a"))
	}
	ask("the largest, which is forgotten", math.MaxInt32, value("a"))
	c.ask("what is in the log", fetch(id, "wrap", 0))
}

func produceSeveral(c *client) {
	id := c.create("several", 3)
	other := c.create("several-other", 2)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 5000
	bad := newBatch(value("a"))
	bad.NumRecords = 2
	req.Topics = []kmsg.ProduceRequestTopic{
		produceTopic("several-other", other, map[int32][]byte{1: plain(), 0: plain()}),
		produceTopic("several", id, map[int32][]byte{0: plain(), 1: seal(bad), 2: plain(), 7: plain()}),
		produceTopic("several-unknown", [16]byte{1}, map[int32][]byte{0: plain()}),
	}
	c.each("some are wrong", 3, 13, func(int16) kmsg.Request { return req })
	c.ask("the ends", listOffsets("several", map[int32]int64{0: -1, 1: -1, 2: -1}))
}
