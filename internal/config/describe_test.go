package config

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The golden file holds what a broker of Apache Kafka 4.4.0, started with
// testdata/describe.properties, answered to DescribeConfigs: first with the
// topic, group and subscription altered as below, then with dynamic broker
// configurations too. min.insync.replicas was set by Kafka itself, when the
// cluster was formatted with eligible leader replicas.
func TestDescribeAsKafka(t *testing.T) {
	static, _, err := Load(Sources{File: "testdata/describe.properties"})
	if err != nil {
		t.Fatal(err)
	}
	custom := map[string]string{
		"retention.ms": "1000", "cleanup.policy": "compact,delete", "segment.ms": "5000", "min.cleanable.dirty.ratio": "0.75",
		"compression.type": "zstd", "leader.replication.throttled.replicas": "*", "internal.segment.bytes": "1000000",
	}
	group := map[string]string{"consumer.session.timeout.ms": "50000", "share.auto.offset.reset": "by_duration:PT1H", "streams.num.standby.replicas": "1"}
	metrics := map[string]string{"metrics": "org.apache.kafka.,x", "interval.ms": "1000"}
	elr := map[string]string{"min.insync.replicas": "1"}
	dynDefault := map[string]string{
		"min.insync.replicas": "1", "log.retention.ms": "7200000", "message.max.bytes": "2000000", "num.io.threads": "5",
		"max.connections": "77", "group.consumer.assignment.interval.ms": "2000", "unclean.leader.election.enable": "true",
		"leader.replication.throttled.rate": "1000", "dynamic.plugin.secret": "x",
	}
	dynBroker := map[string]string{
		"log.retention.ms": "3600000", "log.roll.ms": "999999", "follower.replication.throttled.rate": "5000",
		"listener.name.plaintext.max.connections": "50", "log.cleaner.io.max.bytes.per.second": "1.0E7", "log.cleanup.policy": "compact",
	}
	got := map[string][]Entry{
		"static broker":       DescribeBroker(static, elr, nil),
		"static plain":        DescribeTopic(static, elr, nil, nil),
		"static custom":       DescribeTopic(static, elr, nil, custom),
		"static group":        DescribeGroup(static, elr, nil, group),
		"static groupPlain":   DescribeGroup(static, elr, nil, nil),
		"static metrics":      DescribeClientMetrics(metrics),
		"static metricsPlain": DescribeClientMetrics(nil),
		"static default":      DescribeBrokerDefaults(static, elr),
		"dynamic broker":      DescribeBroker(static, dynDefault, dynBroker),
		"dynamic plain":       DescribeTopic(static, dynDefault, dynBroker, nil),
		"dynamic custom":      DescribeTopic(static, dynDefault, dynBroker, custom),
		"dynamic group":       DescribeGroup(static, dynDefault, dynBroker, group),
		"dynamic default":     DescribeBrokerDefaults(static, dynDefault),
	}
	want := readGolden(t)
	if len(want) != len(got) {
		t.Errorf("the golden file has %d parts, want %d", len(want), len(got))
	}
	for part, lines := range want {
		if diff := cmp.Diff(lines, render(got[part])); diff != "" {
			t.Errorf("%s: -Kafka +we\n%s", part, diff)
		}
	}
}

func readGolden(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile("testdata/describe.txt")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]string{}
	part := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "== "); ok {
			part = name
		} else if !strings.HasPrefix(line, "#") {
			parts[part] = append(parts[part], line)
		}
	}
	return parts
}

// render prints entries as the golden file has them, by name, without our own
// keys.
func render(entries []Entry) []string {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	sources := map[int8]string{1: "topic", 2: "broker", 3: "default-broker", 4: "static", 5: "default", 7: "client-metrics", 8: "group"}
	value := func(v *string) string {
		b, _ := json.Marshal(v)
		return string(b)
	}
	var lines []string
	for _, e := range entries {
		if _, own := ownDef.Lookup(e.Name); own {
			continue
		}
		flags := ""
		if e.ReadOnly {
			flags += " read-only"
		}
		if e.Sensitive {
			flags += " sensitive"
		}
		typeName := e.Type.String()
		if e.Type == 0 {
			typeName = "unknown"
		}
		lines = append(lines, fmt.Sprintf("%s = %s %s from %s%s", e.Name, value(e.Value), typeName, sources[int8(e.Source)], flags))
		for _, s := range e.Synonyms {
			lines = append(lines, fmt.Sprintf("\t%s = %s from %s", s.Name, value(s.Value), sources[int8(s.Source)]))
		}
	}
	return lines
}
