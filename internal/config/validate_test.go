package config

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"

	"moldau.dev/moldau/internal/kafka"
)

// Where we answer otherwise than Kafka, by what it says. Its own words there
// show a Java exception, or that a Java class is missing.
var otherAnswers = map[string]string{
	"/ by zero": "Invalid dynamic configuration: Dynamic thread count update validation failed for log.cleaner.threads=0, value should be at least 1",
	"Invalid dynamic configuration: Log cleaner threads cannot be increased to more than double the current value 1": "Invalid dynamic configuration: Dynamic thread count update validation failed for log.cleaner.threads=9, value should not be greater than double the current value 1",
	"Error parsing configuration property 'max.connections.per.ip.overrides': begin 0, end -1, length 1":             `Error parsing configuration property 'max.connections.per.ip.overrides': "a" has no colon`,
	`For input string: "x"`: `max.connections.per.ip.overrides: the limit "x" of a is not a number`,
	"Invalid dynamic configuration: Validation of dynamic config update of Set(metric.reporters) failed with class class kafka.server.DynamicMetricsReporters": "OK",
	"Invalid value x.y for configuration principal.builder.class: Class x.y could not be found.":                                                               "OK",
	"Configuration 'sasl.enabled.mechanisms' values must not be duplicated.":                                                                                   "OK",
	"Cannot update these configs dynamically: [node.id, log.dirs]":                                                                                             "Cannot update these configs dynamically: [log.dirs, node.id]",
	"Invalid dynamic configuration: Security protocol cannot be updated for existing listener ListenerName(PLAINTEXT)":                                         "Invalid dynamic configuration: Security protocol cannot be updated for existing listener PLAINTEXT",
}

// The golden file goes on where the one of TestDescribeAsKafka ends: the
// dynamic configurations there are set.
func TestAlterAsKafka(t *testing.T) {
	static, _, err := Load(Sources{File: "testdata/describe.properties"})
	if err != nil {
		t.Fatal(err)
	}
	state := map[string]map[string]string{
		"broker ": {
			"min.insync.replicas": "1", "log.retention.ms": "7200000", "message.max.bytes": "2000000", "num.io.threads": "5",
			"max.connections": "77", "group.consumer.assignment.interval.ms": "2000", "unclean.leader.election.enable": "true",
			"leader.replication.throttled.rate": "1000", "dynamic.plugin.secret": "x",
		},
		"broker 1": {
			"log.retention.ms": "3600000", "log.roll.ms": "999999", "follower.replication.throttled.rate": "5000",
			"listener.name.plaintext.max.connections": "50", "log.cleaner.io.max.bytes.per.second": "1.0E7", "log.cleanup.policy": "compact",
		},
		"topic plain": {}, "group g1": {}, "metrics m1": {},
	}
	golden, err := os.ReadFile("testdata/alter.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for line := range strings.Lines(string(golden)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var fields []string
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		resource, changes, want := fields[0]+" "+fields[1], fields[2:len(fields)-1], fields[len(fields)-1]
		next := maps.Clone(state[resource])
		for i := 0; i < len(changes); i += 2 {
			next[changes[i]] = changes[i+1]
		}
		got := answer(alter(static, state, resource, next))
		want = expected(want)
		if want == "OK" && changes[0] == "listeners" {
			want = "INVALID_REQUEST|Invalid dynamic configuration: listeners is only read at the start: change it in server.properties and restart the node"
		}
		if got != want {
			t.Errorf("%s %q:\n got %s\nwant %s", resource, changes, got, want)
		}
		if got == "OK" {
			state[resource] = next
		}
		cases++
	}
	if cases < 100 {
		t.Errorf("only %d cases", cases)
	}
}

func alter(static *Static, state map[string]map[string]string, resource string, next map[string]string) error {
	dynDefault, dynBroker := state["broker "], state["broker 1"]
	b := ResolveBroker(static, dynDefault, dynBroker)
	switch resource {
	case "topic plain":
		return b.ValidateTopic(state[resource], next)
	case "group g1":
		return b.ValidateGroup(next)
	case "metrics m1":
		return ValidateClientMetrics(next)
	}
	return ValidateBroker(static, dynDefault, dynBroker, resource == "broker 1", next)
}

func answer(err error) string {
	var e *kafka.Error
	switch {
	case err == nil:
		return "OK"
	case errors.As(err, &e):
		return e.Code.Message + "|" + e.Message
	}
	return "no protocol error: " + err.Error()
}

// expected turns what Kafka says into what we say.
func expected(want string) string {
	code, message, ok := strings.Cut(want, "|")
	if !ok {
		return want
	}
	if reason, ok := strings.CutPrefix(message, "Invalid value org.apache.kafka.common.config.ConfigException: "); ok {
		message = "Invalid dynamic configuration: " + strings.TrimSuffix(reason, " for configuration Invalid dynamic configuration")
	}
	if other, ok := otherAnswers[message]; ok {
		message = other
	}
	if message == "OK" {
		return message
	}
	return code + "|" + message
}
