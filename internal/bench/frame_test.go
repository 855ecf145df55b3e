package bench

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

func TestBatchesFillTheBatchSize(t *testing.T) {
	for _, test := range []struct {
		name                  string
		recordSize, batchSize int
		records               int
	}{
		{"one record without a batch size", 100, 0, 1},
		{"a record larger than the batch", 2048, 1024, 1},
		{"as many as fit", 1024, 64 << 10, 63},
		{"empty values", 0, 100, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBatch(test.recordSize, test.batchSize, Codec(compress.None))
			if b.records != test.records || int(b.bytes.Count()) != test.records {
				t.Errorf("got %d records (%d in the batch), want %d", b.records, b.bytes.Count(), test.records)
			}
			if b.records > 1 && len(b.bytes) > test.batchSize {
				t.Errorf("the batch has %d bytes, more than %d", len(b.bytes), test.batchSize)
			}
			if err := b.bytes.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCompressedBatchesCompress(t *testing.T) {
	plain := newBatch(1024, 64<<10, Codec(compress.None))
	for _, codec := range []compress.Codec{compress.Gzip, compress.Snappy, compress.LZ4, compress.Zstd} {
		b := newBatch(1024, 64<<10, Codec(codec))
		if b.bytes.Codec() != codec || b.records != plain.records || len(b.bytes) > 2*len(plain.bytes)/3 || len(b.bytes) < len(plain.bytes)/5 {
			t.Errorf("%v: codec %v, %d records in %d bytes; plain are %d in %d", codec, b.bytes.Codec(), b.records, len(b.bytes), plain.records, len(plain.bytes))
		}
	}
}

// testTopic has five partitions on one leader.
func testTopic() *topic {
	return &topic{name: "orders", id: [16]byte{1, 2, 3}, partitions: 5, leaders: []leader{{addr: "a:1", partitions: []int32{0, 1, 2, 3, 4}}}}
}

func TestProduceFramesWriteToEveryPartitionOnce(t *testing.T) {
	b := newBatch(10, 0, 0)
	for _, perRequest := range []int{0, 1, 2, 3, 5, 9} {
		written := map[int32]int{}
		for _, f := range produceFrames(testTopic(), []int32{0, 1, 2, 3, 4}, 13, b, ProduceOptions{Acks: -1, BatchesPerRequest: perRequest}) {
			req := kmsg.NewPtrProduceRequest()
			req.SetVersion(13)
			body := f.request[4+8+2+len(clientID)+1:]
			if err := req.ReadFrom(body); err != nil {
				t.Fatal(err)
			}
			for _, p := range req.Topics[0].Partitions {
				written[p.Partition]++
			}
			if n := len(req.Topics[0].Partitions); f.records != n*b.records || f.bytes != n*len(b.bytes) || n > max(perRequest, 1) {
				t.Errorf("%d per request: a frame with %d partitions says %d records in %d bytes", perRequest, n, f.records, f.bytes)
			}
		}
		for partition := range int32(5) {
			if written[partition] != 1 {
				t.Errorf("%d per request: partition %d is written to %d times", perRequest, partition, written[partition])
			}
		}
	}
}

// produceAnswerOf encodes an answer, as a broker does.
func produceAnswerOf(version int16, change func(*kmsg.ProduceResponse)) []byte {
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(version)
	data := kmsg.NewProduceResponseTopic()
	data.Topic, data.TopicID = "orders", [16]byte{1, 2, 3}
	for partition := range int32(5) {
		p := kmsg.NewProduceResponseTopicPartition()
		p.Partition, p.BaseOffset, p.LogStartOffset = partition, 1234567+int64(partition), 17
		data.Partitions = append(data.Partitions, p)
	}
	resp.Topics = append(resp.Topics, data)
	resp.ThrottleMillis = 3
	change(resp)
	header := make([]byte, responseHeaderSize(versioned(kmsg.NewPtrProduceRequest(), version)))
	return resp.AppendTo(header)
}

func versioned(req kmsg.Request, version int16) kmsg.Request {
	req.SetVersion(version)
	return req
}

func TestAnswersToProduceAreChecked(t *testing.T) {
	for version := int16(3); version <= kmsg.NewPtrProduceRequest().MaxVersion(); version++ {
		frames := produceFrames(testTopic(), []int32{0, 1, 2, 3, 4}, version, newBatch(10, 0, 0), ProduceOptions{Acks: -1, BatchesPerRequest: 5})
		fine := produceAnswerOf(version, func(*kmsg.ProduceResponse) {})
		if err := frames[0].check(fine); err != nil {
			t.Errorf("version %d: a fine answer is refused: %v", version, err)
		}
		if len(fine) != frames[0].size || len(frames[0].codes) != 5 {
			t.Errorf("version %d: the fast check does not know a fine answer: %d bytes, codes at %v", version, len(fine), frames[0].codes)
		}
		for at := range 5 {
			for _, message := range []*string{nil, kmsg.StringPtr("a reason")} {
				err := frames[0].check(produceAnswerOf(version, func(r *kmsg.ProduceResponse) {
					r.Topics[0].Partitions[at].ErrorCode = kerr.NotEnoughReplicas.Code
					r.Topics[0].Partitions[at].ErrorMessage = message
				}))
				if !errors.Is(err, kerr.NotEnoughReplicas) {
					t.Errorf("version %d: an error of partition %d gives %v", version, at, err)
				}
			}
		}
	}
}

func TestUnreadableAnswersToProduceAreErrors(t *testing.T) {
	frames := produceFrames(testTopic(), []int32{0}, 13, newBatch(10, 0, 0), ProduceOptions{Acks: -1})
	for _, answer := range [][]byte{nil, {0}, bytes.Repeat([]byte{0xff}, 64)} {
		if err := frames[0].check(answer); err == nil {
			t.Errorf("an answer of %x is taken", answer)
		}
	}
}

// fetchAnswerOf encodes an answer with its size, as a broker does.
func fetchAnswerOf(version int16, change func(*kmsg.FetchResponse)) []byte {
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(version)
	data := kmsg.NewFetchResponseTopic()
	data.Topic, data.TopicID = "orders", [16]byte{1, 2, 3}
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.HighWatermark, p.LastStableOffset = 3, 100, 100
	data.Partitions = append(data.Partitions, p)
	resp.Topics = append(resp.Topics, data)
	change(resp)
	header := make([]byte, 4+responseHeaderSize(versioned(kmsg.NewPtrFetchRequest(), version)))
	answer := resp.AppendTo(header)
	binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
	return answer
}

// batchesAt gives batches of that many records each, one after the other.
func batchesAt(offset int64, counts ...int) []byte {
	var all []byte
	for _, count := range counts {
		options := record.NewOptions(0)
		b := record.NewBuilder(options)
		for range count {
			b.Append(1, nil, []byte("value"))
		}
		batch := b.Build()
		batch.SetBaseOffset(kafka.Offset(offset))
		all = append(all, batch...)
		offset += int64(count)
	}
	return all
}

func TestFetchedRecordsAreSkippedFromBatchToBatch(t *testing.T) {
	for version := int16(4); version <= kmsg.NewPtrFetchRequest().MaxVersion(); version++ {
		f := newFetchFrame(testTopic(), 3, version, 0, 1<<20)
		whole := batchesAt(0, 5, 3)
		cut := append(bytes.Clone(whole), batchesAt(8, 10)[:40]...)
		cutLater := append(bytes.Clone(whole), batchesAt(8, 10)[:70]...)
		var stream []byte
		for _, records := range [][]byte{whole, cut, cutLater, nil, {}} {
			stream = append(stream, fetchAnswerOf(version, func(r *kmsg.FetchResponse) { r.Topics[0].Partitions[0].RecordBatches = records })...)
		}
		c := &Conn{r: bufio.NewReaderSize(bytes.NewReader(stream), 4096)}
		for i := range 3 {
			got, err := f.skim(c)
			if err != nil || got != (counts{requests: 1, records: 8, bytes: int64(len(whole))}) || f.offset != 8 {
				t.Fatalf("version %d, answer %d: got %+v, %v, next offset %d", version, i, got, err, f.offset)
			}
			if fetch := f.encode(); int64(binary.BigEndian.Uint64(fetch[f.offsetAt:])) != 8 {
				t.Fatalf("version %d: the next request does not ask for offset 8", version)
			}
		}
		for range 2 {
			if got, err := f.skim(c); err != nil || got != (counts{requests: 1}) || f.offset != 0 {
				t.Fatalf("version %d: an answer without records: %+v, %v, next offset %d", version, got, err, f.offset)
			}
		}
	}
}

func TestAtTheHighWatermarkAFetcherBeginsAgain(t *testing.T) {
	f := newFetchFrame(testTopic(), 3, 18, 2, 1<<20)
	stream := fetchAnswerOf(18, func(r *kmsg.FetchResponse) { r.Topics[0].Partitions[0].RecordBatches = batchesAt(90, 10) })
	if _, err := f.skim(&Conn{r: bufio.NewReader(bytes.NewReader(stream))}); err != nil || f.offset != 2 {
		t.Errorf("next offset %d, %v; want the start, 2", f.offset, err)
	}
}

func TestErrorsInFetchAnswersAreTold(t *testing.T) {
	for version := int16(4); version <= kmsg.NewPtrFetchRequest().MaxVersion(); version++ {
		changes := map[string]func(*kmsg.FetchResponse){
			"partition": func(r *kmsg.FetchResponse) {
				r.Topics[0].Partitions[0].ErrorCode = kerr.OffsetOutOfRange.Code
				r.Topics[0].Partitions[0].HighWatermark = -1
			},
		}
		if version >= 7 {
			changes["answer"] = func(r *kmsg.FetchResponse) { r.ErrorCode, r.Topics = kerr.OffsetOutOfRange.Code, nil }
			changes["answer and topics"] = func(r *kmsg.FetchResponse) { r.ErrorCode = kerr.OffsetOutOfRange.Code }
		}
		for name, change := range changes {
			f := newFetchFrame(testTopic(), 3, version, 0, 1<<20)
			_, err := f.skim(&Conn{r: bufio.NewReader(bytes.NewReader(fetchAnswerOf(version, change)))})
			if !errors.Is(err, kerr.OffsetOutOfRange) {
				t.Errorf("version %d, %s: got %v", version, name, err)
			}
		}
	}
}

func TestFetchAnswersWithWrongLengthsAreErrors(t *testing.T) {
	f := newFetchFrame(testTopic(), 3, 18, 0, 1<<20)
	answer := fetchAnswerOf(18, func(r *kmsg.FetchResponse) { r.Topics[0].Partitions[0].RecordBatches = batchesAt(0, 5) })
	at := 4 + f.header + f.recordsAt
	answer[at], answer[at+1] = 0xff, 0x7f
	if _, err := f.skim(&Conn{r: bufio.NewReader(bytes.NewReader(answer))}); err == nil || !strings.Contains(err.Error(), "wrong length") {
		t.Errorf("got %v", err)
	}
	short := []byte{0, 0, 0, 6, 0, 0, 0, 1, 0, 0}
	if _, err := f.skim(&Conn{r: bufio.NewReader(bytes.NewReader(short))}); err == nil {
		t.Error("a short answer is taken")
	}
}
