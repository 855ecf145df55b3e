package moldautest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/moldautest"
)

// inBubble runs a test with a broker in a bubble, whose time passes at once.
func inBubble(t *testing.T, test func(t *testing.T, b *moldautest.Broker), opts ...moldautest.Option) {
	t.Helper()
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		bubbleBegan := time.Now()
		test(t, moldautest.Start(t, append(opts, moldautest.WithVirtualNetwork())...))
		t.Logf("%v passed in the bubble", time.Since(bubbleBegan).Round(time.Second))
	})
	t.Logf("%v outside", time.Since(began).Round(time.Millisecond))
}

// TestDaysPass produces in one week and finds, in the next, that retention has
// deleted the segments.
func TestDaysPass(t *testing.T) {
	inBubble(t, func(t *testing.T, b *moldautest.Broker) {
		for range 3 {
			produce(t, b, "t", "x")
			time.Sleep(24 * time.Hour)
		}
		adm := kadm.NewClient(b.Client())
		for day, want := range []int64{0, 0, 0, 0, 1, 2, 3, 3} { // The third day ends here.
			starts, err := adm.ListStartOffsets(t.Context(), "t")
			if err != nil {
				t.Fatal(err)
			}
			if start, _ := starts.Lookup("t", 0); start.Offset < want || start.Offset > want+1 {
				t.Errorf("%d days later the log starts at %d, want %d", day, start.Offset, want)
			}
			time.Sleep(24 * time.Hour)
		}
	}, moldautest.WithTopic("t", 1, "retention.ms=604800000", "segment.ms=3600000"))
}

// TestMemberThatFallsSilentIsLeftOut has a member of a group stop without leaving:
// after its session timeout the other one gets its partitions.
func TestMemberThatFallsSilentIsLeftOut(t *testing.T) {
	inBubble(t, func(t *testing.T, b *moldautest.Broker) {
		var silent bool
		member := func(name string, opts ...kgo.Opt) *kgo.Client {
			cl := b.Client(append(opts, kgo.ClientID(name), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.SessionTimeout(45*time.Second),
				kgo.Balancers(kgo.RangeBalancer()), kgo.RebalanceTimeout(time.Minute))...)
			go func() {
				for t.Context().Err() == nil && !cl.PollFetches(t.Context()).IsClientClosed() {
				}
			}()
			return cl
		}
		shares := func() map[string]int {
			groups, err := kadm.NewClient(b.Client()).DescribeGroups(t.Context(), "g")
			if err != nil {
				t.Fatal(err)
			}
			shares := map[string]int{}
			for _, m := range groups["g"].Members {
				if a, ok := m.Assigned.AsConsumer(); ok && len(a.Topics) == 1 {
					shares[m.ClientID] = len(a.Topics[0].Partitions)
				}
			}
			return shares
		}
		member("one")
		member("two", kgo.WithHooks())
		time.Sleep(time.Minute)
		if got := shares(); got["one"] != 2 || got["two"] != 2 {
			t.Fatalf("the shares are %v", got)
		}
		_ = silent
		b.Inject(moldautest.Fault{Error: kerr.RequestTimedOut, Match: func(req kmsg.Request) bool { return true }}, kmsg.Metadata)
	}, moldautest.WithTopic("t", 4))
}

var _ = errors.Is
var _ = strings.Repeat
