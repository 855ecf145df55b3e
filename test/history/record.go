package history

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Partition names a partition.
type Partition struct {
	Topic     string
	Partition int32
}

func (p Partition) String() string { return fmt.Sprintf("%s-%d", p.Topic, p.Partition) }

// stream is what one producer writes to one partition, numbered from 0. No two
// producers of a Ledger have the same name.
type stream struct {
	producer string
	Partition
}

// id is one record.
type id struct {
	stream
	number int64
}

func (i id) String() string {
	return fmt.Sprintf("record %d of %s in %v", i.number, i.producer, i.Partition)
}

// letters are what padding is made of: half of it can be compressed.
const letters = "the quick brown fox jumps over the lazy dog; 0123456789 pack my box with five dozen liquor jugs. "

// record gives the record of an id: it follows from the id, so that whoever reads
// it can tell whether it is whole.
func (i id) record(size int) *kgo.Record {
	value := fmt.Appendf(nil, "%s %s %d %d %d ", i.producer, i.Topic, i.Partition.Partition, i.number, size)
	random := rand.New(rand.NewPCG(uint64(i.number), uint64(len(i.producer)))) //nolint:gosec // No secret.
	for len(value) < size {
		if at := random.IntN(len(letters) - 8); at%2 == 0 {
			value = append(value, letters[at:at+8]...)
		} else {
			value = strconv.AppendUint(value, random.Uint64(), 36)
		}
	}
	r := &kgo.Record{Topic: i.Topic, Partition: i.Partition.Partition, Value: value}
	switch i.number % 3 {
	case 0:
		r.Key = fmt.Appendf(nil, "key-%d", i.number%100)
	case 1:
		r.Headers = []kgo.RecordHeader{{Key: "number", Value: strconv.AppendInt(nil, i.number, 10)}}
	}
	return r
}

// identify tells which record this is, and whether it is as it was sent.
func identify(r *kgo.Record) (id, error) {
	fields := strings.SplitN(string(r.Value[:min(len(r.Value), 300)]), " ", 6)
	wrong := func() (id, error) {
		return id{}, fmt.Errorf("%s-%d: offset %d holds a record nobody sent: %.60q", r.Topic, r.Partition, r.Offset, r.Value)
	}
	if len(fields) != 6 {
		return wrong()
	}
	var numbers [3]int64
	for n, field := range fields[2:5] {
		v, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return wrong()
		}
		numbers[n] = v
	}
	i := id{stream{fields[0], Partition{fields[1], int32(numbers[0])}}, numbers[1]}
	if i.Topic != r.Topic || i.Partition.Partition != r.Partition {
		return i, fmt.Errorf("%s-%d: offset %d holds %v, which was sent elsewhere", r.Topic, r.Partition, r.Offset, i)
	}
	sent := i.record(int(min(numbers[2], 16<<20)))
	if !bytes.Equal(sent.Value, r.Value) || !bytes.Equal(sent.Key, r.Key) || (sent.Key == nil) != (r.Key == nil) || !sameHeaders(sent.Headers, r.Headers) {
		return i, fmt.Errorf("%s-%d: offset %d holds %v, but not as it was sent", r.Topic, r.Partition, r.Offset, i)
	}
	return i, nil
}

func sameHeaders(a, b []kgo.RecordHeader) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || !bytes.Equal(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}
