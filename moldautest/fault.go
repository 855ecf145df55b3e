package moldautest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker"
)

// Fault says what goes wrong with requests. The zero value lets them pass, and
// counts them.
type Fault struct {
	// Delay lets the request wait first, and those behind it on its connection.
	Delay time.Duration
	// Error, if not nil, is the answer, for each topic, partition or group that the
	// request asks for; the broker does nothing. Where a response has no place for
	// an error the connection is closed.
	Error *kerr.Error
	// Disconnect closes the connection; the broker does nothing.
	Disconnect bool
	// DropResponse has the broker do what it is asked, and then close the connection
	// instead of answering: the client cannot know whether it has.
	DropResponse bool

	// ClientID, if not empty, is the client.id of the only client that is meant. With
	// Disconnect, the others do not see it any more.
	ClientID string
	// Match, if not nil, tells which of the requests are meant. It must not keep them.
	Match func(kmsg.Request) bool
	// Skip is how many requests pass before the first is hit.
	Skip int
	// Times is how many are hit; 0 means all from then on.
	Times int
}

// Injected is a fault in force.
type Injected struct {
	faults *faults
	fault  Fault
	keys   []kmsg.Key
	// seen and hit are guarded by the lock of faults.
	seen, hit int
}

// Hits is how many requests the fault has hit.
func (i *Injected) Hits() int {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	return i.hit
}

// Remove ends the fault. Requests that it delays already wait on.
func (i *Injected) Remove() {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	i.faults.all = slices.DeleteFunc(i.faults.all, func(other *Injected) bool { return other == i })
}

// Inject has requests of those APIs go wrong, or of every API if none is given,
// until the fault has hit as often as it says, or is removed. Faults outlive Stop,
// Kill and Start. Of several that match, the first to be injected hits.
func (b *Broker) Inject(fault Fault, apis ...kmsg.Key) *Injected {
	i := &Injected{faults: &b.faults, fault: fault, keys: slices.Clone(apis)}
	b.faults.mu.Lock()
	defer b.faults.mu.Unlock()
	b.faults.all = append(b.faults.all, i)
	return i
}

// faults are those in force.
type faults struct {
	mu  sync.Mutex // Guards the field below.
	all []*Injected
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = nil
}

// hit gives the fault that hits a request.
func (f *faults) hit(r *broker.ClientRequest) (Fault, bool) {
	f.mu.Lock()
	candidates := slices.Clone(f.all)
	f.mu.Unlock()
	for _, i := range candidates {
		if i.matches(r) && i.due() {
			return i.fault, true
		}
	}
	return Fault{}, false
}

func (i *Injected) matches(r *broker.ClientRequest) bool {
	if len(i.keys) > 0 && !slices.Contains(i.keys, r.Key) {
		return false
	}
	if i.fault.ClientID != "" && i.fault.ClientID != r.ClientID {
		return false
	}
	if i.fault.Match == nil {
		return true
	}
	req, err := r.Decode()
	return err == nil && i.fault.Match(req)
}

// due counts a matching request and tells whether it is hit.
func (i *Injected) due() bool {
	i.faults.mu.Lock()
	defer i.faults.mu.Unlock()
	i.seen++
	if i.seen <= i.fault.Skip || i.fault.Times > 0 && i.hit >= i.fault.Times {
		return false
	}
	i.hit++
	return true
}

// intercept lets the fault that hits a request have its effect.
func (b *Broker) intercept(ctx context.Context, r *broker.ClientRequest) broker.Interception {
	fault, hit := b.faults.hit(r)
	if !hit {
		return broker.Interception{}
	}
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if fault.Error != nil {
		if req, err := r.Decode(); err == nil {
			if resp := errorResponse(req, fault.Error, b.self()); resp != nil {
				return broker.Interception{Response: resp}
			}
		}
		return broker.Interception{Disconnect: true}
	}
	return broker.Interception{Disconnect: fault.Disconnect, DropResponse: fault.DropResponse}
}
