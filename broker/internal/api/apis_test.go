package api

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/docs"
)

//go:generate go test -run TestPageOfAPIs -update .

// kafkaAPI is a line of testdata/kafka_apis.txt: an API as Apache Kafka has it.
type kafkaAPI struct {
	key      int16
	name     string
	versions string
	first    int16
	last     int16
	removed  bool
	listener Listener
	missing  string // why it may be missing here.
}

func kafkaAPIs(t *testing.T) []kafkaAPI {
	t.Helper()
	text, err := os.ReadFile("testdata/kafka_apis.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []kafkaAPI
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(fields) != 5 {
			t.Fatalf("not a line of five fields: %s", line)
		}
		a := kafkaAPI{key: int16(len(all)), name: fields[1], versions: fields[2], missing: fields[4]}
		if fields[0] != strconv.Itoa(len(all)) {
			t.Fatalf("key %s stands in the place of %d", fields[0], len(all))
		}
		a.removed = a.versions == "none"
		if first, last, ok := strings.Cut(strings.TrimSuffix(a.versions, "!"), "-"); !a.removed {
			if !ok {
				last = first
			}
			a.first, a.last = version(t, first), version(t, last)
		}
		if strings.Contains(fields[3], "B") {
			a.listener |= Broker
		}
		if strings.Contains(fields[3], "C") {
			a.listener |= Controller
		}
		all = append(all, a)
	}
	return all
}

func version(t *testing.T, s string) int16 {
	t.Helper()
	v, err := strconv.ParseInt(s, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return int16(v)
}

// stable is the newest version that Kafka offers without unstable.api.versions.enable.
func (a kafkaAPI) stable() int16 {
	if strings.HasSuffix(a.versions, "!") {
		return a.last - 1
	}
	return a.last
}

func rows(t *testing.T) map[int16]API {
	t.Helper()
	byKey := map[int16]API{}
	for _, a := range Table(Handlers{}) {
		if _, ok := byKey[a.Key.Int16()]; ok {
			t.Errorf("key %d stands twice in the table", a.Key)
		}
		byKey[a.Key.Int16()] = a
	}
	return byKey
}

func TestTableStaysWithinKafka(t *testing.T) {
	kafka := kafkaAPIs(t)
	for key, a := range rows(t) {
		if int(key) >= len(kafka) || kafka[key].removed {
			t.Errorf("Apache Kafka has no API %d", key)
			continue
		}
		k := kafka[key]
		if a.Min < k.first || a.Max > k.last || a.Min > a.Max {
			t.Errorf("%s: versions %s are not within Kafka's %s", k.name, versions(a.Min, a.Max), k.versions)
		}
		if a.AdvertisedMin != 0 && a.AdvertisedMin != a.Min {
			t.Errorf("%s: advertises version %d and serves %d", k.name, a.AdvertisedMin, a.Min)
		}
		if a.Listeners == 0 || a.Listeners&^k.listener != 0 {
			t.Errorf("%s: offered on listeners %s, in Kafka on %s", k.name, listeners(a.Listeners), listeners(k.listener))
		}
		if (a.Handle == nil) == (a.Raw == nil) {
			t.Errorf("%s: one of Handle and Raw serves an API", k.name)
		}
		if kmsg.RequestForKey(key).MaxVersion() < a.Max {
			t.Errorf("%s: version %d is not in kmsg", k.name, a.Max)
		}
	}
}

func TestPageOfAPIs(t *testing.T) {
	served, kafka := rows(t), kafkaAPIs(t)
	var table strings.Builder
	for _, k := range kafka {
		a, ok := served[k.key]
		here, status := "", k.missing
		if ok {
			here, status = versions(a.Min, a.Max)+" "+listeners(a.Listeners), statusOf(a, k)
		}
		inKafka := strings.TrimSpace(k.versions + " " + listeners(k.listener))
		fmt.Fprintf(&table, "| %d | %s | %s | %s | %s |\n", k.key, k.name, here, inKafka, status)
	}
	docs.Page(t, "docs/compat/apis.md", fmt.Sprintf(`# APIs

Every API key of Apache Kafka 4.4, from the table in `+"`broker/internal/api/apis.go`"+` (`+"`make generate`"+`).
%d of %d are served. What is not served is not advertised. B is a listener for clients and brokers, C one of
controller.listener.names. An exclamation mark: the newest version is unstable in Kafka and off there too.

| key | name | here | Kafka 4.4 | status |
|---:|---|---|---|---|
%s`, len(served), inService(kafka), table.String()))
}

func inService(kafka []kafkaAPI) (n int) {
	for _, k := range kafka {
		if !k.removed {
			n++
		}
	}
	return n
}

func statusOf(a API, k kafkaAPI) string {
	var lacks []string
	if a.Min > k.first || a.Max < k.stable() {
		lacks = append(lacks, "versions")
	}
	if missing := k.listener &^ a.Listeners; missing != 0 {
		lacks = append(lacks, "listener "+listeners(missing))
	}
	switch {
	case len(lacks) > 0:
		return "in part: without " + strings.Join(lacks, ", ")
	case a.AdvertisedMin < a.Min:
		return "served; advertised from version 0, as in Kafka"
	default:
		return "served"
	}
}

func versions(first, last int16) string {
	if first == last {
		return strconv.Itoa(int(first))
	}
	return fmt.Sprintf("%d-%d", first, last)
}

func listeners(l Listener) string {
	var names []string
	if l&Broker != 0 {
		names = append(names, "B")
	}
	if l&Controller != 0 {
		names = append(names, "C")
	}
	return strings.Join(names, ",")
}
