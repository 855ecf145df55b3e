package config

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// Where we start although Kafka does not, or give another reason, by what is
// added.
var otherStarts = map[string]string{
	// On all interfaces, without anything advertised: see fillAdvertised.
	"listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://:9093": "OK",
	// Names of listeners mean the same in any case.
	"controller.listener.names=controller": "OK",
	"listeners=nonsense":                   "Unable to parse nonsense to a broker endpoint",
	"listeners=PLAINTEXT://:9092":          "controller.listener.names must only contain values appearing in the 'listeners' configuration",
}

func TestLoadAsKafka(t *testing.T) {
	golden, err := os.ReadFile("testdata/load.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for line := range strings.Lines(string(golden)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var add, want string
		if err := json.Unmarshal([]byte(line), &[]any{&add, &want}); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if other, ok := otherStarts[add]; ok {
			want = other
		}
		_, _, err := Load(Sources{File: "f", ReadFile: files(map[string]string{"f": combined + add}), Hostname: host})
		// The full stop goes where more follows.
		if want == "OK" && err != nil || want != "OK" && (err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(want, "."))) {
			t.Errorf("%q:\n got %v\nwant %s", add, err, want)
		}
		cases++
	}
	if cases < 50 {
		t.Errorf("only %d cases", cases)
	}
}
