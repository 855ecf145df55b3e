package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
	"moldau.dev/moldau/moldautest"
)

// patience bounds what waits for a broker; it only ends what hangs.
const patience = 2 * time.Minute

// output is what a command writes, for a test that reads it meanwhile.
type output struct {
	mu   sync.Mutex // Guards text.
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits until the output has a text.
func (o *output) await(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(o.String(), want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %q in %q", want, o.String())
		}
	}
}

// command is a run of the commands of this package against a broker.
type command struct {
	broker   *moldautest.Broker
	in       io.Reader
	out, err output
	to       io.Writer // Instead of out, if not nil.
}

func (c *command) run(ctx context.Context, args ...string) error {
	out := io.Writer(&c.out)
	if c.to != nil {
		out = c.to
	}
	in := c.in
	if in == nil {
		in = strings.NewReader("")
	}
	env := cmdline.NewEnv(in, out, &c.err)
	env.Getenv = func(name string) string {
		if name == cmdline.BrokersVariable {
			return c.broker.Addr()
		}
		return ""
	}
	root := &cobra.Command{Use: "moldau", SilenceErrors: true, SilenceUsage: true}
	root.SetOut(out)
	root.SetErr(&c.err)
	root.AddCommand(newProduce(env), newConsume(env, 20*time.Millisecond))
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// values consumes all there is of a topic, its values with commas between.
func values(t *testing.T, b *moldautest.Broker, topic string) string {
	t.Helper()
	c := command{broker: b}
	if err := c.run(t.Context(), "consume", topic, "--to", "end", "-d", ","); err != nil {
		t.Fatal(err)
	}
	return c.out.String()
}

func TestProduceWritesWhatItReadWhenInterrupted(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	r, w := io.Pipe()
	c := command{broker: b, in: r}
	done := make(chan error, 1)
	go func() { done <- c.run(ctx, "produce", "t", "-X", "linger.ms=60000") }()
	// The second write returns when the input is read again, so that the first
	// line has become a record by then. It lingers.
	for _, line := range []string{"a\n", "b\n"} {
		if _, err := io.WriteString(w, line); err != nil {
			t.Fatal(err)
		}
	}
	interrupt()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted command ends with %v", err)
	}
	_ = w.Close()
	if got := values(t, b, "t"); !strings.HasPrefix(got, "a,") {
		t.Errorf("the topic has %q", got)
	}
}

func TestProduceGivesUpWhenNobodyAcknowledges(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	b.Inject(moldautest.Fault{Error: kerr.NotLeaderForPartition}, kmsg.Produce)
	c := command{broker: b}
	err := c.run(t.Context(), "produce", "t", "x", "y", "-X", "delivery.timeout.ms=1000")
	if !errors.Is(err, errStalled) || !strings.Contains(err.Error(), "of 2 records, 0 are written for sure") {
		t.Errorf("got %v", err)
	}
	if hint, _ := cmdline.Hint(err); !strings.Contains(hint, "delivery.timeout.ms") {
		t.Errorf("the hint is %q", hint)
	}
}

// Old timestamps must not be taken for records that have waited for years.
func TestProduceRetriesRecordsOfOldTimes(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	b.Inject(moldautest.Fault{Error: kerr.NotLeaderForPartition, Times: 2}, kmsg.Produce)
	c := command{broker: b}
	if err := c.run(t.Context(), "produce", "t", "x", "--timestamp", "2001-01-01"); err != nil {
		t.Fatal(err)
	}
	if got := values(t, b, "t"); got != "x," {
		t.Errorf("the topic has %q", got)
	}
}

func TestProduceWritesOnceThoughAnswersAreLost(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	lost := b.Inject(moldautest.Fault{DropResponse: true, Times: 3}, kmsg.Produce)
	var in, want strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&in, "%d\n", i)
		fmt.Fprintf(&want, "%d,", i)
	}
	c := command{broker: b, in: strings.NewReader(in.String())}
	if err := c.run(t.Context(), "produce", "t"); err != nil {
		t.Fatal(err)
	}
	if got := values(t, b, "t"); got != want.String() {
		t.Errorf("the topic has %d bytes, want %d", len(got), want.Len())
	}
	if lost.Hits() == 0 {
		t.Error("no answer was lost")
	}
	if got := c.err.String(); got != "1000 records to t, 2.8 KiB\n" {
		t.Errorf("the summary is %q", got)
	}
}

func TestProduceTellsTheFirstOfSeveralFailures(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	b.Inject(moldautest.Fault{Error: kerr.InvalidRecord}, kmsg.Produce)
	c := command{broker: b}
	err := c.run(t.Context(), "produce", "t", "x", "y")
	if err == nil || !strings.Contains(err.Error(), "record 1 to t: ") || !strings.Contains(err.Error(), "2 records failed") || !strings.Contains(err.Error(), "INVALID_RECORD") {
		t.Errorf("got %v", err)
	}
}

func TestConsumeFollows(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	named, pattern := command{broker: b}, command{broker: b}
	done := make(chan error, 2)
	go func() { done <- named.run(ctx, "consume", "t", "-f", "%t-%p@%o %v\n") }()
	go func() { done <- pattern.run(ctx, "consume", "--regex", "t|u", "-f", "%t-%p@%o %v\n") }()
	write := func(args ...string) {
		t.Helper()
		c := command{broker: b}
		if err := c.run(ctx, append([]string{"produce"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	write("t", "first")
	named.out.await(t, "t-0@0 first\n")
	pattern.out.await(t, "t-0@0 first\n")

	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreatePartitions(ctx, 1, "t"); err != nil {
		t.Fatal(err)
	}
	// A broker may know of a partition later than the controller.
	for c := (&command{broker: b}); c.run(ctx, "produce", "t", "new", "-p", "1") != nil; time.Sleep(5 * time.Millisecond) {
		if t.Context().Err() != nil {
			t.Fatal("no partition 1")
		}
	}
	named.out.await(t, "t-1@0 new\n")
	pattern.out.await(t, "t-1@0 new\n")
	write("u", "other", "--create")
	pattern.out.await(t, "u-0@0 other\n")
	b.Restart()
	write("t", "-p", "0", "again")
	named.out.await(t, "t-0@1 again\n")

	interrupt()
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("an interrupted command that follows ends with %v", err)
		}
	}
}

func TestConsumeEndsWhenItsTopicIsGone(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	c := command{broker: b}
	done := make(chan error, 1)
	go func() { done <- c.run(t.Context(), "consume", "t") }()
	p := command{broker: b}
	if err := p.run(t.Context(), "produce", "t", "x"); err != nil {
		t.Fatal(err)
	}
	c.out.await(t, "x\n")
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteTopics(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "topic t is gone") {
		t.Errorf("got %v", err)
	}
}

// closedPipe is a pipe whose reader went away after some bytes.
type closedPipe struct{ left int }

func (p *closedPipe) Write(b []byte) (int, error) {
	if p.left -= len(b); p.left < 0 {
		return 0, syscall.EPIPE
	}
	return len(b), nil
}

func TestConsumeGroupCommitsOnlyWhatWasWritten(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	p := command{broker: b}
	if err := p.run(t.Context(), "produce", "t", "one", "two", "three"); err != nil {
		t.Fatal(err)
	}
	gone := command{broker: b, to: &closedPipe{}}
	if err := gone.run(t.Context(), "consume", "t", "-g", "g"); err != nil {
		t.Errorf("a pipe that nobody reads is an error: %v", err)
	}
	first := command{broker: b}
	if err := first.run(t.Context(), "consume", "t", "-g", "g", "-n", "1"); err != nil {
		t.Fatal(err)
	}
	rest := command{broker: b}
	if err := rest.run(t.Context(), "consume", "t", "-g", "g", "--to", "end"); err != nil {
		t.Fatal(err)
	}
	if first.out.String() != "one\n" || rest.out.String() != "two\nthree\n" {
		t.Errorf("the group got %q and then %q", first.out.String(), rest.out.String())
	}
}

// Two members share a topic's partitions; each record is printed by one of them.
func TestConsumeGroupShares(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 4))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	members := []*command{{broker: b}, {broker: b}}
	done := make(chan error, len(members))
	for _, m := range members {
		go func() { done <- m.run(ctx, "consume", "t", "-g", "g") }()
	}
	const n = 400
	both := func() string { return members[0].out.String() + members[1].out.String() }
	for i := range n {
		c := command{broker: b}
		if i%100 != 0 {
			continue
		}
		var in strings.Builder
		for k := i; k < i+100; k++ {
			fmt.Fprintf(&in, "k%d:v%03d\n", k, k)
		}
		c.in = strings.NewReader(in.String())
		if err := c.run(ctx, "produce", "t", "-K", ":"); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); strings.Count(both(), "\n") < i+100; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d records are printed", strings.Count(both(), "\n"))
			}
		}
	}
	interrupt()
	for range members {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for i := range n {
		if line := fmt.Sprintf("v%03d\n", i); strings.Count(both(), line) != 1 {
			t.Errorf("%q is printed %d times", line, strings.Count(both(), line))
		}
	}
}
