package clitest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/cli"
	"moldau.dev/moldau/internal/cli/cmdline"
)

// patience bounds what waits for a broker; it only ends what hangs.
const patience = 2 * time.Minute

// Main is for TestMain: it makes the test binary the command `moldau` of
// scripts, or runs the tests. It does not return.
func Main(m *testing.M) {
	testscript.Main(m, map[string]func(){"moldau": func() {
		if os.Getenv("MOLDAU_TEST_UNMASKED") != "" {
			os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		}
		stdout, stderr := &masked{to: os.Stdout}, &masked{to: os.Stderr}
		code := cli.Main(os.Args[1:], os.Stdin, stdout, stderr)
		stdout.flush()
		stderr.flush()
		os.Exit(code)
	}})
}

// Software is what runs behind the address that a script gets.
type Software string

// The brokers that scripts run against, by the names of their conditions.
const (
	Moldau Software = "moldau"
	Kafka  Software = "kafka"
)

// Params say what to run, and on what.
type Params struct {
	// Dir is the folder of the scripts.
	Dir string
	// Software is what Broker starts.
	Software Software
	// Broker gives the address of a broker without topics, groups and altered
	// configurations, and what to do when the script has ended.
	Broker func() (address string, done func(), err error)
	// Serial runs one script after the other.
	Serial bool
}

var update = flag.Bool("update", false, "write what the commands print into the scripts")

// Run runs the scripts of a folder. Beside what testscript has, they may say:
//
//	seed TOPIC[:PARTITION] COUNT   produce records: key k<i>, value v<i>, header h=<i>, a second apart from 2020-01-01T00:00:00Z
//	join GROUP TOPIC...            consume in a group, until leave or the end; returns with partitions assigned
//	leave GROUP                    end that member
//	exits CODE COMMAND...          run a command, which must exit with that code
//	await PATTERN COMMAND...       run a command until its standard output matches, at most two minutes
func Run(t *testing.T, p Params) {
	t.Helper()
	scripts, err := filepath.Glob(filepath.Join(p.Dir, "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts in %s: %v", p.Dir, err)
	}
	var T testscript.T = parallel{t}
	if p.Serial {
		T = serial{parallel{t}}
	}
	testscript.RunT(T, testscript.Params{
		Dir:                 p.Dir,
		UpdateScripts:       *update,
		RequireExplicitExec: false,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			switch Software(name) {
			case Moldau, Kafka:
				return Software(name) == p.Software, nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
		Setup: func(env *testscript.Env) error {
			address, done, err := p.Broker()
			if err != nil {
				return err
			}
			env.Defer(done)
			env.Setenv("BROKER", address)
			env.Setenv(cmdline.BrokersVariable, address)
			env.Setenv("TZ", "UTC")
			env.Values[membersKey{}] = members{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"seed": seed, "join": join, "leave": leave, "await": await, "exits": exits,
		},
	})
}

// parallel is a testing.T for testscript.
type parallel struct{ *testing.T }

func (p parallel) Run(name string, f func(testscript.T)) {
	p.T.Run(name, func(t *testing.T) { f(parallel{t}) })
}
func (p parallel) Verbose() bool { return testing.Verbose() }

// serial runs one script after the other.
type serial struct{ parallel }

func (serial) Parallel() {}
func (s serial) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(serial{parallel{t}}) })
}

// seed produces records that are the same in every run.
func seed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: seed TOPIC[:PARTITION] COUNT")
	}
	topic, number, _ := strings.Cut(args[0], ":")
	partition := 0
	var err error
	if number != "" {
		partition, err = strconv.Atoi(number)
		ts.Check(err)
	}
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	client, err := kgo.NewClient(kgo.SeedBrokers(ts.Getenv("BROKER")), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ManualFlushing(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MetadataMinAge(10*time.Millisecond))
	ts.Check(err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var failure error
	for i := range count {
		client.Produce(ctx, &kgo.Record{
			Topic: topic, Partition: int32(partition),
			Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "v%d", i),
			Headers:   []kgo.RecordHeader{{Key: "h", Value: fmt.Append(nil, i)}},
			Timestamp: time.Date(2020, 1, 1, 0, 0, i, 0, time.UTC),
		}, func(_ *kgo.Record, err error) {
			if err != nil {
				failure = err
			}
		})
	}
	ts.Check(client.Flush(ctx))
	ts.Check(failure)
}

// exits runs a command and looks at its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	code := 0
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if code != want {
		ts.Fatalf("%s exits with %d, not %d", strings.Join(args[1:], " "), code, want)
	}
}

// await runs a command until its output matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN COMMAND...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for deadline := time.Now().Add(patience); ; {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not print %q: %v\n%s\n%s", strings.Join(args[1:], " "), args[0], err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// members are the consumers of a script, by their groups.
type (
	members    map[string]*kgo.Client
	membersKey struct{}
)

// join starts a consumer and waits until it has partitions.
func join(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: join GROUP TOPIC...")
	}
	group := args[0]
	assigned := make(chan struct{}, 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(ts.Getenv("BROKER")), kgo.ConsumerGroup(group), kgo.ConsumeTopics(args[1:]...),
		kgo.ClientID("consumer"), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Balancers(kgo.RangeBalancer()),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			if len(partitions) > 0 {
				select {
				case assigned <- struct{}{}:
				default:
				}
			}
		}))
	ts.Check(err)
	joined := ts.Value(membersKey{}).(members)
	joined[group] = client
	ts.Defer(func() {
		if joined[group] == client {
			client.CloseAllowingRebalance()
		}
	})
	select {
	case <-assigned:
	case <-time.After(patience):
		ts.Fatalf("group %s assigns nothing", group)
	}
}

// leave ends the consumer of a group, and waits until the group is empty.
func leave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: leave GROUP")
	}
	joined := ts.Value(membersKey{}).(members)
	client := joined[args[0]]
	if client == nil {
		ts.Fatalf("nobody has joined %s", args[0])
	}
	delete(joined, args[0])
	client.CloseAllowingRebalance()
}

// Clean removes all topics and groups of a cluster, and what its brokers'
// configurations override, so that the next script finds an empty one.
func Clean(ctx context.Context, address string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return err
	}
	admin := kadm.NewClient(client)
	defer admin.Close()
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		return err
	}
	deleted, err := admin.DeleteGroups(ctx, groups.Groups()...)
	if err != nil {
		return err
	}
	if err := deleted.Error(); err != nil {
		return err
	}
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	gone, err := admin.DeleteTopics(ctx, topics.Names()...)
	if err != nil {
		return err
	}
	if err := gone.Error(); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; {
		// What the controller has deleted a broker may still list for a moment.
		topics, err := admin.ListTopics(ctx)
		if err == nil && len(topics) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("topics are still there: %v %w", topics.Names(), err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
