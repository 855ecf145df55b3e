package bench

import (
	"math"
	"testing"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values           []float64
		median, min, max float64
	}{
		{nil, 0, 0, 0},
		{[]float64{3}, 3, 3, 3},
		{[]float64{5, 1, 3}, 3, 1, 5},
		{[]float64{4, 1, 3, 2}, 2.5, 1, 4},
	} {
		if s := NewSpread(test.values); s.Median != test.median || s.Min != test.min || s.Max != test.max {
			t.Errorf("%v: %+v", test.values, s)
		}
	}
}

func TestOnlyWhatBothSidesHaveIsRelated(t *testing.T) {
	a := []*Result{{Seconds: 2, Requests: 600, Latency: &Latency{P50: 1}, Broker: &Usage{Cores: 0.5}}}
	b := []*Result{{Seconds: 1, Requests: 100, Latency: &Latency{P50: 4}}}
	found := map[string]Metric{}
	for _, m := range relate(a, b) {
		found[m.Name] = m
	}
	if m := found["requests"]; m.Ratio != 3 || !m.HigherIsBetter {
		t.Errorf("requests: %+v", m)
	}
	if m := found["latency p50"]; math.Abs(m.Ratio-0.25) > 1e-9 || m.HigherIsBetter {
		t.Errorf("latency p50: %+v", m)
	}
	if _, ok := found["broker CPU"]; ok {
		t.Error("CPU is related although one side has none")
	}
}
