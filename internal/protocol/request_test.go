package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/kafka"
)

// fill sets every field of a message to something, with arrays of up to n elements.
func fill(v reflect.Value, r *rand.Rand, n int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && v.Type().Field(i).Name != "Version" && v.Type().Field(i).Name != "UnknownTags" {
				fill(f, r, n)
			}
		}
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), r, n)
		}
	case reflect.Slice:
		size := r.IntN(n + 1)
		v.Set(reflect.MakeSlice(v.Type(), size, size))
		for i := range size {
			fill(v.Index(i), r, n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), r, n)
		}
	case reflect.String:
		v.SetString(strings.Repeat("x", r.IntN(5)))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(int8(r.Uint32())))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(uint8(r.Uint32())))
	case reflect.Float64:
		v.SetFloat(r.Float64())
	}
}

// eachVersion calls fn with a new request of each key and version that kmsg knows.
func eachVersion(fn func(req kmsg.Request, h Header)) {
	for key := range MaxKey + 1 {
		for version := int16(0); version <= kmsg.RequestForKey(key).MaxVersion(); version++ {
			req := kmsg.RequestForKey(key)
			req.SetVersion(version)
			fn(req, Header{Key: key, Version: version, CorrelationID: 42, ClientID: "test"})
		}
	}
}

func TestEveryRequestOfEveryVersionDecodes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("test"))
	eachVersion(func(req kmsg.Request, want Header) {
		if want.Key == controlledShutdownKey && want.Version == 0 {
			return // kmsg does not write its body.
		}
		for range 4 {
			fill(reflect.ValueOf(req).Elem(), r, 3)
			framed := formatter.AppendRequest(nil, req, 42)
			h, body, err := ParseHeader(framed[4:])
			if err != nil || h != want {
				t.Fatalf("%s v%d: header %+v, %v", KeyName(want.Key), want.Version, h, err)
			}
			got, err := Decode(h, body)
			if err != nil {
				t.Fatalf("%s v%d: %v", KeyName(h.Key), h.Version, err)
			}
			if again := got.AppendTo(nil); !bytes.Equal(again, body) {
				t.Fatalf("%s v%d: encodes to %x, was %x", KeyName(h.Key), h.Version, again, body)
			}
			for cut := range len(body) {
				if _, err := Decode(h, body[:cut]); err == nil {
					t.Fatalf("%s v%d: cut from %d to %d bytes, and accepted", KeyName(h.Key), h.Version, len(body), cut)
				}
			}
		}
	})
}

// A frame of a few bytes must not cost more than a few.
func TestHostileCounts(t *testing.T) {
	tests := []struct {
		name   string
		h      Header
		body   []byte
		reason string
	}{
		{"array count beyond the frame", Header{Key: 3, Version: 1}, []byte{0x7f, 0xff, 0xff, 0xff}, "longer than the frame"},
		{"compact array count beyond the frame", Header{Key: 3, Version: 9}, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, "longer than the frame"},
		{"negative array count that is not nullable", Header{Key: 3, Version: 0}, []byte{0xff, 0xff, 0xff, 0xfe}, "not nullable"},
		{"null array that is not nullable", Header{Key: 3, Version: 0}, []byte{0xff, 0xff, 0xff, 0xff}, "not nullable"},
		{"null string that is not nullable", Header{Key: 3, Version: 1}, []byte{0, 0, 0, 1, 0xff, 0xff}, "not nullable"},
		{"too many elements", Header{Key: 3, Version: 1}, append([]byte{0, 0x0f, 0x42, 0x41}, make([]byte, 2_000_002)...), "more than 1000000 elements"},
		{"four billion tags of nothing", Header{Key: 18, Version: 3}, []byte{1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f}, "tagged fields"},
		{"too many tags", Header{Key: 18, Version: 3}, append([]byte{1, 1, 0x91, 0x4e}, make([]byte, 20_002)...), "10001 tagged fields"},
		{"tag beyond the frame", Header{Key: 18, Version: 3}, []byte{1, 1, 1, 7, 100}, "longer than"},
		{"known tag that is cut", Header{Key: 1, Version: 15}, append(append(make([]byte, 4+4+4+1+4+4), 1, 1, 1), 1, 1, 2, 0, 0), "longer than"},
		{"long string", Header{Key: 18, Version: 3}, append([]byte{0x81, 0x80, 0x02}, make([]byte, 40000)...), "longer than 32767"},
		{"varint without end", Header{Key: 18, Version: 3}, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "varint"},
		{"version kmsg does not know", Header{Key: 18, Version: 99}, nil, "unknown version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			_, err := Decode(test.h, test.body)
			var malformed *MalformedError
			if !errors.As(err, &malformed) || !strings.Contains(err.Error(), test.reason) {
				t.Errorf("got %v, want a MalformedError with %q", err, test.reason)
			}
			if d := time.Since(start); d > time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// Kafka takes any negative length for null where null may stand.
func TestNegativeLengthsAreNull(t *testing.T) {
	for name, body := range map[string][]byte{"-1": {0xff, 0xff, 0xff, 0xff}, "-2": {0xff, 0xff, 0xff, 0xfe}} {
		req, err := Decode(Header{Key: 3, Version: 1}, body)
		if err != nil || req.(*kmsg.MetadataRequest).Topics != nil {
			t.Errorf("a length of %s: %+v, %v", name, req, err)
		}
	}
}

func TestHeaderErrors(t *testing.T) {
	tests := map[string]string{
		"":                                                     "less than the smallest header",
		"\x00\x12\x00\x00\x00\x00\x00":                         "less than the smallest header",
		"\x00\x5f\x00\x00\x00\x00\x00\x01":                     "unknown API key 95",
		"\xff\xff\x00\x00\x00\x00\x00\x01":                     "unknown API key -1",
		"\x00\x12\xff\xff\x00\x00\x00\x01":                     "negative version",
		"\x00\x12\x00\x00\x00\x00\x00\x01":                     "ends before the client id",
		"\x00\x12\x00\x00\x00\x00\x00\x01\x00\x05a":            "longer than the frame",
		"\x00\x12\x00\x00\x00\x00\x00\x01\xff\xfe":             "negative length",
		"\x00\x12\x00\x03\x00\x00\x00\x01\xff\xff":             "varint",
		"\x00\x12\x00\x03\x00\x00\x00\x01\xff\xff\x01\x00":     "varint",
		"\x00\x12\x00\x03\x00\x00\x00\x01\xff\xff\xff\xff\x7f": "tagged fields",
	}
	for frame, want := range tests {
		if _, _, err := ParseHeader([]byte(frame)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", frame, err, want)
		}
	}
}

func TestHeaderKeepsTheClientID(t *testing.T) {
	frame := []byte("\x00\x12\x00\x03\x00\x00\x00\x01\x00\x03abc\x00rest")
	var h Header
	body, err := h.Parse(frame)
	if err != nil || h.ClientID != "abc" || string(body) != "rest" {
		t.Fatalf("%+v, %q, %v", h, body, err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = h.Parse(frame) }); n != 0 {
		t.Errorf("%v allocations for a client id that stays the same", n)
	}
	frame[10] = 'x'
	if h.ClientID != "abc" {
		t.Error("the client id aliases the frame")
	}
}

func TestResponseFraming(t *testing.T) {
	eachVersion(func(req kmsg.Request, h Header) {
		resp := req.ResponseKind()
		resp.SetVersion(h.Version)
		whole := AppendResponse([]byte("before"), 42, resp)[6:]
		body := resp.AppendTo(nil)
		if got := append(AppendResponseHeader(nil, h, len(body)), body...); !bytes.Equal(got, whole) {
			t.Fatalf("%s v%d: header and body %x, whole %x", KeyName(h.Key), h.Version, got, whole)
		}
		if size := int(binary.BigEndian.Uint32(whole)); size != len(whole)-4 {
			t.Fatalf("%s v%d: size %d of %d bytes", KeyName(h.Key), h.Version, size, len(whole))
		}
		want := 4 + 4 + len(body)
		if resp.IsFlexible() && h.Key != APIVersionsKey {
			want++
		}
		if len(whole) != want {
			t.Fatalf("%s v%d: %d bytes, want %d", KeyName(h.Key), h.Version, len(whole), want)
		}
	})
}

func TestCodeAndMessage(t *testing.T) {
	if Code(nil) != 0 || Message(nil) != nil {
		t.Error("nil is not NONE")
	}
	if err := errors.New("disk on fire"); Code(err) != kerr.UnknownServerError.Code || Message(err) != nil {
		t.Error("an error of ours shows to the client")
	}
	err := kafka.Errorf(kerr.InvalidRequest, "no %s", "way")
	if Code(err) != kerr.InvalidRequest.Code || *Message(err) != "no way" {
		t.Errorf("code %d, message %v", Code(err), *Message(err))
	}
}

func BenchmarkDecodeProduce(b *testing.B) {
	req := kmsg.NewPtrProduceRequest()
	req.Version = 12
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "topic"
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = make([]byte, 170)
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	h, body := Header{Key: 0, Version: 12}, req.AppendTo(nil)
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if checkBody(h, body) != "" {
				b.Fatal()
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		into := kmsg.NewPtrProduceRequest()
		for b.Loop() {
			if err := DecodeInto(into, h, body); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// maxAmplification is the memory that decoding may allocate per byte of frame.
// The worst are arrays of large structures whose fields are nearly all empty.
const maxAmplification = 300

func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	eachVersion(func(req kmsg.Request, h Header) {
		fill(reflect.ValueOf(req).Elem(), r, 2)
		f.Add(h.Key, h.Version, req.AppendTo(nil))
	})
	f.Add(int16(18), int16(3), []byte{1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		if key < 0 || key > MaxKey || version < 0 {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h := Header{Key: key, Version: version}
		req, err := Decode(h, body)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(64<<10+maxAmplification*len(body)) {
			t.Fatalf("%s v%d: %d bytes made decoding allocate %d", KeyName(key), version, len(body), used)
		}
		var malformed *MalformedError
		if err != nil {
			if !errors.As(err, &malformed) {
				t.Fatalf("%s v%d: %v", KeyName(key), version, err)
			}
			return
		}
		if reason := checkBody(h, body); reason != "" {
			t.Fatal("checked and not checked")
		}
		req.AppendTo(nil)
	})
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte("\x00\x12\x00\x03\x00\x00\x00\x01\x00\x03abc\x00rest"))
	f.Add([]byte("\x00\x07\x00\x00\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, body, err := ParseHeader(frame)
		if err == nil && len(body)+8 > len(frame) {
			t.Fatalf("%+v: body of %d bytes in a frame of %d", h, len(body), len(frame))
		}
	})
}
