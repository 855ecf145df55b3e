package bench

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/record"
)

// Codec is a compression codec; as text it is its name.
type Codec compress.Codec

// MarshalText gives the codec's name.
func (c Codec) MarshalText() ([]byte, error) { return []byte(compress.Codec(c).String()), nil }

// batch is a record batch that is sent many times.
type batch struct {
	bytes   record.Batch
	records int
}

// newBatch builds a batch of records of that size, as many as fit into batchSize
// bytes before compression, and one at least.
func newBatch(recordSize, batchSize int, codec Codec) batch {
	plain := record.NewBuilder(record.NewOptions(0))
	source := rand.New(rand.NewPCG(1, 2))
	now := time.Now().UnixMilli()
	values := [][]byte{newValue(source, recordSize)}
	plain.Append(now, nil, values[0])
	for size := plain.Len(); plain.Len()+(plain.Len()-size) <= batchSize; {
		size = plain.Len()
		values = append(values, newValue(source, recordSize))
		plain.Append(now, nil, values[len(values)-1])
	}
	if plain.Len() > batchSize && len(values) > 1 {
		values = values[:len(values)-1]
	}
	options := record.NewOptions(0)
	options.Codec = compress.Codec(codec)
	b := record.NewBuilder(options)
	for _, value := range values {
		b.Append(now, nil, value)
	}
	return batch{bytes: b.Build(), records: len(values)}
}

// words are what values are made of.
var words = strings.Fields(`order payment customer shipped pending amount currency created updated address street city
country product quantity price discount total invoice status warehouse carrier tracking express returned refunded email phone
session device browser referrer campaign region latency retry success failure timeout sensor temperature humidity pressure`)

// newValue gives words and numbers in random order, which codecs compress to about a
// third or a half, as they do with much of what real records hold.
func newValue(source *rand.Rand, size int) []byte {
	value := make([]byte, 0, size+32)
	for len(value) < size {
		value = append(value, words[source.IntN(len(words))]...)
		value = append(value, '=')
		value = strconv.AppendUint(value, uint64(source.IntN(10_000)), 10)
		value = append(value, ' ')
	}
	return value[:size]
}

// frame is an encoded Produce request, and what its answer looks like.
type frame struct {
	request []byte
	// records are what it carries, and bytes the size of their batches.
	records, bytes int
	// size is the size of an answer without errors, and codes the positions of
	// its error codes.
	size    int
	codes   []int
	header  int
	version int16
}

func (f *frame) counts() counts {
	return counts{requests: 1, records: int64(f.records), bytes: int64(f.bytes)}
}

// check looks for an error in an answer. It reads nothing but the error codes if the
// answer has the size that it has without errors.
func (f *frame) check(answer []byte) error {
	if len(answer) != f.size {
		return produceError(answer, f.header, f.version)
	}
	for _, at := range f.codes {
		if answer[at] != 0 || answer[at+1] != 0 {
			return produceError(answer, f.header, f.version)
		}
	}
	return nil
}

// produceFrames encodes the requests that write the batch to every one of the
// partitions once, up to BatchesPerRequest in each.
func produceFrames(t *topic, partitions []int32, version int16, b batch, o ProduceOptions) []frame {
	perRequest := max(o.BatchesPerRequest, 1)
	frames := make([]frame, (len(partitions)+perRequest-1)/perRequest)
	for i := range frames {
		// As even as it can be.
		begin, end := i*len(partitions)/len(frames), (i+1)*len(partitions)/len(frames)
		count := end - begin
		req := kmsg.NewPtrProduceRequest()
		req.SetVersion(version)
		req.Acks, req.TimeoutMillis = o.Acks, int32(drainTimeout.Milliseconds())
		data := kmsg.NewProduceRequestTopic()
		data.Topic, data.TopicID = t.name, t.id
		for _, partition := range partitions[begin:end] {
			p := kmsg.NewProduceRequestTopicPartition()
			p.Partition = partition
			p.Records = b.bytes
			data.Partitions = append(data.Partitions, p)
		}
		req.Topics = append(req.Topics, data)
		f := frame{
			request: frameOf(req), records: count * b.records, bytes: count * len(b.bytes),
			header: responseHeaderSize(req), version: version,
		}
		f.size, f.codes = produceAnswer(req, f.header)
		frames[i] = f
	}
	return frames
}

// produceAnswer finds the size of the answer to a request and where its error
// codes are, by encoding that answer with and without errors.
func produceAnswer(req *kmsg.ProduceRequest, header int) (size int, codes []int) {
	encode := func(code int16) []byte {
		resp := kmsg.NewPtrProduceResponse()
		resp.SetVersion(req.Version)
		for _, t := range req.Topics {
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic, topic.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				partition := kmsg.NewProduceResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, code
				topic.Partitions = append(topic.Partitions, partition)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp.AppendTo(nil)
	}
	fine, failed := encode(0), encode(-1)
	for i := 0; i < len(fine); i++ {
		if fine[i] != failed[i] {
			codes = append(codes, header+i)
			i++ // The second byte of the code.
		}
	}
	return header + len(fine), codes
}
