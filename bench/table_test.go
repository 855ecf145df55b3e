package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rawOf is a run with these numbers of one row.
func rawOf(started string, metric string, ours, theirs []float64) *raw {
	at, err := time.Parse(time.RFC3339, started)
	if err != nil {
		panic(err)
	}
	r := &raw{Schema: schema, Started: at, Versions: map[string]string{moldau: "moldau 1", kafka: "Apache Kafka 4"}}
	for round, v := range ours {
		r.Measurements = append(r.Measurements, measurement{Metric: metric, Broker: moldau, Round: round, Value: v})
	}
	for round, v := range theirs {
		r.Measurements = append(r.Measurements, measurement{Metric: metric, Broker: kafka, Round: round, Value: v})
	}
	return r
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name, metric     string
		ours, theirs     []float64
		reached, verdict string
	}{
		{"cost, met", "produce-8", []float64{1, 9, 1}, []float64{4, 5, 6}, "1 : 5", "met"},
		{"cost, exactly", "produce-8", []float64{1}, []float64{4}, "1 : 4", "met"},
		{"cost, missed", "produce-8", []float64{2}, []float64{4}, "1 : 2", "**missed**: 50 % of the way"},
		{"cost, worse", "fetch-1", []float64{2}, []float64{1}, "1 : 0.50", "**missed**: 33 % of the way"},
		{"rate, met", "flush", []float64{800}, []float64{100}, "8 : 1", "met"},
		{"rate, missed", "flush", []float64{100}, []float64{100}, "1 : 1", "**missed**: 12 % of the way"},
		{"bound, met", "start", []float64{100}, []float64{3000}, "1 : 30", "met"},
		{"bound, missed", "start", []float64{250}, nil, "–", "**missed** by a factor of 2.50"},
		{"ratio without the other", "flush", []float64{100}, nil, "–", "not compared"},
		{"bound, nothing used", "idle-cpu", []float64{0}, []float64{5}, "–", "met"},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := measured(outcomes([]*raw{rawOf("2026-01-01T00:00:00Z", test.metric, test.ours, test.theirs)}))
			if len(all) != 1 || all[0].reached() != test.reached || all[0].verdict() != test.verdict {
				t.Errorf("%s, %s", all[0].reached(), all[0].verdict())
			}
		})
	}
}

func TestMeasurementsThatWereGivenUpSaySo(t *testing.T) {
	r := rawOf("2026-01-01T00:00:00Z", "partitions-killed", []float64{3}, []float64{300})
	r.Measurements[1].AtLeast = true
	if text := table(outcomes([]*raw{r})); !strings.Contains(text, "| 3 (once) | more than 300 (once) | 1 : 100 | met |") {
		t.Error(text)
	}
}

func TestThePageHasTheNewestNumbersOfEveryRow(t *testing.T) {
	dir := t.TempDir()
	results, page := filepath.Join(dir, "bench", "results"), filepath.Join(dir, "docs", "performance.md")
	if err := writePage(page, results); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(page); err != nil || strings.Count(string(text), "**not measured**") != len(rows) {
		t.Errorf("%s, %v", text, err)
	}
	for _, r := range []*raw{
		rawOf("2026-01-03T00:00:00Z", "flush", []float64{900}, []float64{100}),
		rawOf("2026-01-01T00:00:00Z", "flush", []float64{200}, []float64{100}),
		rawOf("2026-01-02T00:00:00Z", "start", []float64{50, 40, 60}, []float64{3000}),
	} {
		if _, err := r.save(results); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(results, "other.json"), []byte(`{"schema": "else"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writePage(page, results); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"900 (once) | 100 (once) | 9 : 1 | met", "50 (40 … 60, 3×) | 3,000 (once) | 1 : 60 | met", "**not measured**", "2 of 23 targets are met",
		"[2026-01-03T000000Z](../bench/results/2026-01-03T000000Z.json) | flush |", "[2026-01-02T000000Z](../bench/results/2026-01-02T000000Z.json) | start |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "2026-01-01") {
		t.Error("the page names a run that it has no number of")
	}
}

func TestEveryGroupCanBeAskedFor(t *testing.T) {
	for _, name := range groupNames() {
		if o, err := parse([]string{"-rounds", "1", name}); err != nil || len(o.groups) != 1 || o.writesPages {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
	if o, err := parse(nil); err != nil || len(o.groups) != len(groupNames()) || !o.writesPages {
		t.Errorf("all: %+v, %v", o, err)
	}
	for _, args := range [][]string{{"nothing"}, {"-rounds", "0"}, {"-unknown"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v are taken", args)
		}
	}
}

func TestRoundsAlternate(t *testing.T) {
	pair := []string{"a", "b"}
	var all []string
	for round := range 3 {
		all = append(all, order(round, pair)...)
	}
	if got := strings.Join(all, ""); got != "abbaab" {
		t.Error(got)
	}
}
