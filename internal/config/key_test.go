package config

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTables(t *testing.T) {
	for name, d := range map[string]*Def{
		"broker": brokerDef, "own": ownDef, "quota": dynamicQuotaDef, "topic": topicDef, "group": groupDef, "client metrics": clientMetricsDef,
	} {
		if len(d.index) != len(d.keys) {
			t.Errorf("%s: a name appears twice", name)
		}
		for _, k := range d.Keys() {
			if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") || len(k.Doc) > 250 {
				t.Errorf("%s: documentation %q", k.Name, k.Doc)
			}
			if k.Required {
				continue
			}
			if k.Valid != nil {
				if err := k.Valid.Check(k.Name, k.Default); err != nil {
					t.Errorf("%s: the default: %v", k.Name, err)
				}
			}
			if k.Default == nil {
				continue
			}
			if _, err := k.Parse(format(k.Default)); err != nil {
				t.Errorf("%s: the default's text: %v", k.Name, err)
			}
			for _, s := range k.Synonyms {
				if _, ok := brokerDef.Lookup(s); !ok {
					t.Errorf("%s: synonym %s is no broker key", k.Name, s)
				}
			}
		}
	}
	// As Apache Kafka 4.4.0 has them.
	if n, m, g := len(brokerDef.keys), len(topicDef.keys), len(groupDef.keys); n != 379 || m != 38 || g != 27 {
		t.Errorf("%d broker, %d topic and %d group keys", n, m, g)
	}
	for name, want := range map[string]Dynamic{
		"log.retention.ms": ClusterWide, "log.retention.hours": ReadOnly, "listeners": PerBroker, "ssl.keystore.location": PerBroker, "node.id": ReadOnly,
	} {
		if k, _ := brokerDef.Lookup(name); k.Dynamic != want {
			t.Errorf("%s is %v, want %v", name, k.Dynamic, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{
		"log.retention.hour": "log.retention.hours", "log.dir": "log.dir", "num.partition": "num.partitions", "advertised.listener": "advertised.listeners",
		"process.role": "process.roles", "min.insync.replica": "min.insync.replicas", "nmu.io.threads": "num.io.threads",
		"auto.create.topic.enable": "auto.create.topics.enable", "a.b.c": "", "": "", "something.that.no.key.comes.near": "",
	} {
		if got, ok := brokerDef.Nearest(name); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", name, got, ok, want)
		}
	}
}

// Of a name of one or two letters the other ones are not near.
func TestNearestOfShortNames(t *testing.T) {
	for name, want := range map[string]string{"x": "", "ab": "a", "qq": "", "orde": "orders"} {
		if got, _ := Nearest(name, slices.Values([]string{"a", "b", "orders"})); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestDoublesAsJava(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", math.Copysign(0, -1): "-0.0", 1: "1.0", 0.5: "0.5", 0.001: "0.001", 0.0001: "1.0E-4", 1e7: "1.0E7", 9999999: "9999999.0",
		math.MaxFloat64: "1.7976931348623157E308", 1.25e-10: "1.25E-10", -2.5: "-2.5", math.Inf(1): "Infinity", math.Inf(-1): "-Infinity",
	} {
		if got := formatDouble(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
	for text, ok := range map[string]bool{"1": true, " .5 ": true, "1e5": true, "1d": true, "0.5f": true, "1e999": true, "NaN": true, "": false, "nan": false, "0x1p3": false, "1_0": false, "inf": false} {
		if _, err := parseType("x", text, Double); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDurations(t *testing.T) {
	for ms, want := range map[int64]time.Duration{1: time.Millisecond, -1: -time.Millisecond, math.MaxInt64: Forever, math.MinInt64: -Forever, 0: 0} {
		if got := duration(ms, time.Millisecond); got != want {
			t.Errorf("%d ms: %v", ms, got)
		}
	}
	for text, want := range map[string]time.Duration{
		"PT1H": time.Hour, "P1D": 24 * time.Hour, "PT-1M": -time.Minute, "-PT1M": -time.Minute, "pt0.5s": 500 * time.Millisecond, "PT-0.5S": -500 * time.Millisecond, "P1DT1S": 24*time.Hour + time.Second,
	} {
		if got, err := parseISODuration(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "P", "PT", "P1DT", "1h", "PT1", "P1H", "PT1S1M", "P999999999999D"} {
		if got, err := parseISODuration(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestMarkdown(t *testing.T) {
	text := brokerDef.Markdown()
	for _, want := range []string{"| `node.id` | int | (required) | [0,...] | high | read-only | The number", "| `listeners` | list | `PLAINTEXT://:9092` |", "| `log.dirs` | list | (not set) |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %s", want)
		}
	}
	if strings.Contains(text, "unstable.api.versions.enable") {
		t.Error("the table has internal keys")
	}
	if !strings.Contains(topicDef.Markdown(), "| any time |") {
		t.Error("topic keys can be altered any time")
	}
}
