package metrics

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"moldau.dev/moldau/internal/docs"
)

//go:generate go test -run TestPageOfMetrics -update .

// The names are those that the rules of the JMX exporter's example for Kafka give,
// with labels in lower case.
func TestNamesAreThoseOfTheJMXExporter(t *testing.T) {
	for _, test := range []struct {
		metric metric
		name   string
		labels string
	}{
		{metrics[bytesIn], "kafka_server_brokertopicmetrics_bytesin_total", "topic"},
		{metrics[totalTime], "kafka_network_requestmetrics_totaltimems", "request"},
		{metrics[requests], "kafka_network_requestmetrics_requests_total", "request version"},
		{metrics[leaderCount], "kafka_server_replicamanager_leadercount", ""},
		{metrics[logSize], "kafka_log_log_size", "topic partition"},
		{metrics[purgatorySize], "kafka_server_delayedoperationpurgatory_purgatorysize", "delayedoperation"},
		{metrics[connectionCount], "kafka_server_socket_server_metrics_connection_count", "listener"},
		{metrics[numGroups], "kafka_coordinator_group_groupmetadatamanager_numgroups", ""},
		{metrics[groupCount], "kafka_server_group_coordinator_metrics_group_count", "protocol"},
		{metrics[uncleanLeaderElections], "kafka_controller_controllerstats_uncleanleaderelections_total", ""},
		{metrics[groupLag], "moldau_group_lag", "group topic partition"},
	} {
		if name := test.metric.Name(); name != test.name {
			t.Errorf("%s is called %s, want %s", test.metric.mbean, name, test.name)
		}
		if labels := strings.Join(test.metric.Labels(), " "); labels != test.labels {
			t.Errorf("%s has the labels %s, want %s", test.metric.mbean, labels, test.labels)
		}
	}
}

func TestEveryMetricIsDescribedOnce(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	seen := map[string]bool{}
	for i := range metrics {
		m := &metrics[i]
		if !valid.MatchString(m.Name()) || seen[m.Name()] {
			t.Errorf("metric %d has the name %q", i, m.Name())
		}
		seen[m.Name()] = true
		if !strings.HasSuffix(m.help, ".") || m.kind == "" {
			t.Errorf("%s: kind %q, help %q", m.Name(), m.kind, m.help)
		}
		if counts := strings.HasSuffix(m.Name(), "_total"); counts != (m.kind == counter) {
			t.Errorf("%s is a %s", m.Name(), m.kind)
		}
		for _, label := range m.Labels() {
			if !valid.MatchString(label) {
				t.Errorf("%s has the label %q", m.Name(), label)
			}
		}
	}
}

func TestPageOfMetrics(t *testing.T) {
	var own, kafkas strings.Builder
	for i := range metrics {
		m := &metrics[i]
		labels := strings.Join(m.Labels(), ", ")
		if m.isOwn() {
			fmt.Fprintf(&own, "| `%s` | %s | %s | %s |\n", m.Name(), m.kind, labels, m.help)
			continue
		}
		fmt.Fprintf(&kafkas, "| `%s` | %s | %s | %s | `%s` |\n", m.Name(), m.kind, labels, m.help, strings.ReplaceAll(m.mbean, "#", " "))
	}
	docs.Page(t, "docs/ops/metrics.md", fmt.Sprintf(page, kafkas.String(), own.String()))
}

const page = `# Metrics

Written by ` + "`make generate`" + ` from the code: do not edit.

A node serves its metrics for Prometheus at ` + "`/metrics`" + ` of ` + "`moldau.http.listener`" + ` (localhost:9080 unless it is
configured; empty serves nothing). Nothing else has to run: no JMX, no exporter beside it, none for the lag of groups.
` + "`deploy/prometheus/alerts.yml`" + ` has alert rules, ` + "`deploy/grafana/moldau.json`" + ` a dashboard.

## Names

One rule gives the name of a metric that Kafka has an MBean for, and it is the one of the JMX exporter's usual
configuration for Kafka: domain, type, name and attribute of the MBean, joined by underscores, in lower case, with dots and
dashes as underscores. A meter, whose name ends in PerSec, is shown as the counter behind it, with _total instead. The other keys
are labels, in lower case. So queries and dashboards that were made for Kafka find what they look for.

Metrics that Kafka has no MBean for begin with ` + "`moldau_`" + `, and are in Prometheus's units.

Histograms are Prometheus's own, with ` + "`_bucket`, `_sum` and `_count`" + `, so that quantiles of several nodes can be taken together:
` + "`histogram_quantile(0.99, sum by (le) (rate(kafka_network_requestmetrics_totaltimems_bucket{request=\"Produce\"}[5m])))`" + `. Their unit
is that of the name: names that end in ms are in milliseconds.

## Bounds

| what has series of its own | at most | beyond it |
|---|---|---|
| topics | ` + "`moldau.metrics.max.topics`" + ` (1,000) | are in the totals, which have no label |
| partitions | ` + "`moldau.metrics.max.partitions`" + ` (10,000) | are in the gauges of the ReplicaManager |
| groups | ` + "`moldau.metrics.max.groups`" + ` (1,000) | are in the gauges of the GroupMetadataManager |
| partitions of groups | ` + "`moldau.metrics.max.partitions`" + ` (10,000) | none; a group has all of its partitions or none |
| kinds of clients | 50 | are counted as (others) |

The first by name are shown, so that series do not come and go. ` + "`moldau_metrics_dropped`" + ` counts the rest.

## What the numbers mean

- **The phases of a request.** There is no request queue, so there is no RequestQueueTimeMs: a connection's requests are handled one
  after the other as they are read. LocalTimeMs is the work of this broker. RemoteTimeMs is the time for which the request waited for
  others: in a purgatory, for the controller, for a coordinator and the log it writes to, for the members of a group.
- **Fetches** are counted as FetchConsumer and FetchFollower, and not a third time as Fetch.
- **ErrorsPerSec** counts every error code in a response, as Kafka does: one per partition in a produce or fetch, NONE included.
- **Lag** is the number of records from the committed offset to the high watermark, and in seconds the age of the oldest
  of them by its timestamp, which is the producer's unless message.timestamp.type is LogAppendTime; of a batch, its first
  record counts. A lag of 0 is 0 seconds old. Partitions that another broker leads have no lag here, and show none.
- **Records out** are not counted, as in Kafka: records leave the broker without being looked at. What groups have read is
  ` + "`rate(moldau_group_offset[5m])`" + `.

## Kafka's metrics

| metric | kind | labels | meaning | MBean |
|---|---|---|---|---|
%s
## Moldau's own metrics

| metric | kind | labels | meaning |
|---|---|---|---|
%s
Those of the Go runtime (go_*) and of the process (process_*) are as every Go program has them.
`

func TestTextIsEscaped(t *testing.T) {
	var text strings.Builder
	e := newExposition(&text)
	e.begin(groupMembers)
	e.sample(1.5, "a\"b\\c\nd\xff")
	if err := e.flush(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text.String(), "\n")
	if want := `moldau_group_members{group="a\"b\\c\nd�"} 1.5`; !slices.Contains(lines, want) {
		t.Errorf("%q, want a line %q", lines, want)
	}
}
