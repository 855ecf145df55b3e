package bench

import (
	"runtime"
	"runtime/debug"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Schema names the form of a Result as JSON; it changes when a field changes its
// meaning.
const Schema = "moldau-bench/1"

// Scenarios.
const (
	ScenarioProduce  = "produce"
	ScenarioConsume  = "consume"
	ScenarioRequests = "requests"
	ScenarioEndToEnd = "e2e"
)

// Result is what a run has found. It describes itself: what was done, where, and
// what came out.
type Result struct {
	Schema     string      `json:"schema"`
	Scenario   string      `json:"scenario"`
	Started    time.Time   `json:"started"`
	Parameters any         `json:"parameters"`
	Cluster    ClusterInfo `json:"cluster"`
	// APIVersions are those of the requests that were sent.
	APIVersions map[string]int16 `json:"apiVersions"`
	Load        LoadInfo         `json:"load"`
	// Seconds is how long was measured, and Ended why no longer.
	Seconds float64 `json:"seconds"`
	Ended   string  `json:"ended"`
	// Requests, Records and Bytes were answered while measuring. Bytes are those of
	// record batches as they are on the wire.
	Requests int64 `json:"requests"`
	Records  int64 `json:"records"`
	Bytes    int64 `json:"bytes"`
	// BytesEachSecond is the curve of Bytes.
	BytesEachSecond []int64 `json:"bytesEachSecond"`
	// Missing records were acknowledged and never arrived (e2e).
	Missing int64 `json:"missing,omitempty"`
	// BehindSeconds is how late the load of an open loop was at its end. Much of
	// it means that the cluster does not bear the rate.
	BehindSeconds float64  `json:"behindSeconds,omitempty"`
	Latency       *Latency `json:"latency,omitempty"`
	// Broker is there if the brokers' processes are on this machine.
	Broker *Usage `json:"broker,omitempty"`
}

// ClusterInfo tells which cluster was measured.
type ClusterInfo struct {
	Bootstrap []string `json:"bootstrap"`
	ClusterID string   `json:"clusterId"`
	Brokers   int      `json:"brokers"`
}

// LoadInfo tells what made the load.
type LoadInfo struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	CPU     string `json:"cpu,omitempty"`
	Kernel  string `json:"kernel,omitempty"`
	// Processors is how many the machine has, MaxProcs how many the load may use.
	Processors int `json:"processors"`
	MaxProcs   int `json:"maxProcs"`
	// CPUSeconds is what the load itself took while measuring: near Seconds times
	// MaxProcs it was the bottleneck.
	CPUSeconds float64 `json:"cpuSeconds"`
	// Late is how late its senders woke up in an open loop when they had slept: so much
	// of the latencies is this process's and its machine's own.
	Late *Latency `json:"late,omitempty"`
}

// Latency holds quantiles in milliseconds.
type Latency struct {
	// Corrected is true if latencies count from when a request, or a record, was due
	// (open loop), false if from when it was sent (closed loop).
	Corrected bool    `json:"corrected"`
	Count     int64   `json:"count"`
	Mean      float64 `json:"meanMs"`
	P50       float64 `json:"p50Ms"`
	P90       float64 `json:"p90Ms"`
	P99       float64 `json:"p99Ms"`
	P999      float64 `json:"p999Ms"`
	P9999     float64 `json:"p9999Ms"`
	Max       float64 `json:"maxMs"`
}

// Usage is what the brokers' processes used while measuring.
type Usage struct {
	PIDs []int `json:"pids"`
	// CPUSeconds is user and system time.
	CPUSeconds float64 `json:"cpuSeconds"`
	// Cores is CPUSeconds per second.
	Cores float64 `json:"cores"`
	// CPUSecondsPerGB is CPUSeconds per 1e9 Bytes.
	CPUSecondsPerGB float64 `json:"cpuSecondsPerGB,omitempty"`
	// CPUMicrosPerRequest is microseconds of CPU per request.
	CPUMicrosPerRequest float64 `json:"cpuMicrosPerRequest,omitempty"`
	// RSS is their resident memory at the end, in bytes.
	RSS int64 `json:"rssBytes"`
}

// newLatency reads the quantiles of a histogram; nil if it is empty.
func newLatency(h *hdrhistogram.Histogram, l loop) *Latency {
	if h.TotalCount() == 0 {
		return nil
	}
	ms := func(units float64) float64 { return units * latencyUnit.Seconds() * 1e3 }
	at := func(q float64) float64 { return ms(float64(h.ValueAtQuantile(q))) }
	return &Latency{
		Corrected: l == openLoop, Count: h.TotalCount(), Mean: ms(h.Mean()),
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), P9999: at(99.99), Max: ms(float64(h.Max())),
	}
}

// RequestsPerSecond is the rate of answered requests.
func (r *Result) RequestsPerSecond() float64 { return r.rate(r.Requests) }

// RecordsPerSecond is the rate of answered records.
func (r *Result) RecordsPerSecond() float64 { return r.rate(r.Records) }

// BytesPerSecond is the rate of answered bytes.
func (r *Result) BytesPerSecond() float64 { return r.rate(r.Bytes) }

func (r *Result) rate(n int64) float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return float64(n) / r.Seconds
}

// result makes the Result of a run that has ended.
func (c *Cluster) result(scenario string, r *run, parameters any, versions map[string]int16) *Result {
	sum := r.meter.counts()
	result := &Result{
		Schema: Schema, Scenario: scenario, Started: r.epoch.UTC(), Parameters: parameters, Cluster: c.info, APIVersions: versions,
		Load: NewLoadInfo(), Seconds: r.seconds, Ended: r.why,
		Requests: sum.requests, Records: sum.records, Bytes: sum.bytes, BytesEachSecond: r.perSecond,
		Latency: newLatency(r.meter.latency(), r.loop),
	}
	result.Load.CPUSeconds = r.used.own
	result.Load.Late = newLatency(r.wakes.hist, openLoop)
	result.BehindSeconds = max(time.Duration(r.late.Load()).Seconds(), 0)
	if len(c.pids) > 0 {
		u := &Usage{PIDs: c.pids, CPUSeconds: r.used.cpu, RSS: r.used.rss}
		if r.seconds > 0 {
			u.Cores = u.CPUSeconds / r.seconds
		}
		if sum.bytes > 0 {
			u.CPUSecondsPerGB = u.CPUSeconds / (float64(sum.bytes) / 1e9)
		}
		if sum.requests > 0 {
			u.CPUMicrosPerRequest = u.CPUSeconds / float64(sum.requests) * 1e6
		}
		result.Broker = u
	}
	return result
}

// NewLoadInfo describes this process and the machine it runs on.
func NewLoadInfo() LoadInfo {
	info := LoadInfo{
		Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: cpuModel(), Kernel: kernelRelease(),
		Processors: processors(), MaxProcs: runtime.GOMAXPROCS(0),
	}
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
		info.Version = build.Main.Version
	}
	return info
}
