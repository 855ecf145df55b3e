package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"moldau.dev/moldau/internal/bench"
	"moldau.dev/moldau/test/apachekafka"
)

// suite is one run.
type suite struct {
	options      options
	installation *installation
	raw          *raw
}

func newSuite(ctx context.Context, o options, dir string) (*suite, error) {
	install, err := apachekafka.Find()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(o.moldau); err != nil {
		return nil, fmt.Errorf("%w; `make build` builds it", err)
	}
	version, err := exec.CommandContext(ctx, o.moldau, "version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s version: %w", o.moldau, err)
	}
	return &suite{
		options: o, installation: &installation{kafka: install, moldau: o.moldau, dir: dir},
		raw: &raw{
			Schema: schema, Started: time.Now().UTC(), Machine: thisMachine(dir), Rounds: o.rounds, Properties: kafkaDefaults,
			KafkaFlags: apachekafka.StartScriptFlags,
			Versions:   map[string]string{moldau: strings.TrimSpace(string(version)), kafka: "Apache Kafka " + install.Version()},
		},
	}, nil
}

// group is a group of rows whose brokers run under load, in turns.
type group struct {
	name string
	run  func(ctx context.Context, b *broker, round int) error
}

// run measures the groups that were asked for. One that fails does not keep the
// others from being measured.
func (s *suite) run(ctx context.Context) error {
	loaded := slices.DeleteFunc([]group{
		{groupProduce, s.produce}, {groupFetch, s.fetch}, {groupRequests, s.requests}, {groupFlush, s.flush}, {groupEndToEnd, s.endToEnd},
	}, func(g group) bool { return !s.wanted(g.name) })
	var failed error
	if len(loaded) > 0 {
		failed = s.runPinned(ctx, loaded)
	}
	for _, g := range []struct {
		name string
		run  func(context.Context) error
	}{
		{groupStart, s.start}, {groupIdle, s.idle}, {groupPartitions, s.partitions}, {groupMembers, s.members},
	} {
		if !s.wanted(g.name) || ctx.Err() != nil {
			continue
		}
		s.tell("%s", g.name)
		if err := g.run(ctx); err != nil {
			failed = errors.Join(failed, s.failed(g.name, err))
		}
	}
	return errors.Join(failed, ctx.Err())
}

// runPinned measures groups on the same two brokers.
func (s *suite) runPinned(ctx context.Context, groups []group) (err error) {
	pair, err := s.warmPair(ctx)
	defer func() { err = errors.Join(err, remove(pair)) }()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if failed := s.inTurns(ctx, pair, g); failed != nil {
			err = errors.Join(err, s.failed(g.name, failed))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

// forgetDeleted gives a measurement that makes many files a file system that does not
// pay for the files that others have deleted: those of earlier groups and runs. If that is not
// granted, the raw data and the page say so.
func (s *suite) forgetDeleted(group string) {
	err := dropCaches()
	if err == nil {
		return
	}
	note := fmt.Sprintf("%s: the system's caches were not dropped before each round (%v), so that files deleted before may have slowed the making of new ones.", group, err)
	if !slices.Contains(s.raw.Notes, note) {
		s.tell("%s", note)
		s.raw.Notes = append(s.raw.Notes, note)
	}
}

// failed notes that a group failed, for the raw data and the page.
func (s *suite) failed(group string, err error) error {
	err = fmt.Errorf("%s: %w", group, err)
	s.tell("FAILED %v", err)
	first, _, _ := strings.Cut(err.Error(), "\n")
	s.raw.Notes = append(s.raw.Notes, "failed: "+first)
	return err
}

func (s *suite) wanted(group string) bool { return slices.Contains(s.options.groups, group) }

// kinds are the brokers that are measured.
func (s *suite) kinds() []string {
	if s.options.skipKafka {
		return []string{moldau}
	}
	return []string{kafka, moldau}
}

// order gives the brokers of a round: every round begins with the other one.
func order[T any](round int, of []T) []T {
	of = slices.Clone(of)
	if round%2 == 1 {
		slices.Reverse(of)
	}
	return of
}

// warmPair starts both brokers, pinned, and puts them under load until the JVM has
// compiled what it will run. Both get the same.
func (s *suite) warmPair(ctx context.Context) ([]*broker, error) {
	var pair []*broker
	for _, kind := range s.kinds() {
		b, err := s.installation.newBroker(ctx, kind)
		if err != nil {
			return pair, err
		}
		pair = append(pair, b)
		if err := b.start(s.options.brokerCore); err != nil {
			return pair, err
		}
		if err := b.await(ctx); err != nil {
			return pair, err
		}
		s.tell("warm %s up", kind)
		if err := s.warm(ctx, b); err != nil {
			return pair, fmt.Errorf("warm %s up: %w", kind, err)
		}
		if err := b.pause(); err != nil {
			return pair, err
		}
	}
	return pair, nil
}

// warm runs a little of every load that will be measured.
func (s *suite) warm(ctx context.Context, b *broker) error {
	loads := [][]string{{"produce", "--bytes", s.options.warmup, "--warmup", "0s"}}
	if s.wanted(groupFetch) {
		loads = append(loads, append(s.fetchArgs(8), "-d", "10s", "--warmup", "0s"))
	}
	if s.wanted(groupRequests) || s.wanted(groupFlush) {
		loads = append(loads, []string{"requests", "-c", "100", "-d", "10s", "--warmup", "0s"})
	}
	if s.wanted(groupFlush) {
		loads = append(loads, []string{"requests", "-d", "3s", "--warmup", "0s", "--config", "flush.messages=1"})
	}
	if s.wanted(groupEndToEnd) {
		loads = append(loads, []string{"e2e", "-d", "8s", "--warmup", "0s", "--rate", "30000", "--config", keepFiles})
	}
	for _, args := range loads {
		if _, err := s.load(ctx, b, "warm-up", -1, args...); err != nil {
			return err
		}
	}
	return nil
}

// inTurns runs one group of rows in rounds on each broker, while the other one
// is paused.
func (s *suite) inTurns(ctx context.Context, pair []*broker, g group) error {
	for round := range s.options.rounds {
		for _, b := range order(round, pair) {
			s.tell("%s, round %d of %d: %s", g.name, round+1, s.options.rounds, b.kind)
			syncDisks()
			if err := b.resume(ctx); err != nil {
				return err
			}
			if err := errors.Join(g.run(ctx, b, round), b.pause()); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle gives a measurement a machine that does not pay for what was there before:
// nothing that waits to be written, and memory to write to.
func settle() error {
	syncDisks()
	return touchMemory(written)
}

// remove ends brokers and removes their folders.
func remove(brokers []*broker) error {
	var err error
	for _, b := range brokers {
		err = errors.Join(err, b.remove())
	}
	return err
}

// load runs `moldau bench` on the load's processor. Round -1 is not kept.
func (s *suite) load(ctx context.Context, b *broker, name string, round int, args ...string) (*bench.Result, error) {
	args = append([]string{"bench", args[0], "-b", b.addr, "--pid", fmt.Sprint(b.pid()), "-o", "json"}, args[1:]...)
	cmd := exec.CommandContext(ctx, s.options.moldau, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := touchMemory(written)
	if err == nil {
		err = startPinned(cmd, s.options.loadCore)
	}
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return nil, fmt.Errorf("moldau %s: %w\n%s\n%s", strings.Join(args, " "), err, stderr.String(), b.output())
	}
	result := &bench.Result{}
	if err := json.Unmarshal(stdout.Bytes(), result); err != nil {
		return nil, fmt.Errorf("moldau %s: %w", strings.Join(args, " "), err)
	}
	if result.Missing > 0 {
		return nil, fmt.Errorf("moldau %s: %d records were acknowledged and never came", strings.Join(args, " "), result.Missing)
	}
	if round >= 0 {
		s.raw.Loads = append(s.raw.Loads, load{Name: name, Broker: b.kind, Round: round, Result: json.RawMessage(bytes.Clone(stdout.Bytes()))})
	}
	return result, nil
}

// note keeps a number.
func (s *suite) note(m measurement) {
	s.raw.Measurements = append(s.raw.Measurements, m)
	s.tell("  %s of %s: %.4g", m.Metric, m.Broker, m.Value)
}

// tell tells how far the run is.
func (s *suite) tell(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.0fs  %s\n", time.Since(s.raw.Started).Seconds(), fmt.Sprintf(format, args...))
}

// save writes the raw file, prints the table, and writes the page if all groups ran
// or it was asked for.
func (s *suite) save() error {
	s.raw.Seconds = time.Since(s.raw.Started).Seconds()
	file, err := s.raw.save(s.options.results)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "raw data:", filepath.ToSlash(file))
	fmt.Print(table(measured(outcomes([]*raw{s.raw}))))
	if !s.options.writesPages {
		return nil
	}
	return writePage(s.options.page, s.options.results)
}
