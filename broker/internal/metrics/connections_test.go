package metrics

import (
	"fmt"
	"testing"
	"time"

	"moldau.dev/moldau/broker/internal/network"
)

// requestTimes are those of a produce request with acks=all of two replicas.
var requestTimes = network.RequestTimes{
	Key: 0, Version: 13, RequestBytes: 1000, ResponseBytes: 60,
	Received: time.Unix(1, 0), Handled: time.Unix(1, 40e3), Responded: time.Unix(1, 2e6), SendStarted: time.Unix(1, 2e6+1e3), Sent: time.Unix(1, 2e6+9e3),
}

func TestKindsOfClientsAreBounded(t *testing.T) {
	software := map[network.ListenerSoftware]int{}
	total := 0
	for i := range 10 * maxSoftware {
		kind := network.ListenerSoftware{Listener: fmt.Sprint(i % 2), ClientSoftware: network.ClientSoftware{Name: "n", Version: fmt.Sprint(i)}}
		software[kind] = i
		total += i
	}
	shown := commonest(software)
	if len(shown) != maxSoftware+2 { // The others of two listeners.
		t.Errorf("%d kinds", len(shown))
	}
	for _, kind := range shown {
		total -= software[kind]
	}
	if total != 0 {
		t.Errorf("%d connections are missing", total)
	}
	if software[shown[0]] != 10*maxSoftware-1 {
		t.Errorf("%v comes first, with %d", shown[0], software[shown[0]])
	}
}

func TestPhasesOfARequestAddUp(t *testing.T) {
	var s RequestStats
	times := requestTimes
	times.Waited = 30 * time.Microsecond
	s.RequestDone(nil, times)
	a := s.api(0)
	sum := 0.0
	for _, h := range []float64{a.local.Snapshot().Sum, a.remote.Snapshot().Sum, a.responseQueue.Snapshot().Sum, a.responseSend.Snapshot().Sum} {
		sum += h
	}
	if total := a.total.Snapshot().Sum; sum < total-1e-9 || sum > total+1e-9 {
		t.Errorf("the phases take %v ms, all %v ms", sum, total)
	}
	if local := a.local.Snapshot().Sum; local < 0.00999 || local > 0.01001 {
		t.Errorf("local time %v ms", local)
	}
	// A connection that is closed without a response counts, and harms nothing.
	s.RequestDone(nil, network.RequestTimes{Key: 999})
	s.RequestDone(nil, network.RequestTimes{Key: -1})
}
