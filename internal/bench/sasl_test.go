package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// saslBroker answers like a broker that knows PLAIN and one password.
type saslBroker struct {
	net.Conn
	seen []string
}

func (b *saslBroker) serve() error {
	in := bufio.NewReader(b.Conn)
	for {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return err
		}
		frame := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(in, frame); err != nil {
			return err
		}
		req := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame)))
		req.SetVersion(int16(binary.BigEndian.Uint16(frame[2:])))
		body, header := frame[8+2+len(clientID):], make([]byte, 4+responseHeaderSize(req))
		if req.IsFlexible() {
			body = body[1:]
		}
		if err := req.ReadFrom(body); err != nil {
			return err
		}
		answer := b.answer(req).AppendTo(header)
		binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
		if _, err := b.Write(answer); err != nil {
			return err
		}
	}
}

func (b *saslBroker) answer(req kmsg.Request) kmsg.Response {
	resp := req.ResponseKind()
	switch req := req.(type) {
	case *kmsg.ApiVersionsRequest:
		key := kmsg.NewApiVersionsResponseApiKey()
		key.ApiKey, key.MaxVersion = int16(kmsg.SASLAuthenticate), 2
		resp.(*kmsg.ApiVersionsResponse).ApiKeys = append(resp.(*kmsg.ApiVersionsResponse).ApiKeys, key)
	case *kmsg.SASLHandshakeRequest:
		b.seen = append(b.seen, req.Mechanism)
		if handshake := resp.(*kmsg.SASLHandshakeResponse); req.Mechanism != "PLAIN" {
			handshake.ErrorCode, handshake.SupportedMechanisms = kerr.UnsupportedSaslMechanism.Code, []string{"PLAIN"}
		}
	case *kmsg.SASLAuthenticateRequest:
		if string(req.SASLAuthBytes) != "\x00me\x00secret" {
			authenticate := resp.(*kmsg.SASLAuthenticateResponse)
			authenticate.ErrorCode, authenticate.ErrorMessage = kerr.SaslAuthenticationFailed.Code, kmsg.StringPtr("wrong password")
		}
	}
	return resp
}

func TestConnectionsOfTheLoadAuthenticate(t *testing.T) {
	right, wrong := plain.Auth{User: "me", Pass: "secret"}.AsMechanism(), plain.Auth{User: "me", Pass: "else"}.AsMechanism()
	unknown := scram.Auth{User: "me", Pass: "secret"}.AsSha256Mechanism()
	for _, test := range []struct {
		name       string
		mechanisms []sasl.Mechanism
		seen       []string
		err        error
		message    string
	}{
		{"none", nil, nil, nil, ""},
		{"right", []sasl.Mechanism{right}, []string{"PLAIN"}, nil, ""},
		{"wrong", []sasl.Mechanism{wrong}, []string{"PLAIN"}, kerr.SaslAuthenticationFailed, "wrong password"},
		{"the second is known", []sasl.Mechanism{unknown, right}, []string{"SCRAM-SHA-256", "PLAIN"}, nil, ""},
		{"none is known", []sasl.Mechanism{unknown}, []string{"SCRAM-SHA-256"}, kerr.UnsupportedSaslMechanism, "offers [PLAIN]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, err := kgo.NewClient(kgo.SASL(test.mechanisms...))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			ours, theirs := net.Pipe()
			b := &saslBroker{Conn: theirs}
			served := make(chan error, 1)
			go func() { served <- b.serve() }()
			c := &Cluster{
				dialer:     func(context.Context, string, string) (net.Conn, error) { return ours, nil },
				mechanisms: mechanisms(client),
			}
			_, err = c.dial(t.Context(), "a:9092", 1024)
			_ = ours.Close()
			if ended := <-served; !errors.Is(ended, io.EOF) {
				t.Fatal(ended)
			}
			if !errors.Is(err, test.err) || (err != nil && !strings.Contains(err.Error(), test.message)) {
				t.Errorf("got %v, want %v", err, test.err)
			}
			if !slices.Equal(b.seen, test.seen) {
				t.Errorf("the broker saw %v, want %v", b.seen, test.seen)
			}
		})
	}
}
