package admin

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func TestTopicPartitions(t *testing.T) {
	got, err := topicPartitions([]string{"a", "b:0,3-4"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]int32{"a": nil, "b": {0, 3, 4}}, got); diff != "" {
		t.Error(diff)
	}
	for _, args := range [][]string{{":1"}, {"a:"}, {"a:x"}, {"a:-1"}, {"a:1,"}, {"a", "a:1"}, {"a:99999999999"}} {
		if got, err := topicPartitions(args); cmdline.ExitCode(err) != cmdline.ExitUsage {
			t.Errorf("%q became %v, %v", args, got, err)
		}
	}
}

func TestParseChanges(t *testing.T) {
	changes, err := parseChanges([]string{"a=1", "b+=x,y", "c-=z", "d=", "e=x=y"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.String())
	}
	if want := []string{"a=1", "b+=x,y", "c-=z", "d=", "e=x=y"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, args := range [][]string{{"a"}, {"=1"}, {"+=1"}, {"a=1", "a+=2"}} {
		if _, err := parseChanges(args); cmdline.ExitCode(err) != cmdline.ExitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestReadOffsetsFile(t *testing.T) {
	got, err := readOffsetsFile("f", strings.NewReader("# plan\n\n a , 0, 5\na,1,6\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]map[int32]int64{"a": {0: 5, 1: 6}}, got); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", "# nothing", "a,0", "a,0,1,2", "a,x,1", "a,-1,1", "a,0,-1", "a,0,x"} {
		if _, err := readOffsetsFile("f", strings.NewReader(text)); cmdline.ExitCode(err) != cmdline.ExitUsage {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSelectionsAreOfWholeNames(t *testing.T) {
	names := []string{"orders", "orders-2", "payments"}
	for _, test := range []struct {
		regex  bool
		args   []string
		want   []string
		failed int
	}{
		{false, []string{"orders", "orders", "payments"}, []string{"orders", "payments"}, 0},
		{false, []string{"order", "payments"}, []string{"payments"}, 1},
		{true, []string{"orders"}, []string{"orders"}, 0},
		{true, []string{"orders.*", "x|payments"}, names, 0},
		{true, []string{"nothing"}, nil, 1},
	} {
		sel := selection{regex: test.regex}
		got, failed, err := sel.pick(test.args, names, "topic")
		if err != nil || !slices.Equal(got, test.want) || len(failed) != test.failed {
			t.Errorf("%q: got %q, %v, %v", test.args, got, failed, err)
		}
	}
	sel := selection{regex: true}
	if _, _, err := sel.pick([]string{"("}, names, "topic"); cmdline.ExitCode(err) != cmdline.ExitUsage {
		t.Errorf("a wrong expression: %v", err)
	}
}

func TestGloss(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"retention.ms", "604800000", " (7d)"},
		{"retention.ms", "-1", ""},
		{"flush.ms", "9223372036854775807", ""},
		{"segment.bytes", "1073741824", " (1.0 GiB)"},
		{"max.message.bytes", "500", ""},
		{"min.insync.replicas", "100000", ""},
		{"retention.ms", "soon", ""},
	} {
		if got := gloss(test.key, test.value); got != test.want {
			t.Errorf("%s=%s: got %q, want %q", test.key, test.value, got, test.want)
		}
	}
}

func TestPlainText(t *testing.T) {
	const doc = "How <code>long</code>:\n<ul><li>a &lt; b</li><li>c</li></ul>"
	if got, want := plainText(doc), "How long: - a < b - c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHealth(t *testing.T) {
	env := cmdline.NewEnv(nil, new(bytes.Buffer), new(bytes.Buffer))
	partition := func(p, leader int32, isr ...int32) kadm.PartitionDetail {
		return kadm.PartitionDetail{Partition: p, Leader: leader, Replicas: []int32{1, 2}, ISR: isr}
	}
	for _, test := range []struct {
		partitions []kadm.PartitionDetail
		want       string
	}{
		{[]kadm.PartitionDetail{partition(0, 1, 1, 2)}, "ok"},
		{[]kadm.PartitionDetail{partition(0, 1, 1), partition(1, 2, 1, 2)}, "1 partition under-replicated"},
		{[]kadm.PartitionDetail{partition(0, -1), partition(1, -1)}, "2 partitions offline"},
		{[]kadm.PartitionDetail{partition(0, -1), partition(1, 2, 2)}, "1 partition offline, 1 under-replicated"},
	} {
		d := kadm.TopicDetail{Partitions: kadm.PartitionDetails{}}
		for _, p := range test.partitions {
			d.Partitions[p.Partition] = p
		}
		if got := healthOf(d).paint(env); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestWhatDiffers(t *testing.T) {
	value, other := "1", "2"
	const topic = kmsg.ConfigResourceTypeTopic
	for _, test := range []struct {
		name string
		e    entry
		want bool
	}{
		{"a default", entry{Value: &value, Default: &value, source: kmsg.ConfigSourceDefaultConfig}, false},
		{"set on the topic to the default", entry{Value: &value, Default: &value, source: kmsg.ConfigSourceDynamicTopicConfig}, true},
		{"set on the broker to the default", entry{Value: &value, Default: &value, source: kmsg.ConfigSourceStaticBrokerConfig}, false},
		{"set on the broker", entry{Value: &other, Default: &value, source: kmsg.ConfigSourceStaticBrokerConfig}, true},
		{"hidden", entry{Sensitive: true, source: kmsg.ConfigSourceStaticBrokerConfig}, true},
	} {
		if got := test.e.differs(topic); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
