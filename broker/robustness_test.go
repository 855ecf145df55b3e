package broker

import (
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/record"
)

var robustness = flag.Duration("robustness", time.Second, "how long to send nonsense to a node")

// Whatever comes in a request, the node answers, or closes that connection.
func TestNoRequestEndsTheNode(t *testing.T) {
	n := startNode(t, "group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=2")
	n.createTopic("t", 2, nil)
	seed := seedOf(t)
	versions, id := n.advertised(), n.raw().topicID("t")
	var strangers sync.WaitGroup
	for i := range uint64(8) {
		s := &stranger{t: t, addr: n.Addr("PLAINTEXT").String(), topicID: id, rand: rand.New(rand.NewPCG(seed, i))} //nolint:gosec // No secret.
		strangers.Go(func() { s.talk(versions, time.Now().Add(*robustness)) })
	}
	strangers.Wait()
	if len(n.advertised()) == 0 {
		t.Error("the node does not answer any more")
	}
}

func (n *testNode) advertised() []kmsg.ApiVersionsResponseApiKey {
	n.t.Helper()
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "test", "1"
	return ask[*kmsg.ApiVersionsResponse](n.raw(), req).ApiKeys
}

// stranger sends requests that decode, and mean nothing.
type stranger struct {
	t       *testing.T
	addr    string
	topicID [16]byte // Of a topic that there is.
	rand    *rand.Rand
	conn    net.Conn
	failed  bool
}

// talk sends requests of every API until then.
func (s *stranger) talk(versions []kmsg.ApiVersionsResponseApiKey, until time.Time) {
	defer s.hangUp()
	sent := 0
	for ; !s.failed && time.Now().Before(until); sent++ {
		key := versions[s.rand.IntN(len(versions))]
		req := kmsg.RequestForKey(key.ApiKey)
		if req == nil || kmsg.Key(key.ApiKey) == kmsg.UnregisterBroker {
			continue // The latter may rightly end the node's session.
		}
		req.SetVersion(key.MinVersion + int16(s.rand.IntN(int(key.MaxVersion-key.MinVersion)+1)))
		s.fill(reflect.ValueOf(req).Elem(), "")
		s.send(req)
	}
	s.t.Logf("%d requests", sent)
}

func (s *stranger) hangUp() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// send sends a request and waits a moment for an answer.
func (s *stranger) send(req kmsg.Request) {
	if s.conn == nil {
		conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.addr)
		if err != nil {
			s.t.Errorf("the node takes no connections any more: %v", err)
			s.failed = true
			return
		}
		s.conn = conn
	}
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("stranger")).AppendRequest(nil, req, 1)
	if s.rand.IntN(20) == 0 { // A cut or changed request.
		if at := 8 + s.rand.IntN(len(frame)-8); s.rand.IntN(2) == 0 {
			frame = frame[:at]
			binary.BigEndian.PutUint32(frame, uint32(at-4))
		} else {
			frame[at] ^= byte(1 << s.rand.IntN(8))
		}
	}
	_ = s.conn.SetDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := s.conn.Write(frame); err != nil {
		s.hangUp()
		return
	}
	var size [4]byte
	_, err := io.ReadFull(s.conn, size[:])
	if err == nil {
		_, err = io.CopyN(io.Discard, s.conn, int64(binary.BigEndian.Uint32(size[:])))
	}
	if err != nil {
		if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			s.t.Logf("%s: %v", kmsg.NameForKey(req.Key()), err)
		}
		s.hangUp()
	}
}

func pick[E any](s *stranger, from ...E) E { return from[s.rand.IntN(len(from))] }

// fill sets every field to something that is likely to be special.
func (s *stranger) fill(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "Version" && f.Name != "UnknownTags" {
				s.fill(v.Field(i), f.Name)
			}
		}
	case reflect.Pointer:
		if s.rand.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			s.fill(v.Elem(), name)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(s.bytes())
			return
		}
		if n := s.rand.IntN(5) - 1; n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				s.fill(v.Index(i), name)
			}
		}
	case reflect.Array:
		v.Set(reflect.ValueOf(pick(s, [16]byte{}, [16]byte{}, [16]byte{1}, s.topicID)))
	case reflect.String:
		v.SetString(pick(s, "", "t", "t", "t", "other", "__consumer_offsets", "__cluster_metadata", "not a name", "ü", "1", "consumer", "range",
			"retention.ms", "cleanup.policy", "compact", "metadata.version", strings.Repeat("x", 300)))
	case reflect.Bool:
		v.SetBool(s.rand.IntN(2) == 0)
	case reflect.Uint16:
		v.SetUint(uint64(s.rand.IntN(3)))
	default:
		s.fillInt(v, name)
	}
}

func (s *stranger) fillInt(v reflect.Value, name string) {
	if strings.HasSuffix(name, "Millis") {
		v.SetInt(pick[int64](s, -1, 0, 1, 10, 6000))
		return
	}
	if s.rand.IntN(8) == 0 {
		top := int64(math.MaxInt64) >> (64 - v.Type().Bits())
		v.SetInt(pick(s, top, -top-1, top-1))
		return
	}
	v.SetInt(pick[int64](s, -2, -1, -1, 0, 0, 0, 1, 1, 2, 3, 16, 32, 100))
}

// bytes are records, a subscription, or nothing of the kind.
func (s *stranger) bytes() []byte {
	switch s.rand.IntN(4) {
	case 0:
		return nil
	case 1:
		b := make([]byte, s.rand.IntN(100))
		for i := range b {
			b[i] = byte(s.rand.IntN(256))
		}
		return b
	case 2:
		m := kmsg.NewConsumerMemberMetadata()
		m.Topics = []string{"t"}
		return m.AppendTo(nil)
	default:
		b := record.NewBuilder(record.NewOptions(0))
		b.Append(time.Now().UnixMilli(), nil, []byte("v"))
		batch := b.Build()
		if s.rand.IntN(2) == 0 {
			batch[s.rand.IntN(len(batch))] ^= byte(1 << s.rand.IntN(8))
		}
		return batch
	}
}
