package cmdline

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"sync"
)

// dials remembers how the last attempt to reach each address ended, for errors
// that name it.
type dials struct {
	mu       sync.Mutex // Guards failures.
	failures map[string]error
}

// dialer dials as the settings say, and remembers.
func (d *dials) dialer(s *settings) dialContext {
	plain := &net.Dialer{Timeout: s.dialTimeout}
	dial := plain.DialContext
	if s.tls != nil {
		dial = (&tls.Dialer{NetDialer: plain, Config: s.tls}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		d.note(address, err)
		return conn, err
	}
}

func (d *dials) note(address string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failures == nil {
		d.failures = map[string]error{}
	}
	if err == nil {
		delete(d.failures, address)
		return
	}
	d.failures[address] = err
}

// failed gives the addresses whose last attempt failed.
func (d *dials) failed() map[string]error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.failures)
}
