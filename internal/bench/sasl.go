package bench

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
)

// mechanisms are those that a client authenticates with.
func mechanisms(client *kgo.Client) []sasl.Mechanism {
	all, _ := client.OptValue(kgo.SASL).([]sasl.Mechanism)
	return all
}

// authenticate lets a connection be who the client is (KIP-152): with the first of
// its mechanisms that the broker knows.
func (c *Conn) authenticate(ctx context.Context, all []sasl.Mechanism, addr string) error {
	if len(all) == 0 {
		return nil
	}
	mechanism, err := c.handshake(all)
	if err != nil {
		return err
	}
	session, message, err := mechanism.Authenticate(ctx, addr)
	if err != nil {
		return err
	}
	for done := false; !done || len(message) > 0; {
		req, resp := kmsg.NewPtrSASLAuthenticateRequest(), kmsg.NewPtrSASLAuthenticateResponse()
		req.SetVersion(c.Version(req))
		req.SASLAuthBytes = message
		if err := c.Do(req, resp); err != nil {
			return err
		}
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			if resp.ErrorMessage != nil {
				err = fmt.Errorf("%w (%s)", err, *resp.ErrorMessage)
			}
			return err
		}
		if done {
			return nil
		}
		if done, message, err = session.Challenge(resp.SASLAuthBytes); err != nil {
			return err
		}
	}
	return nil
}

// handshake agrees on a mechanism.
func (c *Conn) handshake(all []sasl.Mechanism) (sasl.Mechanism, error) {
	var refused error
	for _, mechanism := range all {
		req, resp := kmsg.NewPtrSASLHandshakeRequest(), kmsg.NewPtrSASLHandshakeResponse()
		req.SetVersion(1) // Whose authentication is framed in requests.
		req.Mechanism = mechanism.Name()
		if err := c.Do(req, resp); err != nil {
			return nil, err
		}
		if refused = kerr.ErrorForCode(resp.ErrorCode); refused == nil {
			return mechanism, nil
		}
		refused = fmt.Errorf("%s: %w; the broker offers %v", mechanism.Name(), refused, resp.SupportedMechanisms)
	}
	return nil, refused
}
