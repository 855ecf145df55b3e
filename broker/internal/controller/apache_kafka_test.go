package controller

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"moldau.dev/moldau/internal/protocol"
)

// testdata/apache_kafka.jsonl is a session with an Apache Kafka 4.4.0 of one
// node: each line has an operation, the request and the answer, without what
// differs from run to run. The Core gives the same answers, in code and message.
func TestAnswersAreThoseOfApacheKafka(t *testing.T) {
	b := newBench(t)
	b.start(1)
	operations := b.operations()
	file, err := os.Open("testdata/apache_kafka.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var line struct {
			Op   string          `json:"op"`
			Req  json.RawMessage `json:"req"`
			Resp any             `json:"resp"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		result := operations[line.Op](string(line.Req))
		if result.Err != nil {
			compareRefusal(t, n, string(line.Req), line.Resp, result)
			continue
		}
		encoded, err := json.Marshal(result.Response)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(normal(line.Resp), normal(got)); diff != "" {
			t.Errorf("line %d: %s %s (-Apache Kafka +Moldau):\n%s", n, line.Op, line.Req, diff)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// compareRefusal looks for the code and message of a refusal of the whole
// request: the API spreads them over its response.
func compareRefusal(t *testing.T, n int, req string, resp any, result Result) {
	encoded, err := json.Marshal(resp)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`"ErrorCode":%d`, protocol.Code(result.Err)); !strings.Contains(string(encoded), want) {
		t.Errorf("line %d: %s: refused with %v, want %s", n, req, result.Err, encoded)
	}
	if message := protocol.Message(result.Err); message != nil && strings.Contains(string(encoded), `"ErrorMessage":"`) && !strings.Contains(string(encoded), *message) {
		t.Errorf("line %d: %s: refused with %v, want %s", n, req, result.Err, encoded)
	}
}

// normal leaves out what differs from run to run, and sorts lists whose order
// means nothing.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return normalObject(v)
	case []any:
		if len(v) == 0 {
			return nil
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = normal(v[i])
		}
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		return list
	default:
		return v
	}
}

func normalObject(object map[string]any) any {
	normalized := map[string]any{}
	for key, value := range object {
		switch key {
		case "UnknownTags", "ThrottleMillis", "Version", "TopicID":
			continue
		case "Configs":
			value = normalConfigs(object["Topic"], value)
		default:
			value = normal(value)
		}
		normalized[key] = value
	}
	return normalized
}

// normalConfigs compares the configs of one topic in full, and of the others
// how many they are.
func normalConfigs(topic, value any) any {
	list, _ := value.([]any)
	if len(list) == 0 {
		if _, ok := value.(float64); ok {
			return value
		}
		return nil
	}
	if topic != "bar" {
		return float64(len(list))
	}
	var configs []string
	for _, entry := range list {
		switch entry := entry.(type) {
		case string:
			configs = append(configs, entry)
		case map[string]any:
			configs = append(configs, fmt.Sprintf("%v=%v source %v", entry["Name"], entry["Value"], entry["Source"]))
		}
	}
	slices.Sort(configs)
	return configs
}
