package hostile

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/record"
)

// apiKeys is the number of Kafka's API keys.
const apiKeys = 95

// Frames makes requests by chance. It is not safe for concurrent use.
type Frames struct{ random *rand.Rand }

// NewFrames returns what makes the frames of a seed.
func NewFrames(seed uint64) *Frames {
	return &Frames{rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // No secret.
}

// Frame encodes a request as a client does, with its size in front.
func Frame(req kmsg.Request, correlation int32) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("hostile")).AppendRequest(nil, req, correlation)
}

// Next gives a request of any API in any version with its size in front,
// well-formed or nearly so.
func (f *Frames) Next() []byte {
	req := kmsg.RequestForKey(int16(f.random.IntN(apiKeys)))
	if req == nil || kmsg.Key(req.Key()) == kmsg.UnregisterBroker {
		// Whoever unregisters a broker rightly takes it from everybody else.
		req = kmsg.NewPtrMetadataRequest()
	}
	f.fill(reflect.ValueOf(req).Elem(), 0)
	req.SetVersion(int16(f.random.IntN(int(req.MaxVersion()) + 1)))
	return f.damage(Frame(req, f.random.Int32()))
}

// damage damages a frame, or does not.
func (f *Frames) damage(frame []byte) []byte {
	switch f.random.IntN(7) {
	case 0, 1: // As it is.
	case 2: // Flipped bits.
		for range 1 + f.random.IntN(4) {
			frame[4+f.random.IntN(len(frame)-4)] ^= byte(1 << f.random.IntN(8))
		}
	case 3: // Cut, with a length that fits.
		frame = resize(frame[:4+f.random.IntN(len(frame)-4)])
	case 4: // More than there should be.
		frame = resize(append(frame, make([]byte, f.random.IntN(100))...))
	case 5: // A wild number somewhere, as a length might be.
		if at := 4 + f.random.IntN(len(frame)-4); at+4 <= len(frame) {
			binary.BigEndian.PutUint32(frame[at:], f.random.Uint32())
		}
	case 6: // Noise.
		for i := 4 + f.random.IntN(len(frame)-4); i < len(frame); i++ {
			frame[i] = byte(f.random.Uint32())
		}
	}
	return frame
}

// resize lets a frame announce the length it has.
func resize(frame []byte) []byte {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}

// names are topics, groups and keys that may exist, and some that cannot.
var names = []string{
	"", "victim", "group", "member", "\x00\xff", "a:b:0", "__consumer_offsets", "__cluster_metadata", "consumer", "range",
	"retention.ms", "cleanup.policy", "segment.bytes", "metadata.version", "no such name",
}

// numbers are special. Not 1: this is the node's id, and to unregister it is no attack.
var numbers = []int64{0, -1, 2, 3, 7, 100, math.MaxInt16, math.MinInt16, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}

// fill sets every field of a request.
func (f *Frames) fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if f.random.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "Version" && field.Name != "UnknownTags" {
				f.fill(v.Field(i), depth+1)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(f.bytes())
			return
		}
		n := f.random.IntN(4 - min(depth/2, 3) + 1)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.fill(v.Index(i), depth+1)
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), depth)
		}
	case reflect.String:
		if n := f.random.IntN(len(names) + 1); n < len(names) {
			v.SetString(names[n])
		} else {
			v.SetString(strconv.Itoa(f.random.Int()))
		}
	case reflect.Bool:
		v.SetBool(f.random.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n := f.random.IntN(len(numbers) + 1); n < len(numbers) {
			v.SetInt(numbers[n])
		} else {
			v.SetInt(f.random.Int64())
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.random.Uint64())
	case reflect.Float64:
		v.SetFloat(f.random.NormFloat64())
	}
}

// bytes are a batch of records, whole or damaged, a subscription, or noise.
func (f *Frames) bytes() []byte {
	switch f.random.IntN(4) {
	case 0:
		m := kmsg.NewConsumerMemberMetadata()
		m.Topics = []string{"victim"}
		return m.AppendTo(nil)
	case 1:
		noise := make([]byte, f.random.IntN(200))
		for i := range noise {
			noise[i] = byte(f.random.Uint32())
		}
		return noise
	}
	o := record.NewOptions(0)
	o.Codec = compress.Codec(f.random.IntN(5))
	b := record.NewBuilder(o)
	for range 1 + f.random.IntN(3) {
		b.Append(f.random.Int64(), []byte("key"), make([]byte, f.random.IntN(300)))
	}
	batch := b.Build()
	if f.random.IntN(2) == 0 {
		batch[f.random.IntN(len(batch))] ^= byte(1 << f.random.IntN(8))
	}
	return batch
}

// bombSize is what a bomb unpacks to: more than a request may have.
const bombSize = 150 << 20

// Bomb gives a valid batch of one record that unpacks to that many bytes.
func Bomb(codec compress.Codec, size int) []byte {
	o := record.NewOptions(0)
	o.Codec = codec
	b := record.NewBuilder(o)
	b.Append(0, nil, make([]byte, size))
	return b.Build()
}
