package metrics

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	counts "moldau.dev/moldau/broker/internal/histogram"
	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/internal/protocol"
)

// Bounds of the arrays of counters. What lies beyond counts as the last one.
const (
	maxVersion = 31
	maxCode    = 191
	// fetchFollower is the place of fetches by followers, which Kafka tells from
	// those of consumers.
	fetchFollower = kmsg.MaxKey + 1
)

// RequestStats counts requests by API. It is safe for concurrent use, and takes
// no lock. The zero value is ready to use.
type RequestStats struct {
	apis [fetchFollower + 1]atomic.Pointer[apiStats]
	// plans find the error codes of responses; see errorPlan.
	plans [kmsg.MaxKey + 1]atomic.Pointer[errorPlan]
}

// apiStats are the counters of one API; they come with its first request.
type apiStats struct {
	versions                    [maxVersion + 1]atomic.Uint64
	total, local, remote        counts.Durations
	responseQueue, responseSend counts.Durations
	throttle                    counts.Durations
	requestBytes, responseBytes counts.Sizes
	// errors are by code, from -1 on.
	errors [maxCode + 2]atomic.Uint64
}

func (s *RequestStats) api(i int) *apiStats {
	if a := s.apis[i].Load(); a != nil {
		return a
	}
	s.apis[i].CompareAndSwap(nil, new(apiStats))
	return s.apis[i].Load()
}

// place gives where an API is counted; ok is false for keys that do not exist.
func place(key int16, fromFollower bool) (i int, ok bool) {
	if key < 0 || key > kmsg.MaxKey {
		return 0, false
	}
	if fromFollower && key == int16(kmsg.Fetch) {
		return fetchFollower, true
	}
	return int(key), true
}

// RequestDone counts a request when its response has been sent.
func (s *RequestStats) RequestDone(_ *network.Conn, t network.RequestTimes) {
	i, ok := place(t.Key, t.FromFollower)
	if !ok {
		return // The connection was closed without an answer.
	}
	a := s.api(i)
	// Several responses may leave in one write, and a response may be given before
	// its handler has returned: no stage is shorter than nothing.
	waited := min(t.Waited, t.Handled.Sub(t.Received))
	a.total.Observe(t.Sent.Sub(t.Received))
	a.local.Observe(t.Handled.Sub(t.Received) - waited)
	a.remote.Observe(waited + max(t.Responded.Sub(t.Handled), 0))
	a.responseQueue.Observe(t.SendStarted.Sub(t.Responded))
	a.responseSend.Observe(t.Sent.Sub(t.SendStarted))
	a.throttle.Observe(t.Throttle)
	a.requestBytes.Observe(t.RequestBytes)
	if t.ResponseBytes > 0 {
		a.responseBytes.Observe(t.ResponseBytes)
	}
	a.versions[min(max(t.Version, 0), maxVersion)].Add(1) // Whoever sees it sees the rest.
}

// CountError counts an error code in a response that often; 0 is NONE.
func (s *RequestStats) CountError(key int16, fromFollower bool, code int16, n int) {
	if i, ok := place(key, fromFollower); ok && n > 0 {
		s.api(i).countError(code, n)
	}
}

func (a *apiStats) countError(code int16, n int) {
	if code < -1 || code > maxCode {
		code = kerr.UnknownServerError.Code
	}
	a.errors[code+1].Add(uint64(n))
}

// CountErrors counts every error code in a response.
func (s *RequestStats) CountErrors(key int16, resp kmsg.Response) {
	i, ok := place(key, false)
	if !ok {
		return
	}
	plan := s.plans[key].Load()
	if plan == nil {
		plan = planOf(resp)
		s.plans[key].Store(plan)
	}
	plan.count(resp, s.api(i))
}

func requestName(i int) string {
	switch i {
	case int(kmsg.Fetch):
		return "FetchConsumer"
	case fetchFollower:
		return "FetchFollower"
	}
	return protocol.KeyName(int16(i))
}

func errorName(code int16) string {
	if code == 0 {
		return "NONE"
	}
	return kerr.TypedErrorForCode(code).Message
}

// write writes what was counted of each API that was ever asked for.
func (s *RequestStats) write(e *exposition) {
	var names []string
	var apis []*apiStats
	for i := range s.apis {
		if a := s.apis[i].Load(); a != nil {
			names, apis = append(names, requestName(i)), append(apis, a)
		}
	}
	e.begin(requests)
	for i, a := range apis {
		for version := range a.versions {
			if n := a.versions[version].Load(); n > 0 {
				e.sample(float64(n), names[i], strconv.Itoa(version))
			}
		}
	}
	e.begin(errorsOfRequests)
	for i, a := range apis {
		for j := range a.errors {
			if n := a.errors[j].Load(); n > 0 || j == 1 {
				e.sample(float64(n), names[i], errorName(int16(j-1)))
			}
		}
	}
	for _, times := range []struct {
		id id
		of func(a *apiStats) *counts.Durations
	}{
		{totalTime, func(a *apiStats) *counts.Durations { return &a.total }},
		{localTime, func(a *apiStats) *counts.Durations { return &a.local }},
		{remoteTime, func(a *apiStats) *counts.Durations { return &a.remote }},
		{responseQueueTime, func(a *apiStats) *counts.Durations { return &a.responseQueue }},
		{responseSendTime, func(a *apiStats) *counts.Durations { return &a.responseSend }},
		{throttleTime, func(a *apiStats) *counts.Durations { return &a.throttle }},
	} {
		e.begin(times.id)
		for i, a := range apis {
			snapshot := times.of(a).Snapshot()
			e.histogram(&snapshot, names[i])
		}
	}
	for _, sizes := range []struct {
		id id
		of func(a *apiStats) *counts.Sizes
	}{
		{requestBytes, func(a *apiStats) *counts.Sizes { return &a.requestBytes }},
		{responseBytes, func(a *apiStats) *counts.Sizes { return &a.responseBytes }},
	} {
		e.begin(sizes.id)
		for i, a := range apis {
			snapshot := sizes.of(a).Snapshot()
			e.histogram(&snapshot, names[i])
		}
	}
}

// seconds gives a duration as Prometheus counts it.
func seconds(d time.Duration) float64 { return d.Seconds() }
