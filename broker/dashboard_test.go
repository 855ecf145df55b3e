package broker

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.yaml.in/yaml/v3"
)

// TestDashboardAndAlertsUseMetricsThatExist looks for every metric and label of the
// Grafana dashboard and of the alert rules on a node that clients have used.
func TestDashboardAndAlertsUseMetricsThatExist(t *testing.T) {
	n := startNode(t)
	n.createTopic("events", 1, nil)
	n.produce("events", 0, 10)
	n.consume("events", 10)
	if err := commitOnceLoaded(t.Context(), n.admin(), offsetsOf("events", 5)); err != nil {
		t.Fatal(err)
	}
	c := n.named()
	ask[*kmsg.FetchResponse](c, fetchRequest("nowhere", 0))
	known := seriesOf(n.scrape())
	for what, exprs := range map[string][]string{"deploy/grafana/moldau.json": dashboardQueries(t), "deploy/prometheus/alerts.yml": alertQueries(t)} {
		if len(exprs) < 20 {
			t.Errorf("%s has %d queries", what, len(exprs))
		}
		for _, expr := range exprs {
			for _, problem := range check(expr, known) {
				t.Errorf("%s: %s: %s", what, expr, problem)
			}
		}
	}
}

// seriesOf gives the labels that each series name has, those of Prometheus included.
func seriesOf(s *scrape) map[string]map[string]bool {
	known := map[string]map[string]bool{"up": {"instance": true, "job": true}}
	if runtime.GOOS != "linux" { // Others do not tell all of the process.
		for _, name := range []string{"resident_memory_bytes", "cpu_seconds_total", "open_fds", "max_fds", "start_time_seconds"} {
			known["process_"+name] = known["up"]
		}
	}
	for name, family := range s.families {
		labels := map[string]bool{"instance": true, "job": true}
		for _, m := range family.GetMetric() {
			for label := range labelsOf(m) {
				labels[label] = true
			}
		}
		if family.GetType() == dto.MetricType_HISTOGRAM || family.GetType() == dto.MetricType_SUMMARY {
			bucket := maps.Clone(labels)
			bucket["le"] = true
			known[name+"_bucket"], known[name+"_sum"], known[name+"_count"] = bucket, labels, labels
			continue
		}
		known[name] = labels
	}
	return known
}

func dashboardQueries(t *testing.T) []string {
	t.Helper()
	type query struct {
		Expr string `json:"expr"`
	}
	var dashboard struct {
		Panels []struct {
			Title   string  `json:"title"`
			Type    string  `json:"type"`
			Targets []query `json:"targets"`
		} `json:"panels"`
		Templating struct {
			List []struct {
				Name       string `json:"name"`
				Definition string `json:"definition"`
			} `json:"list"`
		} `json:"templating"`
	}
	text, err := os.ReadFile("../deploy/grafana/moldau.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, q := range p.Targets {
			queries = append(queries, q.Expr)
		}
	}
	variables := map[string]bool{}
	for _, v := range dashboard.Templating.List {
		variables[v.Name] = true
		if v.Definition != "" {
			queries = append(queries, v.Definition)
		}
	}
	for _, name := range []string{"datasource", "cluster", "instance", "topic", "group"} {
		if !variables[name] {
			t.Errorf("the dashboard has no variable %s", name)
		}
	}
	for _, used := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if !variables[used[1]] && !strings.HasPrefix(used[1], "__") {
			t.Errorf("the dashboard uses the variable %s, which it does not have", used[1])
		}
	}
	return queries
}

func alertQueries(t *testing.T) []string {
	t.Helper()
	var rules struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	text, err := os.ReadFile("../deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	var queries []string
	seen := map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if seen[r.Alert] || !strings.HasPrefix(r.Alert, "Moldau") {
				t.Errorf("an alert is called %q", r.Alert)
			}
			seen[r.Alert] = true
			if _, err := time.ParseDuration(r.For); err != nil && r.For != "" {
				t.Errorf("%s: for %q", r.Alert, r.For)
			}
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
			}
			// What is wrong, and what to do.
			if wrong, cure, _ := strings.Cut(r.Annotations["summary"], ": "); len(wrong) < 20 || len(cure) < 20 {
				t.Errorf("%s: the summary %q does not name a cure", r.Alert, r.Annotations["summary"])
			}
			if r.Annotations["description"] == "" {
				t.Errorf("%s has no description", r.Alert)
			}
			queries = append(queries, r.Expr)
			for _, label := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(r.Annotations["summary"]+r.Annotations["description"], -1) {
				queries = append(queries, "sum by ("+label[1]+") ("+r.Expr+")")
			}
		}
	}
	return queries
}

var (
	texts     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	groupings = regexp.MustCompile(`\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	labelArgs = regexp.MustCompile(`label_values\((.*),\s*(\w+)\)$`)
	selectors = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\(|\{([^}]*)\})?`)
	durations = regexp.MustCompile(`\[[^\]]*\]`)
	matchers  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	operators = []string{"and", "or", "unless", "on", "by", "without", "ignoring", "group_left", "group_right", "bool", "offset"}
)

// check gives what a query names that does not exist. It knows just enough of PromQL
// to tell the names of series and labels from those of functions.
func check(query string, known map[string]map[string]bool) []string {
	var problems, used []string
	if m := labelArgs.FindStringSubmatch(query); m != nil {
		query, used = m[1], append(used, m[2])
	}
	query = durations.ReplaceAllString(texts.ReplaceAllString(query, `""`), "")
	for _, m := range groupings.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			used = append(used, strings.TrimSpace(label))
		}
	}
	query = groupings.ReplaceAllString(query, " ")
	all := map[string]bool{}
	for _, m := range selectors.FindAllStringSubmatch(query, -1) {
		name := m[1]
		if m[2] == "(" || slices.Contains(operators, name) {
			continue
		}
		labels, ok := known[name]
		if !ok {
			problems = append(problems, "there is no series "+name)
			continue
		}
		maps.Copy(all, labels)
		for _, matcher := range matchers.FindAllStringSubmatch(m[3], -1) {
			if !labels[matcher[1]] {
				problems = append(problems, name+" has no label "+matcher[1])
			}
		}
	}
	for _, label := range used {
		if label != "" && !all[label] {
			problems = append(problems, "no series has the label "+label)
		}
	}
	return problems
}

func TestCheckFindsWhatDoesNotExist(t *testing.T) {
	known := map[string]map[string]bool{"a_total": {"topic": true, "instance": true}, "b_bucket": {"le": true, "request": true}}
	for query, problems := range map[string]int{
		`rate(a_total{topic="x{y}"}[5m])`: 0, `sum by (topic) (rate(a_total[5m])) > 1 and on (instance) a_total`: 0,
		`histogram_quantile(0.99, sum by (le, request) (rate(b_bucket{request=~"P.*"}[$__rate_interval])))`: 0,
		`label_values(a_total{instance=~"$i"}, topic)`:                                                      0, `label_values(a_total, group)`: 1,
		`rate(c_total[5m])`: 1, `a_total{group="g"}`: 1, `sum by (group) (a_total)`: 1, `a_total / a_totals`: 1,
	} {
		if got := check(query, known); len(got) != problems {
			t.Errorf("%s: %q, want %d problems", query, got, problems)
		}
	}
}
