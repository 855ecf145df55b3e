package bench

import (
	"context"
	"fmt"
	"slices"
)

// Load runs one load on a cluster.
type Load func(ctx context.Context, c *Cluster) (*Result, error)

// Comparison is the same load on two clusters in turns.
type Comparison struct {
	Schema  string    `json:"schema"`
	A       []*Result `json:"a"`
	B       []*Result `json:"b"`
	Metrics []Metric  `json:"metrics"`
}

// Metric is one number of both clusters.
type Metric struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	// HigherIsBetter is false for times and costs.
	HigherIsBetter bool   `json:"higherIsBetter"`
	A              Spread `json:"a"`
	B              Spread `json:"b"`
	// Ratio is the median of A by that of B; 0 if there is none.
	Ratio float64 `json:"ratio"`
}

// Spread is what several rounds gave.
type Spread struct {
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Values []float64 `json:"values"`
}

// NewSpread sums rounds up; with none it is zero.
func NewSpread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], Values: values}
}

// Compare runs the load on a and b in turns, so that what drifts on the machine
// meets both; every round begins with the other one. told is called before every
// run.
func Compare(ctx context.Context, a, b *Cluster, rounds int, load Load, told func(round int, c *Cluster)) (*Comparison, error) {
	comparison := &Comparison{Schema: Schema}
	for round := range rounds {
		order := []*Cluster{a, b}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, c := range order {
			told(round, c)
			result, err := load(ctx, c)
			if err != nil {
				return nil, fmt.Errorf("round %d on %v: %w", round+1, c.info.Bootstrap, err)
			}
			if c == a {
				comparison.A = append(comparison.A, result)
			} else {
				comparison.B = append(comparison.B, result)
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	comparison.Metrics = relate(comparison.A, comparison.B)
	return comparison, nil
}

// relate gives the metrics that results of both sides have.
func relate(a, b []*Result) []Metric {
	var metrics []Metric
	add := func(name, unit string, higher bool, of func(*Result) (float64, bool)) {
		m := Metric{Name: name, Unit: unit, HigherIsBetter: higher}
		var okA, okB bool
		if m.A, okA = spreadOf(a, of); !okA {
			return
		}
		if m.B, okB = spreadOf(b, of); !okB {
			return
		}
		if m.B.Median != 0 {
			m.Ratio = m.A.Median / m.B.Median
		}
		metrics = append(metrics, m)
	}
	always := func(of func(*Result) float64) func(*Result) (float64, bool) {
		return func(r *Result) (float64, bool) { return of(r), true }
	}
	latency := func(of func(*Latency) float64) func(*Result) (float64, bool) {
		return func(r *Result) (float64, bool) {
			if r.Latency == nil {
				return 0, false
			}
			return of(r.Latency), true
		}
	}
	used := func(of func(*Usage) float64) func(*Result) (float64, bool) {
		return func(r *Result) (float64, bool) {
			if r.Broker == nil {
				return 0, false
			}
			return of(r.Broker), true
		}
	}
	add("throughput", "MB/s", true, always(func(r *Result) float64 { return r.BytesPerSecond() / 1e6 }))
	add("requests", "1/s", true, always((*Result).RequestsPerSecond))
	add("records", "1/s", true, always((*Result).RecordsPerSecond))
	add("latency p50", "ms", false, latency(func(l *Latency) float64 { return l.P50 }))
	add("latency p90", "ms", false, latency(func(l *Latency) float64 { return l.P90 }))
	add("latency p99", "ms", false, latency(func(l *Latency) float64 { return l.P99 }))
	add("latency p99.9", "ms", false, latency(func(l *Latency) float64 { return l.P999 }))
	add("latency max", "ms", false, latency(func(l *Latency) float64 { return l.Max }))
	add("broker CPU", "cores", false, used(func(u *Usage) float64 { return u.Cores }))
	add("broker CPU per GB", "s/GB", false, used(func(u *Usage) float64 { return u.CPUSecondsPerGB }))
	add("broker CPU per request", "µs", false, used(func(u *Usage) float64 { return u.CPUMicrosPerRequest }))
	add("broker RSS", "MiB", false, used(func(u *Usage) float64 { return float64(u.RSS) / (1 << 20) }))
	return metrics
}

func spreadOf(results []*Result, of func(*Result) (float64, bool)) (Spread, bool) {
	var values []float64
	for _, r := range results {
		if v, ok := of(r); ok {
			values = append(values, v)
		}
	}
	return NewSpread(values), len(values) > 0
}
