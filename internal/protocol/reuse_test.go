package protocol

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// hot makes the requests that are decoded into memory that they have.
var hot = []func() kmsg.Request{
	func() kmsg.Request { return kmsg.NewPtrProduceRequest() },
	func() kmsg.Request { return kmsg.NewPtrFetchRequest() },
}

// What a request was before must not show in what it is now: it is the same as a new one
// that kmsg has read, in the fields of all versions.
func TestReusedRequestsAreAsNew(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, newRequest := range hot {
		reused := newRequest()
		for range 2000 {
			sent := newRequest()
			version := int16(r.IntN(int(sent.MaxVersion()) + 1))
			sent.SetVersion(version)
			fill(reflect.ValueOf(sent).Elem(), r, 4)
			body := sent.AppendTo(nil)
			want := newRequest()
			want.SetVersion(version)
			if err := want.ReadFrom(body); err != nil {
				t.Fatal(err)
			}
			h := Header{Key: sent.Key(), Version: version}
			if err := DecodeInto(reused, h, body); err != nil {
				t.Fatalf("%s v%d: %v", KeyName(h.Key), version, err)
			}
			for v := range sent.MaxVersion() + 1 {
				want.SetVersion(v)
				reused.SetVersion(v)
				if got, want := reused.AppendTo(nil), want.AppendTo(nil); !bytes.Equal(got, want) {
					t.Fatalf("%s v%d, seen as v%d: %x, want %x", KeyName(h.Key), version, v, got, want)
				}
			}
		}
	}
}

// A client that goes on as it has begun costs no garbage.
func TestReusedRequestsAllocateNothing(t *testing.T) {
	for _, newRequest := range hot {
		for version := range newRequest().MaxVersion() + 1 {
			sent := newRequest()
			sent.SetVersion(version)
			switch sent := sent.(type) {
			case *kmsg.ProduceRequest:
				sent.TransactionID = kmsg.StringPtr("transaction")
				sent.Topics = []kmsg.ProduceRequestTopic{{Topic: "topic", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: []byte("records")}, {}}}}
			case *kmsg.FetchRequest:
				sent.Rack = "rack"
				sent.Topics = []kmsg.FetchRequestTopic{{Topic: "topic", Partitions: make([]kmsg.FetchRequestTopicPartition, 2)}}
				sent.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "topic", Partitions: []int32{1}}}
			}
			h, body := Header{Key: sent.Key(), Version: version}, sent.AppendTo(nil)
			reused := newRequest()
			allocs := testing.AllocsPerRun(10, func() {
				if err := DecodeInto(reused, h, body); err != nil {
					t.Fatal(err)
				}
			})
			if allocs != 0 {
				t.Errorf("%s v%d: %v allocations", KeyName(h.Key), version, allocs)
			}
		}
	}
}

// The memory of the largest request that was ever read counts, not that of the last one.
func TestElementsCountWhatIsKept(t *testing.T) {
	for _, newRequest := range hot {
		reused := newRequest()
		for _, n := range []int{1000, 1} {
			sent := newRequest()
			switch sent := sent.(type) {
			case *kmsg.ProduceRequest:
				sent.Topics = []kmsg.ProduceRequestTopic{{Partitions: make([]kmsg.ProduceRequestTopicPartition, n)}}
			case *kmsg.FetchRequest:
				sent.Version = 7
				sent.Topics = []kmsg.FetchRequestTopic{{Partitions: make([]kmsg.FetchRequestTopicPartition, n/2)}}
				sent.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Partitions: make([]int32, n-n/2)}}
			}
			if err := DecodeInto(reused, Header{Key: sent.Key(), Version: sent.GetVersion()}, sent.AppendTo(nil)); err != nil {
				t.Fatal(err)
			}
			if got := Elements(reused); got < 1000 || got > 4000 {
				t.Errorf("%s of %d partitions has memory for %d elements", KeyName(sent.Key()), n, got)
			}
		}
	}
}
