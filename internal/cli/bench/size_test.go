package bench

import (
	"strings"
	"testing"

	"moldau.dev/moldau/internal/bench"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]size{
		"0": 0, "100": 100, "100B": 100, "64k": 64 << 10, "64KiB": 64 << 10, "1.5 MiB": 3 << 19, "2GB": 2e9, "2g": 2 << 30, "1TiB": 1 << 40,
	} {
		var s size
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%s: %d, %v; want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "1 XB", "KiB", "9999999TiB", "NaN", "Inf"} {
		var s size
		if err := s.Set(text); err == nil {
			t.Errorf("%s: is taken for %d", text, s)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 0.01234: "0.0123", 0.5: "0.5", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234.4: "1,234", 1234567: "1,234,567"} {
		if got := significant(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[float64]string{1.5e9: "1.50 GB/s", 2e6: "2.00 MB/s", 500: "0.5 kB/s"} {
		if got := throughput(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
	for ms, want := range map[float64]string{0.139: "139 µs", 12.5: "12.5 ms"} {
		if got := millis(ms); got != want {
			t.Errorf("%v: %s, want %s", ms, got, want)
		}
	}
}

func TestNotesTellWhatSpoilsTheNumbers(t *testing.T) {
	result := func(change func(*bench.Result)) *bench.Result {
		r := &bench.Result{
			Scenario: "produce", Seconds: 10, Ended: bench.EndedByDuration, Cluster: bench.ClusterInfo{Bootstrap: []string{"a:9092"}},
			Load: bench.LoadInfo{MaxProcs: 2, CPUSeconds: 5}, Latency: &bench.Latency{},
		}
		change(r)
		return r
	}
	for _, test := range []struct {
		name   string
		change func(*bench.Result)
		want   string
	}{
		{"nothing", func(*bench.Result) {}, ""},
		{"byte limit", func(r *bench.Result) { r.Ended = bench.EndedByLimit }, "--max-bytes"},
		{"rate", func(r *bench.Result) { r.Latency.Corrected, r.BehindSeconds = true, 3.2 }, "3.2 s behind"},
		{"missing", func(r *bench.Result) { r.Missing = 7 }, "7 records"},
		{"load", func(r *bench.Result) { r.Load.CPUSeconds = 19 }, "all its processors"},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := notes(result(test.change))
			if test.want == "" {
				if len(all) != 1 {
					t.Errorf("notes %q", all)
				}
				return
			}
			if len(all) != 2 || !strings.Contains(all[1], test.want) {
				t.Errorf("notes %q, want one about %q", all, test.want)
			}
		})
	}
}
