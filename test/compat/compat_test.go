package compat

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/test/apachekafka"
)

var answersFile = flag.String("answers", "", "write the result to this file, if all scenarios ran")

// scenario is a script for both brokers.
type scenario struct {
	// name is the API and what is asked of it.
	name string
	// needs are the APIs that the script cannot do without; where Moldau does
	// not advertise one the scenario is left out.
	needs []kmsg.Key
	run   func(c *client)
}

// advertisedAt gives the APIs that Moldau has at one of its listeners.
var advertisedAt func(controller bool) map[int16]kmsg.ApiVersionsResponseApiKey

// scenarios are all of them, in the order in which they run.
func scenarios() []scenario {
	return slices.Concat(
		apiVersionsScenarios(), produceScenarios(), fetchScenarios(), offsetScenarios(), metadataScenarios(), groupScenarios(), adminScenarios(), everyScenarios(),
	)
}

// result is what came of a scenario.
type result struct {
	name     string
	requests int
	excused  []*deviation
	// others are the requests whose answers the deviations excuse.
	others  map[string]bool
	skipped bool
	covered coverage
	// differences are those that nothing excuses.
	differences []*difference
}

// difference is in what steps differ in the same way.
type difference struct {
	diff  string
	steps []string
}

func (r *result) differ(step, diff string) {
	for _, d := range r.differences {
		if d.diff == diff {
			d.steps = append(d.steps, step)
			return
		}
	}
	r.differences = append(r.differences, &difference{diff: diff, steps: []string{step}})
}

func TestAnswersAreApacheKafkas(t *testing.T) {
	install, err := apachekafka.Find()
	if errors.Is(err, apachekafka.ErrNotInstalled) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	kafka, moldau := startBoth(t, install)
	advertisedAt = func(controller bool) map[int16]kmsg.ApiVersionsResponseApiKey {
		if controller {
			return moldau.atController.versions
		}
		return moldau.versions
	}
	var results []result
	all := scenarios()
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			for _, key := range s.needs {
				if _, ok := moldau.versions[int16(key)]; !ok {
					results = append(results, result{name: s.name, skipped: true})
					t.Skipf("Moldau does not advertise %s", kmsg.NameForKey(int16(key)))
				}
			}
			results = append(results, compare(t, s, kafka, moldau))
		})
	}
	t.Run("Left", func(t *testing.T) { results = append(results, compareLeft(t, kafka, moldau)) })
	t.Run("Files", func(t *testing.T) { results = append(results, compareFiles(t, install)...) })
	if len(results) < len(all)+1+len(fileScenarios()) {
		return // Only some were asked for.
	}
	for i := range deviations {
		if d := &deviations[i]; !d.used {
			t.Errorf("deviations: nothing differs any more in %q, %q, %q", d.scenario, d.step, d.field)
		}
	}
	covered := coverage{}
	for _, r := range results {
		covered.add(r.covered)
	}
	for _, gap := range slices.Concat(covered.gaps(moldau), covered.gaps(moldau.atController)) {
		t.Error(gap)
	}
	if *answersFile != "" && !t.Failed() {
		if err := writeAnswers(*answersFile, results, covered); err != nil {
			t.Error(err)
		}
	}
}

// compare runs a scenario on both brokers and compares all that came back.
func compare(t *testing.T, s scenario, kafka, moldau *node) result {
	t.Helper()
	var scripts [2]*script
	var wg sync.WaitGroup
	for i, n := range []*node{kafka, moldau} {
		wg.Go(func() {
			var err error
			if scripts[i], err = runOn(t.Context(), s, n); err != nil {
				t.Errorf("%s: %v", n.name, err)
			}
		})
	}
	wg.Wait()
	return compareScripts(t, s.name, scripts)
}

// compareScripts compares what one script got from Apache Kafka and from Moldau.
func compareScripts(t *testing.T, name string, scripts [2]*script) result {
	t.Helper()
	r := result{name: name, requests: len(scripts[0].steps), others: map[string]bool{}, covered: coverage{}}
	for i := range min(len(scripts[0].steps), len(scripts[1].steps)) {
		r.covered.count(scripts[0].steps[i])
		compareStep(t, &r, scripts[0].steps[i], scripts[1].steps[i])
	}
	for _, d := range r.differences {
		t.Errorf("%s (-Apache Kafka, +Moldau):\n%s", strings.Join(d.steps, "; "), d.diff)
	}
	return r
}

// compareStep compares one step, and notes the deviations it needed.
func compareStep(t *testing.T, r *result, want, got step) {
	t.Helper()
	if want.name != got.name {
		t.Fatalf("the script went other ways: %q and %q", want.name, got.name)
	}
	for field := range merge(want.fields, got.fields) {
		w, inKafka := want.fields[field]
		g, inMoldau := got.fields[field]
		if w == g && inKafka == inMoldau {
			continue
		}
		if !inKafka || !inMoldau {
			w, g = cmp.Or(w, "-"), cmp.Or(g, "-")
		}
		if d := deviationOf(r.name, want.name, field, w, g); d != nil {
			d.used = true
			r.others[want.name] = true
			if !slices.Contains(r.excused, d) {
				r.excused = append(r.excused, d)
			}
			delete(want.fields, field)
			delete(got.fields, field)
		}
	}
	if diff := gocmp.Diff(wordwise(want.fields), wordwise(got.fields)); diff != "" {
		r.differ(want.name, shorten(diff))
	} else if testing.Verbose() && *showSteps {
		t.Logf("%s: %s", want.name, summary(want.fields))
	}
}

var showSteps = flag.Bool("steps", false, "with -v, show the answers that are equal, too")

// summary shows an answer on one line.
func summary(fields map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, name+"="+fields[name])
	}
	return strings.Join(out, " ")
}

// wordwise splits long values, so that a diff shows the part that differs.
func wordwise(fields map[string]string) map[string][]string {
	out := map[string][]string{}
	for name, value := range fields {
		out[name] = strings.Split(value, "; ")
	}
	return out
}

// shorten keeps only the lines of a diff that differ.
func shorten(diff string) string {
	var out []string
	for line := range strings.Lines(diff) {
		if trimmed := strings.TrimLeft(line, " \u00a0"); strings.HasPrefix(trimmed, "+") || strings.HasPrefix(trimmed, "-") {
			out = append(out, "  "+strings.TrimRight(trimmed, "\n"))
		}
	}
	return strings.Join(out, "\n")
}

func merge(a, b map[string]string) map[string]string {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// runOn runs a scenario on one broker. The error is that of a script which could
// not go on; its steps until then are there.
func runOn(ctx context.Context, s scenario, n *node) (run *script, err error) {
	run = newScript()
	c := &client{ctx: ctx, node: n, clientID: "compat", script: run}
	defer c.close()
	defer func() {
		switch f := recover().(type) {
		case nil:
		case failure:
			err = f
		default:
			err = fmt.Errorf("the script failed: %v\n%s", f, debug.Stack())
		}
	}()
	s.run(c)
	return run, nil
}
